"""Bars and curves, as they are painted."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.curve import Curve
from gui.panes.embeddings.near_list import NearList
from gui.panes.training.loss_plot import LossPlot
from gui.theme import DARK, LIGHT, Theme
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.vector_bars import VectorBars
from tests.gui.fakes import near_tokens
from tests.gui.hands import LARGE_TYPE, SHIFT, Hover, area_of, click, look, painted, press, recorded, show, where

# --- Bars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 500], ids=["alone", "of a matrix"])
@pytest.mark.parametrize("index", [0, 13, 31])
def test_the_tooltip_has_the_number_of_the_bar_under_the_mouse(
    qtbot: QtBot, hover: Hover, index: int, rows: int
) -> None:
    bars = show(qtbot, VectorBars(), 480, 104)
    vector = np.zeros(32, np.float32)
    vector[index] = 0.5
    bars.set_vector(vector, 3, rows)
    assert hover(bars, where(bars, LIGHT.series_color(1))) == f"[{index + 1}] = 0.5000"
    bars.set_vector(-vector, 3, rows)
    assert hover(bars, where(bars, LIGHT.series_color(0))) == f"[{index + 1}] = -0.5000"


@pytest.mark.parametrize("count", [2, 64, 575, 576, 640, 1000])
def test_every_number_of_a_vector_is_painted(qtbot: QtBot, count: int) -> None:
    bars = show(qtbot, VectorBars(), 640, 104)
    bars.set_vector(np.ones(count, np.float32))
    seen: np.ndarray = np.any(painted(bars, LIGHT.series_color(1)), axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], seen.astype(int), [0]])))
    gaps = edges[2::2] - edges[1:-1:2]
    assert seen[0]
    assert seen[-3:].any()
    assert (gaps <= 1).all()  # between two bars


def test_there_is_no_tooltip_beside_the_bars(qtbot: QtBot, hover: Hover) -> None:
    bars = show(qtbot, VectorBars(), 480, 104)
    for width in (1, 4, 32):
        bars.set_vector(np.ones(width, np.float32), 3, 500)
        assert hover(bars, where(bars, LIGHT.color("accent"))) == ""  # the row in the matrix
    bars.set_vector(np.zeros(0), 0, 0)
    assert hover(bars, QPoint(100, 50)) == ""


@pytest.mark.parametrize(("row", "share"), [(0, 0.0), (250, 0.5), (499, 1.0)])
def test_the_row_is_marked_at_its_place_in_the_matrix(qtbot: QtBot, row: int, share: float) -> None:
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
def test_a_bar_is_chosen_and_described_where_it_is_drawn(qtbot: QtBot, hover: Hover, theme: Theme) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    look(theme)
    bars.set_bars(BARS)
    chosen, words = recorded(bars.chosen), []
    for bar in BARS:
        assert bar.color is not None
        place = where(bars, bar.color)
        click(bars, place)
        words.append(hover(bars, place))
    assert chosen == [0, 1, 2]
    assert words == ["the first of all", "second  0.50", "third  -0.20"]
    assert hover(bars, QPoint(10, 195)) == ""


def test_negative_bars_point_to_the_other_side(qtbot: QtBot) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.set_bars(BARS)
    first, second, third = (area_of(painted(bars, bar.color or QColor())) for bar in BARS)
    assert third.right() <= first.left() == second.left()
    assert first.width() / second.width() == pytest.approx(0.9 / 0.5, rel=0.05)
    bars.set_bars([replace(bar, color=None) for bar in BARS])
    assert painted(bars, LIGHT.series_color(1)).any()  # above zero
    assert painted(bars, LIGHT.series_color(0)).any()


def test_arrow_keys_move_through_the_bars_and_wrap_around(qtbot: QtBot) -> None:
    bars = show(qtbot, BarList(), 400, 200)
    bars.set_bars(BARS)
    chosen = recorded(bars.chosen)
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
    bars = painted(near, LIGHT.series_color(0))
    lengths = bars.sum(1)
    starts = np.flatnonzero((lengths[1:] > 0) & (lengths[:-1] == 0)) + 1
    chosen = recorded(near.token_chosen)
    for top in (0, *starts.tolist())[-5:]:
        click(near, QPoint(20, int(top) + 3))
    assert chosen == [100, 101, 102, 103, 104]
    sizes = [int(lengths[top + 2]) for top in starts.tolist()[-5:]]
    assert sizes == sorted(sizes, reverse=True)
    assert near.accessibleDescription().startswith("a 0.90; b ")


def test_arrow_keys_and_return_choose_a_neighbour(qtbot: QtBot) -> None:
    near = show(qtbot, NearList(), 300, 400)
    near.set_near(near_tokens(3))
    chosen = recorded(near.token_chosen)
    press(near, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return)
    assert chosen == [101, 102]
    near.set_near(near_tokens(2))
    press(near, Qt.Key.Key_Return)  # a new list begins at its first row
    near.set_near(None)
    press(near, Qt.Key.Key_Down, Qt.Key.Key_Return)
    click(near, QPoint(20, 10))
    assert chosen == [101, 102, 100]


@pytest.mark.parametrize("kind", ["near", "bars"])
def test_rows_without_room_cannot_be_chosen(qtbot: QtBot, kind: str) -> None:
    made: Any = NearList() if kind == "near" else BarList()
    if kind == "near":
        made.set_near(near_tokens(12))
    else:
        made.set_bars([Bar(f"b{n}", 1.0, "1") for n in range(12)])
    view, color = show(qtbot, made, 300, 400), LIGHT.series_color(0)
    runs = np.count_nonzero(np.diff(painted(view, color).any(1).astype(int)) == 1)
    height = view.sizeHint().height()
    view.resize(300, height // 3 + 6)
    lit = painted(view, color).any(1)
    seen = np.count_nonzero(np.diff(np.r_[0, lit.astype(int)]) == 1)
    assert seen < runs
    chosen = recorded(view.chosen)
    click(view, QPoint(20, view.height() - 1))  # half a row, which is not shown
    assert chosen == []
    press(view, *[Qt.Key.Key_Down] * (seen - 1), Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert chosen == [seen - 1, 0]  # wraps around at the last row that is shown


# --- Curves and their plot -----------------------------------------------------------------------------


def run(losses: list[float], name: str = "run") -> Curve:
    found = Curve(name, 100, {"uniform": 6.0, "unigram": 5.0, "bigram": 4.0})
    count = len(losses)
    ones = np.ones(count)
    found.extend(np.arange(1, count + 1), np.arange(count) * 0.5, np.array(losses), np.array(losses), ones * 0.02, ones)
    return found


def test_ten_runs_have_different_colours_or_line_styles() -> None:
    looks = set()
    for number in range(10):
        found = run([3.0])
        found.look = number
        for theme in (LIGHT, DARK):
            looks.add((theme.name, found.colors(theme)[0].name(), found.line))
    assert len(looks) == 20


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("losses", [[], [3.0], [math.nan] * 5, [0.0, 0.0], [1e30, 1e-30], [math.inf, 2.0, math.nan]])
def test_any_losses_can_be_plotted_in_any_size(qtbot: QtBot, losses: list[float], compact: bool) -> None:
    plot = show(qtbot, LossPlot(compact), 300, 200)
    plot.set_runs([run(losses), run([2.0, 1.0], "other")])
    for what in ("loss", "perplexity", "rate", "norm"):
        for axis, logarithmic in (("steps", False), ("tokens", True), ("seconds", False)):
            plot.set_view(axis, what, logarithmic)
            for size in ((30, 20), (900, 500)):
                plot.resize(*size)
                assert not plot.grab().isNull()


def test_shift_moves_the_cursor_farther_and_it_stops_at_the_end(qtbot: QtBot) -> None:
    plot = show(qtbot, LossPlot())
    plot.set_runs([run([3.0] * 500)])
    hovered = recorded(plot.hovered)
    press(plot, Qt.Key.Key_End)
    QTest.keyClick(plot, Qt.Key.Key_Left, SHIFT)
    QTest.keyClick(plot, Qt.Key.Key_Right)
    press(plot, Qt.Key.Key_Home)
    QTest.keyClick(plot, Qt.Key.Key_Left, SHIFT)
    steps = [int(words.split(":")[0].removeprefix("Step ").replace(",", "")) for words in hovered[-5:]]
    assert steps == [500, 490, 491, 1, 1]


def test_a_focused_plot_emits_its_last_step_until_it_loses_focus(qtbot: QtBot) -> None:
    plot = show(qtbot, LossPlot())
    plot.set_runs([run([3.0, 2.5])])
    plot.activateWindow()
    qtbot.waitUntil(plot.isActiveWindow)
    plot.clearFocus()
    hovered = recorded(plot.hovered)
    plot.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: bool(hovered))
    assert hovered[-1].startswith("Step 2: loss 2.500")
    plot.clearFocus()
    assert hovered[-1] == ""
