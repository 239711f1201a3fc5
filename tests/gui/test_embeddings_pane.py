"""The Embeddings pane, by clicking, typing and dragging."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QMouseEvent, QPolygonF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.messages.embeddings import EmbeddingMap, LookUp, OpenVectors, Project, ProjectOnAxis
from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from gui.panes.embeddings.own_vectors import dropped
from gui.panes.embeddings.projection import AxisMap, LayerPaths
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
    qtbot.waitUntil(lambda: pane.plot.marked[0] == pane.shown.index_of(wanted))
    others = {pane.shown.index_of(row) for row in pane.state.tokens.ids.tolist()}
    assert set(pane.plot.marked) == others  # the words of the text stay marked


def test_tsne_runs_to_its_end_and_has_two_dimensions(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.controls.method.button("tsne").click()
    qtbot.waitUntil(lambda: pane.shown.map.fraction == 1.0 and not pane.shown.explained)
    assert not pane.controls.dims.isEnabled()
    assert "t-SNE" in pane.subtitle()


def test_after_a_method_that_fails_the_last_one_that_worked_is_shown(
    pane: Any, qtbot: QtBot, engine: FakeEngine
) -> None:
    answer = engine.answers[Project]
    few = Ended(0, "failed", "error.points_few", {"count": 2, "least": 4, "method": "UMAP"})
    engine.answers[Project] = lambda request: [few] if request.method == "umap" else answer(request)
    pane.controls.method.button("tsne").click()
    qtbot.waitUntil(lambda: not pane.asking("Project"))
    pane.controls.method.disable("umap", "")
    pane.controls.method.button("umap").click()
    qtbot.waitUntil(lambda: pane.controls.method.current == "tsne")
    assert "UMAP" in pane.messages.label.text()
    pane.state.set_model(ModelInfo("other", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    qtbot.waitUntil(lambda: pane.shown is not None and not pane.asking("Project"))
    assert pane.controls.method.isVisible()
    assert engine.asked(Project)[-1].method == "tsne"


def test_umap_without_its_extra_cannot_be_chosen_and_says_how_to_install_it(pane: Any) -> None:
    umap = pane.controls.method.button("umap")
    if umap.isEnabled():
        pytest.skip("the extra is installed")
    assert "uv sync --extra umap" in umap.toolTip()
    pane.restore({"method": "umap"})
    assert pane.controls.method.current == "pca"


def test_the_choices_stay_while_there_is_no_map_of_an_open_model(pane: Any) -> None:
    pane._clear()
    pane._update_controls()
    assert pane.controls.method.isVisible()


def test_stopping_tsne_keeps_the_map_before(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    before = pane.shown
    engine.answers.pop(Project)  # no answer from now on
    pane.controls.method.button("tsne").click()
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
    assert found == [] or np.flatnonzero(plot._lit).tolist() == found


def test_a_search_dims_all_other_points_and_return_selects_the_shortest(pane: Any, qtbot: QtBot) -> None:
    pane.controls.search.setText("c")
    lit = np.flatnonzero(pane.plot._lit).tolist()
    assert [pane.shown.names[i] for i in lit] == ["c", "c"]
    before = pane.plot._view.scale
    QTest.keyClick(pane.controls.search, Qt.Key.Key_Return)
    wanted = int(pane.shown.rows.ids[lit[0]])
    qtbot.waitUntil(lambda: pane.details.row.id == wanted and pane.plot.marked[0] == lit[0])
    assert str(wanted) in pane.details.token.text()  # panel, ring and list are those of one token
    assert {link.begin for link in pane.plot.links} == {lit[0]}
    assert [link.words for link in pane.plot.links] == [
        f"{cosine:.2f}" for cosine in pane.details.near.near.cosines[: len(pane.plot.links)]
    ]
    qtbot.waitUntil(lambda: pane.plot._view.scale > before)  # the view flies there
    pane.controls.search.clear()
    assert pane.plot._lit is None


def test_an_analogy_is_a_parallelogram_whose_arrow_ends_at_the_sum(pane: Any, qtbot: QtBot) -> None:
    pane.controls.view.button("analogy").click()
    for field, word in zip(pane.words.analogy.fields, ("king", "man", "woman"), strict=True):
        field.setText(word)
    QTest.keyClick(pane.words.analogy.fields[2], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: pane.analogy.words == ("king", "man", "woman") and pane.analogy._moved == 1.0)
    a, b, c, total = pane.analogy.places()[:4]
    assert np.allclose(total - c, a - b)
    assert "king − man + woman" in pane.details.near_title.text()
    assert pane.words.analogy.tokens[0].text() == "king · 95"
    pane.details.retranslate()
    assert "king − man + woman" in pane.details.near_title.text()  # also after a change of language
    pane.analogy.grab()


def test_the_first_analogy_that_works_is_shown_and_offered(pane: Any, qtbot: QtBot) -> None:
    pane.controls.view.button("analogy").click()
    qtbot.waitUntil(lambda: pane.analogy.found is not None)
    assert pane.analogy.words == ("Paris", "France", "Japan")
    assert [chip.text() for chip in pane.words.analogy.chips if chip.isVisible()] == ["Paris − France + Japan"]


def test_an_axis_places_each_word_by_its_cosine(pane: Any, qtbot: QtBot) -> None:
    pane.controls.view.button("axis").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, AxisMap))
    across = pane.shown.points[:, 0]
    assert np.allclose(across / across.max(), pane.shown.axis.cosines / pane.shown.axis.cosines.max())
    assert pane.shown.ends(1) == [48, 1]  # the ends themselves are the two words
    assert "woman − man" in pane.plot.axes()[0]
    assert pane.sentence()


def test_words_without_a_vector_leave_no_picture_of_other_words(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    pane.controls.view.button("axis").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, AxisMap))
    engine.answers[ProjectOnAxis] = lambda _: [Ended(0, "failed", "error.word_unknown", {"word": "qqq"})]
    pane.words.axis.fields[0].setText("qqq")
    QTest.keyClick(pane.words.axis.fields[0], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: pane.shown is None)
    assert "qqq" in pane.messages.label.text()
    assert pane.words.axis.fields[0].isVisible()


def test_the_path_of_the_selected_token_through_the_layers_is_drawn(pane: Any, qtbot: QtBot) -> None:
    pane.controls.view.button("layers").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, LayerPaths))
    pane.state.select_token(1)
    assert pane.plot.paths[0] == [1, 6, 11]
    assert np.allclose(pane.plot.points[1, :2], pane.shown.paths.points[-1, 1])
    assert np.allclose(pane.plot.points[11, :2], pane.shown.paths.points[0, 1])
    pane.plot.grab()
    pane.plot.hovered.emit(6)
    assert "after layer 1" in pane.point.text()
    assert [pane.plot.names[point] for point in pane.plot.named] == ["layer 0"]


def test_names_in_the_plot_follow_the_language(pane: Any, window: MainWindow, qtbot: QtBot) -> None:
    pane.controls.view.button("axis").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, AxisMap))
    window.appearance.set_language("ja")
    assert "コサイン" in pane.plot.axes()[0]
    pane.controls.view.button("layers").click()
    qtbot.waitUntil(lambda: isinstance(pane.shown, LayerPaths))
    assert "第 0 層" in pane.plot.names
    window.appearance.set_language("en")
    assert "第 0 層" not in pane.plot.names
    assert "layer 0" in pane.plot.names


def test_choices_are_saved_and_restored(pane: Any) -> None:
    pane.controls.dims.choose("3d")
    pane.words.analogy.fields[0].setText("king")
    saved = pane.save()
    pane.restore({"method": "no", "dims": 7, "analogy": "x"})
    assert pane.controls.dims.current == "3d"
    pane.restore(saved)
    assert pane.words.analogy.fields[0].text() == "king"


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


def test_the_words_about_a_point_take_no_room_from_the_map(pane: Any, qtbot: QtBot) -> None:
    height = pane.plot.height()
    pane.plot.grab()
    QTest.mouseMove(pane.plot, pane.plot.at(7).toPoint())
    qtbot.waitUntil(pane.point.isVisible)
    assert "ID" in pane.point.text()
    assert pane.plot.height() == height
    assert pane.point.geometry().bottom() <= height
    QApplication.sendEvent(pane.plot, QEvent(QEvent.Type.Leave))
    assert not pane.point.isVisible()


def test_a_scene_looks_up_a_word_on_the_whole_map(small_pane: Any, qtbot: QtBot) -> None:
    # A look-up before has zoomed in.
    small_pane.plot.fit([0, 1])
    near = small_pane.plot._view.scale
    small_pane.act({"look_up": [small_pane.shown.names[5]]})
    assert small_pane.plot._view.scale < near
    assert small_pane.plot.rect().contains(*small_pane.plot._place()[5, :2].astype(int).tolist())


def test_a_small_tile_shows_the_map_alone(small_pane: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: small_pane.compact and not small_pane.details.isVisible())
    assert small_pane.plot.height() > 0.8 * small_pane.height()


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


def test_dropped_vectors_are_opened_with_their_labels(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(f"/there/{name}") for name in ("metadata.tsv", "tensors.tsv")])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    pane.dropEvent(event)
    qtbot.waitUntil(lambda: bool(engine.asked(OpenVectors)))
    paths = [Path(path).name for path in (engine.asked(OpenVectors)[-1].path, engine.asked(OpenVectors)[-1].labels)]
    assert paths == ["tensors.tsv", "metadata.tsv"]
    qtbot.waitUntil(lambda: engine.asked(Project)[-1].source == "own")
    qtbot.waitUntil(lambda: "tensors.tsv" in pane.subtitle())
    assert pane.save()["own"] == engine.asked(OpenVectors)[-1].path


@pytest.mark.parametrize("names", [["story.txt"], ["model.gguf"], ["metadata.tsv"], []])
def test_other_files_are_left_to_the_window(names: list[str]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(f"/there/{name}") for name in names])
    assert dropped(data) == ()


def test_vectors_that_cannot_be_read_leave_all_controls(pane: Any, qtbot: QtBot, engine: FakeEngine) -> None:
    failed = Ended(0, "failed", "error.vectors_line", {"file": "a.tsv", "line": 3})
    engine.answers[OpenVectors] = lambda _: [failed]
    pane.own.open("/there/a.tsv")
    qtbot.waitUntil(lambda: "a.tsv" in pane.messages.label.text())
    assert pane.controls.source.isVisible()
    assert pane.shown is not None


def test_the_words_are_shown_first_where_the_map_of_the_model_shows_little(
    window: MainWindow, qtbot: QtBot, engine: FakeEngine
) -> None:
    answer = engine.answers[Project]

    def weak(request: Project) -> list[Any]:
        names, shown = answer(request)
        assert isinstance(shown, EmbeddingMap)
        return [names, replace(shown, explained=(0.02, 0.01)) if request.source == "model" else shown]

    engine.answers[Project] = weak
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.workspace.set_layout(1, ["embeddings"])
    pane: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: pane.shown is not None)
    assert pane.controls.source.current == pane.shown.source == "word2vec"
    assert "3\u00a0%" in pane.sentence()
    pane.controls.source.button("model").click()  # a choice of the user is kept
    qtbot.waitUntil(lambda: pane.shown is not None and pane.shown.source == "model")
    assert "list" in pane.sentence()
    assert pane.save()["chosen"] is True


@pytest.mark.parametrize("color", ["order", "position"])
def test_points_are_coloured_by_a_number_with_its_scale(pane: Any, qtbot: QtBot, color: str) -> None:
    pane.controls.color.setCurrentIndex(pane.controls.color.findData(color))
    pane.controls.color_changed.emit(color)
    assert pane.plot._levels is not None
    assert [entry.scale for entry in pane.legend.entries] == [True]
    if color == "position":
        marked = [pane.shown.index_of(row) for row in pane.state.tokens.ids.tolist()]
        assert set(np.flatnonzero(pane.plot._levels >= 0).tolist()) == set(marked)
    pane.controls.color.setCurrentIndex(0)
    pane.controls.color_changed.emit("kind")
    assert pane.plot._levels is None
