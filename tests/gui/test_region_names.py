"""The places of the names of regions: beside the points and other texts, near the centre."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF

from gui.widgets.haloed_text import HaloedText
from gui.widgets.region_names import MOST_COVERED, place_of_name, points_in

pytestmark = pytest.mark.usefixtures("qapp")

ROOM, CENTRE = QRectF(0, 0, 600, 400), QPointF(300, 200)
NOWHERE = np.zeros((0, 2))


def texts_in(*taken: QRectF) -> HaloedText:
    """Return texts in a room of which these boxes are taken."""
    texts = HaloedText(ROOM)
    texts.begin(ROOM)
    texts.taken += taken
    return texts


def font() -> QFont:
    made = QFont()
    made.setPixelSize(28)
    return made


def test_a_name_is_at_its_centre_where_nothing_is_in_the_way() -> None:
    assert place_of_name(texts_in(), "animals", CENTRE, font(), NOWHERE, 8) == CENTRE
    assert place_of_name(texts_in(), "animals", CENTRE, font(), None, 8) == CENTRE


def test_a_name_gives_way_to_a_cluster_at_its_centre() -> None:
    cluster = np.random.default_rng(2).normal(size=(40, 2)) * 6 + (CENTRE.x(), CENTRE.y())
    texts = texts_in()
    place = place_of_name(texts, "animals", CENTRE, font(), cluster, 8)
    assert place is not None
    assert place != CENTRE
    assert points_in(texts.box("animals", place, font()), cluster) == 0


def test_a_name_stays_at_the_centre_of_a_crowd_unless_another_text_is_there() -> None:
    other = QRectF(CENTRE - QPointF(40, 10), CENTRE + QPointF(40, 10))
    place = place_of_name(texts_in(other), "animals", CENTRE, font(), None, 8)
    assert place is not None
    assert place.x() == CENTRE.x()
    assert abs(place.y() - CENTRE.y()) == QFontMetricsF(font()).size(0, "animals").height()


def test_a_name_that_would_cover_many_points_everywhere_is_left_out() -> None:
    x, y = np.meshgrid(np.arange(0, 600, 10), np.arange(0, 400, 10))
    assert place_of_name(texts_in(), "animals", CENTRE, font(), np.stack([x.ravel(), y.ravel()], axis=1), 8) is None


def test_a_name_is_left_out_where_other_texts_take_all_the_room() -> None:
    assert place_of_name(texts_in(ROOM), "animals", CENTRE, font(), NOWHERE, 8) is None


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, 60),
    centre=st.tuples(st.floats(0, 600), st.floats(0, 400)),
    spread=st.floats(1, 200),
)
def test_a_name_never_covers_many_points_or_another_text(
    seed: int, count: int, centre: tuple[float, float], spread: float
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 2)) * spread + centre
    other = QRectF(float(rng.uniform(0, 500)), float(rng.uniform(0, 350)), 100, 30)
    texts = texts_in(other)
    place = place_of_name(texts, "buildings", QPointF(*centre), font(), points, 8)
    if place is not None:
        box = texts.box("buildings", place, font())
        assert ROOM.contains(box)
        assert not box.intersects(other)
        assert points_in(box, points) <= MOST_COVERED
        first = texts.box("buildings", QPointF(*centre), font())
        if texts.fits(first):
            assert points_in(box, points) <= points_in(first, points)
