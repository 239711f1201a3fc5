"""The view of a scatter plot: which place is in the middle, how large, turned how; it can fly to another place."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QObject, QPointF, QVariantAnimation

FLIGHT_MS = 500


class View(QObject):
    """Places points of three coordinates on a screen. The third coordinate is 0 in two dimensions."""

    def __init__(self, parent: QObject, changed: Callable[[], None]) -> None:
        super().__init__(parent)
        self.turn = np.eye(3, dtype=np.float32)
        self.scale, self.centre = 1.0, np.zeros(3, np.float32)
        self.moved = QPointF(0, 0)  # offset of the centre, in pixels
        self._changed = changed
        self._from = self._to = (self.centre, self.scale)
        self._flight = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=FLIGHT_MS)
        self._flight.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._flight.valueChanged.connect(self._fly)

    def place(self, points: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """Return the position of each point in pixels and its depth (larger is nearer): [n, 3]."""
        turned: NDArray[np.float32] = np.matmul(points - self.centre, self.turn)
        placed = turned * np.float32(self.scale)
        placed[:, 0] += width / 2 + self.moved.x()
        placed[:, 1] = height / 2 + self.moved.y() - placed[:, 1]
        return placed

    def set(self, centre: NDArray[np.float32], scale: float) -> None:
        """Show `centre` in the middle, with `scale` pixels for a length of 1."""
        self._flight.stop()
        self.centre, self.scale, self.moved = centre, scale, QPointF(0, 0)

    def fly(self, centre: NDArray[np.float32], scale: float) -> None:
        """Move to this view within FLIGHT_MS."""
        self._flight.stop()
        offset = np.array([-self.moved.x(), self.moved.y(), 0.0]) / self.scale
        self.moved = QPointF(0, 0)
        self._from = (self.centre + (self.turn @ offset).astype(np.float32), self.scale)
        self._to = (centre, scale)
        self._flight.start()

    def stop(self) -> None:
        """End a flight at once, where it is."""
        self._flight.stop()

    def zoom(self, factor: float, fixed: QPointF) -> None:
        """Zoom around `fixed`, in pixels from the middle."""
        self._flight.stop()
        self.moved = fixed - (fixed - self.moved) * factor
        self.scale *= factor

    def turn_by(self, across: float, down: float) -> None:
        """Turn about the vertical and the horizontal axis of the screen, in radians."""
        cos_a, sin_a, cos_d, sin_d = np.cos(across), np.sin(across), np.cos(down), np.sin(down)
        about_y = np.array([[cos_a, 0, -sin_a], [0, 1, 0], [sin_a, 0, cos_a]])
        about_x = np.array([[1, 0, 0], [0, cos_d, sin_d], [0, -sin_d, cos_d]])
        self.turn = (self.turn @ about_y @ about_x).astype(np.float32)

    def _fly(self, share: float) -> None:
        (begin, small), (end, large) = self._from, self._to
        self.scale = float(small ** (1 - share) * large**share)
        self.centre = (begin + (end - begin) * np.float32(share)).astype(np.float32)
        self._changed()
