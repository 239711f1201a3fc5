"""The order in which the engine's jobs take turns."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from engine.service.answer import AFTER_OTHERS, IDLE, Answer

Job = tuple[int, Answer[Any]]

IDLE_SECONDS = 0.05  # between two turns while all jobs wait
QUIET_SECONDS = 0.15  # without a turn of the others before a job that gives way continues: more requests may follow
PATIENCE_SECONDS = 1.0  # after which such a job has its first turn although others are in work
SHARE = 0.1  # of the time for such jobs while others are in work: a run of hours must not stop them for hours


class Turns:
    """The jobs in progress. They take turns; one that has yielded AFTER_OTHERS waits until the others are quiet.

    A new job has its first turn before the others: somebody has just asked for it, and many need only one turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs, self._later = deque[Job](), deque[Job]()  # `_later`: those that give way
        self._new = 0  # the first jobs of `_jobs`, which have had no turn
        self._waiting = 0  # turns in sequence in which the others did nothing but wait
        self._quiet_at = self._owed_at = 0.0  # from when a job that gives way may continue: see SHARE
        self._begun = 0.0  # of the last turn
        self._was_later = False  # whether it was that of a job that gives way

    def __iter__(self) -> Iterator[Job]:
        return iter((*self._jobs, *self._later))

    def add(self, job: Job) -> None:
        self._jobs.insert(self._new, job)
        self._new += 1

    def wake(self) -> None:
        """Let every job have a turn: a message has arrived for which one of them may have waited."""
        self._waiting = 0

    def remove(self, number: int) -> Job | None:
        """Remove a job and return it; return None if it is not in progress."""
        for jobs in (self._jobs, self._later):
            for place, job in enumerate(jobs):
                if job[0] == number:
                    self._new -= jobs is self._jobs and place < self._new
                    jobs.remove(job)
                    return job
        return None

    def pause(self) -> float | None:
        """Return how many seconds to wait for a message before the next turn; None if there is no job."""
        if self._waiting < len(self._jobs):
            return 0.0
        if self._later:
            return min(max(0.0, self._due_at() - self._clock()), IDLE_SECONDS)
        return IDLE_SECONDS if self._jobs else None

    def take(self) -> Job | None:
        """Remove the job whose turn it is and return it; return None if there are only jobs that still give way."""
        self._begun = self._clock()
        is_due = bool(self._later) and self._begun >= self._due_at()
        self._was_later = is_due and not self._new and not (self._jobs and self._was_later)
        if self._was_later:
            return self._later.popleft()
        self._new = max(0, self._new - 1)
        return self._jobs.popleft() if self._jobs else None

    def put_back(self, job: Job | None, body: object) -> None:
        """Note the end of a turn: what its job has yielded, and the job, or None if it has ended."""
        now = self._clock()
        if self._was_later:
            self._owed_at = now + (now - self._begun) * (1 / SHARE - 1)
        else:
            self._waiting = self._waiting + 1 if body is IDLE else 0
            if body is not IDLE:
                self._quiet_at = now + QUIET_SECONDS
        if job is not None and body is AFTER_OTHERS and not self._was_later:
            self._owed_at = max(self._owed_at, now + PATIENCE_SECONDS)
        if job is not None:
            (self._later if self._was_later or body is AFTER_OTHERS else self._jobs).append(job)

    def _due_at(self) -> float:
        return min(self._quiet_at, self._owed_at)
