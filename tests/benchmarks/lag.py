"""Measure the lag of the window's event loop, which makes the window jerk."""

from PySide6.QtCore import QElapsedTimer, QTimer

BEAT = 10  # milliseconds


class Lag:
    """A timer that should fire every ten milliseconds, and records how late it does."""

    def __init__(self) -> None:
        self._clock, self._late = QElapsedTimer(), list[float]()
        self._beat = QTimer(interval=BEAT)
        self._beat.timeout.connect(lambda: self._late.append(self._clock.restart() - float(BEAT)))

    def start(self) -> None:
        self._clock.start()
        self._beat.start()

    def stop(self) -> dict[str, float]:
        """Return the 99th percentile and the maximum of the lag in milliseconds."""
        self._beat.stop()
        ordered = sorted(self._late)
        return {"p99": ordered[int(0.99 * len(ordered))], "max": ordered[-1]}
