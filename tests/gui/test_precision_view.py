"""The view of Inside that rounds the weights: a text and a perplexity for each width, and its sentence."""

import math

import pytest
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.models import Scaled
from engine.messages.precision import RoundedText, TryPrecisions
from engine.messages.status import Progress
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.precision import Precision
from gui.panes.inside.precision_sentence import breaks, sentence
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import plain

WIDTHS = (32, 16, 8, 4, 3, 2)
VOCABULARY = 400


def rows(*perplexities: float, same: int = 3) -> list[RoundedText]:
    """Return a row for each width, of which the first `same` have the same text."""
    return [
        RoundedText(bits, " Paris." if place < same else f" Paris? {place}", value, bits * 1000, 3)
        for place, (bits, value) in enumerate(zip(WIDTHS, perplexities, strict=False))
    ]


FALLING = rows(10, 10, 11, 12, 30, 5000)


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Precision:
    engine.answers[TryPrecisions] = lambda _: [Progress("progress.rounding", 0.5), *FALLING]
    window.state.set_model(model())
    window.state.set_text("The capital of France is")
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("precision")
    made = pane.part_of(Precision)
    qtbot.waitUntil(lambda: made.shown is not None and made.shown.done)
    return made


def test_each_width_has_its_text_and_size_and_differences_are_marked(view: Precision) -> None:
    shown = view.page.texts.rows
    assert [plain(row.heading).split(" · ")[0] for row in shown] == [f"{bits} bits" for bits in WIDTHS]
    assert [row.broken for row in shown] == [False, False, False, False, True, True]
    assert [row.text[row.same :] for row in shown][:4] == ["", "", "", "Paris? 3"]
    assert "4.0 kB" in plain(shown[3].heading)
    assert "5000.0" in view.page.curve.points[5].words.replace(",", "")
    assert [point.label for point in view.page.curve.points] == [str(bits) for bits in WIDTHS]
    table = view.table()
    assert table is not None
    assert table.rows[3] == (4, " Paris? 3", 12, 4000)


def test_rows_are_shown_as_they_arrive_and_the_sentence_only_at_the_end(
    view: Precision, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    del engine.answers[TryPrecisions]
    window.state.set_text("The capital of Japan is")
    qtbot.waitUntil(lambda: engine.asked(TryPrecisions)[-1].prompt.startswith("The capital of Japan"))
    for count, row in enumerate(FALLING[:2], start=1):
        engine.send(TryPrecisions, row)
        assert len(view.page.texts.rows) == count
    assert view.sentence() == ""
    assert math.isnan(view.page.curve.points[2].perplexity)
    engine.end(TryPrecisions, Ended(0, "done"))
    assert view.sentence()


def test_the_texts_are_written_again_only_for_another_text_or_change(
    view: Precision, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    asked = len(engine.asked(TryPrecisions))
    view.refresh()
    assert len(engine.asked(TryPrecisions)) == asked
    window.state.set_interventions((Scaled(0, 0),))
    qtbot.waitUntil(lambda: len(engine.asked(TryPrecisions)) == asked + 1)


def test_a_file_of_few_bits_is_named(view: Precision, window: MainWindow) -> None:
    assert "The model's file" not in view.page.rule.text()
    window.state.model = model()
    object.__setattr__(window.state.model, "file_bits", 5.74)
    view.retranslate()
    assert "5.7 bits per weight" in view.page.rule.text()


def test_the_sentence_says_where_the_text_changes_and_breaks() -> None:
    assert [breaks(FALLING, place) for place in range(6)] == [False, False, False, False, True, True]
    assert plain(sentence(FALLING, VOCABULARY)) == (
        "Down to 8 bits the text stays the same; at 4 it differs, at 3 the perplexity is 30, not 10."
    )
    assert "at 4 the perplexity is 40, not 10" in sentence(rows(10, 10, 11, 40), VOCABULARY)
    assert "but the perplexity is at most 12.0" in sentence(rows(10, 10, 11, 12), VOCABULARY)
    assert "Even with 8 bits" in sentence(rows(10, 10, 11), VOCABULARY)
    nan = math.nan
    assert sentence(rows(nan, nan, nan, nan), VOCABULARY) == (
        "Down to 8 bits the text stays the same; at 4 bits it differs."
    )
    assert sentence([], VOCABULARY) == ""


def test_a_model_that_guesses_shows_nothing() -> None:
    assert "nearly guessed: perplexity 390, of 400 tokens" in sentence(rows(390, 391, 395, 5000), VOCABULARY)
