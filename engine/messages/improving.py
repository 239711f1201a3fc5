"""Improving a model by choices between its answers: what the user chooses, and the request."""

from dataclasses import dataclass
from typing import Literal

from engine.messages.choices import Choice, Taste
from engine.messages.envelope import Request
from engine.messages.tuning import TuningReport

Method = Literal["dpo", "reinforce"]


@dataclass(frozen=True, slots=True)
class ImprovingSettings:
    """If neither `steps` nor `seconds` is given, the run has as many steps as engine/tuning/improving.py gives it."""

    method: Method = "dpo"
    steps: int | None = None
    seconds: float | None = None
    learning_rate: float | None = None  # None: that of engine/tuning/improving.py
    beta: float | None = None  # how strongly the model is held to the one before; None: likewise
    most_kl: float | None = 2.0  # KL divergence from the model before in nats per text that ends a run; None: none does
    tokens: int = 24  # that an answer has at most
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Improve(Request[TuningReport]):
    """Improve the open model by choices, as a new model in `folder`, which is the open model from then on.

    Answers as TuneOnPairs, with the method of the settings; Measured has "reward", "kl", "length", "preferred",
    "distinct" and, if it is final and old text is known, "old_loss". The reward is that of a reward model fitted to
    the choices on the states of the model before. TuningResult's reason is "notice.enough_kl" if the limit of the KL
    divergence ended the run; the weights are then those of the last moment below it.
    Raises EngineError: error.run_in_progress, error.choices_undecided, error.choices_prompt, error.config_range,
    error.config_choice.
    """

    choices: tuple[Choice, ...]
    folder: str
    settings: ImprovingSettings = ImprovingSettings()
    prompts: tuple[str, ...] = ()  # that the policy gradient answers; () for those of the choices
    held_out: tuple[str, ...] = ()  # prompts on which is measured; () for the same
    questions: tuple[str, ...] = ()  # the fixed ones
    judge: Taste | Literal[""] = ""  # whose taste decides what is preferred; "" for the reward model
    old: tuple[str, ...] = ()  # files with old text to measure forgetting; () as for TuneOnPairs
