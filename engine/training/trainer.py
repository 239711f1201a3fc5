"""Learning as a generator of steps: whoever calls `next` decides when there is another one.

A step is: a batch, the loss, its gradient in micro-batches, and a move of the weights. Between
micro-batches None is yielded, so that others get a turn. Closing the generator ends the run.
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
from engine.model.derivatives import cross_entropy
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus
from engine.training.evaluation import losses
from engine.training.optimizers import Optimizer
from engine.training.recipe import CLIP, fraction_done, micro_batch, rate_factor, rates

VALIDATION_WINDOWS = 64
VALIDATION_SHARE = 0.03  # of the time, at most
VALIDATION_EVERY = 1 / 40  # of the run, at least
FINAL_WINDOWS = 1024
GOOD_EVERY = 5.0  # seconds between the states that can be gone back to
DIVERGED = 1.5  # nats above the lowest smoothed loss
SMOOTHING = 0.05
MOST_RECOVERIES = 8


@dataclass(frozen=True, slots=True)
class TrainStep:
    step: int  # the first is 1
    tokens: int  # seen since the start
    seconds: float  # of training since the start, without what others did in between
    loss: float  # nats per token, of this step's batch
    learning_rate: float
    gradient_norm: float  # before it is cut
    validation_loss: float | None
    recovered: bool  # the loss had become NaN or too high: an earlier state is back, at half the rate
    fraction: float  # of the run, 0..1
    seconds_left: float


class Trainer:
    """A model that learns a corpus. Equal seeds on the same machine give equal losses."""

    def __init__(self, model: Transformer, corpus: Corpus, settings: TrainingSettings) -> None:
        """Raises EngineError: error.text_too_short."""
        corpus.check(model.config.context)
        self.model, self.corpus, self.settings = model, corpus, settings
        self.device = model.head.weight.device
        self.optimizer = Optimizer(model, *rates(settings))
        self.step, self.seconds, self.rate_scale = 0, 0.0, 1.0
        self._smoothed = self._lowest = math.inf
        self._validated_at, self._validation_seconds = 0.0, 0.0
        self._recoveries = 0
        self._good: dict[str, Tensor] = {}
        self._good_at = -math.inf

    @property
    def tokens(self) -> int:
        return self.step * self.settings.batch * self.model.config.context

    @property
    def fraction(self) -> float:
        return fraction_done(self.settings, self.step, self.seconds)

    @property
    def seconds_left(self) -> float:
        if self.settings.steps is None:
            return max(0.0, (self.settings.seconds or 0.0) - self.seconds)
        return self.seconds / max(1, self.step) * (self.settings.steps - self.step)

    def run(self) -> Generator[TrainStep | None, None, None]:
        """Steps until the run is done. Raises EngineError error.diverged if it cannot be saved."""
        while self.fraction < 1.0:
            begun, before = time.perf_counter(), self.fraction
            factor = self.rate_scale * rate_factor(self.step, before)
            loss = 0.0
            for part in self._gradient():
                loss += part
                self.seconds += time.perf_counter() - begun
                yield None
                begun = time.perf_counter()
            norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP))
            recovered = self._has_diverged(loss, norm)
            if recovered:
                self._recover()
            else:
                self.optimizer.step(factor)
                self._keep_good_state()
            self.step += 1
            self.seconds += time.perf_counter() - begun
            validation = None
            for validation in self._validate():
                yield None
            rate = factor * self.optimizer.muon.rate
            yield TrainStep(
                self.step,
                self.tokens,
                self.seconds,
                loss,
                rate,
                norm,
                validation,
                recovered,
                self.fraction,
                self.seconds_left,
            )

    def _gradient(self) -> Iterator[float]:
        """Adds up the gradient of one batch; yields each micro-batch's share of the loss."""
        settings, config = self.settings, self.model.config
        x_BT, y_BT = self.corpus.batch(self.step, settings.batch, config.context, settings.seed)
        size = micro_batch(config, settings.batch) if self.device.type == "cpu" else settings.batch
        for start in range(0, settings.batch, size):
            x, y = (torch.from_numpy(a[start : start + size]).to(self.device) for a in (x_BT, y_BT))
            # bfloat16 pays where the device has units for it; on CPUs the conversions cost more than they save.
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                logits_BTV = self.model(x)
            share = len(x) / settings.batch
            loss = cross_entropy(logits_BTV.float().flatten(0, 1), y.flatten()) * share
            loss.backward()  # type: ignore[no-untyped-call]
            yield loss.item()

    # --- Validation ------------------------------------------------------------------------------

    def _validate(self) -> Iterator[float | None]:
        """Now and then, and at the end: the loss on held-out text, as the last thing yielded."""
        last = self.fraction >= 1.0
        due = self.step == 1 or self.fraction - self._validated_at >= VALIDATION_EVERY
        if not last and not (due and self._validation_seconds <= VALIDATION_SHARE * self.seconds + 0.2):
            return
        self._validated_at = self.fraction
        most = FINAL_WINDOWS if last else VALIDATION_WINDOWS
        begun, total, count = time.perf_counter(), 0.0, 0
        for loss, tokens in losses(self.model, *self.corpus.validation_windows(self.model.config.context, most)):
            total, count = total + loss, count + tokens
            yield None
        self._validation_seconds += time.perf_counter() - begun
        yield total / count

    # --- When it goes wrong ----------------------------------------------------------------------

    def _has_diverged(self, loss: float, norm: float) -> bool:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return True
        self._smoothed = loss if math.isinf(self._smoothed) else self._smoothed + SMOOTHING * (loss - self._smoothed)
        self._lowest = min(self._lowest, self._smoothed)
        return self._smoothed > self._lowest + DIVERGED

    def _keep_good_state(self) -> None:
        if self.seconds - self._good_at >= GOOD_EVERY:
            self._good_at = self.seconds
            self._good = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}

    def _recover(self) -> None:
        self._recoveries += 1
        if self._recoveries > MOST_RECOVERIES or not self._good:
            raise EngineError("error.diverged", step=self.step + 1)
        self._load_tensors(self._good)
        for parameter in self.model.parameters():
            parameter.grad = None
        self.rate_scale /= 2
        self._smoothed = self._lowest

    # --- What a run needs to go on ---------------------------------------------------------------

    def _tensors(self) -> dict[str, Tensor]:
        weights = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        return weights | {f"optimizer.{name}": tensor for name, tensor in self.optimizer.state().items()}

    def _load_tensors(self, tensors: dict[str, Tensor]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix) :]: t.to(self.device) for name, t in tensors.items() if name.startswith(prefix)}

        self.model.load_state_dict(part("model."))
        self.optimizer.load_state(part("optimizer."))

    def state(self) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Tensors and notes that `load_state` takes back."""
        numbers = {
            "step": self.step,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
            "validated_at": self._validated_at,
            "validation_seconds": self._validation_seconds,
        }
        return self._tensors(), {"trainer": json.dumps(numbers)}

    def load_state(self, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
        """Goes on from a saved moment: same weights, same data order.

        Raises KeyError, ValueError or RuntimeError if the state is of another model.
        """
        numbers = json.loads(notes["trainer"])
        self._load_tensors(tensors)
        self.step, self.seconds = int(numbers["step"]), float(numbers["seconds"])
        self.rate_scale = float(numbers["rate_scale"])
        self._validated_at = float(numbers["validated_at"])
        self._validation_seconds = float(numbers["validation_seconds"])


def best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
