"""Colour maps, which turn numbers into colours: perceptually uniform lookup tables."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

SHARE_TICKS = (0.0, 0.05, 0.25, 0.5, 1.0)  # labelled on the scale of shares


def _table(name: str) -> NDArray[np.uint8]:
    """Return a colour map that comes with pyqtgraph, [256, 3].

    It is read from its file: importing pyqtgraph takes half a second, which the first picture would wait for.
    """
    found = find_spec("pyqtgraph")
    assert found is not None
    assert found.submodule_search_locations is not None
    path = Path(found.submodule_search_locations[0]) / "colors" / "maps" / f"{name}.csv"
    return (np.loadtxt(path, delimiter=",", comments=";") * 255 + 0.5).astype(np.uint8)


@cache
def sequential() -> NDArray[np.uint8]:
    """Return viridis, [256, 3]: dark for 0, light for 1, perceptually uniform, safe for the colour-blind."""
    return _table("viridis")


def color_of(value: float) -> QColor:
    """Return the colour of a value in 0..1."""
    place = round(min(1.0, max(0.0, np.nan_to_num(value))) * 255)
    red, green, blue = sequential()[place].tolist()
    return QColor(red, green, blue)


def image_of(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return values in 0..1 as RGB, of their shape + (3,)."""
    return sequential()[np.clip(np.nan_to_num(values) * 255 + 0.5, 0, 255).astype(np.uint8)]


def share_color(share: float) -> QColor:
    """Return the colour of a share of attention or a probability, 0..1: that of its square root, so that 1 % shows."""
    return color_of(float(np.sqrt(max(0.0, np.nan_to_num(share)))))


def share_colors(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return shares 0..1 as RGB, of their shape + (3,), on the scale of `share_color`."""
    return image_of(np.sqrt(np.clip(np.nan_to_num(shares), 0, 1)))


@cache
def share_ramp() -> QImage:
    """Return the colours at equal distances along the scale of shares; x is the square root of the share."""
    pixels = image_of(np.linspace(0, 1, 128))
    return QImage(pixels.tobytes(), 128, 1, 384, QImage.Format.Format_RGB888).copy()


@cache
def root_colors() -> NDArray[np.uint32]:
    """Return `share_color` (0xAARRGGBB) of every float16, indexed by its bits: [65536].

    One table look-up a value colours 144 heads of 128 tokens in milliseconds.
    """
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    red, green, blue = share_colors(halves).astype(np.uint32).T
    return np.uint32(0xFF000000) | red << 16 | green << 8 | blue


@cache
def diverging() -> NDArray[np.uint8]:
    """Return CET-D1A of Kovesi 2015 (arXiv:1509.03700), [256, 3]: blue below zero, white at zero, red above."""
    return _table("CET-D1A")


def diverging_image(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return values in -1..1 as RGB, of their shape + (3,)."""
    return diverging()[np.clip(np.nan_to_num(values) * 127.5 + 128, 0, 255).astype(np.uint8)]


@cache
def difference_ramp() -> QImage:
    """Return the colours of -1..1 at equal distances."""
    pixels = diverging_image(np.linspace(-1, 1, 128))
    return QImage(pixels.tobytes(), 128, 1, 384, QImage.Format.Format_RGB888).copy()


def difference_color(value: float) -> QColor:
    """Return the colour of a difference in -1..1."""
    red, green, blue = diverging_image(np.array(value)).tolist()
    return QColor(red, green, blue)


def spread(values: NDArray[np.floating]) -> float:
    """Return the magnitude for the full colour: the 98th percentile, so that outliers do not make the rest pale."""
    ordered = np.sort(np.abs(values), axis=None)
    return float(ordered[int(0.98 * (len(ordered) - 1))]) or float(ordered[-1])
