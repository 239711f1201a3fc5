"""Opening, learning and writing: requests and what comes back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Arguments

# --- Settings that both sides understand ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What a person chooses before a run. Exactly one of `steps` and `seconds` ends the run."""

    tokenizer: Literal["bpe", "char"] = "bpe"
    vocabulary: int = 2000
    layers: int = 4
    heads: int = 4
    width: int = 128
    context: int = 64
    batch: int = 12  # sequences a step
    steps: int | None = None
    seconds: float | None = 30.0  # of training only: reading and tokenizing are not counted
    learning_rate: float | None = None  # None: the recipe's own, see engine/training
    seed: int = 1


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How the next token is drawn. The stages act in the order of these fields."""

    repetition_penalty: float = 1.0  # 1 = off
    temperature: float = 0.8  # 0 = greedy
    top_k: int = 0  # 0 = off
    top_p: float = 1.0  # 1 = off
    min_p: float = 0.0  # 0 = off


STAGES = ("model", "repetition_penalty", "temperature", "top_k", "top_p", "min_p")

# --- The engine itself ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """-> EngineReady, as soon as torch is there."""


@dataclass(frozen=True, slots=True)
class EngineReady:
    device: str  # "cpu", "cuda", "mps"
    device_name: str
    threads: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth saying that ended nothing: a key that begins with "notice." and its arguments."""

    key: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long preparation has come: `key` begins with "progress.", fraction 0..1 or None if unknown."""

    key: str
    fraction: float | None


# --- Texts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InspectText:
    """-> TextInfo. `paths` are files or folders."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextInfo:
    paths: tuple[str, ...]
    name: str
    files: int
    bytes: int
    characters: int  # exact for small texts, estimated from the first megabytes for large ones
    encoding: str  # of the first file
    excerpt: str  # the first few hundred characters


@dataclass(frozen=True, slots=True)
class Tokenize:
    """-> Tokens, by the tokenizer of the open model."""

    text: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """One entry a token. Spans are half-open; characters are code points, bytes are UTF-8."""

    text: str
    ids: NDArray[np.int32]
    pieces: tuple[str, ...]  # as text; a piece that is not a whole character is "<0xE3>"-like hex
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    byte_starts: NDArray[np.int32]
    byte_ends: NDArray[np.int32]
    # "kanji", "hiragana", "katakana", "latin", "digit", "space", "punctuation", "byte", "special" or "other"
    kinds: tuple[str, ...]


# --- Models ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenModel:
    """-> Notice of the memory it takes, then ModelInfo.

    `folder` holds a model of Nakami or of a known family, with its tokenizer.json.
    """

    folder: str


@dataclass(frozen=True, slots=True)
class DownloadModel:
    """-> Progress…, Downloaded: a model of the Hugging Face hub, by its name there.

    It uses the network, as besides it only collections with a Qdrant server do.
    """

    name: str
    models: str  # the folder that gets a folder for it


@dataclass(frozen=True, slots=True)
class Downloaded:
    folder: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    folder: str
    family: str
    parameters: int
    layers: int
    heads: int
    width: int
    context: int
    vocabulary: int
    bytes: int  # of memory that its weights need
    step: int  # training steps behind these weights; 0 if not known
    training: bool  # these weights are being trained now
    resumable: bool  # a run that can be continued lies in the folder


# --- Training -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListPresets:
    """-> Presets for a text of so many characters."""

    characters: int


@dataclass(frozen=True, slots=True)
class Presets:
    settings: dict[str, TrainingSettings]  # by name, the quickest first


@dataclass(frozen=True, slots=True)
class EstimateTraining:
    """-> TrainingEstimate: what this run would cost, measured on this machine, before it starts."""

    settings: TrainingSettings


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    settings: TrainingSettings
    parameters: int
    memory_bytes: int
    seconds: float
    steps: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Train:
    """-> Progress…, TrainingStarted, ModelInfo, then TrainingPoints, TrainingSample and Notice, last TrainingResult.

    With `resume` the run in `folder` goes on from its last checkpoint: same settings, same data
    order; `paths` may be empty. `sample_prompt` is continued now and then with the weights of the moment.
    """

    paths: tuple[str, ...]
    folder: str
    settings: TrainingSettings
    resume: bool = False
    sample_prompt: str = ""


@dataclass(frozen=True, slots=True)
class SteerTraining:
    """Acts on the run in progress. "stop" saves and ends it early; cancelling the Train job saves too."""

    action: Literal["pause", "resume", "stop"]


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    folder: str
    name: str  # of the text
    settings: TrainingSettings
    parameters: int
    vocabulary: int
    references: dict[str, float]  # "uniform" (ln V), "unigram", "bigram": loss in nats per token


@dataclass(frozen=True, slots=True)
class TrainingPoints:
    """What happened since the last message; every array has one entry a step.

    Losses are in nats per token. `validation_*` have one entry an evaluation.
    """

    steps: NDArray[np.int64]
    losses: NDArray[np.float32]
    learning_rates: NDArray[np.float32]
    gradient_norms: NDArray[np.float32]
    seconds: NDArray[np.float32]  # training time since the start of the run, at each step
    validation_steps: NDArray[np.int64]
    validation_losses: NDArray[np.float32]
    tokens_per_second: float
    fraction: float  # of the run, 0..1
    seconds_left: float
    paused: bool = False


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """What the model wrote at this step, from the run's sample prompt."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class TrainingResult:
    folder: str
    steps: int
    tokens: int
    seconds: float
    train_loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class ReadRun:
    """-> TrainingStarted, TrainingPoints and TrainingSample of an earlier run, read from its log."""

    folder: str


@dataclass(frozen=True, slots=True)
class ListRuns:
    """-> RunSummary for each run whose folder lies in `folder`, the newest first."""

    folder: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    folder: str
    text: str  # the name of what it learned
    parameters: int
    steps: int
    seconds: float  # of training
    validation_loss: float  # the last one, in nats per token; NaN if there is none
    finished: bool  # otherwise it can be continued


# --- Generation -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Generate:
    """-> GeneratedTokens…, as they are drawn.

    `chosen` are token IDs that follow the prompt already (a branch of the tree); generation goes on
    behind them; `first` is taken as the next token instead of the one drawn. The random draw for the
    token at position t depends on `seed` and t alone, so a branch taken again repeats.
    `candidates` = how many are reported a step (0 = none). Behind a token that has `stop` in it, if that
    is not empty, nothing more is written.
    """

    prompt: str
    chosen: tuple[int, ...] = ()
    first: int | None = None
    tokens: int = 1
    sampling: SamplingSettings = SamplingSettings()
    seed: int = 1
    candidates: int = 24
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Weigh:
    """-> Candidates for the next token behind prompt + chosen, without drawing it for good.

    The logits of recent positions are kept, so a dragged slider does not run the model again.
    """

    prompt: str
    chosen: tuple[int, ...] = ()
    sampling: SamplingSettings = SamplingSettings()
    seed: int = 1
    candidates: int = 24


@dataclass(frozen=True, slots=True)
class Candidates:
    """The likeliest next tokens through every stage of sampling, in the model's order.

    `probabilities[s, i]` is candidate i's after stage STAGES[s], 0 where that stage has cut it; the
    tokens that are not listed share the rest of each row. The token drawn is always listed: it
    replaces the last one if it is not among the likeliest.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    probabilities: NDArray[np.float32]  # [len(STAGES), n]
    kept: tuple[int, ...]  # how many tokens of the whole vocabulary are left after each stage
    entropy: float  # of the model's distribution, in nats
    draw: float  # uniform in [0, 1)
    drawn: int  # index into ids: the token that the draw falls on
    drawn_from: float  # the interval of the drawn token on the cumulative line of the last stage,
    drawn_to: float  # candidates in order of falling probability


@dataclass(frozen=True, slots=True)
class GeneratedToken:
    id: int
    piece: str
    text: str  # what this token adds to the text: "" while a character is incomplete
    probability: float  # the model's own, before any stage
    entropy: float  # nats
    candidates: Candidates | None


@dataclass(frozen=True, slots=True)
class GeneratedTokens:
    tokens: tuple[GeneratedToken, ...]
    tokens_per_second: float
