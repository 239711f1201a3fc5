"""The way of a model: the models that were tuned one from another, and what each of them answers."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class Station:
    """A model on the way, and what was measured of it when it was tuned."""

    folder: str
    base: str = ""  # folder or file of the model that it was tuned from; "" for the first
    method: str = ""  # "" for the first; otherwise as in TuningStarted
    step: int = 0  # steps of tuning
    before: tuple[tuple[str, float], ...] = ()  # names and values of the first measurement, see Measured
    after: tuple[tuple[str, float], ...] = ()  # likewise of the last
    prompts: tuple[str, ...] = ()  # the fixed questions of its run


@dataclass(frozen=True, slots=True)
class Way:
    """All models that come from the same first one. Each is after the one that it was tuned from."""

    stations: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class ReadWay(Request[Way]):
    """Read the way of the model in `folder`; the models in the subfolders of `models` may belong to it."""

    folder: str
    models: str


@dataclass(frozen=True, slots=True)
class StationMeasured:
    """What a model answers, and what tuning has cost it: means over texts that are drawn after all prompts."""

    folder: str
    texts: tuple[str, ...]  # the likeliest answer to each prompt, token by token
    kl: float  # KL divergence from the first model, nats a text
    distinct: float  # different pairs of neighbouring tokens over all of them, within a text
    length: float  # tokens a text
    old_loss: float | None  # nats per token of the text that the first model was trained on; None if it is not known


@dataclass(frozen=True, slots=True)
class MeasureWay(Request[Progress | StationMeasured]):
    """Let the models of a way answer the same prompts. The first folder is that of the first model.

    Answers: Progress…, StationMeasured for each folder in turn; a folder without a model is left out.
    A prompt that ends with a question mark is asked in the form in which examples are learned.
    Raises EngineError error.choices_prompt, and as `load_model` for the first one.
    """

    folders: tuple[str, ...]
    prompts: tuple[str, ...]
    tokens: int = 24
    seed: int = 1
