"""What a run in progress reports, whatever it learns: its steps, packed into few messages, and pausing and stopping."""

from dataclasses import dataclass, field, replace

import numpy as np

from engine.messages.training import TrainingPoints
from engine.pace import Pace
from engine.service.answer import IDLE, Answer
from engine.service.session import Session
from engine.training.recording import SavedRun
from engine.training.smoothing import Smoothing
from engine.training.trainer import TrainStep

REPORT_SECONDS = 0.1


@dataclass
class Reports:
    """Collects steps and packs them into at most one message every REPORT_SECONDS."""

    points: list[TrainStep] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)  # losses of `points`
    last: TrainStep | None = None
    smoothing: Smoothing = field(default_factory=Smoothing)
    _pace: Pace = field(default_factory=lambda: Pace(REPORT_SECONDS))
    _speed: tuple[float, int] = (0.0, 0)  # training seconds and tokens at an earlier report

    def add(self, step: TrainStep) -> None:
        self.points.append(step)
        self.smoothed.append(self.smoothing.add(step.loss))
        self.last = step

    def take(self, now: bool = False) -> TrainingPoints | None:
        if not self.points or not self._pace.due(now=now):
            return None
        points, self.points = self.points, []
        smoothed, self.smoothed = self.smoothed, []
        last = points[-1]
        seconds, tokens = self._speed
        if last.seconds - seconds > 1.0 or not tokens:
            self._speed = (last.seconds, last.tokens)
        speed = (last.tokens - tokens) / max(last.seconds - seconds, 1e-9)
        return as_message(points, smoothed, speed)

    def paused(self) -> TrainingPoints | None:
        if self.last is None:
            return None
        if not self.points:
            self.points, self.smoothed = [self.last], [self.smoothing.value]
        message = self.take(now=True)
        return replace(message, paused=True) if message else None


def as_message(points: list[TrainStep], smoothed: list[float], speed: float) -> TrainingPoints:
    validated = [(p.step, p.validation_loss) for p in points if p.validation_loss is not None]
    return TrainingPoints(
        steps=np.array([p.step for p in points], np.int64),
        losses=np.array([p.loss for p in points], np.float32),
        smoothed=np.array(smoothed, np.float32),
        learning_rates=np.array([p.learning_rate for p in points], np.float32),
        gradient_norms=np.array([p.gradient_norm for p in points], np.float32),
        seconds=np.array([p.seconds for p in points], np.float32),
        validation_steps=np.array([step for step, _ in validated], np.int64),
        validation_losses=np.array([loss for _, loss in validated], np.float32),
        tokens_per_second=speed,
        fraction=points[-1].fraction,
        seconds_left=points[-1].seconds_left,
    )


def steered(session: Session, run: SavedRun, reports: Reports) -> Answer[TrainStep | TrainingPoints]:
    """Make the steps of the run in progress and yield each; pause and stop as `session.steer` says.

    Yields besides what is to be answered while the run pauses, and None where other requests may be served.
    """
    steps = run.steps()
    try:
        while session.steer != "stop":
            if session.steer == "pause":
                yield reports.paused()
                while session.steer == "pause":
                    yield IDLE
            step = next(steps, _END)
            if step is _END:
                break
            if isinstance(step, TrainStep):
                session.weights_changed()
                reports.add(step)
                yield step
            else:
                yield None
    finally:
        steps.close()
        if reports.points:
            session.weights_changed()


_END = object()
