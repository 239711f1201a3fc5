"""Names of floors and flags cover neither the curve nor each other, and stay in the plot."""

from itertools import combinations

import numpy as np
from hypothesis import given, strategies as st
from PySide6.QtCore import QRectF

from gui.panes.training.floors import Floor, Placing, first_below, hits
from gui.theme import LIGHT

BOX = QRectF(0, 0, 800, 400)
PIXELS = st.floats(0, 400)


def placing(curve: tuple[np.ndarray, np.ndarray], markers: tuple[np.ndarray, np.ndarray]) -> Placing:
    return Placing(BOX, curve, markers, lambda words: 8.0 * len(words), LIGHT)


def test_above_a_floor_crossed_early_there_is_room_for_name_and_flag(qapp: object) -> None:
    x = np.linspace(0, 800, 200)
    curve = (x, 380 - 360 * np.exp(-x / 60))
    place = placing(curve, (np.zeros(0), np.zeros(0))).place(Floor("guessing", 100.0, 25.0, "Step 3: the the"))
    assert place.name is not None
    assert place.flag is not None
    assert place.name.right() == 800
    assert place.flag.left() > 25
    assert place.flag.bottom() <= 100.5


def test_a_floor_crossed_late_has_its_words_below_it_at_the_left(qapp: object) -> None:
    curve = (np.linspace(0, 800, 200), np.linspace(0, 320, 200))
    place = placing(curve, (np.zeros(0), np.zeros(0))).place(Floor("pairs", 300.0, 750.0, "Step 90: the cat"))
    assert place.name is not None
    assert place.flag is not None
    assert place.name.left() == 0
    assert place.flag.right() <= 750
    assert place.name.top() >= 300


@given(
    heights=st.lists(PIXELS, min_size=2, max_size=30),
    floors=st.lists(st.tuples(PIXELS, st.none() | st.floats(0, 800)), max_size=3),
    marks=st.lists(st.tuples(st.floats(0, 800), PIXELS), max_size=8),
)
def test_words_cover_no_curve_no_marker_and_no_other_words(
    qapp: object,
    heights: list[float],
    floors: list[tuple[float, float | None]],
    marks: list[tuple[float, float]],
) -> None:
    curve = (np.linspace(0, 800, len(heights)), np.array(heights))
    markers = (np.array([x for x, _ in marks]), np.array([y for _, y in marks]))
    place = placing(curve, markers)
    placed = [place.place(Floor("knows pairs", y, x, "Step 12: the cat sat on the mat")) for y, x in floors]
    rects = [rect for each in placed for rect in (each.name, each.flag) if rect is not None]
    dense = np.linspace(0, 800, 4001)
    line = np.interp(dense, *curve)
    for rect in rects:
        assert BOX.adjusted(-1, -1, 1, 1).contains(rect)
        inside = (dense > rect.left() + 2) & (dense < rect.right() - 2)
        assert not ((line > rect.top() + 0.01) & (line < rect.bottom() - 0.01) & inside).any()
        assert not any(rect.contains(x, y) for x, y in marks)
    assert not any(a.intersects(b) for a, b in combinations(rects, 2))


def test_a_steep_line_hits_what_it_passes_through() -> None:
    x, y = np.array([0.0, 10.0, 10.5, 800.0]), np.array([0.0, 0.0, 400.0, 400.0])
    assert hits(QRectF(5, 100, 20, 20), x, y)
    assert not hits(QRectF(20, 100, 20, 20), x, y)


def test_the_first_value_below_a_floor_is_found_and_nan_is_not_below() -> None:
    values = np.array([5.0, np.nan, 4.0, 3.9, 4.1])
    assert first_below(values, 4.0) == 3
    assert first_below(values, 3.0) is None
