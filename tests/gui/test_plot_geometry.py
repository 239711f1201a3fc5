"""Axes have room at their ends; their ends and ticks are round."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from gui.panes.training.plot_geometry import axis_range, logarithmic_ticks, rounded_up


def test_the_values_leave_the_space_above_and_below() -> None:
    assert axis_range(0.0, 10.0, 127.0, 20.0, 7.0) == pytest.approx((-0.7, 12.0))  # 100 of 127 pixels show the values


def test_on_a_low_plot_half_of_the_height_is_left_for_the_values() -> None:
    low, high = axis_range(0.0, 10.0, 30.0, 20.0, 20.0)
    assert high - low == pytest.approx(10.0 * (1 + 40.0 / 15.0))


def test_equal_values_give_a_range_that_is_not_empty() -> None:
    low, high = axis_range(2.0, 2.0, 100.0, 20.0, 7.0)
    assert low < 2.0 < high


@pytest.mark.parametrize(("value", "end"), [(0.313, 0.32), (7, 7), (106, 110), (1001, 1100), (99_500, 100_000)])
def test_the_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert rounded_up(value) == pytest.approx(end)


def labels_of(low: float, high: float, pixels: float) -> list[str]:
    return [label for _, label in logarithmic_ticks(math.log10(low), math.log10(high), pixels, 20)]


def test_within_a_decade_ticks_are_at_equal_distances() -> None:
    assert labels_of(2, 8, 250) == ["2", "3", "4", "5", "6", "7", "8"]
    assert 2 <= len(labels_of(2, 8, 60)) <= 4


def test_over_several_decades_ticks_are_at_1_2_and_5() -> None:
    assert labels_of(1, 1000, 250) == ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"]


@given(st.floats(0.05, 5.0), st.floats(0.01, 3.0), st.integers(60, 900))
def test_logarithmic_ticks_are_round_and_have_room(least: float, decades: float, pixels: int) -> None:
    low, high = math.log10(least), math.log10(least) + decades
    ticks = logarithmic_ticks(low, high, pixels, 20)
    assert all(low - 1e-3 <= place <= high + 1e-3 for place, _ in ticks)
    assert all(b - a >= 20 * decades / pixels - 1e-9 for (a, _), (b, _) in pairwise(ticks))
    labels = [label for _, label in ticks]
    assert len(set(labels)) == len(labels)
    assert all(len(label) <= 6 for label in labels)
