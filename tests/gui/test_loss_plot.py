"""The curve of a run: its data, its drawing, and the description of a step."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from engine.messages.training import TrainingSample
from gui.curve import Curve, thinned
from gui.panes.training.figures import FigureRow
from gui.panes.training.loss_plot import LossPlot
from gui.theme import DARK, LIGHT
from gui.widgets.legend import Entry, Legend
from tests.gui.hands import look, show, where


def curve(losses: list[float], name: str = "run", first: int = 1) -> Curve:
    found = Curve(name, tokens_per_step=100, references={"uniform": 6.0, "unigram": 5.0, "bigram": 4.0})
    grow(found, losses, first)
    return found


def grow(found: Curve, losses: list[float], first: int) -> None:
    steps, values = np.arange(first, first + len(losses)), np.array(losses, np.float32)
    ones = np.ones(len(losses))
    found.extend(steps, steps * 0.5, values, smoothed(losses), ones * 0.02, ones)


def smoothed(losses: list[float]) -> np.ndarray:
    """Return the running mean, as a simple smoothing."""
    sums, counts = np.nancumsum(losses), np.cumsum(np.isfinite(losses))
    return np.asarray(sums / np.maximum(counts, 1), np.float32)


@pytest.fixture
def plot(qtbot: QtBot) -> LossPlot:
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show()
    return made


# --- The arrays ------------------------------------------------------------------------------------


def test_a_curve_keeps_its_values_when_its_arrays_grow() -> None:
    found = curve([3.0] * 1000)
    for first in range(1001, 4001, 500):
        grow(found, [2.0] * 500, first)
    assert found.steps.tolist() == list(range(1, 4001))
    assert found.losses[999] == 3.0
    assert found.losses[1000] == 2.0


def test_steps_have_a_place_on_three_axes() -> None:
    found = curve([3.0, 2.0, 1.0])
    assert found.along("tokens").tolist() == [100, 200, 300]
    assert found.along("seconds").tolist() == [0.5, 1.0, 1.5]
    assert found.along("seconds", np.array([2.0])).tolist() == [1.0]


def test_the_validation_loss_at_a_step_is_the_last_one_measured() -> None:
    found = curve([3.0] * 10)
    found.add_validation(1, 6.0)
    found.add_validation(8, 2.5)
    assert (found.held_out(7), found.held_out(8)) == (6.0, 2.5)
    assert math.isnan(found.held_out(0))


@given(st.lists(st.floats(-100, 100) | st.just(math.nan), max_size=300), st.integers(8, 60))
def test_thinning_keeps_the_extremes_and_the_end(values: list[float], most: int) -> None:
    y = np.array(values)
    shown_x, shown_y = thinned(np.arange(len(y)), y, most)
    fine = y[np.isfinite(y)]
    assert np.isfinite(shown_y).all()
    assert (np.diff(shown_x) > 0).all()
    if len(fine) <= most:
        assert shown_y.tolist() == fine.tolist()
    else:
        assert len(shown_x) <= most
        assert shown_y[-1] == fine[-1]
        assert (shown_y.max(), shown_y.min()) == (fine.max(), fine.min())
        assert np.diff(shown_x).max() <= 2 * math.ceil(len(y) / (most // 2 - 1)) + np.isnan(y).sum()


# --- Drawing ---------------------------------------------------------------------------------------


def visible_range(plot: LossPlot) -> tuple[list[float], list[float]]:
    across, up = plot.plot.getViewBox().viewRange()
    return across, up


def test_the_view_contains_curve_and_reference_lines(plot: LossPlot) -> None:
    plot.set_runs([curve([5.5, 3.0, 2.0])])
    _, (bottom, top) = visible_range(plot)
    assert bottom < 2.0
    assert top > 6.0


def test_floors_are_named_with_their_loss(plot: LossPlot) -> None:
    plot.resize(900, 500)
    plot.set_runs([curve([5.5, 4.5, 3.0, 2.0])])
    assert [each.floor.words.split()[-1] for each in plot.placed] == ["6.00", "5.00", "4.00"]
    assert all(each.name is not None for each in plot.placed)
    heights = [each.floor.y for each in plot.placed]
    assert heights == sorted(heights)
    plot.set_view("steps", "norm")
    assert plot.placed == []


def test_a_flag_shows_what_was_written_nearest_to_the_crossing(plot: LossPlot) -> None:
    plot.resize(900, 500)
    plot.set_runs([curve([7.0] * 3 + [5.5] * 20 + [2.0] * 20)])
    plot.set_samples(
        [TrainingSample(3, "the", " early"), TrainingSample(24, "the", " mat\nsat"), TrainingSample(40, "", "x")]
    )
    uniform, unigram, bigram = plot.placed
    crossing = plot._view.mapFromView(QPointF(float(bigram_step(plot)), 4.0))
    assert bigram.floor.crossing == pytest.approx(crossing.x(), abs=1)
    assert "Step 24: “mat sat”" in unigram.floor.flag
    assert uniform.floor.flag.startswith("Step 3")


def bigram_step(plot: LossPlot) -> int:
    return 1 + int(np.argmax(plot._runs[0].smoothed < 4.0))


def test_a_floor_that_the_curve_has_not_reached_has_no_flag(plot: LossPlot) -> None:
    plot.set_runs([curve([5.5, 5.2])])
    plot.set_samples([TrainingSample(1, "", "x")])
    assert [each.floor.crossing is None for each in plot.placed] == [False, True, True]
    assert plot.placed[1].flag is None


def test_the_current_run_is_drawn_above_older_ones(plot: LossPlot) -> None:
    plot.set_runs([curve([5.0, 4.0]), curve([5.5, 4.5], "older")])
    front, older = (items["smoothed"].zValue() for items in plot._items)
    assert front > older
    assert plot._items[0]["raw"].zValue() < front


def test_a_step_is_never_divided_on_the_axis(plot: LossPlot) -> None:
    plot.set_runs([curve([5.0])])
    axis = plot.plot.getAxis("bottom")
    ticks = [place for _, level in axis.tickValues(0, 1, 500) for place in level]
    assert all(float(place).is_integer() for place in ticks)


def test_without_a_step_the_plot_says_what_is_awaited_and_has_no_axis(plot: LossPlot) -> None:
    plot.notice = "waiting"
    plot.set_runs([Curve("empty", references={"uniform": 6.0})])
    assert not plot.plot.getAxis("left").isVisible()
    assert plot._words.notice == "waiting"
    plot.set_runs([curve([5.0])])
    assert plot.plot.getAxis("left").isVisible()
    assert plot._words.notice == ""


def test_steps_that_came_while_a_plot_was_hidden_are_drawn_when_it_is_shown(plot: LossPlot) -> None:
    run = curve([5.0])
    plot.set_runs([run])
    plot.hide()
    grow(run, [4.0] * 9, 2)
    plot.show()
    assert len(plot._items[0]["smoothed"].getData()[0]) == 10


@pytest.mark.parametrize("what", ["loss", "perplexity", "rate", "norm"])
@pytest.mark.parametrize("axis", ["steps", "tokens", "seconds"])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_every_view_shows_a_run_with_nan_and_infinite_losses(
    plot: LossPlot, what: str, axis: str, logarithmic: bool
) -> None:
    broken = curve([5.0, math.nan, math.inf, 4.0])
    broken.add_validation(1, math.nan)
    plot.set_runs([broken, curve([6.0] * 9, "other"), Curve("empty")])
    plot.set_view(axis, what, logarithmic)
    across, up = visible_range(plot)
    assert np.isfinite(across + up).all()
    assert across[1] == pytest.approx({"steps": 9, "tokens": 900, "seconds": 4.5}[axis])


def test_the_logarithmic_axis_has_ticks_at_round_losses(plot: LossPlot) -> None:
    plot.set_runs([curve([8.0, 4.0, 2.0])])
    plot.set_view("steps", "loss", logarithmic=True)
    [ticks] = plot.plot.getAxis("left")._tickLevels
    assert [label for _, label in ticks] == ["2", "3", "4", "5", "6", "7", "8", "9"]
    plot.set_view("steps", "loss")
    assert plot.plot.getAxis("left")._tickLevels is None


def test_a_run_keeps_its_colour_and_line_style(plot: LossPlot) -> None:
    front, second, third = curve([3.0]), curve([3.0], "second"), curve([3.0], "third")
    second.look, third.look = 1, 2
    plot.set_runs([front, second, third])
    before = {entry.text: entry for entry in plot.legend.entries}
    assert before["second"].line != before["third"].line
    assert before["second"].style != before["third"].style
    plot.set_runs([front, third])
    assert before["third"] in plot.legend.entries
    look(DARK)
    assert before["third"] not in plot.legend.entries


# --- Choosing a step -------------------------------------------------------------------------------


def test_arrow_keys_describe_the_previous_or_next_step(qtbot: QtBot, plot: LossPlot) -> None:
    plot.set_runs([curve([5.5, 3.0, 2.25])])
    described: list[str] = []
    plot.hovered.connect(described.append)
    for key in (Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Left, Qt.Key.Key_Right):
        qtbot.keyClick(plot, key)
    assert [next(word for word in words.split() if word.strip(":").isdigit()) for words in described] == [
        "3:", "2:", "1:", "1:", "2:",
    ]  # fmt: skip
    assert "2.250" in described[0]


def test_the_mouse_finds_the_nearest_step(plot: LossPlot) -> None:
    plot.set_runs([curve([5.5, 3.0, 2.25])])
    described: list[str] = []
    plot.hovered.connect(described.append)
    plot._moved(plot.plot.getViewBox().mapViewToScene(QPointF(2.2, 4.0)))
    plot._moved(QPointF(-500, -500))
    assert "Step 2" in described[0]
    assert described[1] == ""


def test_an_empty_plot_has_no_description(qtbot: QtBot, plot: LossPlot) -> None:
    described: list[str] = []
    plot.hovered.connect(described.append)
    plot._moved(QPointF(100, 100))
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert described in ([], [""])


# --- Figures and legend ----------------------------------------------------------------------------


def test_figures_that_do_not_fit_are_left_out_from_the_end(qtbot: QtBot) -> None:
    row = FigureRow()
    qtbot.addWidget(row)
    figures = [("Step", "1,234"), ("Loss", "2.345"), ("Speed", "9,876")]
    row.set_figures(figures)
    for tall in (False, True):
        row.set_tall(tall)
        row.resize(2000, 60)
        assert [name for _, name, _ in row.fitting()] == ["Step", "Loss", "Speed"]
        widths = [place.right() for place, _, _ in row.fitting()]
        row.resize(widths[1] + 2, 60)
        assert [name for _, name, _ in row.fitting()] == ["Step", "Loss"]
    assert "Speed: 9,876" in row.toolTip()
    assert not row.grab().isNull()


def test_figures_keep_their_place_when_their_neighbours_get_shorter(qtbot: QtBot) -> None:
    row = FigureRow()
    qtbot.addWidget(row)
    row.resize(2000, 60)
    row.set_figures([("Loss", "12.345"), ("Left", "1:00")])
    before = row.fitting()[1][0].left()
    row.set_figures([("Loss", "9.3"), ("Left", "0:59")])
    assert row.fitting()[1][0].left() == before


def test_a_legend_takes_as_many_rows_as_it_needs(qtbot: QtBot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    legend.set_entries([Entry("axis"), *(Entry(f"run {n}", LIGHT.accent, marker=LIGHT.bad) for n in range(5))])
    wide, narrow = legend.heightForWidth(2000), legend.heightForWidth(150)
    assert narrow >= 3 * wide
    assert all(place.right() <= 150 for place, _ in legend._places(150))
    legend.resize(150, narrow)
    assert not legend.grab().isNull()


def test_a_legend_shows_the_colours_of_bars_and_scales(qtbot: QtBot) -> None:
    legend = show(qtbot, Legend(), 600, 40)
    legend.set_entries([Entry("cut", bar=LIGHT.cut), Entry("0 to 100 %", scale=True)])
    bar, scale = (place for place, _ in legend._places(600))
    assert bar.contains(where(legend, QColor(LIGHT.cut)))
    row = legend.grab().toImage()
    dark, light = (row.pixelColor(scale.left() + x, scale.center().y()).lightness() for x in (1, 46))
    assert dark < 90 < light
