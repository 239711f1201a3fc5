"""A run of fine-tuning in the window: start, pause, stop, and what it has reported so far."""

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Signal

from engine.messages.envelope import Request
from engine.messages.training import TrainingPoints
from engine.messages.tuning import Measured, StationAnswers, TuningResult, TuningStarted
from gui.engine_link import EngineLink
from gui.live_run import LiveRun
from gui.runs import new_folder
from gui.settings import models_folder
from gui.state import AppState


@dataclass
class TuningRecord:
    """What a run of fine-tuning has reported so far."""

    started: TuningStarted
    points: list[TrainingPoints] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    answers: list[StationAnswers] = field(default_factory=list)
    last: TrainingPoints | None = None
    result: TuningResult | None = None

    @property
    def folder(self) -> str:
        return self.started.folder

    @property
    def step(self) -> int:
        return int(self.last.steps[-1]) if self.last is not None and len(self.last.steps) else 0

    def values(self, name: str) -> list[tuple[float, float]]:
        """Return seconds of training and value of each measurement of this name."""
        return [(one.seconds, one.values[name]) for one in self.measured if name in one.values]


class Tuner(LiveRun):
    """Runs one fine-tuning at a time and keeps the record of the last one."""

    record_changed = Signal()  # a new run has begun
    measured = Signal()  # the record has another measurement, or other answers

    def __init__(self, state: AppState, engine: EngineLink) -> None:
        super().__init__(state, engine)
        self.models = models_folder()  # new models get a folder in it
        self.record: TuningRecord | None = None  # of the run in progress, or of the last one

    def recorded(self) -> TuningRecord | None:
        return self.record

    def folder_for(self, name: str) -> str:
        """Return a new folder for a model that is tuned from the open one."""
        return str(new_folder(self.models, name))

    def start(self, request: Request[Any]) -> None:
        """Start TuneOnPairs or another request whose answers are those of a run of fine-tuning."""
        self.run(request)

    def add(self, report: object) -> None:
        record = self.record
        if isinstance(report, TuningStarted):
            self.record = TuningRecord(report)
            self.follow()
            self.record_changed.emit()
        elif record is None:
            return
        elif isinstance(report, TrainingPoints):
            record.points.append(report)
            record.last = report
        elif isinstance(report, Measured):
            record.measured.append(report)
            self.measured.emit()
        elif isinstance(report, StationAnswers):
            record.answers.append(report)
            self.measured.emit()
        elif isinstance(report, TuningResult):
            record.result = report
