"""Fine-tuning: pairs of prompt and answer, what the user chooses, and what a run of fine-tuning reports."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.models import ModelInfo
from engine.messages.status import Notice, Progress
from engine.messages.training import TrainingPoints


@dataclass(frozen=True, slots=True)
class Pair:
    prompt: str
    answer: str
    group: str = ""  # what the pair is about, where that is known

    @property
    def held_out_with(self) -> str:
        """What pairs have in common that are held out together."""
        return self.group or self.prompt.strip()


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """Exactly one of `steps` and `seconds` ends the run."""

    steps: int | None = 120
    seconds: float | None = None
    batch: int = 24  # pairs a step
    learning_rate: float | None = None  # None: that of engine/tuning/supervised.py
    lora: int = 0  # the rank of the low-rank adaptation; 0 trains all weights
    replay: float = 6.0  # weight of what was forgotten of old text, where there is one, against the loss on answers
    held_out: float = 0.25  # share of the prompts that are held out
    random: bool = False  # whether it begins with random weights, as a control that knows nothing of the old text
    seed: int = 1


LARGE = 16_000_000  # parameters


def settings_for(parameters: int) -> TuningSettings:
    """Return settings that suit a model of this size: a large one learns by a low-rank adaptation, in fewer steps."""
    return TuningSettings(steps=30, batch=8, lora=8) if parameters > LARGE else TuningSettings()


@dataclass(frozen=True, slots=True)
class TuningStarted:
    folder: str  # of the new model
    base: str  # the model that is tuned: its folder or file
    method: str  # "examples", "dpo" or "reinforce"
    train: int  # examples or choices to learn from
    held_out: int  # examples or prompts that are held out
    left_out: int  # because they occur twice or are longer than the context


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of the model at a step, by name. Shares are from 0 to 1, losses and kl in nats.

    Examples: "right" and "form" (shares of answers to held-out prompts), "old_loss" (per token of old text).
    Improvement: "reward", "kl" (per text), "length" (tokens), "preferred" (share), "distinct" (share), "old_loss".
    """

    step: int
    seconds: float  # of training
    values: dict[str, float]
    final: bool = False  # over everything that is held out, at the beginning and the end of a run


@dataclass(frozen=True, slots=True)
class StationAnswers:
    """The model's answers to the fixed questions at a step."""

    step: int
    prompts: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TuningResult:
    folder: str
    steps: int
    seconds: float
    reason: str = ""  # why it ended before its time: the key of a sentence, or ""


TuningReport = Progress | Notice | ModelInfo | TuningStarted | TrainingPoints | Measured | StationAnswers | TuningResult


@dataclass(frozen=True, slots=True)
class TuneOnPairs(Request[TuningReport]):
    """Fine-tune the open model on pairs, as a new model in `folder`, which is the open model from then on.

    Answers: Progress…, TuningStarted, ModelInfo; TrainingPoints, Measured, StationAnswers and Notice; last
    TuningResult and ModelInfo. SteerTraining pauses, resumes and stops it, as it does a run of pre-training.
    `old` are files with old text, for replay and to measure forgetting; without them it is the text that the open
    model was trained on, if that is on this computer.
    """

    pairs: tuple[Pair, ...]
    folder: str
    settings: TuningSettings = TuningSettings()
    questions: tuple[str, ...] = ()  # the fixed ones
    old: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairSet:
    """A set of pairs that comes with Nakami."""

    id: str  # "pane.tuning.set.ID" is its name
    language: str
    pairs: tuple[Pair, ...]
    suits: str = "world"  # "world": models of the little world; "chat": models that others have trained to chat


@dataclass(frozen=True, slots=True)
class ListPairSets(Request[PairSet]):
    """Answer each set of pairs that comes with Nakami, those in `language` first."""

    language: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a file."""

    name: str
    pairs: tuple[Pair, ...]
    columns: tuple[str, ...] = ()  # the names of all columns of the file
    chosen: tuple[str, str] = ("", "")  # the columns that were taken as prompt and answer


@dataclass(frozen=True, slots=True)
class ReadPairs(Request[Pairs]):
    """Read pairs from a file: JSON lines, CSV or TSV. Fails as engine.text.pairs.read_pairs."""

    path: str
    columns: tuple[str, str] | None = None  # of prompt and answer; None: guessed


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The low-rank adaptation of the open model: W' = W + scale · B·A for some of its matrices."""

    rank: int  # 0: the model has none, because it was not tuned so or was opened again with W' merged
    parameters: int  # numbers in all A and B
    scale: float  # 0: the model before, 1: the tuned one


@dataclass(frozen=True, slots=True)
class ScaleAdaptation(Request[Adaptation]):
    """Scale the adaptation of the open model, and describe it; the folder of the model is not changed.

    Fails with error.run_in_progress while it is trained.
    """

    scale: float | None = None  # None: describe it only
