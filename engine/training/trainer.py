"""Training as a generator of steps: the caller of `next` decides when the next one is computed.

A step is a batch, its loss and gradient in micro-batches, and an update of the parameters. The generator
yields None between micro-batches so that the engine can serve other requests. Closing it ends the run.
"""

import json
import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import current_names
from engine.model.thread_count import ThreadCount
from engine.model.transformer import Transformer
from engine.training.optimizers import Momentum, Optimizer
from engine.training.recipe import CLIP, fraction_done, rate_factor, rates
from engine.training.tasks.task import Task

VALIDATION_SHARE = 0.03  # largest share of the training time for validation
VALIDATION_EVERY = 1 / 40  # smallest fraction of the run between two validations
EARLY_SHARE = 0.01  # largest share of the whole run's time for those at steps 1, 2, 4, 8, …
SNAPSHOT_SECONDS = 5.0  # training time between two states that recovery can restore
DIVERGED = 1.5  # nats of the smoothed loss above its lowest value
SMOOTHING = 0.05
MOST_RECOVERIES = 8


@dataclass(frozen=True, slots=True)
class TrainStep:
    step: int  # the first is 1
    tokens: int  # tokens trained on since the start
    seconds: float  # training time since the start, without the time of other requests
    loss: float  # loss of this step's batch, in nats per token
    learning_rate: float
    gradient_norm: float  # before clipping
    validation_loss: float | None
    recovered: bool  # the loss was NaN or too high: an earlier state was restored, and the rate halved
    fraction: float  # fraction of the run that is done, 0..1
    seconds_left: float


class Trainer:
    """Optimizer, schedule, clock, validation and recovery of a run; the task supplies data and loss.

    Equal seeds on the same machine give equal losses.
    """

    def __init__(
        self, model: Transformer, task: Task, settings: TrainingSettings, optimizer: Optimizer | Momentum | None = None
    ) -> None:
        self.model, self.task, self.settings = model, task, settings
        self.optimizer = optimizer or Optimizer(model, *rates(settings))
        self.step, self.seconds, self.rate_scale = 0, 0.0, 1.0
        self._smoothed = self._lowest = math.inf
        self._validated_at, self._validation_seconds, self._validation_cost = 0.0, 0.0, 0.0
        self._recoveries = 0
        self._snapshot: dict[str, Tensor] = {}
        self._snapshot_at = -math.inf

    @property
    def tokens(self) -> int:
        return self.step * self.task.tokens_per_step

    @property
    def fraction(self) -> float:
        return fraction_done(self.settings, self.step, self.seconds)

    @property
    def seconds_left(self) -> float:
        if self.settings.steps is None:
            return max(0.0, (self.settings.seconds or 0.0) - self.seconds)
        return self.seconds / max(1, self.step) * (self.settings.steps - self.step)

    def run(self) -> Generator[TrainStep | None, None, None]:
        """Yield each step of the run, and None where other requests may be served.

        Raises EngineError error.diverged if the loss stays too high after MOST_RECOVERIES recoveries.
        """
        with ThreadCount() as threads:
            try:
                while self.fraction < 1.0:
                    before = self.seconds
                    report = yield from self._step()
                    threads.choose(report.seconds - before)
                    yield report
            finally:
                self.model.zero_grad()  # a run that is stopped within a step would keep as much memory as its weights

    def _step(self) -> Generator[None, None, TrainStep]:
        started = time.perf_counter()
        factor = self.rate_scale * rate_factor(self.step, self.fraction)
        loss = 0.0
        for part in self.task.losses(self.model, self.step):
            part.backward()
            loss += part.item()
            self.seconds += time.perf_counter() - started
            yield None
            started = time.perf_counter()
        norm, recovered = self._update(loss, factor)
        self.seconds += time.perf_counter() - started
        validation = None
        for validation in self._validate():
            yield None
        return self._report(loss, norm, factor, validation, recovered)

    def _update(self, loss: float, factor: float) -> tuple[float, bool]:
        """Update the parameters, or recover from divergence. Return the gradient norm and whether the run recovered."""
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP))
        recovered = self._has_diverged(loss, norm)
        if recovered:
            self._recover()
        else:
            self.optimizer.step(factor)
            self._keep_snapshot()
        self.step += 1
        return norm, recovered

    def _report(self, loss: float, norm: float, factor: float, validation: float | None, recovered: bool) -> TrainStep:
        return TrainStep(
            step=self.step,
            tokens=self.tokens,
            seconds=self.seconds,
            loss=loss,
            learning_rate=factor * self.optimizer.rate,
            gradient_norm=norm,
            validation_loss=validation,
            recovered=recovered,
            fraction=self.fraction,
            seconds_left=self.seconds_left,
        )

    # --- Validation ------------------------------------------------------------------------------

    def _validate(self) -> Iterator[float | None]:
        """Evaluate on held-out data if it is time: yield None after each part and the mean loss at the end."""
        final = self.fraction >= 1.0
        due = self.fraction - self._validated_at >= VALIDATION_EVERY
        affordable = self._validation_seconds <= VALIDATION_SHARE * self.seconds + 0.2
        if not (final or self._is_early_validation_due() or (due and affordable)):
            return
        self._validated_at = self.fraction
        started, total, count = time.perf_counter(), 0.0, 0
        for loss, terms in self.task.validation_losses(self.model, final):
            total, count = total + loss, count + terms
            yield None
        self._validation_cost = time.perf_counter() - started
        self._validation_seconds += self._validation_cost
        yield total / count

    def _is_early_validation_due(self) -> bool:
        """Return whether the step is a power of two, and validation still costs little of the run's time."""
        if self.step & (self.step - 1):
            return False
        whole = self.seconds + self.seconds_left
        return self.step == 1 or self._validation_seconds + self._validation_cost <= EARLY_SHARE * whole

    def lengthen(self, settings: TrainingSettings) -> None:
        """Continue with the new end of the run that `settings` give; nothing else may differ."""
        self.settings = settings
        self._validated_at = self.fraction

    # --- Recovery --------------------------------------------------------------------------------

    def _has_diverged(self, loss: float, norm: float) -> bool:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return True
        self._smoothed = loss if math.isinf(self._smoothed) else self._smoothed + SMOOTHING * (loss - self._smoothed)
        self._lowest = min(self._lowest, self._smoothed)
        return self._smoothed > self._lowest + DIVERGED

    def _keep_snapshot(self) -> None:
        if self.seconds - self._snapshot_at >= SNAPSHOT_SECONDS:
            self._snapshot_at = self.seconds
            self._snapshot = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}

    def _recover(self) -> None:
        """Restore the last snapshot and halve the learning rate."""
        self._recoveries += 1
        if self._recoveries > MOST_RECOVERIES or not self._snapshot:
            raise EngineError("error.diverged", step=self.step + 1)
        self._load_tensors(self._snapshot)
        self.model.zero_grad()
        self.rate_scale /= 2
        self._smoothed = self._lowest

    # --- State -----------------------------------------------------------------------------------

    def _tensors(self) -> dict[str, Tensor]:
        frozen = self._frozen()
        weights = {f"model.{name}": t for name, t in self.model.state_dict().items() if name not in frozen}
        return weights | {f"optimizer.{name}": tensor for name, tensor in self.optimizer.state().items()}

    def _frozen(self) -> dict[str, Tensor]:
        """Return the parameters that are not trained, and so need no copy."""
        parameters = self.model.named_parameters(remove_duplicate=False)
        return {name: parameter.data for name, parameter in parameters if not parameter.requires_grad}

    def _load_tensors(self, tensors: dict[str, Tensor]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

        self.model.load_state_dict(self._frozen() | current_names(part("model.")))
        self.optimizer.load_state(part("optimizer."))

    def state(self) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Return the tensors and notes from which `load_state` continues the run."""
        numbers = {
            "step": self.step,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "validated_at": self._validated_at,
            "validation_seconds": self._validation_seconds,
        }
        return self._tensors(), {"trainer": json.dumps(numbers)}

    def load_state(self, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
        """Continue from a saved state: same weights, same order of the data.

        Raises KeyError, ValueError or RuntimeError if the state belongs to another model.
        """
        numbers = json.loads(notes["trainer"])
        self._load_tensors(tensors)
        self.step, self.seconds = int(numbers["step"]), float(numbers["seconds"])
        self.rate_scale = float(numbers["rate_scale"])
        self._validated_at = float(numbers["validated_at"])
        self._validation_seconds = float(numbers["validation_seconds"])
