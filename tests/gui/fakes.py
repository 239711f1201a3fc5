"""An engine that answers only what a test lets it answer."""

from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.messages import Ended


class FakeJob(QObject):
    """Like gui.engine_link.Job."""

    event = Signal(object)
    ended = Signal(object)

    def __init__(self, number: int, request: object) -> None:
        super().__init__()
        self.number, self.request = number, request
        self.running, self.cancelled = True, False

    def cancel(self) -> None:
        """The engine answers a Cancel too: with Ended("cancelled")."""
        self.cancelled = True
        self.end("cancelled")

    def tell(self, *bodies: object) -> None:
        for body in bodies:
            self.event.emit(body)

    def end(self, outcome: Any = "done", key: str = "", **arguments: Any) -> None:
        if self.running:
            self.running = False
            self.ended.emit(Ended(self.number, outcome, key, arguments))


class FakeEngine(QObject):
    """Like gui.engine_link.EngineLink: it records every request, and the test answers."""

    died = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.alive = True
        self.jobs: list[FakeJob] = []

    def start(self) -> None:
        self.alive = True

    def close(self) -> None:
        self.alive = False

    def submit(self, request: object) -> FakeJob:
        job = FakeJob(len(self.jobs) + 1, request)
        self.jobs.append(job)
        return job

    def asked(self, kind: type) -> list[Any]:
        """All requests of this kind so far."""
        return [job.request for job in self.jobs if isinstance(job.request, kind)]

    def last(self, kind: type) -> FakeJob:
        """The job of the newest request of this kind."""
        return next(job for job in reversed(self.jobs) if isinstance(job.request, kind))

    def die(self) -> None:
        self.alive = False
        for job in self.jobs:
            job.end("failed", "error.engine_gone")
        self.died.emit()
