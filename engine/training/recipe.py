"""Derive a model's configuration, learning rates and costs from the training settings.

The constants were chosen by measurement; tests/benchmarks/time_to_loss.py repeats it.
"""

from dataclasses import replace
from typing import Any

from engine.errors import EngineError
from engine.messages.training import Layout, TrainingSettings
from engine.model.config import ModelConfig
from engine.text.tokenizer import END_OF_TEXT

MATRIX_RATE = 0.04  # Muon's learning rate
OTHER_RATE = 0.006  # Adam's, for embedding and unembedding
WARMUP_STEPS = 10
DECAY = 0.8  # the share of a run, at its end, in which the rate falls linearly to 0
CLIP = 1.0  # the largest norm of the gradient

PRESETS = {
    "30s": TrainingSettings(vocabulary=2000, seconds=30.0),
    "5m": TrainingSettings(vocabulary=4000, context=128, batch=16, seconds=300.0),
    "overnight": TrainingSettings(
        vocabulary=8000, layers=8, heads=8, width=384, context=256, batch=32, seconds=8 * 3600.0
    ),
}
CHARACTERS_PER_TOKEN = 12  # text needed for each entry of the vocabulary: a rare token is hardly trained
SMALLEST_VOCABULARY = 400
LONGEST = 10**8  # seconds of training
INTEGERS = ("batch", "seed", "steps")
# How the layouts that other programs open differ from ModelConfig's defaults. Held-out nats a byte after 200 steps on
# tinyshakespeare, one seed (tests/benchmarks/layouts.py): characters 1.943, 1.940, 1.897; BPE 1.663, 1.651, 1.643.
LLAMA: dict[str, Any] = {"norm_gains": True, "embedding_norm": False, "qk_norm": False, "activation": "swiglu"}
LAYOUTS: dict[Layout, dict[str, Any]] = {"nakami": {}, "llama": LLAMA, "qwen3": LLAMA | {"qk_norm": True}}


def presets_for(characters: int) -> dict[str, TrainingSettings]:
    """Return the presets, their vocabularies limited to what a text of this length can train."""
    most = max(SMALLEST_VOCABULARY, characters // CHARACTERS_PER_TOKEN)
    return {name: replace(s, vocabulary=min(s.vocabulary, most)) for name, s in PRESETS.items()}


def model_config(settings: TrainingSettings, vocabulary: int) -> ModelConfig:
    """Return the configuration of the model that these settings describe.

    Raises EngineError: error.heads_divide, and what ModelConfig.check raises.
    """
    if settings.heads < 1 or settings.width < 1 or settings.width % (2 * settings.heads):
        raise EngineError("error.heads_divide", heads=settings.heads, width=settings.width)
    is_own = settings.layout == "nakami"
    config = ModelConfig(
        vocabulary=vocabulary,
        n_layers=settings.layers,
        n_heads=settings.heads,
        n_kv_heads=settings.heads,
        width=settings.width,
        head_width=settings.width // settings.heads,
        # As many parameters with two projections to the MLP as with one, in whole blocks of Q8_0.
        mlp_width=4 * settings.width if is_own else 32 * max(1, round(settings.width / 12)),
        context=settings.context,
        stop_ids=() if is_own or settings.tokenizer == "char" else (END_OF_TEXT,),
        **LAYOUTS[settings.layout],
    )
    config.check()
    return config


def check(settings: TrainingSettings) -> None:
    """Check that the settings are in range; what the model's shape allows is checked by `model_config`.

    Raises EngineError: error.config_range, error.config_choice.
    """
    if settings.layout not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise EngineError("error.config_choice", setting="layout", value=str(settings.layout)[:80], known=known)
    limits: dict[str, tuple[float, float]] = {"batch": (1, 65_536), "seed": (0, 2**63 - 1)}
    if settings.steps is not None:
        limits["steps"] = (1, 10**9)
    else:
        limits["seconds"] = (1, LONGEST)
    if settings.learning_rate is not None:
        limits["learning_rate"] = (1e-6, 1.0)
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        if value is None or not least <= value <= most or (name in INTEGERS and type(value) is not int):
            raise EngineError("error.config_range", setting=name, value=str(value), least=least, most=most)


def rates(settings: TrainingSettings) -> tuple[float, float]:
    """Return Muon's and Adam's full learning rates. A rate in the settings is Muon's; Adam's follows in proportion."""
    matrix = MATRIX_RATE if settings.learning_rate is None else settings.learning_rate
    return matrix, matrix * OTHER_RATE / MATRIX_RATE


def rate_factor(step: int, fraction: float) -> float:
    """Return the share of the full rate at a step when `fraction` of the run is done: warmup, constant, decay."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return warm * min(1.0, max(0.0, 1.0 - fraction) / DECAY)


def fraction_done(settings: TrainingSettings, step: int, seconds: float) -> float:
    """Return how much of a run is done, 0..1."""
    if settings.steps is not None:
        return min(1.0, step / settings.steps)
    return min(1.0, seconds / (settings.seconds or 1.0))


def lengthened(settings: TrainingSettings, step: int, seconds: float, more: float) -> TrainingSettings:
    """Return the settings of a run that has come to `step` in `seconds` and ends `more` seconds of training later."""
    if settings.steps is None:
        return replace(settings, seconds=seconds + more)
    return replace(settings, steps=step + max(1, round(more * step / max(seconds, 1e-9))))


def memory_bytes(config: ModelConfig, batch: int) -> int:
    """Estimate a run's memory: weights, gradients, optimizer, the copy that recovery restores, and activations."""
    weights = config.parameters() * 4
    a_token = 4 * (config.n_layers * (16 * config.width + 4 * config.mlp_width) + 4 * config.vocabulary)
    return 6 * weights + micro_batch(config, batch) * config.context * a_token


# Forward and backward pass of a micro-batch, 0.1 to 0.2 s on two cores. Halving it costs a third of the throughput.
MICRO_FLOPS = 1.2e10


def micro_batch(config: ModelConfig, batch: int) -> int:
    """Return how many sequences are computed at once, few enough that other requests are answered soon."""
    return min(batch, max(1, tokens_at_once(config) // config.context))


def tokens_at_once(config: ModelConfig) -> int:
    """Return how many tokens a forward and backward pass may have, at least one, so that it ends soon."""
    inside = config.parameters() - config.vocabulary * config.width  # an embedding is looked up, not multiplied
    return max(1, int(MICRO_FLOPS // (6 * inside)))
