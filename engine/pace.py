"""Limit how often a long job reports."""

import math
import time


class Pace:
    """A throttle: `due` is True at once, and then at most once every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due_at = -math.inf

    def due(self, *, now: bool = False) -> bool:
        """Return whether it is time for the next report; with `now`, always. True starts the next interval."""
        time_now = time.monotonic()
        if not now and time_now < self._due_at:
            return False
        self._due_at = time_now + self.seconds
        return True
