"""Improving a model by choices between its answers: what the user chooses."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["dpo", "reinforce"]


@dataclass(frozen=True, slots=True)
class ImprovingSettings:
    """If neither `steps` nor `seconds` is given, the run has as many steps as engine/tuning/improving.py gives it."""

    method: Method = "dpo"
    steps: int | None = None
    seconds: float | None = None
    learning_rate: float | None = None  # of Adam; None: that of engine/tuning/improving.py
    beta: float | None = None  # how strongly the model is held to the one before; None: likewise
    most_kl: float | None = 2.0  # KL divergence from the model before in nats per text that ends a run; None: none does
    tokens: int = 24  # that an answer has at most
    seed: int = 1
