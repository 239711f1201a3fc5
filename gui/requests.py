"""Sending requests to the engine, for the panes and the main window."""

from collections.abc import Callable
from typing import TypeVar, cast

from engine.messages.envelope import Ended, Request
from engine.messages.status import LayersDone, Progress
from gui.doing import Report
from gui.engine_link import EngineLink, Job

T = TypeVar("T")


class Requests:
    """The running requests by slot. A new request in a slot cancels the one before; later answers to it are ignored."""

    def __init__(self, engine: EngineLink, failed: Callable[[Ended], None]) -> None:
        self._engine = engine
        self._failed = failed
        self._jobs: dict[str, Job] = {}
        self._closed = False

    def ask(
        self,
        request: Request[T],
        show: Callable[[T], None],
        slot: str,
        ended: Callable[[Ended], None] | None = None,
        progress: Callable[[Report], None] | None = None,
    ) -> Job:
        """Send a request. Call `show` with each answer, `failed` after a failure, and last `ended`.

        Call `progress` with each report of how far the request is. Without it, `show` gets those of type Progress,
        and those of type LayersDone are left out.
        """

        def answered(body: object) -> None:
            if self._jobs.get(slot) is not job:
                return
            if isinstance(body, LayersDone) or (progress is not None and isinstance(body, Progress)):
                if progress is not None:
                    progress(body)
            else:
                show(cast("T", body))

        self.drop(slot)
        job = self._engine.submit(request)
        if self._closed:
            job.cancel()
            return job
        self._jobs[slot] = job
        job.answered.connect(answered)
        job.ended.connect(lambda end: self._ended(slot, job, end, ended))
        return job

    def drop(self, slot: str) -> None:
        """Cancel the request of a slot; later answers to it are ignored."""
        job = self._jobs.pop(slot, None)
        if job is not None:
            job.cancel()

    def asking(self, slot: str | None = None) -> bool:
        return bool(self._jobs) if slot is None else slot in self._jobs

    def close(self) -> None:
        """Cancel every request, and those that are still sent: nothing is shown any more."""
        self._closed = True
        for slot in list(self._jobs):
            self.drop(slot)

    def _ended(self, slot: str, job: Job, end: Ended, then: Callable[[Ended], None] | None) -> None:
        if self._jobs.get(slot) is not job:
            return
        del self._jobs[slot]
        if end.outcome == "failed" and end.key != "error.engine_gone":  # the main window reports this one
            self._failed(end)
        if then is not None:
            then(end)
