"""What a stranger stumbled over who used Nakami through its window for the first time."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from engine.messages.attention import HEAD_KINDS
from engine.messages.embeddings import LookUp, Project
from engine.messages.generation import PredictNext, SamplingSettings
from engine.messages.models import ModelInfo
from engine.messages.texts import TextInfo
from engine.messages.training import TrainingSettings
from gui import i18n
from gui.i18n import percent, t
from gui.panes.attention.badges import HeadBadges
from gui.panes.generation.candidate_bars import CandidateBars
from gui.panes.training.run_form import RunForm
from gui.samples import BUILTIN
from gui.settings import Settings
from gui.theme import GAP_M, NORMAL, SMALL
from gui.widgets.scatter_plot import ScatterPlot
from gui.widgets.coloured_text import ColouredText, Span
from gui.window.main_window import MainWindow
from gui.window.workspace import FAVOURITES
from tests.gui.fakes import FakeEngine, candidates, model
from tests.gui.hands import cut_buttons


@pytest.fixture
def pane(window: MainWindow, qtbot: QtBot) -> Any:
    """The Embeddings pane in a grid on a small screen."""
    window.resize(1280, 720)
    window.state.set_model(ModelInfo("story", "", "nakami", 9, 2, 3, 32, 16, 400, 1, 40, False, True))
    window.state.set_text("abcde")
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    found: Any = window.workspace.pane("embeddings")
    qtbot.waitUntil(lambda: found.map is not None and found.row is not None)
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(40, 30), (120, 120), (400, 130), (900, 600)])
def test_the_name_of_an_axis_is_whole_or_not_there(qtbot: QtBot, language: str, size: tuple[int, int]) -> None:
    i18n.set_language(language)
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(*size)
    plot.set_points(np.eye(2, dtype=np.float32), fit=True)
    plot.set_explained((0.61, 0.27))
    for name, share, room in zip(plot.axes(), ("61", "27"), size, strict=True):
        assert QFontMetricsF(plot.theme.font(SMALL - 1)).horizontalAdvance(name) < room
        assert share in name if room >= 120 else name == ""
    plot.set_explained(())
    assert plot.axes() == ("", "")


def test_the_words_about_a_point_take_no_room_from_the_map(pane: Any, qtbot: QtBot) -> None:
    height = pane.plot.height()
    pane.plot.grab()
    QTest.mouseMove(pane.plot, pane.plot.at(7).toPoint())
    qtbot.waitUntil(pane.words.isVisible)
    assert "ID" in pane.words.text()
    assert pane.plot.height() == height
    assert pane.words.geometry().bottom() <= height
    QApplication.sendEvent(pane.plot, QEvent(QEvent.Type.Leave))
    assert not pane.words.isVisible()


def test_a_small_map_uses_most_of_its_height(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 120)
    points = np.random.default_rng(1).uniform(-1, 1, (200, 2)).astype(np.float32)
    plot.set_points(points, fit=True)
    plot.grab()
    heights = [plot.at(index).y() for index in range(200)]
    assert max(heights) - min(heights) > 0.6 * 120
    assert min(heights) > 0
    assert max(heights) < 120


def test_badges_are_all_in_whole_or_all_in_short(qtbot: QtBot) -> None:
    badges = HeadBadges()
    qtbot.addWidget(badges)
    badges.set_scores(np.full((len(HEAD_KINDS), 2, 2), 0.5, np.float32))
    badges.show()
    seen = set()
    for width in range(100, 500, 20):
        badges.resize(width, 70)
        words = tuple(button.text() for button in badges.buttons)
        short = tuple(
            t("pane.attention.badges.best", name=t(f"pane.attention.badges.short.{k}"), percent=percent(0.5))
            for k in HEAD_KINDS
        )
        whole = tuple(
            t("pane.attention.badges.best", name=t(f"pane.attention.badges.name.{k}"), percent=percent(0.5))
            for k in HEAD_KINDS
        )
        assert words in (short, whole)
        seen.add(words)
    assert len(seen) == 2


def _text(qtbot: QtBot, pieces: list[str], width: int = 300) -> ColouredText:
    shown = ColouredText()
    qtbot.addWidget(shown)
    shown.resize(width, 400)
    shown.show()
    shown.set_spans([Span(piece, None) for piece in pieces])
    return shown


def _lines(shown: ColouredText) -> list[str]:
    lines: dict[float, str] = {}
    for boxes in shown.page._boxes:
        for box, part in boxes:
            lines[box.top()] = lines.get(box.top(), "") + part
    return list(lines.values())


@pytest.mark.parametrize("whole", [True, False])
def test_a_long_text_wraps_at_its_spaces_in_one_piece_or_in_tokens(qtbot: QtBot, whole: bool) -> None:
    text = "Once upon a time there was a rabbit who lived in the forest near the pond, and it was hungry."
    words = text.split()
    tokens = [part for piece in re.findall(" ?[^ ]+", text) for part in (piece[:2], piece[2:]) if part]
    shown = _text(qtbot, [text] if whole else tokens)
    assert all(box.right() <= shown.viewport().width() for boxes in shown.page._boxes for box, _ in boxes)
    assert [word for line in _lines(shown) for word in line.split()] == words
    assert len(_lines(shown)) > 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from("ab .,」「。、猫犬っ😀\n"), min_size=1, max_size=6), max_size=30))
def test_lines_neither_lose_nor_clip_nor_begin_with_what_closes(qtbot: QtBot, pieces: list[str]) -> None:
    shown = _text(qtbot, pieces, 400)
    drawn = "".join(part for boxes in shown.page._boxes for _, part in boxes)
    assert drawn.replace("⏎", "\n") == "".join(pieces)
    assert all(box.left() >= -20 for boxes in shown.page._boxes for box, _ in boxes)
    # Where so much is joined that it is wider than a line there is no other way.
    if not re.search("[.,」「。、っab😀]{12}", "".join(pieces)):
        wrapped = [line for before, line in pairwise(_lines(shown)) if not before.endswith("⏎")]
        assert [line for line in wrapped if line[0] in "」。、"] == []


def test_what_is_drawn_speaks_the_language_of_the_window(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(1, ["generation"])
    bars = window.workspace.pane("generation").page.bars  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: bars.candidates is not None)
    assert "model" in bars.accessibleDescription()
    window.set_language("ja")
    assert t("pane.generation.candidates.stage.model") in bars.accessibleDescription()


def test_the_drawn_candidate_is_written_in_whole(qtbot: QtBot) -> None:
    bars = CandidateBars()
    qtbot.addWidget(bars)
    bars.resize(500, 400)
    bars.set_candidates(replace(candidates(), pieces=("Question", "b", "c")))
    bold = QFontMetricsF(bars.theme.font(NORMAL, bold=True))
    assert bars._label_width() - GAP_M >= bold.horizontalAdvance("Question")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [360, 450, 900])
def test_a_preset_says_its_shape_in_whole(qtbot: QtBot, language: str, width: int) -> None:
    i18n.set_language(language)
    form = RunForm()
    qtbot.addWidget(form)
    form.set_presets({name: TrainingSettings(layers=8, width=384) for name in ("30s", "5m", "overnight")}, "30s")
    form.resize(width, 300)
    form.show()
    for button in form.buttons.values():
        assert {"8", "384"} <= set(re.findall(r"\d+", button.text()))
        widest = max(button.fontMetrics().horizontalAdvance(line) for line in button.text().splitlines())
        assert widest < button.width()
    assert form.width() == width


def test_the_name_of_the_model_has_the_room_that_nothing_else_needs(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 720)
    window.state.set_model(model())
    window.status.set_warning(t("status.surprised", loss="7.9", guessing="8.3"))
    window.status.layout().activate()
    assert window.status.model.text().endswith("123,456")


def test_a_name_of_a_model_that_finds_no_room_is_cut_at_its_end(window: MainWindow, qtbot: QtBot) -> None:
    window.settings.zoom = 2.0
    window._change_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.status.set_warning(t("status.surprised", loss="7.9", guessing="8.3"))
    whole = window.status.model.toolTip()
    qtbot.waitUntil(lambda: window.status.model.text().endswith("…"))
    assert whole.startswith(window.status.model.text()[:-1])
    window.status.set_warning("")
    qtbot.waitUntil(lambda: window.status.model.text() == whole)


def test_a_word_is_looked_up_on_the_whole_map(pane: Any, qtbot: QtBot) -> None:
    """Behind another example, which had come near to its four words."""
    pane.plot.fit([0, 1])
    near = pane.plot._scale
    pane._example = (pane.pieces[5],)
    pane._find_example()
    assert pane.plot._scale < near
    assert pane.plot.rect().contains(*pane.plot._place()[5, :2].astype(int).tolist())


def test_neighbours_have_room_in_a_low_tile(window: MainWindow, pane: Any, qtbot: QtBot) -> None:
    window.resize(1500, 700)
    qtbot.waitUntil(lambda: pane.side.isVisible() and pane.near.height() >= 2 * pane.near.row_height())


def test_an_engine_that_is_still_starting_is_not_said_to_have_stopped(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.alive = False
    shown = MainWindow(engine, Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(shown)
    shown.show()
    assert shown.status.engine.text() == t("status.starting")
    assert not shown.status.restart.isVisible()
    shown.begin([])
    qtbot.waitUntil(lambda: shown.status.engine.text() == t("status.ready"))
    shown.close()


def _spread(plot: ScatterPlot) -> float:
    plot.grab()
    return float(np.ptp(plot._placed[:, 0]))


def test_a_map_fills_a_larger_tile_unless_a_hand_has_moved_it(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(200, 200)
    plot.show()
    plot.set_points(np.random.default_rng(2).normal(size=(90, 2)).astype(np.float32), fit=True)
    small = _spread(plot)
    plot.resize(800, 800)
    assert _spread(plot) > 3 * small
    QTest.keyClick(plot, "+")
    chosen = _spread(plot)
    plot.resize(400, 400)
    assert _spread(plot) == pytest.approx(chosen)


def test_behind_a_comparison_the_candidates_are_those_of_the_sliders(
    window: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(1, ["generation"])
    pane: Any = window.workspace.pane("generation")
    qtbot.waitUntil(lambda: bool(engine.asked(PredictNext)))
    pane.page.side_button.setChecked(True)
    pane.page.controls.set_settings(SamplingSettings(temperature=1.5))
    qtbot.waitUntil(lambda: engine.asked(PredictNext)[-1].sampling.temperature == 1.5)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_four_tiles_are_alike_and_their_buttons_whole(window: MainWindow, qtbot: QtBot, language: str) -> None:
    window.set_language(language)
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.state.set_corpus(TextInfo(("story.txt",), "story.txt", 1, 200_000, 134_387, "utf-8", "abc"))
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    tiles = window.workspace.tiles
    qtbot.waitUntil(lambda: max(tile.width() for tile in tiles) - min(tile.width() for tile in tiles) <= 1)
    assert max(tile.height() for tile in tiles) - min(tile.height() for tile in tiles) <= 1
    page = window.workspace.pane("generation").page  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.bars.geometry().right() <= page.width())
    buttons = (page.play_button, page.step_button, page.back_button, page.branch_button)
    qtbot.waitUntil(lambda: all(button.width() >= button.minimumSizeHint().width() for button in buttons))


def test_the_tile_in_which_a_run_is_started_stays_the_current_one(window: MainWindow, qtbot: QtBot) -> None:
    window.state.set_corpus(TextInfo(("story.txt",), "story.txt", 1, 200_000, 134_387, "utf-8", "abc"))
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    window.show_pane("training")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    pane: Any = window.workspace.pane("training")
    qtbot.waitUntil(pane.start_page.start_button.isVisible)
    QTest.mouseClick(pane.start_page.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not pane.start_page.start_button.isVisible())
    assert pane.isAncestorOf(QApplication.focusWidget())
    assert window.workspace.current == 0


def test_a_movement_that_has_not_begun_claims_no_axes_and_no_progress(pane: Any, engine: FakeEngine) -> None:
    assert pane.plot.axes() != ("", "")
    engine.answers.pop(Project)  # from now on it is always at work
    pane.method.button("tsne").click()
    assert pane.plot.axes() == ("", "")
    assert "t-SNE" in pane.subtitle()
    assert "0\u00a0%" in pane.subtitle()


def test_a_row_is_looked_up_while_the_points_still_move(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers.pop(LookUp)
    wanted = int(pane.ids[7])
    pane._look_up(wanted)
    first = engine.jobs[engine.requests.index(engine.asked(LookUp)[-1])]
    for _ in range(3):
        pane._ask_row(wanted)  # as every picture of a movement does
    assert not first.cancelled


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("zoom", [1.0, 2.0])
@pytest.mark.parametrize("panes", [FAVOURITES, ("tokens", "search", "map", "generation")], ids=["grid", "others"])
def test_no_button_of_four_tiles_on_a_projector_is_cut(
    window: MainWindow, qtbot: QtBot, panes: tuple[str, ...], zoom: float, language: str
) -> None:
    window.set_language(language)
    window.settings.zoom = zoom
    window._change_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(4, list(panes))
    window.workspace.pane("search").try_company()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not any(pane.asking() for pane in window.workspace.panes.values()))
    qtbot.waitUntil(lambda: cut_buttons(window) == [])


def test_four_tiles_in_large_type_have_the_room_of_the_tokens(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.choose_count(4)
    qtbot.waitUntil(window.strip.isVisible)
    for _ in range(5):
        window.change_zoom(1)
    assert window.strip.isHidden()
    window.workspace.choose_count(1)
    assert window.strip.isVisible()


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_the_list_of_keys_is_no_higher_than_a_projector(window: MainWindow, zoom: float) -> None:
    window.settings.zoom = zoom
    window._change_theme()
    window.show_keys()
    box = window.findChild(QMessageBox)
    assert box.sizeHint().height() <= 720
    assert box.sizeHint().width() <= 1280
    box.close()


@pytest.mark.parametrize("zoom", [1.0, 1.5, 2.0])
def test_the_buttons_of_a_small_tile_are_whole_in_large_type(window: MainWindow, qtbot: QtBot, zoom: float) -> None:
    window.settings.zoom = zoom
    window._change_theme()
    window.resize(1280, 720)
    window.state.set_model(model())
    window.state.set_text("abc")
    window.workspace.set_layout(4, ["training", "generation", "attention", "embeddings"])
    window.show_pane("generation")
    page = window.workspace.pane("generation").page  # type: ignore[attr-defined]
    shown = (page.play_button, page.step_button, page.back_button, page.controls)
    qtbot.waitUntil(
        lambda: (
            all(w.isHidden() or w.height() >= w.minimumSizeHint().height() for w in shown)
            and all(w.width() >= w.minimumSizeHint().width() for w in shown[:3])
        )
    )


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_the_rail_shows_names_whole_or_icons_alone(window: MainWindow, qtbot: QtBot, zoom: float) -> None:
    window.settings.zoom = zoom
    window._change_theme()
    window.resize(1280, 720)
    buttons = window.rail.buttons.values()
    qtbot.waitUntil(lambda: all(button.height() >= button.sizeHint().height() for button in buttons))
    named = [button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextUnderIcon for button in buttons]
    assert named == [zoom == 1.0] * len(named)
    assert all(button.text() in button.toolTip() for button in buttons)


def test_files_are_looked_for_where_the_user_has_some(window: MainWindow, tmp_path: Path) -> None:
    window.settings.recent = [str(BUILTIN), str(tmp_path / "mine" / "a.txt")]
    assert window.opening._last_folder() == str(tmp_path / "mine")
    window.settings.recent = [str(BUILTIN)]
    assert window.opening._last_folder() == str(Path.home())


def test_other_vectors_leave_nothing_of_the_row_before(pane: Any, engine: FakeEngine, qtbot: QtBot) -> None:
    assert len(pane.bars.vector)
    engine.answers.pop(LookUp)  # no word of the text has a vector
    pane.source.button("word2vec").click()
    assert not len(pane.bars.vector)
    assert pane.near.near is None
    assert (pane.token.text(), pane.near_title.text()) == ("", "")
