"""The patch view: two prompts, a grid that fills row by row, patches that are tried, kept and taken back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.messages.models import ChangeModel, ModelChanged, Patched, Scaled
from engine.messages.patching import Obstacle, PatchedNext, PatchEffects, PatchPair, PatchTexts, TryPatches
from gui.i18n import set_language, t
from gui.panes.inside.pane import InsidePane
from gui.panes.inside.patch import Patching
from gui.panes.inside.patch_grid import PatchGrid
from gui.panes.inside.patch_sentence import sentence
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model
from tests.gui.hands import plain

FRANCE, GERMANY = "The capital of France is", "The capital of Germany is"
PIECES = tuple(tuple(text.replace(" ", "| ").split("|")) for text in (FRANCE, GERMANY))
EFFECTS = np.array([[0, 0, 0, 0.98, 0.02], [0, 0, 0, 0.7, 0.3], [0, 0, 0, 0, 1]], np.float32)


def pair(obstacle: Obstacle = "", shares: tuple[float, float] = (0.9, 0.8), heads: int = 2) -> PatchPair:
    probabilities = np.array([[shares[0], 0.01], [0.01, shares[1]]], np.float32)
    pieces = (PIECES[0], PIECES[1][:-1]) if obstacle == "lengths" else (PIECES[0], PIECES[1])
    return PatchPair(pieces, (" Paris", " Berlin"), probabilities, len(EFFECTS), heads, obstacle)


def rows(request: PatchTexts) -> list[object]:
    effects = EFFECTS[:, :2] if request.part == "z" else EFFECTS
    return [pair(), *(PatchEffects(layer, 0, effects[layer]) for layer in reversed(range(len(effects))))]


def grid(effects: np.ndarray[Any, Any] = EFFECTS, part: Any = "resid_post", **wanted: Any) -> PatchGrid:
    return PatchGrid(PatchTexts(FRANCE, GERMANY, part=part), pair(**wanted), effects.astype(np.float32))


@pytest.fixture
def view(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> Patching:
    ids, shares = np.array([1, 2], np.int32), np.array([0.1, 0.8], np.float32)
    engine.answers[PatchTexts] = rows
    engine.answers[TryPatches] = lambda _: [PatchedNext(ids, (" Paris", " Berlin"), shares, shares[::-1])]
    engine.answers[ChangeModel] = lambda request: [ModelChanged(request.interventions)]
    window.resize(1600, 1000)
    window.state.set_model(model())
    window.workspace.set_layout(1, ["inside"])
    window.workspace.show()
    window.show_pane("inside")
    pane = window.workspace.pane(InsidePane)
    pane.mode.choose("patch")
    made = pane.part_of(Patching)
    qtbot.waitUntil(lambda: made.trial is not None)
    return made


def test_the_examples_are_patched_without_typing(view: Patching, engine: FakeEngine) -> None:
    assert engine.asked(PatchTexts) == [PatchTexts(FRANCE, GERMANY)]
    picture = view.page.picture
    assert (picture.row, picture.column) == (0, 3)
    assert picture.grid is not None
    assert picture.grid.differing == [3]
    for row in range(3):
        for column in range(5):
            assert picture.cell_at(picture.cell(row, column).center().toPoint()) == (row, column)
    assert "0.70" in picture.describe(1, 3)
    assert "France" in picture.describe(1, 3)
    assert picture.describe_at(QPoint(0, 0)) == ""


def test_typed_prompts_and_answers_are_patched(view: Patching, engine: FakeEngine, qtbot: QtBot) -> None:
    for name, words in (("source", "A b"), ("text", "C d"), ("text_answer", "x")):
        qtbot.keyClicks(view.page.entries[name], words)
    qtbot.waitUntil(lambda: engine.asked(PatchTexts)[-1] == PatchTexts("A b", "C d", ("", "x")))


def test_the_rows_are_shown_as_they_arrive(view: Patching, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[PatchTexts] = lambda request: rows(request)[:2]
    view.page.part.choose("mlp_out")
    qtbot.waitUntil(lambda: view.grid is not None and view.grid.rows_done == 1)
    assert not view.pane.veil.isVisible()
    assert plain(view.sentence()) == "1 of 3 layers are computed, from the last one up."
    assert view.page.picture.describe(0, 0) == t("pane.inside.patch.waiting")


def test_a_grid_is_computed_only_while_its_view_is_seen(
    view: Patching, window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    whole, pane = engine.answers.pop(PatchTexts), view.pane
    assert isinstance(pane, InsidePane)
    view.page.part.choose("mlp_out")  # its grid never ends
    window.workspace.set_layout(2, ["map", "inside"])
    qtbot.wait(20)
    assert pane.asking("PatchTexts")  # moving the pane is not leaving it
    window.workspace.set_layout(1, ["map"])
    qtbot.waitUntil(lambda: not pane.asking("PatchTexts"))
    assert engine.cancelled(PatchTexts)
    window.show_pane("inside")
    assert pane.asking("PatchTexts")
    pane.mode.choose("lens")
    assert engine.cancelled(PatchTexts)
    engine.answers[PatchTexts] = whole
    pane.mode.choose("patch")
    qtbot.waitUntil(lambda: view.grid is not None and view.grid.request.part == "mlp_out" and view.grid.is_complete)
    asked = len(engine.asked(PatchTexts))
    window.show_pane("map")
    qtbot.wait(20)
    window.show_pane("inside")
    assert len(engine.asked(PatchTexts)) == asked  # what is complete is kept


def test_a_cell_is_tried_and_its_effect_on_the_candidates_shown(
    view: Patching, engine: FakeEngine, qtbot: QtBot
) -> None:
    qtbot.mouseClick(view.page.picture, Qt.MouseButton.LeftButton, pos=view.page.picture.cell(2, 1).center().toPoint())
    wanted = Patched(2, "resid_post", 1, FRANCE, GERMANY)
    qtbot.waitUntil(lambda: view.trial is not None and view.trial.tried == wanted)
    assert engine.asked(TryPatches)[-1] == TryPatches(GERMANY, (wanted,))
    assert plain(view.page.bars.pairs[0].figure) == "10 % → 80 %"
    qtbot.keyClick(view.page.picture, Qt.Key.Key_Right)
    assert view.page.picture.column == 2


def test_a_patch_is_kept_by_enter_and_taken_back(view: Patching, engine: FakeEngine, qtbot: QtBot) -> None:
    other = Scaled(0, 1, 0.0)
    view.state.wish_interventions((other,))
    qtbot.waitUntil(lambda: view.state.interventions == (other,))
    qtbot.waitUntil(lambda: len(engine.asked(PatchTexts)) == 2)  # the model has changed
    qtbot.keyClick(view.page.picture, Qt.Key.Key_Return)
    patch = Patched(0, "resid_post", 3, FRANCE, GERMANY)
    qtbot.waitUntil(lambda: view.state.interventions == (other, patch))
    assert len(engine.asked(PatchTexts)) == 2  # patches are left out of the grid
    assert "token 4" in view.page.kept.text()
    assert not view.page.keep.isEnabled()
    qtbot.mouseClick(view.page.take_back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.state.interventions == (other,))
    assert not view.page.take_back.isVisible()


@pytest.mark.parametrize("dropped", [True, False])
def test_a_cell_dragged_onto_the_second_prompt_is_kept(view: Patching, qtbot: QtBot, dropped: bool) -> None:
    picture = view.page.picture
    start, end = picture.cell(1, 3).center().toPoint(), picture.token(1 if dropped else 0, 3).center().toPoint()
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(picture, (start + end) / 2)
    qtbot.mouseMove(picture, end)
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=end)
    if dropped:
        qtbot.waitUntil(lambda: view.state.interventions == (Patched(1, "resid_post", 3, FRANCE, GERMANY),))
    else:
        assert view.state.interventions == ()


def test_heads_are_patched_at_the_token_that_was_clicked(view: Patching, engine: FakeEngine, qtbot: QtBot) -> None:
    view.page.part.choose("z")
    qtbot.waitUntil(lambda: view.grid is not None and view.grid.effects.shape == (3, 2))
    place = view.page.picture.token(0, 3).center().toPoint()
    qtbot.mouseClick(view.page.picture, Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: engine.asked(PatchTexts)[-1] == PatchTexts(FRANCE, GERMANY, part="z", place=3))
    qtbot.waitUntil(lambda: view.grid is not None and view.grid.place == 3 and view.grid.is_complete)
    assert view.grid is not None
    assert view.grid.patch(1, 0) == Patched(1, "z", 3, FRANCE, GERMANY, 0)


def test_the_prompt_can_be_shown_in_all_panes(view: Patching, qtbot: QtBot) -> None:
    qtbot.keyClick(view.page.picture, Qt.Key.Key_Return)
    qtbot.waitUntil(view.page.everywhere.isVisible)
    qtbot.mouseClick(view.page.everywhere, Qt.MouseButton.LeftButton)
    assert view.state.text == GERMANY


def test_what_was_typed_is_restored(view: Patching) -> None:
    view.restore({"source": "a", "part": "attn_out", "text": 7})
    assert view.save() == {"part": "attn_out", "source": "a", "source_answer": "", "text": "", "text_answer": ""}


def test_the_table_has_a_row_for_each_cell(view: Patching) -> None:
    table = view.table()
    assert table is not None
    assert len(table.rows) == EFFECTS.size
    assert table.rows[3] == (1, 3, " France", " Germany", "", pytest.approx(0.98))


# --- The sentence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (grid(), "“France” holds “Paris” up to layer 2 (70 % comes over); from layer 3 on it is at “is”."),
        (
            grid(np.eye(5)[[4, 4, 4]]),
            "“Paris” comes over at the last token only, “is”, from layer 1 on; elsewhere at most 0 %.",
        ),
        (
            grid(obstacle="lengths"),
            "The first prompt is longer by 1 token (5 and 4). Patching needs as many in both.",
        ),
        (
            grid(obstacle="answers"),
            "Both prompts go on with “Paris”. Type two different answers to compare.",
        ),
        (
            grid(shares=(0.9, 0.001)),
            "“Berlin” has only 0.1 % after its own prompt, so what comes over here says little.",
        ),
        (
            grid(part="mlp_out"),
            "The MLP of layer 3 at “is” alone brings 100 % of “Paris” over, the most of all.",
        ),
        (grid(EFFECTS * 0.05, "attn_out"), "No single one brings much of “Paris” over: at most 5 %."),
        (
            grid(EFFECTS[:, 3:] * 0.5, "z"),
            "Layer 3, head 2 alone brings 50 % of “Paris” over at “is”, the most of all heads.",
        ),
    ],
)
def test_the_sentence_says_where_the_answer_comes_over(shown: PatchGrid, said: str) -> None:
    assert plain(sentence(shown)) == said


@pytest.mark.parametrize("language", ["en", "ja"])
@given(effects=arrays(np.float32, (4, 5), elements=st.floats(-2, 2, width=32)))
def test_every_grid_has_a_short_sentence_that_is_true(language: str, effects: Any) -> None:
    set_language(language)
    effects[-1] = [0, 0, 0, 0, 1]
    for part in ("resid_post", "attn_out", "mlp_out", "z"):
        words = sentence(grid(effects, part))
        assert "Paris" in words
        assert len(words) <= 130
    others, last = effects[:, :4], effects[:, 4]
    words = sentence(grid(effects))
    since = next(layer for layer in range(4) if (last[layer:] >= 0.5).all())
    carried = [layer for layer in range(4) if others[layer].max() >= 0.5]
    assert str(since + 1) in words
    if carried:
        place = int(others[carried[-1]].argmax())
        assert PIECES[0][place].strip() in words
        assert str(carried[-1] + 1) in words
