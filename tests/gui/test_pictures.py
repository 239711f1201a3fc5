"""The painted widgets: what is drawn somewhere is what a click, a key or the mouse finds there, in any size."""

import math
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from engine import messages as m
from gui import i18n
from gui.colormaps import color_of
from gui.theme import DARK, LIGHT, Theme
from gui.widgets.attention_lines import MOST_QUERIES, AttentionLines
from gui.widgets.attention_steps import MOST_KEYS, AttentionStepsView
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.cloud import Cloud
from gui.widgets.coloured_text import ColouredText, Span, marked
from gui.widgets.curve import Curve
from gui.widgets.heatmap import Heatmap
from gui.widgets.loss_plot import LossAxis, LossPlot
from gui.widgets.machine import Machine
from gui.widgets.machine_canvas import spread
from gui.widgets.machine_plan import Part, plan
from gui.widgets.mosaic import Mosaic
from gui.widgets.near_list import NearList
from gui.widgets.token_strip import TokenStrip, describe, visible
from gui.widgets.vector_bars import VectorBars
from tests.gui.fakes import attention_steps, candidates, machine_trace, near_tokens, tokens_of

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NO_KEY, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
Hover = Callable[[QWidget, QPoint], str]
LARGE_TYPE = replace(LIGHT, zoom=2.0)


# --- Eyes and hands ---------------------------------------------------------------------------------


def show(qtbot: QtBot, widget: Any, width: int = 600, height: int = 400) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def pixels(widget: QWidget) -> np.ndarray:
    """What is on the screen, 0xRRGGBB: [height, width]."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return rows[:, : image.width()] & 0xFFFFFF


def painted(widget: QWidget, color: QColor) -> np.ndarray:
    """Where exactly this colour is: [height, width] of bool."""
    return pixels(widget) == (color.rgb() & 0xFFFFFF)


def area_of(mask: np.ndarray) -> QRect:
    """The bulk of it, without single lines that lie elsewhere."""
    assert mask.any(), "nothing is painted in this colour"
    top, bottom = _bulk(mask.sum(1))
    left, right = _bulk(mask[top : bottom + 1].sum(0))
    return QRect(QPoint(left, top), QPoint(right, bottom))


def _bulk(counts: np.ndarray) -> tuple[int, int]:
    inside = np.flatnonzero(counts >= counts.max() * 0.6)
    return int(inside[0]), int(inside[-1])


def where(widget: QWidget, color: QColor) -> QPoint:
    return area_of(painted(widget, color)).center()


def click(widget: QWidget, at: QPoint, button: Qt.MouseButton = LEFT) -> None:
    drag(widget, at, button=button)


def point(widget: QWidget, at: QPoint) -> None:
    """Moves the mouse there without a button."""
    none, kind = Qt.MouseButton.NoButton, QEvent.Type.MouseMove
    QApplication.sendEvent(widget, QMouseEvent(kind, QPointF(at), widget.mapToGlobal(QPointF(at)), none, none, NO_KEY))


def drag(widget: QWidget, *way: QPoint, keys: Any = NO_KEY, button: Qt.MouseButton = LEFT) -> None:
    """Presses at the first place, goes to the others and lets go: QTest's own mouse holds no button on its way."""
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(way) - 1), QEvent.Type.MouseButtonRelease]
    for kind, at in zip(kinds, (*way, way[-1]), strict=True):
        moving = kind == QEvent.Type.MouseMove
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        which = Qt.MouseButton.NoButton if moving else button
        there = widget.mapToGlobal(QPointF(at))
        QApplication.sendEvent(widget, QMouseEvent(kind, QPointF(at), there, which, held, keys))


def turn_wheel(widget: QWidget, at: QPoint, clicks: int) -> None:
    for _ in range(abs(clicks)):
        delta = QPoint(0, 120 if clicks > 0 else -120)
        there = widget.mapToGlobal(QPointF(at))
        phase, none = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
        QApplication.sendEvent(widget, QWheelEvent(QPointF(at), there, QPoint(), delta, none, NO_KEY, phase, False))


def press(widget: QWidget, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(widget, key)


@pytest.fixture
def hover(monkeypatch: pytest.MonkeyPatch) -> Hover:
    """What a tooltip says at a place."""
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda pos, text, widget: told.append(text))

    def at(widget: QWidget, place: QPoint) -> str:
        QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place)))
        return plain(told[-1]) if told else ""

    return at


def plain(words: str) -> str:
    """A per cent sign is held to its number by a space that does not break."""
    return words.replace("\xa0", " ")


def heard(signal: Any) -> list[Any]:
    """Everything that a signal says from now on."""
    told: list[Any] = []
    signal.connect(lambda *values: told.append(values if len(values) > 1 else values[0]))
    return told


# --- Heatmap ----------------------------------------------------------------------------------------

PIECES = ("The", " cat", " sat", " on", " the", " mat")


def one_cell(query: int, key: int, count: int = len(PIECES)) -> np.ndarray:
    weights = np.zeros((count, count), np.float32)
    weights[query, key] = 1.0
    return weights


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
@pytest.mark.parametrize("size", [(220, 180), (600, 400), (1200, 300)])
@pytest.mark.parametrize(("query", "key"), [(0, 0), (3, 1), (5, 0), (5, 5)])
def test_a_cell_is_clicked_and_told_where_it_is_drawn(
    qtbot: QtBot, hover: Hover, query: int, key: int, size: tuple[int, int], theme: Theme
) -> None:
    heatmap = show(qtbot, Heatmap(), *size)
    heatmap.restyle(theme)
    heatmap.set_data(one_cell(query, key), PIECES, None)
    chosen, place = heard(heatmap.row_chosen), where(heatmap, color_of(1.0))
    click(heatmap, place)
    assert chosen == [query]
    assert hover(heatmap, place) == f"{visible(PIECES[query])} → {visible(PIECES[key])}  100.0 %"


def test_where_no_query_sees_there_is_nothing_to_tell(qtbot: QtBot, hover: Hover) -> None:
    heatmap = show(qtbot, Heatmap())
    heatmap.set_data(one_cell(0, 0), PIECES, None)
    first = where(heatmap, color_of(1.0))
    heatmap.set_data(one_cell(5, 5), PIECES, None)
    last = where(heatmap, color_of(1.0))
    assert hover(heatmap, QPoint(last.x(), first.y())) == ""
    assert hover(heatmap, QPoint(1, 1)) == ""
    assert hover(heatmap, QPoint(first.x(), last.y())) == "␣mat → The  0.0 %"


def test_rows_of_the_heatmap_are_walked_by_keys_and_end_at_the_ends(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    chosen = heard(heatmap.row_chosen)
    for row, key, expected in (
        (2, Qt.Key.Key_Up, [1]),
        (2, Qt.Key.Key_Down, [3]),
        (0, Qt.Key.Key_Up, []),
        (5, Qt.Key.Key_Down, []),
    ):
        chosen.clear()
        heatmap.set_data(one_cell(0, 0), PIECES, row)
        press(heatmap, key)
        assert chosen == expected


def test_the_chosen_row_is_framed_and_described(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    heatmap.set_data(one_cell(4, 2), PIECES, None)
    cell = where(heatmap, color_of(1.0))
    heatmap.set_data(one_cell(4, 2), PIECES, 4)
    frame = area_of(painted(heatmap, LIGHT.color("accent")))
    assert frame.top() < cell.y() < frame.bottom()
    assert frame.left() < cell.x() < frame.right()
    assert plain(heatmap.accessibleDescription()) == "␣the → ␣sat  100.0 %"


def test_the_wheel_enlarges_around_the_mouse_and_a_double_click_shows_everything(qtbot: QtBot, hover: Hover) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(30, 10, 40), names, None)
    whole, place = area_of(painted(heatmap, color_of(1.0))), where(heatmap, color_of(1.0))
    turn_wheel(heatmap, place, 5)
    enlarged = area_of(painted(heatmap, color_of(1.0)))
    assert enlarged.width() > 2 * whole.width()
    assert enlarged.contains(place)
    assert hover(heatmap, place) == "t30 → t10  100.0 %"
    QTest.mouseDClick(heatmap, LEFT, NO_KEY, place)
    assert area_of(painted(heatmap, color_of(1.0))) == whole


def test_an_enlarged_heatmap_is_dragged_but_not_out_of_sight(qtbot: QtBot, hover: Hover) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 10, 40), names, None)
    turn_wheel(heatmap, where(heatmap, color_of(1.0)), 5)
    place = where(heatmap, color_of(1.0))
    drag(heatmap, place, place + QPoint(10, 4), place + QPoint(20, 8))
    assert (where(heatmap, color_of(1.0)) - place - QPoint(20, 8)).manhattanLength() <= 2
    drag(heatmap, place, place + QPoint(5000, 5000))
    heatmap.set_data(one_cell(0, 0, 40), names, None)  # the first cell is the farthest there is
    assert hover(heatmap, where(heatmap, color_of(1.0))) == "t0 → t0  100.0 %"


def test_the_heatmap_is_enlarged_by_keys_too(qtbot: QtBot) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 20, 40), names, None)
    before = area_of(painted(heatmap, color_of(1.0)))
    QTest.keyClicks(heatmap, "+++")
    nearer = area_of(painted(heatmap, color_of(1.0)))
    QTest.keyClicks(heatmap, "-")
    farther = area_of(painted(heatmap, color_of(1.0)))
    assert nearer.width() > farther.width() > before.width()
    QTest.keyClicks(heatmap, "0")
    assert area_of(painted(heatmap, color_of(1.0))) == before


def test_another_text_of_the_same_length_keeps_the_view_and_a_longer_one_does_not(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    names = tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 20, 40), names, None)
    QTest.keyClicks(heatmap, "+++")
    enlarged = area_of(painted(heatmap, color_of(1.0)))
    heatmap.set_data(one_cell(20, 20, 40), names[::-1], None)
    assert area_of(painted(heatmap, color_of(1.0))).width() == enlarged.width()
    heatmap.set_data(one_cell(20, 20, 41), (*names, "x"), None)
    assert area_of(painted(heatmap, color_of(1.0))).width() < enlarged.width()


def test_no_label_of_the_heatmap_is_cut_off_at_the_edge(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap(), 1000, 220)
    heatmap.set_data(one_cell(0, 0), tuple(f" internationalisation{n}" for n in range(6)), None)
    edge = pixels(heatmap)[0]
    assert (edge == edge[0]).all()


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
@pytest.mark.parametrize("size", [(160, 140), (220, 180), (600, 400), (1200, 300)])
def test_nothing_lies_on_the_cells_of_the_heatmap(qtbot: QtBot, size: tuple[int, int], theme: Theme) -> None:
    heatmap = show(qtbot, Heatmap(), *size)
    heatmap.restyle(theme)
    areas = []
    for diagonal in range(6):
        heatmap.set_data(one_cell(diagonal, diagonal), PIECES, None)
        lit = painted(heatmap, color_of(1.0))
        areas.append(area_of(lit))
        inner = areas[-1].adjusted(1, 1, -1, -1)
        assert lit[inner.top() : inner.bottom(), inner.left() : inner.right()].all()
    assert max(area.width() for area in areas) - min(area.width() for area in areas) <= 2
    assert max(area.height() for area in areas) - min(area.height() for area in areas) <= 2


# --- Mosaic -----------------------------------------------------------------------------------------


def heads(layers: int, count: int, lit: tuple[int, int]) -> list[np.ndarray]:
    weights = [np.zeros((count, 4, 4), np.float32) for _ in range(layers)]
    weights[lit[0]][lit[1]] = 1.0
    return weights


@pytest.mark.parametrize(
    ("layers", "count", "lit"),
    [(1, 1, (0, 0)), (2, 3, (1, 2)), (12, 12, (7, 0)), (12, 12, (0, 11)), (28, 16, (27, 15)), (36, 32, (20, 9))],
)
def test_a_head_is_clicked_where_it_is_drawn(qtbot: QtBot, layers: int, count: int, lit: tuple[int, int]) -> None:
    mosaic = show(qtbot, Mosaic(), 240, 240)
    mosaic.set_weights(heads(layers, count, lit))
    mosaic.set_current(0 if lit[0] else layers - 1, 0)
    chosen, picture = heard(mosaic.chosen), painted(mosaic, color_of(1.0))
    assert picture.any(), "the head cannot be seen"
    rows, columns = np.nonzero(picture)
    click(mosaic, QPoint(int(np.median(columns)), int(np.median(rows))))
    assert chosen == [lit]


def test_heads_are_walked_by_keys_and_end_at_the_edges(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 240, 240)
    mosaic.set_weights(heads(2, 3, (0, 0)))
    mosaic.chosen.connect(mosaic.set_current)
    way = []
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, *[Qt.Key.Key_Right] * 3, Qt.Key.Key_Down, Qt.Key.Key_Down):
        press(mosaic, key)
        way.append((mosaic.layer, mosaic.head))
    assert way == [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2), (1, 2), (1, 2)]
    assert mosaic.accessibleDescription() == "Layer 2, head 3"


def test_the_chosen_head_is_framed(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 300, 200)
    mosaic.set_weights(heads(2, 3, (1, 2)))
    mosaic.set_current(1, 2)
    picture, frame = where(mosaic, color_of(1.0)), area_of(painted(mosaic, LIGHT.color("accent")))
    assert frame.contains(picture)
    assert frame.width() < 110


@pytest.mark.parametrize("size", [(300, 200), (60, 40)], ids=["with words", "a dot"])
def test_a_badge_lies_on_its_head(qtbot: QtBot, size: tuple[int, int]) -> None:
    mosaic = show(qtbot, Mosaic(), *size)
    mosaic.set_weights(heads(2, 3, (1, 1)))
    mosaic.set_badges({(0, 1): ("prev", "#ff00ff"), (7, 7): ("gone", "#00ffff")})
    chosen = heard(mosaic.chosen)
    click(mosaic, where(mosaic, QColor("#ff00ff")))
    assert chosen == [(0, 1)]
    assert not painted(mosaic, QColor("#00ffff")).any()


# --- Cloud ------------------------------------------------------------------------------------------

CORNERS = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [1, 2]], np.float32)


def cloud_of(qtbot: QtBot, points: np.ndarray, width: int = 500, height: int = 400) -> Cloud:
    cloud: Cloud = show(qtbot, Cloud(), width, height)
    cloud.set_names([f"n{i}" for i in range(len(points))], (["latin", "kanji", "digit"] * len(points))[: len(points)])
    cloud.set_points(points, True)
    cloud.grab()
    return cloud


def test_a_point_is_clicked_and_hovered_where_it_is_drawn(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    clicked, hovered = heard(cloud.clicked), heard(cloud.hovered)
    middle = QPoint(330, 200)
    for index in range(5):
        at = cloud.at(index).toPoint()
        click(cloud, at)
        point(cloud, at)
        background = pixels(cloud)[middle.y(), middle.x()]
        assert pixels(cloud)[at.y(), at.x()] != background
    click(cloud, middle)
    point(cloud, middle)
    assert clicked == [0, 1, 2, 3, 4, -1]
    assert hovered[-1] == -1
    assert {0, 1, 2, 3, 4} <= set(hovered)


def test_up_is_up_and_right_is_right(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    assert cloud.at(0).x() < cloud.at(1).x()
    assert cloud.at(0).y() > cloud.at(3).y()
    assert all(QRectF(cloud.rect()).contains(cloud.at(i)) for i in range(5))


def test_a_cloud_is_moved_and_enlarged_by_keys(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    first = [cloud.at(i) for i in range(5)]
    press(cloud, Qt.Key.Key_Right, Qt.Key.Key_Down)
    cloud.grab()
    moved = cloud.at(0) - first[0]
    assert moved.x() < 0  # the eye goes to the right
    assert moved.y() < 0
    QTest.keyClicks(cloud, "++")
    cloud.grab()
    assert (cloud.at(1) - cloud.at(0)).x() == pytest.approx(1.44 * (first[1] - first[0]).x(), rel=1e-3)
    QTest.keyClicks(cloud, "0")
    cloud.grab()
    assert [cloud.at(i) for i in range(5)] == first


def test_a_drag_is_no_click_and_the_wheel_keeps_what_is_under_it(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    clicked, before = heard(cloud.clicked), cloud.at(2)
    drag(cloud, QPoint(250, 200), QPoint(260, 190), QPoint(270, 180))
    cloud.grab()
    assert cloud.at(2) - before == QPointF(20, -20)
    assert clicked == []
    fixed = cloud.at(4)
    turn_wheel(cloud, fixed.toPoint(), 3)
    cloud.grab()
    assert (cloud.at(4) - fixed).manhattanLength() < 2


def test_a_lasso_takes_what_it_surrounds(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    lassoed, clicked = heard(cloud.lassoed), heard(cloud.clicked)
    low = round(max(cloud.at(0).y(), cloud.at(1).y()))
    corners = [QPoint(0, low - 20), QPoint(499, low - 20), QPoint(499, 399), QPoint(0, 399), QPoint(0, low - 20)]
    before = cloud.at(0)
    drag(cloud, *corners, keys=SHIFT)
    cloud.grab()
    assert lassoed == [[0, 1]]
    assert (clicked, cloud.at(0)) == ([], before)


def test_a_lasso_around_nothing_and_in_an_empty_cloud(qtbot: QtBot) -> None:
    for points in (CORNERS, CORNERS[:0]):
        cloud = cloud_of(qtbot, points)
        lassoed = heard(cloud.lassoed)
        drag(cloud, QPoint(3, 3), QPoint(6, 3), QPoint(6, 6), keys=SHIFT)
        assert lassoed == [[]]


def test_three_dimensions_turn_by_keys_and_are_moved_with_the_right_button(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    before = np.array([cloud.at(i).toTuple() for i in range(20)])
    drag(cloud, QPoint(250, 200), QPoint(280, 210), button=RIGHT)
    cloud.grab()
    moved = np.array([cloud.at(i).toTuple() for i in range(20)])
    np.testing.assert_allclose(moved - before, np.tile([30, 10], (20, 1)), atol=1e-3)
    press(cloud, Qt.Key.Key_Left)
    cloud.grab()
    turned = np.array([cloud.at(i).toTuple() for i in range(20)])
    assert not np.allclose(turned, moved)
    np.testing.assert_allclose(turned[:, 1], moved[:, 1], atol=1e-2)  # about the upright axis


def test_a_single_point_lies_in_the_middle(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, np.array([[1e6, -3.0]], np.float32))
    assert cloud.at(0) == QPointF(250, 200)


def test_a_point_that_is_no_number_hides_no_other(qtbot: QtBot) -> None:
    points = CORNERS.copy()
    points[1] = np.nan
    cloud = cloud_of(qtbot, points)
    clicked = heard(cloud.clicked)
    for index in (0, 2, 3, 4):
        assert QRectF(cloud.rect()).contains(cloud.at(index))
        click(cloud, cloud.at(index).toPoint())
    assert clicked == [0, 2, 3, 4]


def test_the_view_comes_back_from_very_near_and_very_far(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    before = cloud.at(2)
    for clicks in (150, -300):
        turn_wheel(cloud, QPoint(100, 100), clicks)
        assert not cloud.grab().isNull()
    cloud.fit([4])
    assert not cloud.grab().isNull()
    assert cloud.at(4) == QPointF(250, 200)
    QTest.keyClicks(cloud, "0")
    cloud.grab()
    assert cloud.at(2) == before


def test_kinds_differ_in_colour_and_shape_and_points_carry_them(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    styles = [cloud.style_of(kind) for kind in cloud.kinds_in_order()]
    assert cloud.kinds_in_order() == ["latin", "kanji", "digit"]
    assert len({color for color, _ in styles}) == len({shape for _, shape in styles}) == 3
    shown, places = pixels(cloud), [cloud.at(i).toPoint() for i in range(5)]
    colors = [int(shown[at.y(), at.x()]) for at in places]
    assert colors[0] == colors[3] != colors[1]
    assert colors[1] == colors[4] != colors[2]


def test_marks_are_rings_and_those_of_another_map_are_forgotten(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    cloud.set_marked([2, 99])
    ring = area_of(painted(cloud, LIGHT.color("accent")))
    assert cloud.marked == [2]
    assert ring.adjusted(-9, -9, 9, 9).contains(cloud.at(2).toPoint())
    cloud.set_names(["a"], ["latin"])
    cloud.set_points(CORNERS[:1], True)
    assert cloud.marked == []
    assert not cloud.grab().isNull()


def test_arrows_paths_and_axes_are_drawn(qtbot: QtBot) -> None:
    cloud = cloud_of(qtbot, CORNERS)
    cloud.set_arrows([(0, 1)])
    line = np.nonzero(painted(cloud, LIGHT.color("warning")))
    assert line[1].min() == pytest.approx(cloud.at(0).x(), abs=4)
    assert line[1].max() == pytest.approx(cloud.at(1).x(), abs=4)
    before = pixels(cloud)
    cloud.set_paths([[3, 2], [0, 4]])
    after = pixels(cloud)
    middle = ((cloud.at(3) + cloud.at(2)) / 2).toPoint()
    assert after[middle.y(), middle.x()] != before[middle.y(), middle.x()]
    cloud.set_explained([0.5, 0.3])
    assert (pixels(cloud)[-16:] != after[-16:]).any()


# --- Candidates -------------------------------------------------------------------------------------


def many_candidates(count: int) -> m.Candidates:
    shares = np.linspace(2, 1, count, dtype=np.float32)
    table = np.tile(shares / shares.sum(), (len(m.STAGES), 1))
    pieces = tuple(f"p{i}" for i in range(count))
    return m.Candidates(np.arange(count, dtype=np.int32), pieces, table, (count,) * 6, 1.0, 0.5, 0, 0.0, 0.1)


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_a_candidate_that_was_cut_is_grey_and_still_chosen_by_a_click(qtbot: QtBot, hover: Hover, theme: Theme) -> None:
    bars = show(qtbot, CandidateBars(), 400, 400)
    bars.restyle(theme)
    bars.set_candidates(candidates())
    chosen, place = heard(bars.chosen), where(bars, theme.color("cut"))
    assert "cut by min-p" in hover(bars, place)
    assert hover(bars, place).startswith("c   ID 99\nmodel: 20.00 %")
    click(bars, place)
    assert chosen == [99]
    assert hover(bars, QPoint(200, 395)) == ""


def test_bars_are_as_long_as_the_model_is_sure(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 500, 300)
    bars.set_candidates(candidates())
    lengths = painted(bars, LIGHT.series_color(0)).sum(1)
    runs = np.split(lengths, np.flatnonzero(lengths == 0))
    first, second = [int(run.max()) for run in runs if run.size and run.max() > 5][:2]
    assert first / second == pytest.approx(0.5 / 0.3, rel=0.05)


@pytest.mark.parametrize("draw", [0.05, 0.42, 0.97])
def test_the_random_number_is_marked_on_the_line(qtbot: QtBot, draw: float) -> None:
    bars = show(qtbot, CandidateBars(), 500, 300)
    bars.set_candidates(replace(candidates(), draw=draw))
    rows, columns = np.nonzero(painted(bars, LIGHT.series_color(1)))
    assert columns[rows == rows.min()].mean() == pytest.approx(draw * 500, abs=3)


def test_candidates_are_walked_by_keys(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 400, 400)
    bars.set_candidates(candidates())
    chosen = heard(bars.chosen)
    press(bars, Qt.Key.Key_Return)  # nothing is chosen yet
    press(bars, Qt.Key.Key_Up, Qt.Key.Key_Return, *[Qt.Key.Key_Down] * 7, Qt.Key.Key_Enter)
    assert chosen == [97, 99]
    assert "c   ID 99" in bars.accessibleDescription()


def test_keys_never_choose_a_candidate_that_is_not_shown(qtbot: QtBot) -> None:
    bars = show(qtbot, CandidateBars(), 400, 500)
    bars.set_candidates(many_candidates(12))
    assert bars.rows() == 12
    press(bars, *[Qt.Key.Key_Down] * 12)
    bars.resize(400, 150)
    assert bars.rows() < 12
    chosen = heard(bars.chosen)
    press(bars, Qt.Key.Key_Return)
    assert chosen == [bars.rows() - 1]
    bars.set_candidates(candidates())  # of a model with only three tokens
    press(bars, Qt.Key.Key_Return)
    assert chosen[-1] in (97, 98, 99)


def test_without_candidates_nothing_is_chosen_or_told(qtbot: QtBot, hover: Hover) -> None:
    bars = show(qtbot, CandidateBars(), 400, 300)
    chosen = heard(bars.chosen)
    click(bars, QPoint(50, 10))
    press(bars, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert (chosen, hover(bars, QPoint(50, 10)), bars.rows()) == ([], "", 0)


# --- Token strip ------------------------------------------------------------------------------------


def strip_of(qtbot: QtBot, text: str, width: int = 400) -> TokenStrip:
    strip: TokenStrip = show(qtbot, TokenStrip(), width, 46)
    strip.set_tokens(tokens_of(text))
    return strip


def chip(strip: TokenStrip, index: int) -> QRect:
    """Where a chip is drawn: it is lit for a moment."""
    before = strip.current
    strip.current = index
    found = area_of(painted(strip, strip.theme.color("accent")))
    strip.current = before
    return found


def test_a_chip_is_selected_where_it_is_drawn_and_again_is_not(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, "a b\n私😀")
    selected = heard(strip.selected)
    for index in range(6):
        click(strip, chip(strip, index).center())
    assert selected == [0, 1, 2, 3, 4, 5]
    strip.set_current(3)
    click(strip, chip(strip, 3).center())
    assert selected[-1] is None


def test_chips_are_walked_by_keys(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, "abc")
    strip.selected.connect(strip.set_current)
    way = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_Left):
        press(strip, key)
        way.append(strip.current)
    press(strip, Qt.Key.Key_Escape)
    way.append(strip.current)
    press(strip, Qt.Key.Key_Left)
    assert [*way, strip.current] == [0, 1, 2, 2, 0, 0, None, 2]


def test_without_a_text_keys_and_clicks_select_nothing(qtbot: QtBot, hover: Hover) -> None:
    strip: TokenStrip = show(qtbot, TokenStrip(), 400, 46)
    selected = heard(strip.selected)
    for tokens in (None, tokens_of("")):
        strip.set_tokens(tokens)
        press(strip, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Escape)
        assert hover(strip, QPoint(10, 10)) == ""
    assert selected == []


def test_after_scrolling_a_click_still_hits_what_is_under_it(qtbot: QtBot, hover: Hover) -> None:
    strip = strip_of(qtbot, "".join(map(chr, range(0x3041, 0x3091))))
    turn_wheel(strip, QPoint(100, 20), -6)
    first = next(i for i in range(80) if hover(strip, QPoint(200, 20)).startswith(chr(0x3041 + i)))
    assert first > 10
    assert chip(strip, first).contains(QPoint(200, 20))
    turn_wheel(strip, QPoint(100, 20), -500)
    assert hover(strip, QPoint(380, 20)).startswith(chr(0x3090))  # not beyond the last
    turn_wheel(strip, QPoint(100, 20), 500)
    assert hover(strip, QPoint(6, 20)).startswith(chr(0x3041))


@given(st.integers(0, 199), st.integers(80, 700))
@settings(max_examples=25)
def test_a_token_selected_elsewhere_comes_into_view(qtbot: QtBot, index: int, width: int) -> None:
    strip = strip_of(qtbot, "ab 私" * 50, width)
    strip.set_current(index)
    shown = chip(strip, index)
    assert shown.left() >= 0
    assert shown.right() < width
    wide = strip_of(qtbot, "ab 私" * 50, 700)
    wide.set_current(index)
    assert shown.width() == chip(wide, index).width()  # the whole chip, not its edge


def test_a_chip_tells_its_bytes_and_characters(qtbot: QtBot, hover: Hover) -> None:
    strip = strip_of(qtbot, "a𠮟 ")
    assert (
        hover(strip, chip(strip, 1).center()) == f"𠮟   ID {ord('𠮟')}, letters\nBytes F0 A0 AE 9F\nCharacters 1 to 2"
    )
    i18n.set_language("ja")
    assert "␣" in hover(strip, chip(strip, 2).center())
    assert "Bytes" not in hover(strip, chip(strip, 2).center())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_bytes_told_are_those_of_the_text(text: str) -> None:
    tokens = tokens_of(text)
    lines = [describe(tokens, i).rsplit("\n", 2)[1].removeprefix("Bytes ") for i in range(len(text))]
    assert bytes.fromhex("".join(lines)) == text.encode()


# --- Coloured text ----------------------------------------------------------------------------------


def boxes_of(text: ColouredText) -> list[tuple[int, QRectF, str]]:
    return [(i, *box) for i, boxes in enumerate(text.page._boxes) for box in boxes]


PROSE = "It was a bright cold day in April, and the clocks were striking thirteen. " * 4


@pytest.mark.parametrize(
    "text",
    [PROSE, "吾輩は猫である。名前はまだ無い。" * 9, "x" * 400, "https://example.org/" + "path/" * 60, "a b" * 90],
)
def test_no_text_runs_out_at_the_side(qtbot: QtBot, text: str) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 320, 300)
    shown.set_spans([Span(text, None), Span(" end", 0.5)])
    boxes = boxes_of(shown)
    assert max(box.right() for _, box, _ in boxes) <= shown.viewport().width() + 1
    assert "".join(part for _, _, part in boxes) == text + " end"


def test_english_words_are_kept_whole(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 320, 300)
    shown.set_spans([Span(PROSE, None)])
    lines: dict[float, str] = {}
    for _, box, part in boxes_of(shown):
        lines[box.top()] = lines.get(box.top(), "") + part
    assert len(lines) > 3
    assert " ".join(line.strip() for line in lines.values()).split() == PROSE.split()


@given(
    st.lists(st.text(st.sampled_from("ab cd.、猫で😀é\n"), max_size=40), min_size=1, max_size=6), st.integers(90, 500)
)
@settings(max_examples=30)
def test_everything_is_written_once_and_in_order(qtbot: QtBot, texts: list[str], width: int) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), width, 200)
    shown.set_spans([Span(text, 0.5) for text in texts])
    boxes = boxes_of(shown)
    assert "".join(part for _, _, part in boxes) == "".join(texts).replace("\n", "⏎")
    assert [i for i, _, _ in boxes] == sorted(i for i, _, _ in boxes)
    for (_, a, _), (_, b, _) in pairwise(boxes):
        assert b.left() >= a.right() - 0.01 or b.top() >= a.bottom() - 0.01
    assert shown.text() == "".join(texts)


@pytest.mark.parametrize("character", ["か\u3099", "e\u0301", "👨\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "葛\U000e0100"])
def test_what_is_one_character_to_the_eye_is_not_taken_apart(qtbot: QtBot, character: str) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 120, 300)
    shown.set_spans([Span(f"猫{character * 30}犬", None)])
    parts = [part for _, _, part in boxes_of(shown)]
    assert "".join(parts) == f"猫{character * 30}犬"
    assert {unicodedata.category(part[0])[0] for part in parts} <= {"L", "S"}
    assert not any(part.endswith("\u200d") or part[0] in "\u200d🏽" for part in parts)


def test_a_token_is_underlined_by_its_number_and_clicked_there(qtbot: QtBot, hover: Hover) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("The", None, "the prompt"), Span(" cat", 0.0, "low"), Span(" sat", 1.0, "high")])
    clicked = heard(shown.clicked)
    for value, words in ((0.0, "low"), (1.0, "high")):
        place = where(shown.page, color_of(value))
        click(shown.page, place)
        assert hover(shown.page, place) == words
    assert clicked == [1, 2]
    assert hover(shown.page, QPoint(480, 150)) == ""


def test_the_mouse_over_a_span_is_told_and_so_is_its_leaving(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("one", 0.1), Span(" two", 0.9)])
    hovered = heard(shown.hovered)
    for value in (0.1, 0.9):
        point(shown.page, where(shown.page, color_of(value)))
    QApplication.sendEvent(shown.page, QEvent(QEvent.Type.Leave))
    assert hovered[-3:] == [0, 1, -1]


def test_spans_are_walked_and_copied_by_keys(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    spans = [Span("私は", None), Span("😀", 0.5), Span(" sat", 0.5)]
    shown.set_spans(spans, 1)
    clicked, copied = heard(shown.clicked), []
    shown.copied.connect(lambda: copied.append(QApplication.clipboard().text()))
    press(shown.page, Qt.Key.Key_Left, Qt.Key.Key_Right)
    shown.set_spans(spans, 0)
    press(shown.page, Qt.Key.Key_Left)
    shown.set_spans(spans, 2)
    press(shown.page, Qt.Key.Key_Right)
    shown.set_spans(spans)
    press(shown.page, Qt.Key.Key_Left)
    QTest.keyClick(shown.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clicked == [0, 2, 0, 2, 2]
    assert copied == ["私は😀 sat"]


def test_what_was_written_last_is_in_view(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 300, 120)
    shown.set_spans([Span(PROSE, None), *[Span(f" word{n}", 0.25) for n in range(60)], Span(" end", 1.0)])
    qtbot.waitUntil(lambda: painted(shown.viewport(), color_of(1.0)).any())
    shown.set_spans([*[Span(f" word{n}", 0.25) for n in range(60)], Span(" end", 1.0)], 0)
    qtbot.waitUntil(lambda: shown.verticalScrollBar().value() < 30)


def test_sources_are_tinted_and_numbered(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 500, 200)
    shown.set_spans([Span("said before ", None), Span("said by a source", None, "", QColor("#cc00cc"), "7")])
    mark = painted(shown.page, QColor("#cc00cc"))
    first = next(box for i, box, _ in boxes_of(shown) if i == 1)
    assert np.nonzero(mark)[1].min() >= round(first.left()) - 1
    assert mark[: round(first.center().y())].any()  # the number, above …
    assert mark[round(first.bottom()) - 8 :].any()  # … and the line below


def test_larger_type_takes_more_lines(qtbot: QtBot) -> None:
    shown: ColouredText = show(qtbot, ColouredText(), 400, 200)
    shown.set_spans([Span(PROSE, 0.3)])
    before = shown.page.minimumHeight()
    shown.restyle(LARGE_TYPE)
    assert shown.page.minimumHeight() > 3 * before


def test_an_empty_piece_is_named() -> None:
    assert [marked(piece) for piece in ("", " ", "猫")] == ["∅", "␣", "猫"]


def test_a_mark_is_whole_also_where_a_line_begins_with_a_space(qtbot: QtBot) -> None:
    red, widths = QColor(200, 0, 0), []
    for text in ("Words", " Words"):
        view = show(qtbot, ColouredText(), 300, 100)
        view.set_spans([Span(text, None, color=red, mark="1")], None)
        top = painted(view.page, red)[: view.page.line_height // 2]
        widths.append(int(top.any(axis=0).sum()))
    assert widths[0] == widths[1] > 0


# --- Attention: lines and steps ---------------------------------------------------------------------


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_a_line_is_clicked_at_the_height_where_it_begins(qtbot: QtBot, theme: Theme) -> None:
    lines = show(qtbot, AttentionLines(), 500, 400)
    lines.restyle(theme)
    chosen = heard(lines.row_chosen)
    for row in range(6):
        lines.set_data(np.eye(6, dtype=np.float32), PIECES, row)
        click(lines, where(lines, theme.color("accent")))
    assert chosen == [0, 1, 2, 3, 4, 5]


def test_lines_are_walked_by_keys_and_end_at_the_ends(qtbot: QtBot) -> None:
    lines = show(qtbot, AttentionLines(), 500, 400)
    chosen = heard(lines.row_chosen)
    for row, key in ((0, Qt.Key.Key_Up), (0, Qt.Key.Key_Down), (5, Qt.Key.Key_Down), (5, Qt.Key.Key_Up)):
        lines.set_data(np.eye(6, dtype=np.float32), PIECES, row)
        press(lines, key)
    assert chosen == [1, 4]
    click(lines, QPoint(250, 2))  # the heads of the columns
    click(lines, QPoint(250, 398))
    assert chosen == [1, 4]


@pytest.mark.parametrize(("count", "drawn"), [(12, 12), (MOST_QUERIES + 1, 1)])
def test_of_a_long_text_only_the_chosen_lines_are_drawn(qtbot: QtBot, count: int, drawn: int) -> None:
    lines = show(qtbot, AttentionLines(), 500, 18 * count + 60)
    lines.set_data(np.eye(count, dtype=np.float32), ("x",) * count, 3)
    column = pixels(lines)[:, 250]
    other = column != column[-1]
    assert np.count_nonzero(np.diff(other.astype(int)) == 1) == drawn


@pytest.mark.parametrize("kind", ["lines", "steps"])
def test_with_larger_type_rows_get_more_room(qtbot: QtBot, kind: str) -> None:
    view: Any
    if kind == "lines":
        view = show(qtbot, AttentionLines())
        view.set_data(np.eye(6, dtype=np.float32), PIECES, 3)
    else:
        view = show(qtbot, AttentionStepsView())
        [steps] = attention_steps(m.ExplainAttention("abcdef", 0, 5))
        view.set_data(steps, 0, PIECES)
    before = view.minimumHeight()
    view.restyle(LARGE_TYPE)
    assert view.minimumHeight() > 1.7 * before
    view.restyle(LIGHT)
    assert view.minimumHeight() == before


def steps_view(qtbot: QtBot, query: int = 5, head: int = 1, width: int = 700) -> tuple[AttentionStepsView, Any]:
    pieces = tuple(f"t{i}" for i in range(query + 3))
    [steps] = attention_steps(m.ExplainAttention("x" * len(pieces), 0, query))
    view: AttentionStepsView = show(qtbot, AttentionStepsView(), width, 500)
    view.set_data(steps, head, pieces)  # type: ignore[arg-type]
    return view, steps


def test_every_number_of_the_steps_can_be_read_exactly(qtbot: QtBot, hover: Hover) -> None:
    view, steps = steps_view(qtbot)
    view.grab()  # painted, so that hovering knows where the numbers are
    said = {
        hover(view, QPointF(box.left() + box.width() * 0.99, box.center().y()).toPoint()) for box, _, _ in view._strips
    }
    for key in range(6):
        assert f"k  t{key} [4] = {steps.k[1, key, -1]:.4f}" in said
        assert f"v  t{key} [4] = {steps.v[1, key, -1]:.4f}" in said
    assert f"x [12] = {steps.input[-1]:.4f}" in said
    assert f"weights × values, added [4] = {steps.heads[1, -1]:.4f}" in said
    assert hover(view, QPoint(1, 499)) == ""


def test_heads_that_share_keys_show_the_shared_ones(qtbot: QtBot) -> None:
    view, steps = steps_view(qtbot)
    four = {name: getattr(steps, name)[[0, 1, 2, 0]] for name in ("q", "scaled", "weights", "heads")}
    grouped = replace(steps, k=steps.k[:2], v=steps.v[:2], **four)
    for head, group in enumerate((0, 0, 1, 1)):
        view.set_data(grouped, head, PIECES)
        view.grab()
        strip = next(values for _, name, values in view._strips if name == "k  The")
        assert strip.tolist() == steps.k[group, 0].tolist()


def test_of_a_very_long_text_the_newest_keys_are_shown(qtbot: QtBot) -> None:
    view, _ = steps_view(qtbot, query=MOST_KEYS + 50)
    assert len(view.pieces) == MOST_KEYS
    assert view.pieces[-1] == f"t{MOST_KEYS + 50}"
    assert view.fits(tuple(f"t{i}" for i in range(MOST_KEYS + 51)))
    assert not view.fits(tuple(f"t{i}" for i in range(MOST_KEYS + 52)))
    assert not AttentionStepsView().fits(())


def test_the_share_of_a_key_is_as_long_as_its_bar(qtbot: QtBot) -> None:
    view, steps = steps_view(qtbot, width=1200)
    weights = np.zeros_like(steps.weights)
    weights[1, 2], weights[1, 4] = 0.75, 0.25
    view.set_data(replace(steps, weights=weights), 1, PIECES)
    accent = painted(view, LIGHT.color("accent"))
    x = np.flatnonzero(accent.sum(0))
    column = accent[:, x[x > 600]]
    lengths = sorted({int(n) for n in column.sum(1)} - {0}, reverse=True)
    assert lengths[0] / lengths[1] == pytest.approx(3.0, rel=0.05)


# --- The machine ------------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(300, 2400), st.integers(120, 1400))


@given(SIZES, st.sampled_from([1.0, 1.5, 2.0]), st.integers(1, 32), st.integers(1, 36))
@settings(max_examples=80)
def test_every_part_of_the_machine_is_found_where_it_stands(
    size: tuple[int, int], zoom: float, tokens: int, layers: int
) -> None:
    found = plan(*(float(length) * zoom for length in size), zoom, tokens, layers)
    for part in found.parts:
        box = found.box(part)
        assert box.width() > 0
        assert box.height() > 0
        assert found.part_at(box.center()) == part
    for index in range(found.first_token, tokens):
        assert found.token_at("tokens", found.token_row("tokens", index).center()) == index
    assert found.part_at(QPointF(-5, -5)) is None


@given(SIZES, st.integers(1, 40))
def test_candidates_of_the_machine_do_not_overlap(size: tuple[int, int], count: int) -> None:
    found = plan(*map(float, size), 1.0, 5, 4)
    rows = found.candidate_rows(count)
    boxes = [found.candidate_row(place, rows) for place in range(rows)]
    assert 1 <= rows <= count
    assert all(b.top() >= a.bottom() - 1e-6 for a, b in pairwise(boxes))


def machine_of(qtbot: QtBot, text: str = "The cat", written: str = "", tokens: int = 0) -> Machine:
    machine: Machine = show(qtbot, Machine(), 1400, 600)
    [trace] = machine_trace(m.Trace(text + written, most=12))
    machine.set_trace(trace, text, written, tokens)  # type: ignore[arg-type]
    return machine


def inside(widget: QWidget, box: QRectF, color: QColor) -> int:
    """How many pixels of a box have a colour."""
    area = box.toRect()
    return int(painted(widget, color)[area.top() : area.bottom(), area.left() : area.right()].sum())


def test_the_selected_token_and_layer_are_lit_in_the_machine(qtbot: QtBot) -> None:
    machine, accent = machine_of(qtbot), LIGHT.color("accent")
    shown = machine.plan()
    assert shown is not None
    assert [inside(machine, shown.token_row("tokens", i), accent) for i in range(7)] == [0] * 7
    machine.set_selection(3, 1)
    lit = [inside(machine, shown.token_row("tokens", i), accent) for i in range(7)]
    assert lit[3] > 200
    assert sum(lit) - lit[3] == 0
    cards = [inside(machine, cell.card.adjusted(-2, -2, 2, 2), accent) for cell in shown.cells]
    assert cards[1] > cards[0]
    machine.set_selection(99, 99)  # of a longer text, and of a deeper model
    assert machine.view is not None
    assert (machine.view.token, machine.view.layer) == (None, 1)


@pytest.mark.parametrize("station", ["text", "tokens", "layers", "probabilities", "draw", "back"])
def test_the_station_of_the_walk_is_lit(qtbot: QtBot, station: str) -> None:
    machine = machine_of(qtbot)
    shown = machine.plan()
    assert shown is not None
    machine.set_lit(station)
    soft = LIGHT.color("accent_soft")
    lit = [name for name, box in shown.boxes.items() if inside(machine, box, soft) > 20]
    assert lit == ([station] if station in shown.boxes else [])
    assert machine.say(station) != ""
    machine.set_lit("")
    assert not any(inside(machine, box, soft) > 20 for box in shown.boxes.values())


def test_what_the_model_wrote_stands_out(qtbot: QtBot) -> None:
    accent = LIGHT.color("accent")
    plain, grown = machine_of(qtbot, "The cat 😀"), machine_of(qtbot, "The cat 😀", "𠮟る sat", 6)
    boxes = [machine.plan().boxes["text"] for machine in (plain, grown)]  # type: ignore[union-attr]
    assert inside(plain, boxes[0].adjusted(4, 4, -4, -4), accent) == 0
    assert inside(grown, boxes[1].adjusted(4, 4, -4, -4), accent) > 10


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_the_machine_is_painted_in_every_look_and_size(qtbot: QtBot, language: str, theme: Theme) -> None:
    i18n.set_language(language)
    machine = machine_of(qtbot, "é\n私は😀\u200b" * 90, "猫", 1)
    machine.restyle(theme)
    for size in ((1, 1), (240, 90), (600, 900), (2600, 200), (2600, 1500)):
        machine.resize(*size)
        assert not machine.grab().isNull()
        assert set(machine.stations()) >= {"tokens", "layers", "probabilities"}


def test_without_a_trace_the_machine_is_empty_and_quiet(qtbot: QtBot) -> None:
    machine = machine_of(qtbot)
    machine.set_trace(None, "", "", 0)
    opened = heard(machine.part_opened)
    click(machine, QPoint(300, 300))
    press(machine, Qt.Key.Key_Right, Qt.Key.Key_Return)
    machine.set_selection(1, 1)
    assert (opened, machine.stations(), machine.say("text"), machine.plan()) == ([], (), "", None)
    assert not machine.grab().isNull()


def test_the_full_colour_is_not_taken_by_one_giant() -> None:
    values = np.linspace(-1, 1, 100)
    values[7] = 1e6
    assert spread(values) == pytest.approx(1.0, abs=0.05)
    assert spread(np.array([0.0] * 99 + [5.0])) == 5.0
    assert spread(np.zeros(3)) == 0.0


def test_a_right_click_opens_nothing_and_the_hand_says_where_one_can_click(qtbot: QtBot) -> None:
    machine = machine_of(qtbot)
    shown = machine.plan()
    assert shown is not None
    opened, middle = heard(machine.part_opened), shown.boxes["logits"].center().toPoint()
    click(machine, middle, RIGHT)
    assert opened == []
    point(machine, middle)
    assert machine.cursor().shape() == Qt.CursorShape.PointingHandCursor
    point(machine, QPoint(1, 1))
    point(machine, QPoint(1399, 599))
    assert machine.cursor().shape() == Qt.CursorShape.ArrowCursor
    click(machine, middle)
    assert opened == [("logits", 0)]
    assert machine.part == Part("logits")


# --- Bars -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 500], ids=["alone", "of a matrix"])
@pytest.mark.parametrize("index", [0, 13, 31])
def test_the_number_told_is_that_of_the_bar_under_the_mouse(qtbot: QtBot, hover: Hover, index: int, rows: int) -> None:
    bars = show(qtbot, VectorBars(), 480, 104)
    vector = np.zeros(32, np.float32)
    vector[index] = 0.5
    bars.set_vector(vector, 3, rows)
    assert hover(bars, where(bars, LIGHT.series_color(1))) == f"[{index + 1}] = 0.5000"
    bars.set_vector(-vector, 3, rows)
    assert hover(bars, where(bars, LIGHT.series_color(0))) == f"[{index + 1}] = -0.5000"


def test_beside_the_bars_no_number_is_told(qtbot: QtBot, hover: Hover) -> None:
    bars = show(qtbot, VectorBars(), 480, 104)
    for width in (1, 4, 32):
        bars.set_vector(np.ones(width, np.float32), 3, 500)
        assert hover(bars, where(bars, LIGHT.color("accent"))) == ""  # the row in the matrix
    bars.set_vector(np.zeros(0), 0, 0)
    assert hover(bars, QPoint(100, 50)) == ""


@pytest.mark.parametrize(("row", "share"), [(0, 0.0), (250, 0.5), (499, 1.0)])
def test_the_row_is_lit_where_it_stands_in_the_matrix(qtbot: QtBot, row: int, share: float) -> None:
    bars = show(qtbot, VectorBars(), 480, 218)
    bars.set_vector(np.ones(8, np.float32), row, 500)
    matrix = np.flatnonzero(painted(bars, LIGHT.color("sunken"))[:, 5])
    lit = area_of(painted(bars, LIGHT.color("accent"))).center().y()
    assert lit == pytest.approx(share * matrix.max(), abs=4)
    assert bars.accessibleDescription() == f"row {row} of 500, 8 numbers"


BARS = [
    Bar("first", 0.9, "0.90", "the first of all", QColor("#aa0000")),
    Bar("second", 0.5, "0.50", "", QColor("#00aa00")),
    Bar("third", -0.2, "-0.20", "", QColor("#0000aa")),
]


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
def test_a_bar_is_chosen_and_told_where_it_is_drawn(qtbot: QtBot, hover: Hover, theme: Theme) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.restyle(theme)
    bars.set_bars(BARS)
    chosen, words = heard(bars.chosen), []
    for bar in BARS:
        assert bar.color is not None
        place = where(bars, bar.color)
        click(bars, place)
        words.append(hover(bars, place))
    assert chosen == [0, 1, 2]
    assert words == ["the first of all", "second  0.50", "third  -0.20"]
    assert hover(bars, QPoint(10, 195)) == ""


def test_bars_below_zero_grow_to_the_other_side(qtbot: QtBot) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.set_bars(BARS)
    first, second, third = (area_of(painted(bars, bar.color or QColor())) for bar in BARS)
    assert third.right() <= first.left() == second.left()
    assert first.width() / second.width() == pytest.approx(0.9 / 0.5, rel=0.05)
    bars.set_bars([replace(bar, color=None) for bar in BARS])
    assert painted(bars, LIGHT.series_color(1)).any()  # above zero
    assert painted(bars, LIGHT.series_color(0)).any()


def test_bars_are_walked_by_keys_around_the_end(qtbot: QtBot) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.set_bars(BARS)
    chosen = heard(bars.chosen)
    press(bars, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Enter)
    assert chosen == [1, 2]
    bars.set_bars(BARS[:1])
    press(bars, Qt.Key.Key_Return)
    bars.set_bars([])
    press(bars, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert chosen == [1, 2, 0]


def test_the_chosen_bar_is_marked_only_while_the_list_has_the_keyboard(qtbot: QtBot) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.set_bars(BARS)
    bars.activateWindow()
    bars.setFocus()
    qtbot.waitUntil(bars.hasFocus)
    press(bars, Qt.Key.Key_Down)
    marked_row = area_of(painted(bars, LIGHT.color("accent_soft")))
    assert marked_row.top() < where(bars, QColor("#00aa00")).y() < marked_row.bottom()
    bars.clearFocus()
    assert not painted(bars, LIGHT.color("accent_soft")).any()


def test_neighbours_are_chosen_where_they_are_drawn(qtbot: QtBot) -> None:
    near = show(qtbot, NearList(), 300, 400)
    near.set_near(near_tokens(5))
    bars = painted(near, LIGHT.color("accent"))
    lengths = bars.sum(1)
    starts = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
    chosen = heard(near.chosen)
    for top in (0, *starts.tolist())[-5:]:
        click(near, QPoint(20, int(top) + 3))
    assert chosen == [100, 101, 102, 103, 104]
    sizes = [int(lengths[top + 2]) for top in starts.tolist()[-5:]]
    assert sizes == sorted(sizes, reverse=True)
    assert near.accessibleDescription().startswith("a 0.90, b ")


def test_neighbours_are_walked_by_keys(qtbot: QtBot) -> None:
    near = show(qtbot, NearList(), 300, 400)
    near.set_near(near_tokens(3))
    chosen = heard(near.chosen)
    press(near, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return)
    assert chosen == [101, 102]
    near.set_near(near_tokens(2))
    press(near, Qt.Key.Key_Return)  # a new list begins at its head
    near.set_near(None)
    press(near, Qt.Key.Key_Down, Qt.Key.Key_Return)
    click(near, QPoint(20, 10))
    assert chosen == [101, 102, 100]


@pytest.mark.parametrize("kind", ["near", "bars"])
def test_what_has_no_room_is_neither_clicked_nor_reached_by_keys(qtbot: QtBot, kind: str) -> None:
    made: Any = NearList() if kind == "near" else BarList()
    if kind == "near":
        made.set_near(near_tokens(12))
    else:
        made.set_bars([Bar(f"b{n}", 1.0, "1") for n in range(12)])
    color = LIGHT.color("accent") if kind == "near" else LIGHT.series_color(0)
    view = show(qtbot, made, 300, 400)
    runs = np.count_nonzero(np.diff(painted(view, color).any(1).astype(int)) == 1)
    height = view.sizeHint().height()
    view.resize(300, height // 3 + 6)
    lit = painted(view, color).any(1)
    seen = np.count_nonzero(np.diff(np.r_[0, lit.astype(int)]) == 1)
    assert seen < runs
    chosen = heard(view.chosen)
    click(view, QPoint(20, view.height() - 1))  # where half a row would be
    assert chosen == []
    press(view, *[Qt.Key.Key_Down] * (seen - 1), Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_Return)
    base = 100 if kind == "near" else 0
    assert chosen == [base + seen - 1, base]  # around the end of what is shown


# --- Curves and their plot --------------------------------------------------------------------------


def run(losses: list[float], name: str = "run") -> Curve:
    found = Curve(name, 100, {"uniform": 6.0, "unigram": 5.0, "bigram": 4.0})
    count = len(losses)
    ones = np.ones(count)
    found.extend(np.arange(1, count + 1), np.arange(count) * 0.5, np.array(losses), ones * 0.02, ones)
    return found


def test_ten_runs_over_each_other_can_be_told_apart() -> None:
    looks = set()
    for look in range(10):
        found = run([3.0])
        found.look = look
        for theme in (LIGHT, DARK):
            looks.add((theme.name, found.colors(theme)[0].name(), found.line))
    assert len(looks) == 20


@given(st.floats(0.05, 5.0), st.floats(0.01, 3.0), st.integers(60, 900))
def test_ticks_of_the_logarithmic_axis_are_round_and_have_room(least: float, decades: float, size: int) -> None:
    axis = LossAxis("left")
    axis.logarithmic = True
    low, high = math.log10(least), math.log10(least) + decades
    [(_, ticks)] = axis.tickValues(low, high, size)
    assert all(low - 1e-3 <= tick <= high + 1e-3 for tick in ticks)
    assert all(b - a >= 20 * decades / size - 1e-9 for a, b in pairwise(ticks))
    written = axis.tickStrings(ticks, 1.0, 1.0)
    assert len(set(written)) == len(written)
    assert all(len(words) <= 6 for words in written)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("losses", [[], [3.0], [math.nan] * 5, [0.0, 0.0], [1e30, 1e-30], [math.inf, 2.0, math.nan]])
def test_a_plot_stands_any_numbers_in_any_size(qtbot: QtBot, losses: list[float], compact: bool) -> None:
    plot = show(qtbot, LossPlot(compact), 300, 200)
    plot.set_runs([run(losses), run([2.0, 1.0], "other")])
    for what in ("loss", "perplexity", "rate", "norm"):
        for axis, logarithmic in (("steps", False), ("tokens", True), ("seconds", False)):
            plot.set_view(axis, what, logarithmic)
            for size in ((30, 20), (900, 500)):
                plot.resize(*size)
                assert not plot.grab().isNull()


def test_longer_strides_with_shift_and_the_end_is_the_end(qtbot: QtBot) -> None:
    plot = show(qtbot, LossPlot())
    plot.set_runs([run([3.0] * 500)])
    said = heard(plot.hovered)
    press(plot, Qt.Key.Key_End)
    QTest.keyClick(plot, Qt.Key.Key_Left, SHIFT)
    QTest.keyClick(plot, Qt.Key.Key_Right)
    press(plot, Qt.Key.Key_Home)
    QTest.keyClick(plot, Qt.Key.Key_Left, SHIFT)
    steps = [int(words.split(":")[0].removeprefix("Step ").replace(",", "")) for words in said[-5:]]
    assert steps == [500, 490, 491, 1, 1]


def test_a_plot_reached_by_keyboard_tells_its_last_step_until_it_is_left(qtbot: QtBot) -> None:
    plot = show(qtbot, LossPlot())
    plot.set_runs([run([3.0, 2.5])])
    plot.activateWindow()
    qtbot.waitUntil(plot.isActiveWindow)
    plot.clearFocus()
    said = heard(plot.hovered)
    plot.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: bool(said))
    assert said[-1].startswith("Step 2: loss 2.500")
    plot.clearFocus()
    assert said[-1] == ""


# --- Any data in any size ---------------------------------------------------------------------------

NAN = np.full((4, 4), np.nan, np.float32)


def _fill(name: str, data: str) -> QWidget:
    """A widget with nothing, one thing, or numbers that are none."""
    count = {"nothing": 0, "one": 1, "nan": 4}[data]
    square = NAN if data == "nan" else np.ones((count, count), np.float32)
    names = tuple("私は猫😀"[:count])
    made: Any
    if name == "heatmap":
        made = Heatmap()
        made.set_data(square, names, count - 1 if count else None)
    elif name == "mosaic":
        made = Mosaic()
        made.set_weights([square[None]] if count else [])
    elif name == "cloud":
        made = Cloud()
        made.set_names(names, ("latin",) * count)
        made.set_points(square[:, :2] if count else np.zeros((0, 2), np.float32), True)
        made.set_marked(list(range(count)))
    elif name == "lines":
        made = AttentionLines()
        made.set_data(square, names, max(0, count - 1))
    elif name == "vector":
        made = VectorBars()
        made.set_vector(square.ravel(), 0, 3)
    elif name == "bars":
        made = BarList()
        made.set_bars([Bar(piece, float(square[0, 0]), "nan") for piece in names])
    elif name == "near":
        made = NearList()
        found = near_tokens(count)
        made.set_near(replace(found, cosines=square[:, 0]) if count else None)
    elif name == "candidates":
        made = CandidateBars()
        found_ones = many_candidates(max(1, count))
        if data == "nan":
            found_ones.probabilities[:] = np.nan
        made.set_candidates(found_ones if count else None)
    elif name == "strip":
        made = TokenStrip()
        made.set_tokens(tokens_of("".join(names)) if data != "nan" else tokens_of("\u200b\u202e\u0000\u00ad"))
    elif name == "text":
        made = ColouredText()
        made.set_spans([Span(piece, math.nan if data == "nan" else 0.5) for piece in names])
    elif name == "steps":
        made = AttentionStepsView()
        if count:
            [steps] = attention_steps(m.ExplainAttention("x" * count, 0, count - 1))
            if data == "nan":
                for part in (steps.q, steps.k, steps.v, steps.scaled, steps.weights, steps.heads, steps.input):  # type: ignore[attr-defined]
                    part[:] = np.nan
            made.set_data(steps, 0, names)
    else:
        made = Machine()
        if count:
            [trace] = machine_trace(m.Trace("x" * count))
            if data == "nan":
                for part in (trace.embedding, trace.attention, trace.norms, trace.mlp, trace.final):  # type: ignore[attr-defined]
                    part[:] = np.nan
            made.set_trace(trace, "x" * count, "", 0)
    return made  # type: ignore[no-any-return]


PAINTED = ("heatmap", "mosaic", "cloud", "lines", "vector", "bars", "near", "candidates", "strip", "text", "steps",
           "machine")  # fmt: skip


@pytest.mark.parametrize("data", ["nothing", "one", "nan"])
@pytest.mark.parametrize("name", PAINTED)
def test_every_picture_stands_any_data_in_any_size(qtbot: QtBot, hover: Hover, name: str, data: str) -> None:
    widget: Any = show(qtbot, _fill(name, data), 300, 200)
    for theme in (LIGHT, replace(DARK, zoom=2.0)):
        widget.restyle(theme)
        for size in ((1, 1), (42, 26), (26, 52), (3000, 30), (900, 700)):
            widget.setMinimumSize(0, 0)
            widget.resize(*size)
            assert not widget.grab().isNull()
            target = widget.page if name == "text" else widget
            middle = target.rect().center()
            for place in (QPoint(0, 0), middle, QPoint(*size)):
                click(target, place)
                if name not in ("mosaic", "cloud", "lines", "near"):
                    hover(target, place)
            turn_wheel(target, middle, 1)
            drag(target, middle, middle + QPoint(3, 3), QPoint(0, 0))
            for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Return):
                press(target, key)
            QTest.keyClicks(target, "+-0")
    assert widget.sizeHint().isValid()
