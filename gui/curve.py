"""The statistics of one run as growing arrays, and the colours and line style of its curve."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from gui.theme import Theme

Floats = NDArray[Any]  # of floats, or of integer steps
LINES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


class Curve:
    """One run. `steps`, `seconds`, `losses`, `smoothed`, `rates` and `norms` have one entry a step.

    `look` numbers the curves of one plot: 0 is the run in front; the others keep their numbers while they
    are shown. `references` are losses drawn as lines, in nats per token.
    """

    def __init__(self, name: str, tokens_per_step: int = 1, references: dict[str, float] | None = None) -> None:
        self.name, self.tokens_per_step, self.references = name, tokens_per_step, references or {}
        self.look = 0
        self._rows = np.empty((6, 1024))  # doubled when full: a night of training has some 200,000 steps
        self._count = 0
        self.validation_steps, self.validation = np.zeros(0), np.zeros(0)
        self._show_rows()

    def __len__(self) -> int:
        return self._count

    def _show_rows(self) -> None:
        rows = self._rows[:, : self._count]
        self.steps, self.seconds, self.losses, self.smoothed, self.rates, self.norms = rows

    def extend(
        self, steps: Floats, seconds: Floats, losses: Floats, smoothed: Floats, rates: Floats, norms: Floats
    ) -> None:
        end = self._count + len(steps)
        if end > self._rows.shape[1]:
            grown = np.empty((6, 2 * end))
            grown[:, : self._count] = self._rows[:, : self._count]
            self._rows = grown
        for row, values in zip(self._rows, (steps, seconds, losses, smoothed, rates, norms), strict=True):
            row[self._count : end] = values
        self._count = end
        self._show_rows()

    def add_validation(self, step: int, loss: float) -> None:
        self.validation_steps = np.append(self.validation_steps, step)
        self.validation = np.append(self.validation, loss)

    def along(self, axis: str, steps: Floats | None = None) -> Floats:
        """Return the positions of `steps` (default: all of this run) on the axis "steps", "tokens" or "seconds"."""
        steps = self.steps if steps is None else steps
        if axis == "tokens":
            return steps * self.tokens_per_step
        if axis == "seconds":
            return np.interp(steps, self.steps, self.seconds) if self._count else steps
        return steps

    def held_out(self, step: float) -> float:
        """Return the last loss on held-out text up to this step; NaN before the first."""
        before = np.flatnonzero(self.validation_steps <= step)
        return float(self.validation[before[-1]]) if len(before) else float("nan")

    # --- How it is drawn -------------------------------------------------------------------------

    @property
    def line(self) -> Qt.PenStyle:
        return LINES[self.look % len(LINES)]

    def colors(self, theme: Theme) -> tuple[QColor, QColor]:
        """Return the colours of the curve and of its markers, which differ only for the run in front."""
        series = theme.series
        if self.look == 0:
            return QColor(series[0]), QColor(series[1])
        color = QColor(series[2 + (self.look - 1) % (len(series) - 2)])
        return color, color


def thinned(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """Return at most `most` of the finite points: the lowest and highest of each stretch, and the last one."""
    fine = np.isfinite(y)
    if not fine.all():
        x, y = x[fine], y[fine]
    if len(x) <= most:
        return x, y
    size = -(-len(x) // (most // 2 - 1))
    whole = y[: len(x) // size * size].reshape(-1, size)
    starts = np.arange(len(whole)) * size
    rest = y[whole.size :]
    ends = [whole.size + rest.argmin(), whole.size + rest.argmax()] if len(rest) else []
    # In a flat stretch the lowest and the highest are the same point.
    kept = np.unique(
        np.concatenate((starts + whole.argmin(1), starts + whole.argmax(1), ends, [len(x) - 1])).astype(int)
    )
    return x[kept], y[kept]
