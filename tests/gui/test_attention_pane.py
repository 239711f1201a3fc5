"""The Attention pane: heads, lines, and the four steps, by clicking."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.attention import Attend, AttendHead, AttentionLayer, AttentionRows, ExplainAttention, ScoreHeads
from engine.messages.models import ModelInfo
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["attention"])
    found: Any = window.workspace.pane("attention")
    qtbot.waitUntil(lambda: found.patterns is not None and found.badges.scores.size > 0)
    return found


def _click(widget: Any, x: float, y: float) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPointF(x, y).toPoint())


def test_clicking_a_head_in_the_mosaic_shows_it_large(pane: Any, engine: FakeEngine) -> None:
    asked = len(engine.requests)
    cell = pane.mosaic._boxes[1, 2].center()
    _click(pane.mosaic, cell.x(), cell.y())
    assert (pane.state.layer, pane.state.head) == (1, 2)
    assert pane.heatmap.weights[-1, 0] == pytest.approx(1.0)
    assert "100.0\u00a0%" in pane.sentence()
    assert len(engine.requests) == asked  # the patterns of all heads have arrived already


def test_a_selection_made_while_the_pane_was_hidden_is_shown(pane: Any, window: MainWindow) -> None:
    window.workspace.set_layout(1, ["tokens"])
    pane.state.select_token(2)
    pane.state.select_head(1, 2)
    window.workspace.set_layout(1, ["attention"])
    assert pane.heatmap.row == 2
    assert (pane.mosaic.layer, pane.mosaic.head) == (1, 2)


def test_an_answer_received_while_the_pane_was_hidden_is_shown(pane: Any, window: MainWindow, qtbot: QtBot) -> None:
    pane.state.set_text("xyz")
    window.workspace.set_layout(1, ["tokens"])
    qtbot.waitUntil(lambda: not pane.asking())
    window.workspace.set_layout(1, ["attention"])
    assert pane.heatmap.pieces == ("x", "y", "z")


def test_a_click_on_a_word_selects_its_token_everywhere(pane: Any) -> None:
    arcs = pane.arcs
    _click(arcs, arcs._x(2), arcs.top + arcs.line_height / 2)
    assert pane.state.token == 2
    assert arcs.row == pane.heatmap.row == pane.mosaic.row == 2


def test_heads_are_sorted_by_the_key_that_was_clicked(pane: Any) -> None:
    pane.order.choose("look")
    box = pane.heatmap._matrix()
    cell = box.width() / 5
    _click(pane.heatmap, box.left() + 1.5 * cell, box.top() + 3.5 * cell)
    assert (pane.state.token, pane.heatmap.key, pane.mosaic.key) == (3, 1, 1)
    assert "“b”" in pane.order.button("look").text()
    pane.state.select_token(4)  # another row has its own strongest key
    assert pane.mosaic.key == pane.heatmap.key == int(pane.shown.weights[4].argmax())
    pane.order.choose("layer")
    assert pane.mosaic.key is None


def test_one_share_is_one_number_in_sentence_arcs_matrix_and_steps(pane: Any, qtbot: QtBot) -> None:
    pane.state.select_head(1, 2)
    pane.state.select_token(4)
    said = pane.sentence()
    assert "100.0\u00a0%" in said
    assert "100.0\u00a0%" in pane.arcs.accessibleDescription()
    assert "100.0\u00a0%" in pane.heatmap.accessibleDescription()
    pane.view.choose("steps")
    qtbot.waitUntil(lambda: pane.shown.steps is not None)
    shares = pane.shown.steps.weights[2]  # the fake engine's steps are of another moment
    assert np.allclose(pane.shown.weights[4, :5], shares, atol=1e-3)
    assert f"{100 * shares.max():.1f}\u00a0%" in pane.sentence()


def test_a_compact_tile_shows_the_picture_alone(pane: Any) -> None:
    pane.compact = True
    pane.adapt_layout()
    assert pane.arcs.isVisible()
    assert not pane.heatmap.isVisible()
    assert not pane.mosaic.isVisible()
    pane.view.choose("matrix")
    assert pane.heatmap.isVisible()
    assert not pane.arcs.isVisible()
    assert not pane.mosaic.isVisible()
    pane.resize(900, 200)
    pane.adapt_layout()
    assert pane.mosaic.isVisible()  # beside the matrix, which is a square


def test_the_steps_show_the_chosen_query_and_head(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.view.button("steps").click()
    qtbot.waitUntil(lambda: pane.steps is not None)
    assert pane.steps.query == 4
    pane.state.select_token(2)
    qtbot.waitUntil(lambda: pane.steps.query == 2)
    asked = len(engine.requests)
    pane.state.select_head(pane.state.layer, 1)
    assert pane.shown.head == 1
    assert pane.film.numbers.q.tolist() == pane.steps.q[1].tolist()
    assert len(engine.requests) == asked


def test_the_film_is_played_moved_and_stepped_by_its_controls(pane: Any, qtbot: QtBot) -> None:
    pane.view.button("steps").click()
    qtbot.waitUntil(lambda: pane.steps is not None)
    scrubber, film = pane.scrubber, pane.film
    assert scrubber.isVisible()
    assert pane.window().focusWidget() is film  # so that Space plays
    assert film.moment == 4  # complete, until somebody plays it
    scrubber.slider.setValue(150)
    assert film.moment == 1.5
    scrubber.play.click()
    assert film.is_playing
    assert scrubber.play.text() == "Pause"
    scrubber.play.click()
    assert not film.is_playing
    scrubber.back.click()
    assert film.moment == 1.0
    scrubber.next.click()
    qtbot.waitUntil(lambda: film.moment == 2.0)
    assert scrubber.slider.value() == 200
    pane.view.choose("sentence")
    assert not scrubber.isVisible()


def test_the_steps_are_those_of_the_new_text(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.view.button("steps").click()
    qtbot.waitUntil(lambda: pane.steps is not None)
    pane.state.set_text("xyzab")
    qtbot.waitUntil(lambda: pane.film.numbers is not None and pane.film.numbers.pieces == tuple("xyzab"))
    assert [request.text for request in engine.asked(ExplainAttention)] == ["abcde", "xyzab"]


def test_clicking_a_badge_selects_its_head(pane: Any) -> None:
    assert "87\u00a0%" in pane.badges.buttons[0].text()
    pane.badges.buttons[0].click()
    assert (pane.state.layer, pane.state.head) == (1, 2)
    assert pane.badges.badges() == {(1, 2): ("prev", pane.theme.series[0])}


def test_heads_are_scored_again_only_when_weights_change(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    pane.state.set_text("another text")
    qtbot.waitUntil(lambda: len(engine.asked(Attend)) == 2)
    assert len(engine.asked(ScoreHeads)) == 1
    pane.state.weights_changed.emit()
    assert len(engine.asked(ScoreHeads)) == 2
    pane.state.set_model(model())
    assert len(engine.asked(ScoreHeads)) == 3


def test_the_view_is_saved_and_restored(pane: Any) -> None:
    pane.view.choose("steps")
    saved = pane.save()
    pane.view.choose("matrix")
    pane.restore(saved)
    assert pane.view.current == "steps"
    pane.restore({"view": "nothing"})
    assert pane.view.current == "steps"


def test_the_exact_head_is_requested_for_a_long_text(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    count = 200
    exact = np.tril(np.ones((count, count), np.float16))

    def pictures(request: Attend) -> list[object]:
        heads = np.zeros((3, 100, 100), np.float16)
        return [AttentionLayer(tuple(request.text), 0, layer, 2, heads) for layer in range(2)]

    def rows(_: AttendHead) -> list[object]:
        return [AttentionRows(exact)]

    engine.answers |= {Attend: pictures, AttendHead: rows}
    pane.state.set_text("x" * count)
    qtbot.waitUntil(lambda: pane.exact is not None)
    assert np.array_equal(pane.heatmap.weights, exact.astype(np.float32))


def test_the_matrix_zooms_around_a_cell_and_back(pane: Any) -> None:
    heatmap = pane.heatmap
    at = heatmap._matrix().center() + QPointF(-20, 20)
    pane.view.choose("matrix")
    heatmap.set_data(heatmap.weights.repeat(4, 0).repeat(4, 1), pane.patterns.pieces * 4, 3)
    before = heatmap._cell_at(at.x(), at.y())
    heatmap.zoom(2.0, at)
    assert heatmap._cell_at(at.x(), at.y()) == before
    assert heatmap._shown().width() == 10
    heatmap.grab()
    QTest.keyClicks(heatmap, "0")
    assert heatmap._shown().width() == 20


def test_all_that_is_shown_of_a_long_text_waits_for_the_exact_head(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    count = 200

    def pictures(request: Attend) -> list[object]:
        heads = np.full((3, 100, 100), 0.9, np.float16)  # the largest of two tokens each
        return [AttentionLayer(tuple(request.text), 0, layer, 2, heads) for layer in range(2)]

    engine.answers[Attend] = pictures  # AttendHead is answered below
    before = pane.sentence(), pane.subtitle(), pane.arcs.pieces
    pane.state.set_text("x" * count)
    qtbot.waitUntil(lambda: len(engine.asked(AttendHead)) > 0)
    assert (pane.sentence(), pane.subtitle(), pane.arcs.pieces) == before
    exact = np.tril(np.ones((count, count), np.float16))
    exact /= exact.sum(axis=1, keepdims=True)
    engine.send(AttendHead, AttentionRows(exact))
    assert len(pane.arcs.pieces) == len(pane.heatmap.pieces) == count
    assert "0.5\u00a0%" in pane.sentence()  # 1 of 200
    pane.order.choose("look")
    assert pane.mosaic.pooled
    assert pane.mosaic.row == 99


def test_new_weights_replace_everything_at_once(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    pane.state.select_head(0, 1)
    other = np.zeros((2, 3, 5, 5), np.float16)
    other[:, :, np.arange(5), np.arange(5)] = 1
    old = pane.sentence(), pane.heatmap.weights.tolist()
    del engine.answers[Attend]
    pane.state.weights_changed.emit()
    engine.send(Attend, AttentionLayer(tuple("abcde"), 0, 0, 2, other[0]))
    assert (pane.sentence(), pane.heatmap.weights.tolist()) == old  # the second layer has not arrived
    engine.send(Attend, AttentionLayer(tuple("abcde"), 0, 1, 2, other[1]))
    assert "itself" in pane.sentence()
    for weights in (pane.arcs.weights, pane.heatmap.weights, pane.mosaic.weights[0][1]):
        assert weights.tolist() == other[0, 1].tolist()


@pytest.mark.parametrize(("height", "seen"), [(1000, True), (560, False)])
def test_matrix_and_heads_are_below_the_sentence_only_where_they_are_legible(
    pane: Any, window: MainWindow, qtbot: QtBot, height: int, seen: bool
) -> None:
    window.resize(1400, height)
    qtbot.waitUntil(lambda: pane.heatmap.isVisible() == seen)
    assert pane.mosaic.isVisible() == seen  # a low pane has the sentence alone, with room for its arcs
    assert pane.arcs.isVisible()
    pane.view.choose("matrix")
    qtbot.waitUntil(pane.heatmap.isVisible)
    assert pane.mosaic.isVisible()


def test_the_table_is_the_pattern_of_the_head_that_is_shown(pane: Any) -> None:
    pane.state.select_head(1, 2)
    table = pane.table()
    assert table.header == ("query", *"abcde")
    assert table.rows[-1] == ("e", 1.0, 0.0, 0.0, 0.0, 0.0)
    assert pane.picture().isVisible()


def test_the_order_of_the_heads_is_saved_and_restored(pane: Any) -> None:
    pane.order.choose("look")
    saved = pane.save()
    pane.order.choose("layer")
    pane.restore(saved)
    assert pane.order.current == "look"
    assert pane.title.text() == "Heads that look at it most"
    pane.restore({"order": 3})
    assert pane.order.current == "look"
