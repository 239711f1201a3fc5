"""The Embeddings pane, by clicking, typing and dragging."""

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPolygonF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import LookUp, Project
from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from gui.panes.embeddings.projection import LayerPaths
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(1, ["embeddings"])
    found: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: found.shown is not None and found.details.row is not None)
    found.plot.grab()  # painting places the points
    return found


def test_a_click_on_a_point_shows_its_row_and_neighbours(pane: Any, qtbot: QtBot) -> None:
    pane.details.row = None
    QTest.mouseClick(pane.plot, LEFT, pos=pane.plot.at(7).toPoint())
    qtbot.waitUntil(lambda: pane.details.row is not None)
    index = pane.plot.nearest(pane.plot.at(7).toPoint())
    assert pane.details.row.id == pane.shown.rows.ids[index]
    assert str(pane.details.row.id) in pane.details.token.text()
    assert np.array_equal(pane.details.bars.vector, pane.details.row.vector)
    assert f"{pane.details.row.vector[0]:.4f}" in pane.details.bars.describe_at(
        QPoint(round(pane.details.bars._bars().left() + 0.5), 1)
    )


def test_looking_up_a_token_of_the_text_selects_it_in_all_panes(pane: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: pane.state.tokens is not None)
    wanted = int(pane.state.tokens.ids[2])
    pane._look_up(wanted)
    assert pane.state.token == 2
    assert pane.plot.marked == [pane.shown.index_of(wanted)]


def test_tsne_runs_to_its_end_and_has_two_dimensions(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.controls.method.button("tsne").click()
    qtbot.waitUntil(lambda: pane.shown.map.fraction == 1.0 and not pane.shown.explained)
    assert not pane.controls.dims.isEnabled()
    assert "t-SNE" in pane.subtitle()


def test_after_a_method_that_fails_the_principal_components_are_shown(
    pane: Any, qtbot: QtBot, engine: FakeEngine
) -> None:
    answer = engine.answers[Project]
    missing = Ended(0, "failed", "error.extra_missing", {"extra": "umap"})
    engine.answers[Project] = lambda request: [missing] if request.method == "umap" else answer(request)
    pane.controls.method.button("umap").click()
    qtbot.waitUntil(lambda: pane.controls.method.current == "pca")
    assert "uv sync --extra umap" in pane.messages.label.text()
    pane.state.set_model(ModelInfo("other", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    qtbot.waitUntil(lambda: pane.shown is not None and not pane.asking("Project"))
    assert pane.controls.method.isVisible()
    assert engine.asked(Project)[-1].method == "pca"


def test_the_choices_stay_while_there_is_no_map_of_an_open_model(pane: Any) -> None:
    pane._clear()
    pane._update_controls()
    assert pane.controls.method.isVisible()


def test_stopping_umap_keeps_the_map_before(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    before = pane.shown
    engine.answers.pop(Project)  # no answer from now on
    pane.controls.method.button("umap").click()
    assert pane.controls.stop.isVisible()
    pane.controls.stop.click()
    assert not pane.controls.stop.isVisible()
    last = max(i for i, request in enumerate(engine.requests) if isinstance(request, Project))
    assert engine.jobs[last].cancelled
    assert pane.shown is before


def test_dragging_turns_a_map_in_three_dimensions(pane: Any, qtbot: QtBot) -> None:
    pane.controls.dims.button("3d").click()
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
    assert np.allclose(lengths, turned, rtol=1e-3)  # distances do not change


def _drag(plot: Any, begin: QPoint, end: QPoint, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease)
    for kind, at in zip(kinds, (begin, end, end), strict=True):
        buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        event = QMouseEvent(kind, QPointF(at), plot.mapToGlobal(QPointF(at)), button, buttons, modifier)
        {0: plot.mousePressEvent, 1: plot.mouseMoveEvent, 2: plot.mouseReleaseEvent}[kinds.index(kind)](event)


def test_dragging_moves_the_map_and_zooming_keeps_a_point_in_place(pane: Any) -> None:
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


def test_a_lasso_marks_the_points_within(pane: Any) -> None:
    plot = pane.plot
    within = [i for i in range(50) if plot.at(i).x() < plot.width() / 2]
    plot._lasso = []
    found: list[int] = []
    plot.lassoed.connect(found.extend)
    half = QPolygonF(
        [QPointF(-99, -99), QPointF(plot.width() / 2, -99), QPointF(plot.width() / 2, 9999), QPointF(-99, 9999)]
    )
    assert plot._within(half) == within
    _drag(plot, QPoint(1, 1), QPoint(20, 30), Qt.KeyboardModifier.ShiftModifier)
    assert plot.marked == found


def test_search_marks_tokens(pane: Any) -> None:
    pane.controls.search.setText("c")
    assert [pane.shown.names[i] for i in pane.plot.marked] == ["c", "c"]
    pane.controls.search.clear()
    assert [pane.shown.names[i] for i in pane.plot.marked] != ["c", "c"]


def test_an_analogy_draws_its_parallelogram(pane: Any, qtbot: QtBot) -> None:
    for field, word in zip(pane.details.fields, ("king", "man", "woman"), strict=True):
        field.setText(word)
    QTest.keyClick(pane.details.fields[2], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(pane.plot.arrows))
    a, b, c, found = (pane.shown.index_of(i) for i in (95, 96, 97, 100))
    assert pane.plot.arrows == [(b, a), (c, found)]
    assert "king − man + woman" in pane.details.near_title.text()
    pane.details.retranslate()
    assert "king − man + woman" in pane.details.near_title.text()  # also after a change of language
    pane.plot.grab()


def test_the_path_of_the_selected_token_through_the_layers_is_drawn(pane: Any, qtbot: QtBot) -> None:
    pane.controls.method.button("layers").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, LayerPaths))
    pane.state.select_token(1)
    assert pane.plot.paths[0] == [1, 6, 11]
    assert np.allclose(pane.plot.points[1, :2], pane.shown.paths.points[-1, 1])
    assert np.allclose(pane.plot.points[11, :2], pane.shown.paths.points[0, 1])
    pane.plot.grab()
    pane._hovered(6)
    assert "after layer 1" in pane.point.text()


def test_choices_are_saved_and_restored(pane: Any) -> None:
    pane.controls.dims.choose("3d")
    pane.details.fields[0].setText("king")
    saved = pane.save()
    pane.restore({"method": "no", "dims": 7, "analogy": "x"})
    assert pane.controls.dims.current == "3d"
    pane.restore(saved)
    assert pane.details.fields[0].text() == "king"


@pytest.fixture
def small_pane(window: MainWindow, qtbot: QtBot) -> Any:
    """Return the pane in a grid on a small screen."""
    window.resize(1280, 720)
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    found: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: found.shown is not None and found.details.row is not None)
    return found


def test_the_words_about_a_point_take_no_room_from_the_map(small_pane: Any, qtbot: QtBot) -> None:
    height = small_pane.plot.height()
    small_pane.plot.grab()
    QTest.mouseMove(small_pane.plot, small_pane.plot.at(7).toPoint())
    qtbot.waitUntil(small_pane.point.isVisible)
    assert "ID" in small_pane.point.text()
    assert small_pane.plot.height() == height
    assert small_pane.point.geometry().bottom() <= height
    QApplication.sendEvent(small_pane.plot, QEvent(QEvent.Type.Leave))
    assert not small_pane.point.isVisible()


def test_a_scene_looks_up_a_word_on_the_whole_map(small_pane: Any, qtbot: QtBot) -> None:
    # A look-up before has zoomed in.
    small_pane.plot.fit([0, 1])
    near = small_pane.plot._scale
    small_pane.act({"look_up": [small_pane.shown.names[5]]})
    assert small_pane.plot._scale < near
    assert small_pane.plot.rect().contains(*small_pane.plot._place()[5, :2].astype(int).tolist())


def test_the_neighbours_have_room_in_a_low_tile(window: MainWindow, small_pane: Any, qtbot: QtBot) -> None:
    window.resize(1500, 700)
    qtbot.waitUntil(
        lambda: (
            small_pane.details.isVisible()
            and small_pane.details.near.height() >= 2 * small_pane.details.near.row_height()
        )
    )


def test_tsne_has_no_axes_and_no_progress_before_its_first_points(small_pane: Any, engine: FakeEngine) -> None:
    assert small_pane.plot.axes() != ("", "")
    engine.answers.pop(Project)  # from now on it is always at work
    small_pane.controls.method.button("tsne").click()
    assert small_pane.plot.axes() == ("", "")
    assert "t-SNE" in small_pane.subtitle()
    assert "0\u00a0%" in small_pane.subtitle()


def test_looking_up_a_row_is_not_cancelled_while_the_points_move(
    small_pane: Any, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.answers.pop(LookUp)
    wanted = int(small_pane.shown.rows.ids[7])
    small_pane._look_up(wanted)
    first = engine.jobs[engine.requests.index(engine.asked(LookUp)[-1])]
    for _ in range(3):
        small_pane._ask_row(wanted)  # as every picture of a movement does
    assert not first.cancelled


def test_another_source_of_vectors_clears_the_row(small_pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    assert len(small_pane.details.bars.vector)
    engine.answers.pop(LookUp)  # no word of the text has a vector
    small_pane.controls.source.button("word2vec").click()
    assert not len(small_pane.details.bars.vector)
    assert small_pane.details.near.near is None
    assert (small_pane.details.token.text(), small_pane.details.near_title.text()) == ("", "")
