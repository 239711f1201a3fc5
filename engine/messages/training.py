"""Training: settings, presets, estimates, a run and what it reports, and earlier runs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.models import ModelInfo
from engine.messages.status import Notice, Progress

Layout = Literal["nakami", "llama", "qwen3"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What the user chooses before a run. Exactly one of `steps` and `seconds` ends the run."""

    tokenizer: Literal["bpe", "char"] = "bpe"
    vocabulary: int = 2000
    layers: int = 4
    heads: int = 4
    width: int = 128
    context: int = 64
    batch: int = 12  # sequences per step
    steps: int | None = None
    seconds: float | None = 30.0  # training time, without reading and tokenizing
    learning_rate: float | None = None  # None: that of engine/training/recipe.py
    seed: int = 1
    layout: Literal["nakami", "llama", "qwen3"] = (
        "nakami"  # of whose family the model is; others open all of the latter
    )


@dataclass(frozen=True, slots=True)
class Presets:
    settings: dict[str, TrainingSettings]  # settings by name, the shortest run first


@dataclass(frozen=True, slots=True)
class ListPresets(Request[Presets]):
    """List the presets for a text of this many characters."""

    characters: int


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    settings: TrainingSettings
    parameters: int
    memory_bytes: int
    seconds: float
    steps: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class EstimateTraining(Request[TrainingEstimate]):
    """Estimate time, steps and memory of a run with these settings, measured on this computer."""

    settings: TrainingSettings


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    folder: str
    name: str  # name of the text
    settings: TrainingSettings
    parameters: int
    vocabulary: int
    references: dict[str, float]  # "uniform" (ln V), "unigram", "bigram": loss in nats per token


@dataclass(frozen=True, slots=True)
class TrainingPoints:
    """The steps since the last message: arrays with one entry per step.

    Losses are in nats per token. `validation_*` have one entry per evaluation.
    """

    steps: NDArray[np.int64]
    losses: NDArray[np.float32]
    smoothed: NDArray[np.float32]  # the mean of the last losses, see engine/training/smoothing.py
    learning_rates: NDArray[np.float32]
    gradient_norms: NDArray[np.float32]
    seconds: NDArray[np.float32]  # training time since the start of the run, at each step
    validation_steps: NDArray[np.int64]
    validation_losses: NDArray[np.float32]
    tokens_per_second: float
    fraction: float  # fraction of the run that is done, 0..1
    seconds_left: float
    paused: bool = False


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """How the model continued the beginning of its text at this step."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class BestMoment:
    """The moment with the lowest loss on unseen text, kept as a model of its own because the loss has risen since."""

    folder: str
    step: int
    validation_loss: float  # nats per token


@dataclass(frozen=True, slots=True)
class TrainingResult:
    folder: str
    steps: int
    tokens: int
    seconds: float
    train_loss: float
    validation_loss: float


LoggedReport = TrainingStarted | TrainingPoints | TrainingSample | BestMoment
RunReport = Progress | ModelInfo | Notice | TrainingResult | LoggedReport


@dataclass(frozen=True, slots=True)
class Train(Request[RunReport]):
    """Train a model.

    Answers: Progress…, TrainingStarted, ModelInfo; TrainingPoints, TrainingSample, BestMoment and Notice; last
    TrainingResult.

    With `resume` the run in `folder` continues from its last checkpoint: same settings, same order of the
    data; `paths` may be empty. `more` then sets its end: so many seconds of training from now; 0 leaves it.
    Now and then, and when the smoothed loss passes a reference, the model continues the beginning of the text.
    The texts are read in `encoding`, or each in the one detected if it is "".
    """

    paths: tuple[str, ...]
    folder: str
    settings: TrainingSettings
    resume: bool = False
    more: float = 0.0
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class SteerTraining(Request[None]):
    """Pause, resume or stop the run in progress. "stop" saves it; so does cancelling the Train job."""

    action: Literal["pause", "resume", "stop"]


@dataclass(frozen=True, slots=True)
class ReadRun(Request[LoggedReport]):
    """Read an earlier run from its log: answers TrainingStarted, TrainingPoints, TrainingSample…, BestMoment."""

    folder: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    folder: str
    text: str  # name of the text
    parameters: int
    steps: int
    seconds: float  # training time
    validation_loss: float  # the last one, in nats per token; NaN if there is none
    finished: bool  # if not, it can be continued
    settings: TrainingSettings = TrainingSettings()
    sample: TrainingSample | None = None  # the last one


@dataclass(frozen=True, slots=True)
class ListRuns(Request[RunSummary]):
    """Summarise each run in `folder`, the newest first."""

    folder: str
