"""The geometry of a plot of losses: the ranges of its axes, its ticks, and the labels of lines."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineLabel:
    name: str
    place: float  # value of its line, in units of the vertical axis
    above: bool  # whether the label is above its line, otherwise below

    def span(self, height: float) -> tuple[float, float]:
        """Return the lower and the upper end of a label of this height."""
        return (self.place, self.place + height) if self.above else (self.place - height, self.place)


def without_overlap(labels: Iterable[LineLabel], height: float) -> list[LineLabel]:
    """Return the labels that overlap no earlier one. `height` is that of a label, in units of the axis."""
    shown: list[LineLabel] = []
    for label in labels:
        low, high = label.span(height)
        if all(high <= bottom or low >= top for bottom, top in (other.span(height) for other in shown)):
            shown.append(label)
    return shown


def axis_range(
    bottom: float, top: float, labels: Sequence[LineLabel], pixels: float, label_pixels: float, edge_pixels: float
) -> tuple[float, float]:
    """Return the range of an axis of `pixels` height that shows the values from `bottom` to `top` and the labels.

    At both ends there are at least `edge_pixels` of space, or as much as a label of `label_pixels` height needs there.
    """
    span = top - bottom or 1.0
    above = below = edge_pixels
    for label in labels:
        if label.above:
            above = max(above, label_pixels - (top - label.place) * pixels / span)
        else:
            below = max(below, label_pixels - (label.place - bottom) * pixels / span)
    per_pixel = span / max(pixels - above - below, pixels / 2, 1.0)
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
