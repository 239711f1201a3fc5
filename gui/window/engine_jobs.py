"""What the engine is doing now, in words, from the requests that it has not answered yet."""

from time import monotonic

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended
from engine.messages.status import Hello, LayersDone, Progress
from engine.messages.training import SteerTraining, Train
from gui.doing import Report, doing
from gui.engine_link import EngineLink, Job
from gui.layout import timer

SHOWN_MS = 300  # a shorter job is not shown
CHECK_MS = 100  # between two looks at the running jobs
OF_THEIR_OWN = (Hello, Train, SteerTraining)  # the status line shows the start of the engine and the run otherwise


class EngineJobs(QObject):
    """Follows all jobs of the engine. `changed` is emitted when `words` has changed."""

    changed = Signal()

    def __init__(self, parent: QObject, engine: EngineLink) -> None:
        super().__init__(parent)
        self.words = ""  # "" while nothing takes longer than SHOWN_MS
        self._running: dict[int, tuple[Job, float]] = {}  # job and when it was submitted, by number, oldest first
        self._reports: dict[int, Report] = {}  # the latest of each job
        self._check = timer(self, CHECK_MS, self.show_now)
        engine.submitted.connect(self._begin)

    @property
    def are_running(self) -> bool:
        """True while the engine has a request of a pane or a dialog to answer."""
        return bool(self._running)

    def stop(self) -> None:
        self._check.stop()

    def _begin(self, job: Job) -> None:
        if isinstance(job.request, OF_THEIR_OWN):
            return
        self._running[job.number] = (job, monotonic())
        job.answered.connect(lambda body: self._answered(job.number, body))
        job.ended.connect(self._end)  # no lambda: the connection ends with this object
        if not self._check.isActive():
            self._check.start()

    def _answered(self, number: int, body: object) -> None:
        if isinstance(body, LayersDone | Progress):
            self._reports[number] = body

    def _end(self, end: Ended) -> None:
        self._running.pop(end.job, None)
        self._reports.pop(end.job, None)
        if not self._running:
            self._check.stop()
            self.show_now()

    def show_now(self) -> None:
        """Update the words: they are those of the job that has run longest."""
        begun = monotonic() - SHOWN_MS / 1000
        number = next((number for number, (_, since) in self._running.items() if since <= begun), None)
        words = "" if number is None else doing(self._running[number][0].request, self._reports.get(number))
        if words != self.words:
            self.words = words
            self.changed.emit()
