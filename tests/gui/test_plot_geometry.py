"""Labels of lines neither cover each other nor leave the axis; ends and ticks of axes are round."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from gui.panes.training.plot_geometry import LineLabel, axis_range, logarithmic_ticks, rounded_up, without_overlap

LABELS = st.lists(st.builds(LineLabel, st.text(max_size=2), st.floats(0, 10), st.booleans()), max_size=6)


def names(labels: list[LineLabel]) -> list[str]:
    return [label.name for label in labels]


def test_labels_of_distant_lines_are_all_shown() -> None:
    labels = [LineLabel("uniform", 8.0, True), LineLabel("bigram", 3.0, False), LineLabel("unigram", 6.0, False)]
    assert without_overlap(labels, 0.5) == labels


def test_of_two_labels_that_overlap_the_first_is_shown() -> None:
    near = [LineLabel("bigram", 3.0, True), LineLabel("unigram", 3.2, True), LineLabel("uniform", 8.0, True)]
    assert names(without_overlap(near, 0.5)) == ["bigram", "uniform"]


def test_labels_on_different_sides_of_near_lines_do_not_overlap() -> None:
    near = [LineLabel("bigram", 3.0, False), LineLabel("unigram", 3.2, True)]
    assert without_overlap(near, 0.5) == near


def test_labels_that_touch_are_both_shown() -> None:
    touching = [LineLabel("a", 3.0, True), LineLabel("b", 4.0, False), LineLabel("c", 3.5, True)]
    assert names(without_overlap(touching, 0.5)) == ["a", "b"]


@given(labels=LABELS, height=st.floats(0.01, 3))
def test_no_two_labels_that_are_shown_overlap(labels: list[LineLabel], height: float) -> None:
    spans = sorted(label.span(height) for label in without_overlap(labels, height))
    assert all(high <= low for (_, high), (low, _) in pairwise(spans))


def test_without_labels_there_is_the_room_at_the_edges() -> None:
    low, high = axis_range(0.0, 10.0, [], 114.0, 20.0, 7.0)
    assert (low, high) == pytest.approx((-0.7, 10.7))  # 100 of 114 pixels show the values


def test_a_label_beyond_the_highest_value_gets_its_room() -> None:
    low, high = axis_range(0.0, 10.0, [LineLabel("uniform", 10.0, True)], 127.0, 20.0, 7.0)
    assert (high - 10.0, -low) == pytest.approx((2.0, 0.7))
    low, high = axis_range(0.0, 10.0, [LineLabel("bigram", 0.0, False)], 127.0, 20.0, 7.0)
    assert (high - 10.0, -low) == pytest.approx((0.7, 2.0))


def test_a_label_in_the_middle_needs_no_room_at_the_edges() -> None:
    assert axis_range(0.0, 10.0, [LineLabel("b", 5.0, True)], 114.0, 20.0, 7.0) == pytest.approx((-0.7, 10.7))


def test_on_a_low_plot_half_of_the_height_is_left_for_the_values() -> None:
    low, high = axis_range(0.0, 10.0, [LineLabel("a", 10.0, True), LineLabel("b", 0.0, False)], 30.0, 20.0, 7.0)
    assert high - low == pytest.approx(10.0 * (1 + 40.0 / 15.0))


def test_equal_values_give_a_range_that_is_not_empty() -> None:
    low, high = axis_range(2.0, 2.0, [], 100.0, 20.0, 7.0)
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
