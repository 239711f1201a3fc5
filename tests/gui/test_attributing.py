"""The attribution view: a tinted text, three methods, and words on how far they agree."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from engine.messages.attribution import AttributeText, Contributions, Explained, Method
from engine.messages.status import Progress
from gui.i18n import set_language
from gui.panes.inside.attribution import Attributing
from gui.panes.inside.attribution_picture import digits_of, figure
from gui.panes.inside.attribution_sentence import agreement, sentence
from gui.panes.inside.attribution_shown import Attribution
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.patch_picture import effect_color
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import plain

PIECES = ("The", " capital", " of", " France")
OCCLUSION, INTEGRATED = np.array([1, 2, -1, 4], np.float32), np.array([2, 1, 0, 4], np.float32)


def explained(against: str = "", probability: float = 0.9, whole: bool = True) -> Explained:
    other = 0.001 if against else 0.0
    score = 7.0 if against else math.log(probability)
    return Explained(PIECES, 0, " Paris", against, probability, other, score, score - 7.0, whole)


def shown(values: Any = OCCLUSION, gradient: float = 0.0, integrated: Any = INTEGRATED, **wanted: Any) -> Attribution:
    found: dict[Method, Any] = {
        "occlusion": np.asarray(values),
        "gradient": np.full(4, gradient, np.float32) * [1, 2, 3, -4],
        "integrated": integrated,
    }
    return Attribution(AttributeText("The capital of France"), explained(**wanted), found)


def answers(request: AttributeText) -> list[object]:
    return [
        explained(request.against and f" {request.against}"),
        Progress("progress.attribution", 0.5),
        Contributions("occlusion", OCCLUSION),
        Contributions("gradient", np.zeros(4, np.float32)),
        Contributions("integrated", INTEGRATED),
    ]


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Attributing:
    engine.answers[AttributeText] = answers
    window.resize(1600, 1000)
    window.state.set_model(model())
    window.state.set_text("The capital of France")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("attribution")
    made = pane.part_of(Attributing)
    qtbot.waitUntil(lambda: made.shown is not None and len(made.shown.values) == 3)
    return made


def test_what_follows_the_text_is_explained(view: Attributing, engine: FakeEngine) -> None:
    assert engine.asked(AttributeText) == [AttributeText("The capital of France")]
    assert plain(view.page.text.describe(3)).startswith("“␣France”\nOcclusion: +4.00 nats")
    assert "ln p of “Paris”" in view.page.question.text()
    assert not view.page.end_button.isEnabled()


def test_a_click_on_a_token_explains_that_one(view: Attributing, engine: FakeEngine, qtbot: QtBot) -> None:
    place = view.page.text._boxes[3].center().toPoint()
    qtbot.mouseClick(view.page.text, Qt.MouseButton.LeftButton, pos=place)
    assert view.state.token == 3
    assert engine.asked(AttributeText)[-1] == AttributeText("The capital of France", 3)
    assert not view.page.word.isEnabled()
    qtbot.mouseClick(view.page.end_button, Qt.MouseButton.LeftButton)
    assert engine.asked(AttributeText)[-1].place is None


def test_words_are_explained_against_each_other(view: Attributing, engine: FakeEngine, qtbot: QtBot) -> None:
    qtbot.keyClicks(view.page.word, "Paris")
    qtbot.keyClicks(view.page.against, "Berlin")
    wanted = AttributeText("The capital of France", None, "Paris", "Berlin")
    qtbot.waitUntil(lambda: engine.asked(AttributeText)[-1] == wanted)
    qtbot.waitUntil(lambda: view.shown is not None and view.shown.explained.against == " Berlin")
    assert view.save() == {"word": "Paris", "against": "Berlin"}
    view.restore({"word": "x", "against": 3})
    assert view.save() == {"word": "x", "against": "Berlin"}


def test_the_veil_is_lifted_once_occlusion_is_there(view: Attributing, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[AttributeText] = lambda request: [answers(request)[0], answers(request)[2], answers(request)[1]]
    view.state.set_text("Another text")
    qtbot.waitUntil(lambda: view.shown is not None and view.shown.request.text == "Another text")
    assert not view.pane.veil.isVisible()
    now = view.shown
    assert now is not None
    assert list(now.values) == ["occlusion"]


def test_the_tokens_fit_and_do_not_overlap(view: Attributing) -> None:
    text = view.page.text
    for box, after in zip(text._boxes, text._boxes[1:], strict=False):
        assert after.left() >= box.right() or after.top() >= box.bottom()
    assert text._boxes[-1].bottom() <= text.height()
    for index, box in enumerate(text._boxes[:4]):
        assert text.token_at(box.center().toPoint()) == index


def test_the_explained_word_has_room_in_bold(view: Attributing) -> None:
    text = view.page.text
    bold = QFontMetricsF(text.theme.font(text._size, bold=True))
    assert bold.horizontalAdvance(f" → {text._target()}") <= text._boxes[-1].width()


def test_small_values_have_as_many_decimals_as_tell_them_apart() -> None:
    values = np.array([0.04, -0.021, 0.0], np.float32)
    assert [plain(figure(value, digits_of(values))) for value in values] == ["+0.040", "-0.021", "0"]
    assert digits_of(OCCLUSION) == 1


def test_the_table_has_a_column_for_each_method(view: Attributing) -> None:
    table = view.table()
    assert table is not None
    assert table.header == ("position", "piece", "occlusion", "gradient", "integrated")
    assert table.rows[3] == (3, " France", 4.0, 0.0, 4.0)


def test_colours_are_those_of_the_share_of_the_largest_magnitude() -> None:
    assert shown().shares("occlusion").tolist() == [0.25, 0.5, -0.25, 1.0]
    assert effect_color(1.0).red() > effect_color(1.0).blue()
    assert effect_color(-1.0).blue() > effect_color(-1.0).red()
    assert effect_color(3.0) == effect_color(1.0)
    assert [figure(value) for value in (0.01, -0.04, 1.26)] == ["0", "0", "+1.3"]


# --- The words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (shown(), "“France” counts most for “Paris”: without it, its probability falls from 90.0 % to 1.6 %."),
        (
            shown([0, -2, 0, 1], probability=0.05),
            "“capital” counts most, but against “Paris”: without it, its probability rises from 5.0 % to 36.9 %.",
        ),
        (
            shown(against=" Berlin"),
            "“France” speaks most for “Paris” rather than “Berlin”: without it, the lead of 7.0 shrinks by 4.0.",
        ),
        (
            shown([0, -2, 0, 1], against=" Berlin"),
            "“capital” counts most, but for “Berlin”: without it, “Paris” would lead by 2.0 more.",
        ),
        (shown([0, 0.05, 0, 0.01]), "No token counts much for “Paris”: the most is “capital” with 0.05 nats."),
        (
            shown(probability=0.001),
            "“Paris” has only 0.1 % here: the model does not expect it, so this explains little.",
        ),
    ],
)
def test_the_sentence_names_the_token_that_counts_most(one: Attribution, said: str) -> None:
    assert plain(sentence(one)) == said


def test_a_model_that_guesses_is_said_to_mean_little() -> None:
    one = shown()
    guessed = replace(one, explained=replace(one.explained, loss=9.0, guessing=8.25))
    assert plain(sentence(guessed)).startswith("The model predicts this text worse than guessing: 9.0 nats a token")
    assert sentence(replace(one, explained=replace(one.explained, loss=8.0, guessing=8.25))) == sentence(one)


def test_the_words_compare_the_methods() -> None:
    words = plain(agreement(shown()))
    assert words.startswith("Gradient × input is 0 everywhere: this model normalises its embeddings at once")
    assert "Integrated gradients: “France” comes first, too (rank correlation with occlusion 0.80)." in words
    assert "Its values add up to 7.00, as they must: the score is 7.00 above that of mean embeddings." in words
    nearly = plain(agreement(shown(integrated=INTEGRATED * 1.03)))
    assert "Its values add up to 7.21, nearly to 7.00 as they should." in nearly
    short = plain(agreement(shown(integrated=INTEGRATED * 2)))
    assert "Its values add up to 14.00, not to 7.00 as they should: do not rely on them here." in short
    words = plain(agreement(shown(gradient=1.0, whole=False)))
    assert "Gradient × input: “of” comes first instead of “France” (rank correlation with occlusion -0.80)." in words
    assert "add up" not in words
    assert agreement(None) == sentence(None) == ""


@pytest.mark.parametrize("language", ["en", "ja"])
@given(
    values=st.lists(st.floats(-9, 9, width=32), min_size=4, max_size=4),
    probability=st.floats(0.001, 1.0),
    against=st.sampled_from(["", " Berlin"]),
)
def test_every_attribution_has_a_short_sentence(
    language: str, values: list[float], probability: float, against: str
) -> None:
    set_language(language)
    one = shown(np.array(values, np.float32), probability=probability, against=against)
    words = sentence(one)
    assert "Paris" in words
    assert len(words) <= 130
    largest = PIECES[int(np.abs(one.values["occlusion"]).argmax())].strip()
    assert probability < 0.01 or largest in words
    assert agreement(one)
