"""Numbers as colours: perceptually even maps, as lookup tables."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor


@cache
def sequential() -> NDArray[np.uint8]:
    """viridis, [256, 3]: dark for 0, light for 1, even in lightness, safe for the colour-blind."""
    import pyqtgraph as pg  # half a second: only when the first picture needs it

    table: NDArray[np.uint8] = pg.colormap.get("viridis").getLookupTable(nPts=256)[:, :3].astype(np.uint8)
    return table


def color_of(value: float) -> QColor:
    """The colour of a value in 0..1."""
    red, green, blue = sequential()[min(255, max(0, round(value * 255)))].tolist()
    return QColor(red, green, blue)


def image_of(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values in 0..1 as RGB, of any shape + (3,)."""
    return sequential()[np.clip(np.nan_to_num(values) * 255 + 0.5, 0, 255).astype(np.uint8)]


def diverging_image(
    values: NDArray[np.floating], largest: float, low: QColor, middle: QColor, high: QColor
) -> NDArray[np.uint8]:
    """Values as RGB: `low` for -largest, `middle` for 0, `high` for +largest, even steps in between."""
    shares = np.clip(np.nan_to_num(values) / max(largest, 1e-12), -1, 1)[..., None].astype(np.float32)
    ends = [np.array([c.red(), c.green(), c.blue()], np.float32) for c in (low, middle, high)]
    toward = np.where(shares < 0, ends[0], ends[2])
    return (ends[1] + np.abs(shares) * (toward - ends[1]) + 0.5).astype(np.uint8)
