"""Paint tens of thousands of points at once with numpy: each kind has a colour and a shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from gui.widgets.stamps import stamp

CROWDED = 0.4  # share of the picture that the shapes of all points in view may cover
CROWD_RADIUS = 3  # that of a shape in a small picture, where squares of a crowd are 2 or 3 pixels wide
STRENGTHS = 1 - 0.5 ** np.arange(1, 17)  # of the colour where 1, 2, 3, … points are
DIM = 0.1  # strength of points that are not lit
REACH = 16  # pixels around the picture: a point just outside of it is painted in part

Places = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Points of one colour and shape."""

    members: NDArray[np.intp]
    color: QColor
    shape: int
    strength: float = 1.0


def paint_points(
    placed: Places, layers: Sequence[Layer], size: tuple[int, int], ratio: float, radius: float, flat: bool
) -> QImage:
    """Return a picture of points at `placed`, [n, 3] in pixels, later layers on top.

    `size` is that of the picture, `ratio` the pixels of the screen in one pixel, `radius` that of a shape. Where so
    many points are in view that they would cover one another, each is a small square, and the more of them there are
    at a place, the stronger is the colour. If not `flat`, points with a negative third coordinate are painted behind.
    """
    width, height = (round(length * ratio) for length in size)
    stride = width + 2 * REACH
    pixels = np.zeros((height + 2 * REACH) * stride, np.uint32)
    x, y = (placed[:, :2] * np.float32(ratio)).T
    seen = (x > -REACH / 2) & (x < width + REACH / 2) & (y > -REACH / 2) & (y < height + REACH / 2)
    far = np.zeros(len(x), bool) if flat else placed[:, 2] < 0
    # Points outside may be too far for an integer, or NaN.
    column, row = (np.where(seen, along, 0).astype(np.int32) + REACH for along in (x, y))
    reach = min(REACH // 2 - 1, max(3, round(radius * ratio)))
    covered = np.count_nonzero(seen) * reach**2 * 2 / max(1, width * height)
    crowded = covered > CROWDED
    # The side of the squares of a crowded picture:
    small = max(1, round((2 if covered > 1.5 else 3) * ratio * radius / CROWD_RADIUS))
    place = row // small * small * stride + column // small * small if crowded else row * stride + column
    for behind in (True, False) if far.any() else (False,):
        for layer in layers:
            shown = place[layer.members[seen[layer.members] & (far[layer.members] == behind)]]
            if crowded:
                shown, counts = np.unique(shown, return_counts=True)
                offsets = (np.arange(small)[:, None] * stride + np.arange(small)).ravel()
                colors = _premultiplied(layer.color, STRENGTHS * layer.strength * (0.45 if behind else 1.0))
                color = colors[np.minimum(counts, len(colors)) - 1][:, None]
            else:
                offsets = stamp(layer.shape, reach, stride)
                color = _premultiplied(layer.color, np.array([layer.strength * (0.35 if behind else 0.8)]))
            pixels[shown[:, None] + offsets] = color
    kind_of_pixels = QImage.Format.Format_ARGB32_Premultiplied
    inner = np.ascontiguousarray(pixels.reshape(-1, stride)[REACH:-REACH, REACH:-REACH])
    image = QImage(inner.data, width, height, 4 * width, kind_of_pixels).copy()
    image.setDevicePixelRatio(ratio)
    return image


def _premultiplied(color: QColor, alphas: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Return a colour with each alpha, as premultiplied 0xAARRGGBB."""
    alpha, red, green, blue = (
        np.rint(part * alphas).astype(np.uint32) for part in (255, color.red(), color.green(), color.blue())
    )
    return alpha << 24 | red << 16 | green << 8 | blue
