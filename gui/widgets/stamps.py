"""The shapes of points as pixel offsets. Each kind of points has its own shape and colour."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

GLYPHS = ("●", "■", "▼", "◆", "✚", "✖", "▲", "⬟", "⬢", "★")  # the same shapes, for legends


@cache
def stamp(shape: int, size: int, stride: int) -> NDArray[np.int32]:
    """Return pixel offsets of a shape in an image with rows of `stride` pixels; `size` is its radius."""
    y, x = np.mgrid[-size : size + 1, -size : size + 1]
    r, thin = size + 0.3, max(1, size // 3)
    shapes = (
        x**2 + y**2 <= r**2,
        np.maximum(abs(x), abs(y)) <= 0.85 * size,
        (y <= size * 0.8) & (2 * abs(x) <= size - y),
        abs(x) + abs(y) <= r,
        np.minimum(abs(x), abs(y)) < thin,
        abs(abs(x) - abs(y)) < thin,
        (y >= -size * 0.8) & (2 * abs(x) <= size + y),
        _polygon(x, y, 5, r),
        _polygon(x, y, 6, r),
        _star(x, y, r),
    )
    inside = shapes[shape % len(shapes)]
    offsets: NDArray[np.int32] = (y[inside] * stride + x[inside]).astype(np.int32)
    return offsets


def _polygon(x: NDArray[np.int_], y: NDArray[np.int_], sides: int, r: float) -> NDArray[np.bool_]:
    """Return which pixels are inside a regular polygon with a corner at the top."""
    turns = np.arange(sides) * 2 * np.pi / sides + np.pi / sides
    inside = [np.sin(turn) * x - np.cos(turn) * y <= r * np.cos(np.pi / sides) for turn in turns]
    return np.asarray(np.all(inside, axis=0))


def _star(x: NDArray[np.int_], y: NDArray[np.int_], r: float) -> NDArray[np.bool_]:
    """Return which pixels are inside a five-pointed star."""
    angle = np.abs((np.arctan2(x, -y) / (2 * np.pi) * 5 + 0.5) % 1 - 0.5) * 2  # 0 at a corner, 1 between two
    return np.asarray(np.hypot(x, y) <= r * (1.15 - 0.65 * angle))
