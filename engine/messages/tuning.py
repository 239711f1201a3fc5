"""Fine-tuning: what the user chooses before a model learns from pairs of prompt and answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """Exactly one of `steps` and `seconds` ends the run."""

    steps: int | None = 120
    seconds: float | None = None
    batch: int = 16  # pairs a step
    learning_rate: float | None = None  # None: that of engine/tuning/supervised.py
    lora: int = 0  # the rank of the low-rank adaptation; 0 trains all weights
    replay: float = 8.0  # weight of what was forgotten of old text, where there is one, against the loss on answers
    held_out: float = 0.25  # share of the prompts that are held out
    seed: int = 1
