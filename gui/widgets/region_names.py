"""Where the names of regions are painted on a plot of points: beside the points, so that both can be seen."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF

from gui.theme import GAP_S
from gui.widgets.haloed_text import HaloedText

MOST_COVERED = 4  # points behind the name of a region; with more it is left out
# Steps from the centre of a region, in half widths and in heights of its name; the first places are tried first.
NEAR = ((0, 0), (0, -1), (0, 1))
AROUND = (*NEAR, (-1, 0), (1, 0), (-1, -1), (1, -1), (-1, 1), (1, 1), (0, -2), (0, 2))


def place_of_name(
    texts: HaloedText, name: str, centre: QPointF, font: QFont, placed: NDArray[np.floating] | None, apart: float
) -> QPointF | None:
    """Return the place near the centre of a region where its name covers the fewest points, and no other text.

    `placed` are the points in pixels, [n, 2 or more], or None in a crowd, whose points are covered everywhere; `apart`
    is the distance from the centre to a name at its side. None if the name would cover more than MOST_COVERED points.
    """
    size = QFontMetricsF(font).size(0, name)
    found, fewest = None, MOST_COVERED + 1
    for across, down in NEAR if placed is None else AROUND:
        place = centre + QPointF(across * (size.width() / 2 + apart), down * size.height())
        box = texts.box(name, place, font)
        if texts.fits(box):
            covered = 0 if placed is None else points_in(box, placed)
            if covered < fewest:
                found, fewest = place, covered
            if not covered:
                break
    return found


def points_in(box: QRectF, placed: NDArray[np.floating]) -> int:
    """Return how many points are in a box or just beside it."""
    x, y = placed[:, 0], placed[:, 1]
    inside = (x > box.left() - GAP_S) & (x < box.right() + GAP_S) & (y > box.top()) & (y < box.bottom())
    return int(np.count_nonzero(inside))
