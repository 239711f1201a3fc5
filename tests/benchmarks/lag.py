"""A clock for the lag of the window's event loop, which a person feels as jerks."""

from PySide6.QtCore import QElapsedTimer, QTimer

BEAT = 10  # milliseconds


class Lag:
    """A clock that should strike every ten milliseconds, and how late it does."""

    def __init__(self) -> None:
        self._clock, self._late = QElapsedTimer(), list[float]()
        self._beat = QTimer(interval=BEAT)
        self._beat.timeout.connect(lambda: self._late.append(self._clock.restart() - float(BEAT)))

    def start(self) -> None:
        self._clock.start()
        self._beat.start()

    def stop(self) -> dict[str, float]:
        """Milliseconds."""
        self._beat.stop()
        ordered = sorted(self._late)
        return {"p99": ordered[int(0.99 * len(ordered))], "max": ordered[-1]}
