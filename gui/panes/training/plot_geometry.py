"""The geometry of a plot of losses: the ranges of its axes, and its ticks."""

import math


def axis_range(bottom: float, top: float, pixels: float, above: float, below: float) -> tuple[float, float]:
    """Return the range of an axis of `pixels` height that shows the values from `bottom` to `top`.

    There are `above` and `below` pixels of space beyond them, if that leaves half of the height.
    """
    per_pixel = (top - bottom or 1.0) / max(pixels - above - below, pixels / 2, 1.0)
    return bottom - below * per_pixel, top + above * per_pixel


def rounded_up(value: float) -> float:
    """Round up to two digits, so that the axis of a growing curve changes rarely."""
    unit = 10.0 ** (math.floor(math.log10(max(value, 1e-9))) - 1)
    return math.ceil(value / unit) * unit


def logarithmic_ticks(bottom: float, top: float, pixels: float, label_pixels: float) -> list[tuple[float, str]]:
    """Return position and label of ticks at round values, for a logarithmic (base 10) axis of `pixels` height.

    There are at least `label_pixels` from one tick to the next.
    """
    low, high = 10.0**bottom / 1.0001, 10.0**top * 1.0001  # powers are not exact
    if high / low > 20:
        decades = range(math.floor(bottom), math.ceil(top) + 1)
        values = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    else:
        step = 10 ** math.floor(math.log10((high - low) / 2))
        values = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    ticks: list[tuple[float, str]] = []
    room = label_pixels * (top - bottom) / max(pixels, 1.0)
    for place in (math.log10(value) for value in values if low <= value <= high):
        if not ticks or place - ticks[-1][0] >= room:
            ticks.append((place, f"{10.0**place:.4g}"))
    return ticks
