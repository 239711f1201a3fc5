"""A run in progress, whatever it learns: its job, steering it, and how often the panes follow it."""

from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended, Request
from engine.messages.models import ModelInfo
from engine.messages.status import Notice, Progress
from engine.messages.training import SteerTraining, TrainingPoints
from gui.engine_link import EngineLink, Job
from gui.layout import timer
from gui.requests import Requests
from gui.state import AppState

PROGRESS_MS = 500  # each redraw takes a core away from training for some milliseconds
WEIGHTS_MS = 1500  # between two updates of the panes with the new weights


class Record(Protocol):
    """What a run has reported so far."""

    last: TrainingPoints | None

    @property
    def folder(self) -> str: ...

    @property
    def step(self) -> int: ...


class LiveRun(QObject):
    """Runs one training at a time, whether or not a pane shows it. A subclass keeps the record of what it reports.

    Only these objects set AppState's `training` and `progress` and emit its `weights_changed`.
    """

    preparing_changed = Signal()
    progressed = Signal()  # the record has new points; at most every PROGRESS_MS
    noticed = Signal(object)  # Notice
    failed = Signal(object)  # Ended
    ended = Signal()
    model_wanted = Signal(str)  # open the folder of a failed run, with the model it saved last

    def __init__(self, state: AppState, engine: EngineLink) -> None:
        super().__init__()
        self.state, self.engine = state, engine
        self.preparing: Progress | None = None  # of the preparation before the first step
        self.interrupted = False  # the engine died during the last run
        self._requests = Requests(engine, self.failed.emit)
        self._job: Job | None = None  # of the run in progress
        self._shown_step = 0  # of the weights that the panes show
        self._progress = timer(self, PROGRESS_MS, self._show_progress)
        self._weights = timer(self, WEIGHTS_MS, self.announce_weights)

    def recorded(self) -> Record | None:
        """Return the record of the run in progress, or of the last one."""
        raise NotImplementedError

    def add(self, report: object) -> None:
        """Add a report to the record, or begin a new record."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """True from the start of a run's preparation to its end, pauses included."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        record = self.recorded()
        return self.running and record is not None and record.last is not None and record.last.paused

    def pause_or_resume(self) -> None:
        self.steer(SteerTraining("resume" if self.paused else "pause"))

    def steer(self, request: SteerTraining) -> None:
        self._requests.ask(request, lambda _: None, "steer")

    def stop(self) -> None:
        """Save the run and end it early; a run that is still being prepared is cancelled."""
        if self.preparing is not None and self._job is not None:
            self._job.cancel()
        else:
            self.steer(SteerTraining("stop"))

    def close(self) -> None:
        """Cancel the run, which saves it."""
        self._progress.stop()
        self._weights.stop()
        self._requests.close()

    def run(self, request: Request[Any]) -> None:
        """Start a run, unless one is in progress here or elsewhere."""
        if self.running or self.state.training:
            return
        self._requests.drop("read")
        self.interrupted = False
        self.state.set_training(True)
        self._job = self._requests.ask(request, self.take, "train", self._end)
        self._set_preparing(Progress("progress.begin", None))

    def take(self, report: object) -> None:
        if isinstance(report, Progress):
            self._set_preparing(report)
        elif isinstance(report, ModelInfo):
            self.state.set_model(report)
        elif isinstance(report, Notice):
            self.noticed.emit(report)
        else:
            self.add(report)

    def follow(self) -> None:
        """Let the panes follow the run, whose preparation has ended."""
        self._set_preparing(None)
        self._shown_step = 0
        if self.running:
            self._progress.start()
            self._weights.start()

    def _set_preparing(self, progress: Progress | None) -> None:
        self.preparing = progress
        self.preparing_changed.emit()

    def _end(self, end: Ended) -> None:
        self._progress.stop()
        self._weights.stop()
        prepared, self._job, record = self.preparing is None, None, self.recorded()
        self._set_preparing(None)
        self.interrupted = prepared and end.key == "error.engine_gone"
        self.state.set_training(False)
        self.state.set_progress(None)
        self.state.note_training_steps()
        if prepared and end.outcome != "done" and self.engine.alive and record is not None:
            self.model_wanted.emit(record.folder)
        self.ended.emit()

    def _show_progress(self) -> None:
        record = self.recorded()
        if record is not None:
            self.state.set_progress(record.last)
        self.progressed.emit()

    def announce_weights(self) -> None:
        """Emit `weights_changed` if there were training steps since the last call; a paused run has none."""
        record = self.recorded()
        if record is not None and record.step != self._shown_step:
            self._shown_step = record.step
            self.state.note_training_steps()
