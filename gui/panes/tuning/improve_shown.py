"""What a run of improvement has shown so far, at one of its moments."""

from dataclasses import dataclass
from typing import get_args

from engine.messages.improving import Method
from engine.messages.tuning import Measured, StationAnswers
from gui.tuner import TuningRecord

METHODS: tuple[Method, ...] = get_args(Method)
MEASURES = ("reward", "preferred", "kl", "length", "distinct", "old_loss")


@dataclass(frozen=True)
class ImproveShown:
    """The moments of a run are its measurements; one of them is looked at."""

    method: str = "dpo"
    beta: float = 0.1
    most_kl: float | None = None
    judged: bool = False  # whether a simulated judge says what is preferred, and not the reward model
    choices: int = 0  # decided ones, that the run learns from, or could learn from
    moments: tuple[Measured, ...] = ()
    answers: tuple[StationAnswers, ...] = ()
    chosen: int | None = None  # a moment; None for the last one
    losses: tuple[float, float] | None = None  # of training, of the first and the last step
    reason: str = ""  # why the run ended before its time

    @property
    def place(self) -> int:
        last = len(self.moments) - 1
        return last if self.chosen is None else min(self.chosen, last)

    def points(self, name: str) -> tuple[tuple[float, float], ...]:
        """Return seconds of training and value of each measurement of this name."""
        return tuple((m.seconds, m.values[name]) for m in self.moments if name in m.values)

    def first(self, name: str) -> float | None:
        return next((m.values[name] for m in self.moments if name in m.values), None)

    def now(self, name: str) -> float | None:
        """Return what was last measured up to the moment looked at."""
        return next((m.values[name] for m in reversed(self.moments[: self.place + 1]) if name in m.values), None)

    def best(self, name: str) -> tuple[int, float] | None:
        """Return the moment with the highest value up to the one looked at, and the value."""
        found = [(place, m.values[name]) for place, m in enumerate(self.moments[: self.place + 1]) if name in m.values]
        return max(found, key=lambda one: one[1], default=None)

    @property
    def answers_now(self) -> StationAnswers | None:
        """The answers at the moment looked at, or the last ones before it."""
        step = self.moments[self.place].step if self.moments else 0
        return next((found for found in reversed(self.answers) if found.step <= step), None)


def losses_of(record: TuningRecord) -> tuple[float, float] | None:
    """Return the training loss of the first and of the last step."""
    losses = [float(loss) for points in record.points for loss in points.losses]
    return (losses[0], losses[-1]) if losses else None
