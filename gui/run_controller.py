"""A training run's life in the window: start, pause, stop, continue, and what it has reported so far."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from engine.messages.status import Notice, Progress
from engine.messages.training import (
    BestMoment,
    ReadRun,
    RunReport,
    SteerTraining,
    Train,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from gui.engine_link import EngineLink, Job
from gui.layout import timer
from gui.requests import Requests
from gui.runs import RunRecord, new_folder
from gui.settings import models_folder
from gui.state import AppState

PROGRESS_MS = 500  # each redraw takes a core away from training for some milliseconds
WEIGHTS_MS = 1500  # between two updates of the panes with the new weights


class RunController(QObject):
    """Runs one training at a time, whether or not a pane shows it, and keeps the record of the last one.

    Only this object sets AppState's `training` and `progress` and emits its `weights_changed`.
    """

    preparing_changed = Signal()
    record_changed = Signal(object)  # the RunRecord that was replaced, or None
    progressed = Signal()  # the record has new points; at most every PROGRESS_MS
    sampled = Signal()
    noticed = Signal(object)  # Notice
    failed = Signal(object)  # Ended
    ended = Signal()
    model_wanted = Signal(str)  # open the folder of a failed run, with the model it saved last

    def __init__(self, state: AppState, engine: EngineLink) -> None:
        super().__init__()
        self.state, self.engine = state, engine
        self.models = models_folder()  # new runs get a folder in it
        self.record: RunRecord | None = None  # of the run in progress, or of the last one run or read
        self.preparing: Progress | None = None  # of the preparation before the first step
        self.interrupted = False  # the engine died during the last run, which can be continued
        self._requests = Requests(engine, self.failed.emit)
        self._job: Job | None = None  # of the run in progress
        self._shown_step = 0  # of the weights that the panes show
        self._progress = timer(self, PROGRESS_MS, self._show_progress)
        self._weights = timer(self, WEIGHTS_MS, self.announce_weights)

    @property
    def running(self) -> bool:
        """True from the start of a run's preparation to its end, pauses included."""
        return self._job is not None

    @property
    def paused(self) -> bool:
        return self.running and self.record is not None and self.record.paused

    # --- Acting on a run -------------------------------------------------------------------------

    def start(self, settings: TrainingSettings, folder: Path | None = None) -> None:
        """Start a run on the open text, by default in a new folder."""
        corpus = self.state.corpus
        if corpus is not None:
            folder = folder or new_folder(self.models, corpus.name)
            self._run(Train(corpus.paths, str(folder), settings, encoding=corpus.chosen))

    def resume(self, folder: str, more: float = 0.0) -> None:
        """Continue the run in `folder` from its last saved state to its end, or for `more` seconds of training."""
        self._run(Train((), folder, TrainingSettings(), resume=True, more=more))

    def read(self, folder: str) -> None:
        """Read the record of an earlier run, if `folder` contains one and no run is in progress."""
        if not self.running and (Path(folder) / "run.json").is_file():
            self._requests.ask(ReadRun(folder), self._take, "read", ended=lambda _: self.progressed.emit())

    def pause_or_resume(self) -> None:
        self._steer(SteerTraining("resume" if self.paused else "pause"))

    def stop(self) -> None:
        """Save the run and end it early; a run that is still being prepared is cancelled."""
        if self.preparing is not None and self._job is not None:
            self._job.cancel()
        else:
            self._steer(SteerTraining("stop"))

    def close(self) -> None:
        """Cancel the run, which saves it."""
        self._progress.stop()
        self._weights.stop()
        self._requests.close()

    def _steer(self, request: SteerTraining) -> None:
        self._requests.ask(request, lambda _: None, "steer")

    def _run(self, request: Train) -> None:
        if self.running:
            return
        self._requests.drop("read")
        self.interrupted = False
        self.state.set_training(True)
        self._job = self._requests.ask(request, self._take, "train", self._end)
        self._set_preparing(Progress("progress.begin", None))

    # --- What it reports -------------------------------------------------------------------------

    def _take(self, report: RunReport) -> None:
        record = self.record
        if isinstance(report, Progress):
            self._set_preparing(report)
        elif isinstance(report, TrainingStarted):
            self._begin(report)
        elif isinstance(report, ModelInfo):
            self.state.set_model(report)
        elif isinstance(report, Notice):
            self.noticed.emit(report)
        elif record is None:
            return
        elif isinstance(report, TrainingPoints):
            record.add(report)
        elif isinstance(report, TrainingSample):
            record.samples.append(report)
            self.sampled.emit()
        elif isinstance(report, BestMoment):
            record.kept = report
        elif isinstance(report, TrainingResult):
            record.result = report

    def _set_preparing(self, progress: Progress | None) -> None:
        self.preparing = progress
        self.preparing_changed.emit()

    def _begin(self, started: TrainingStarted) -> None:
        self._set_preparing(None)
        replaced, self.record = self.record, RunRecord.of(started)
        self._shown_step = 0
        if self.running:
            self._progress.start()
            self._weights.start()
        self.record_changed.emit(replaced)

    def _end(self, end: Ended) -> None:
        self._progress.stop()
        self._weights.stop()
        prepared, self._job = self.preparing is None, None
        self._set_preparing(None)
        self.interrupted = prepared and end.key == "error.engine_gone"
        self.state.set_training(False)
        self.state.set_progress(None)
        self.state.note_training_steps()
        if prepared and end.outcome != "done" and self.engine.alive and self.record is not None:
            self.model_wanted.emit(self.record.folder)
        self.ended.emit()

    def _show_progress(self) -> None:
        if self.record is not None:
            self.state.set_progress(self.record.last)
        self.progressed.emit()

    def announce_weights(self) -> None:
        """Emit `weights_changed` if there were training steps since the last call; a paused run has none."""
        if self.record is not None and self.record.step != self._shown_step:
            self._shown_step = self.record.step
            self.state.note_training_steps()
