"""The Embeddings pane, by clicking, typing and dragging."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPolygonF
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import Project
from engine.messages.models import ModelInfo
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["embeddings"])
    found: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: found.map is not None and found.row is not None)
    found.plot.grab()  # painted: every point has its place
    return found


def test_a_click_on_a_point_shows_its_row_and_neighbours(pane: Any, qtbot: QtBot) -> None:
    pane.row = None
    QTest.mouseClick(pane.plot, LEFT, pos=pane.plot.at(7).toPoint())
    qtbot.waitUntil(lambda: pane.row is not None)
    index = pane.plot.nearest(pane.plot.at(7).toPoint())
    assert pane.row.id == pane.ids[index]
    assert str(pane.row.id) in pane.token.text()
    assert np.array_equal(pane.bars.vector, pane.row.vector)
    assert f"{pane.row.vector[0]:.4f}" in pane.bars.describe_at(QPoint(round(pane.bars._bars().left() + 0.5), 1))


def test_a_token_of_the_text_is_selected_everywhere(pane: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: pane.state.tokens is not None)
    wanted = int(pane.state.tokens.ids[2])
    pane._look_up(wanted)
    assert pane.state.token == 2
    assert pane.plot.marked == [pane._index_of(wanted)]


def test_tsne_moves_and_rests_and_is_flat(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.method.button("tsne").click()
    qtbot.waitUntil(lambda: pane.map.fraction == 1.0 and not pane.map.explained)
    assert not pane.dims.isEnabled()
    assert "t-SNE" in pane.subtitle()


def test_a_stopped_movement_keeps_what_is_there(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    before = pane.map
    engine.answers.pop(Project)  # from now on it is always at work
    pane.method.button("umap").click()
    assert pane.stop.isVisible()
    pane.stop.click()
    assert not pane.stop.isVisible()
    last = max(i for i, request in enumerate(engine.requests) if isinstance(request, Project))
    assert engine.jobs[last].cancelled
    assert pane.map is before


def test_three_dimensions_turn_under_the_hand(pane: Any, qtbot: QtBot) -> None:
    pane.dims.button("3d").click()
    qtbot.waitUntil(lambda: not pane.plot.flat)
    pane.plot.grab()
    before = pane.plot._placed.copy()
    middle = pane.plot.rect().center()
    QTest.mousePress(pane.plot, LEFT, pos=middle)
    QTest.mouseMove(pane.plot, middle + QPoint(60, 0))
    _drag(pane.plot, middle, middle + QPoint(60, 20))
    pane.plot.grab()
    lengths, turned = (np.linalg.norm(p - p.mean(0), axis=1) for p in (before, pane.plot._placed))
    assert not np.allclose(before, pane.plot._placed)
    assert np.allclose(lengths, turned, rtol=1e-3)  # turned, not bent


def _drag(plot: Any, begin: QPoint, end: QPoint, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease)
    for kind, at in zip(kinds, (begin, end, end), strict=True):
        buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        event = QMouseEvent(kind, QPointF(at), plot.mapToGlobal(QPointF(at)), button, buttons, modifier)
        {0: plot.mousePressEvent, 1: plot.mouseMoveEvent, 2: plot.mouseReleaseEvent}[kinds.index(kind)](event)


def test_a_drag_moves_the_picture_and_the_wheel_keeps_the_place(pane: Any) -> None:
    plot = pane.plot
    before = plot.at(3)
    middle = plot.rect().center()
    _drag(plot, middle, middle + QPoint(30, -10))
    plot.grab()
    assert (plot.at(3) - before).x() == pytest.approx(30, abs=0.5)
    fixed = plot.at(5)
    plot.zoom(1.5, fixed)
    plot.grab()
    assert (plot.at(5) - fixed).manhattanLength() < 0.5


def test_a_lasso_marks_what_lies_within(pane: Any) -> None:
    plot = pane.plot
    within = [i for i in range(50) if plot.at(i).x() < plot.width() / 2]
    plot._lasso = []
    found: list[int] = []
    plot.lassoed.connect(found.extend)
    from PySide6.QtCore import QPointF

    half = QPolygonF(
        [QPointF(-99, -99), QPointF(plot.width() / 2, -99), QPointF(plot.width() / 2, 9999), QPointF(-99, 9999)]
    )
    assert plot._within(half) == within
    _drag(plot, QPoint(1, 1), QPoint(20, 30), Qt.KeyboardModifier.ShiftModifier)
    assert plot.marked == found


def test_search_marks_tokens(pane: Any) -> None:
    pane.search.setText("c")
    assert [pane.pieces[i] for i in pane.plot.marked] == ["c", "c"]
    pane.search.clear()
    assert [pane.pieces[i] for i in pane.plot.marked] != ["c", "c"]


def test_an_analogy_draws_its_parallelogram(pane: Any, qtbot: QtBot) -> None:
    for field, word in zip(pane.analogy, ("king", "man", "woman"), strict=True):
        field.setText(word)
    QTest.keyClick(pane.analogy[2], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(pane.plot.arrows))
    a, b, c, found = (pane._index_of(i) for i in (95, 96, 97, 100))
    assert pane.plot.arrows == [(b, a), (c, found)]
    assert "king − man + woman" in pane.near_title.text()
    pane.plot.grab()


def test_the_way_through_the_layers(pane: Any, qtbot: QtBot) -> None:
    pane.method.button("layers").click()
    qtbot.waitUntil(lambda: pane.paths is not None)
    pane.state.select_token(1)
    assert pane.plot.paths[0] == [1, 6, 11]
    assert np.allclose(pane.plot.points[1, :2], pane.paths.points[-1, 1])
    assert np.allclose(pane.plot.points[11, :2], pane.paths.points[0, 1])
    pane.plot.grab()
    pane._hovered(6)
    assert "after layer 1" in pane.words.text()


def test_choices_are_remembered(pane: Any) -> None:
    pane.dims.choose("3d")
    pane.analogy[0].setText("king")
    saved = pane.save()
    pane.restore({"method": "no", "dims": 7, "analogy": "x"})
    assert pane.dims.current == "3d"
    pane.restore(saved)
    assert pane.analogy[0].text() == "king"
