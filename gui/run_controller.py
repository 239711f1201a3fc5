"""A training run's life in the window: start, pause, stop, continue, and what it has reported so far."""

from pathlib import Path

from PySide6.QtCore import Signal

from engine.messages.training import (
    BestMoment,
    ReadRun,
    Train,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from gui.engine_link import EngineLink
from gui.live_run import LiveRun
from gui.runs import RunRecord, new_folder
from gui.settings import models_folder
from gui.state import AppState


class RunController(LiveRun):
    """Runs one training at a time and keeps the record of the last one."""

    record_changed = Signal(object)  # the RunRecord that was replaced, or None
    sampled = Signal()

    def __init__(self, state: AppState, engine: EngineLink) -> None:
        super().__init__(state, engine)
        self.models = models_folder()  # new runs get a folder in it
        self.record: RunRecord | None = None  # of the run in progress, or of the last one run or read

    def recorded(self) -> RunRecord | None:
        return self.record

    # --- Acting on a run -------------------------------------------------------------------------

    def start(self, settings: TrainingSettings, folder: Path | None = None) -> None:
        """Start a run on the open text, by default in a new folder."""
        corpus = self.state.corpus
        if corpus is not None:
            folder = folder or new_folder(self.models, corpus.name)
            self.run(Train(corpus.paths, str(folder), settings, encoding=corpus.chosen))

    def resume(self, folder: str, more: float = 0.0) -> None:
        """Continue the run in `folder` from its last saved state to its end, or for `more` seconds of training."""
        self.run(Train((), folder, TrainingSettings(), resume=True, more=more))

    def read(self, folder: str) -> None:
        """Read the record of an earlier run, if `folder` contains one and no run is in progress."""
        if not self.running and (Path(folder) / "run.json").is_file():
            self._requests.ask(ReadRun(folder), self.take, "read", ended=lambda _: self.progressed.emit())

    # --- What it reports -------------------------------------------------------------------------

    def add(self, report: object) -> None:
        record = self.record
        if isinstance(report, TrainingStarted):
            replaced, self.record = record, RunRecord.of(report)
            self.follow()
            self.record_changed.emit(replaced)
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
