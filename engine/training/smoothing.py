"""The smoothed loss of a run: what its curve shows, and what is compared with the reference losses."""

import math
from collections.abc import Iterable

LEAST_SHARE = 0.02  # the weight of the newest loss, after the first few hundred steps
STRETCH = 0.08  # before that, the loss is smoothed over this share of the run so far


class Smoothing:
    """The exponential mean of the losses so far, whose time constant grows with the run."""

    def __init__(self) -> None:
        self.value, self._count = math.nan, 0

    def add(self, loss: float) -> float:
        """Return the mean with this loss. A NaN or infinite loss (of a step that was undone) is skipped."""
        share = max(LEAST_SHARE, 1.0 / (1.0 + STRETCH * self._count))
        self._count += 1
        if math.isfinite(loss):
            self.value = loss if math.isnan(self.value) else self.value + share * (loss - self.value)
        return self.value


class Crossings:
    """Watches the smoothed loss for the first time that it is below each of the reference losses."""

    def __init__(self, references: Iterable[float]) -> None:
        self._ahead = set(references)

    def crosses(self, smoothed: float) -> bool:
        """Return whether the loss is below a reference for the first time."""
        below = {reference for reference in self._ahead if smoothed < reference}
        self._ahead -= below
        return bool(below)
