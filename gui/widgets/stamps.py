"""The shapes of points as pixel offsets. Each kind of points has its own shape and colour."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

GLYPHS = ("●", "■", "▼", "◆", "✚", "✖", "▲", "▬", "❙")  # the same shapes, for legends


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
        abs(y) < thin + 1,
        abs(x) < thin + 1,
    )
    inside = shapes[shape % len(shapes)]
    offsets: NDArray[np.int32] = (y[inside] * stride + x[inside]).astype(np.int32)
    return offsets
