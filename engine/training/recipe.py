"""What a run is made of: from a person's choices to a model's shape and the rates it learns at.

The numbers were chosen by measurement; tests/benchmarks/learning_speed.py repeats it.
"""

from dataclasses import replace

from engine.errors import EngineError
from engine.messages.training import TrainingSettings
from engine.model.config import ModelConfig

MATRIX_RATE = 0.04  # of Muon
OTHER_RATE = 0.006  # of Adam: embedding and head
WARMUP_STEPS = 10
DECAY = 0.8  # the share of a run, at its end, in which the rate falls to nothing
CLIP = 1.0  # the gradient's norm is cut to this

PRESETS = {
    "30s": TrainingSettings(vocabulary=2000, seconds=30.0),
    "5m": TrainingSettings(vocabulary=4000, context=128, batch=16, seconds=300.0),
    "overnight": TrainingSettings(
        vocabulary=8000, layers=8, heads=8, width=384, context=256, batch=32, seconds=8 * 3600.0
    ),
}
CHARACTERS_A_TOKEN = 12  # a token must be met often enough to be learned: so many characters of text for each
SMALLEST_VOCABULARY = 400
WHOLE = ("batch", "seed", "steps")  # numbers of these settings have no fraction


def presets_for(characters: int) -> dict[str, TrainingSettings]:
    """The presets, with vocabularies that a text of so many characters can fill."""
    most = max(SMALLEST_VOCABULARY, characters // CHARACTERS_A_TOKEN)
    return {name: replace(s, vocabulary=min(s.vocabulary, most)) for name, s in PRESETS.items()}


def model_config(settings: TrainingSettings, vocabulary: int) -> ModelConfig:
    """The model that these settings describe, for a tokenizer of so many tokens.

    Raises EngineError: error.heads_divide, and what ModelConfig.check raises.
    """
    if settings.heads < 1 or settings.width < 1 or settings.width % (2 * settings.heads):
        raise EngineError("error.heads_divide", heads=settings.heads, width=settings.width)
    config = ModelConfig(
        vocabulary=vocabulary,
        n_layers=settings.layers,
        n_heads=settings.heads,
        n_kv_heads=settings.heads,
        width=settings.width,
        head_width=settings.width // settings.heads,
        mlp_width=4 * settings.width,
        context=settings.context,
    )
    config.check()
    return config


def check(settings: TrainingSettings) -> None:
    """Raises EngineError error.config_range for what no run can do."""
    limits: dict[str, tuple[float, float]] = {"batch": (1, 65_536), "seed": (0, 2**63 - 1)}
    if settings.steps is not None:
        limits["steps"] = (1, 10**9)
    else:
        limits["seconds"] = (1, 10**8)
    if settings.learning_rate is not None:
        limits["learning_rate"] = (1e-6, 1.0)
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        if value is None or not least <= value <= most or (name in WHOLE and type(value) is not int):
            raise EngineError("error.config_range", setting=name, value=str(value), least=least, most=most)


def rates(settings: TrainingSettings) -> tuple[float, float]:
    """Muon's and Adam's full rates. A person who sets one rate sets Muon's; the other keeps its ratio."""
    matrix = MATRIX_RATE if settings.learning_rate is None else settings.learning_rate
    return matrix, matrix * OTHER_RATE / MATRIX_RATE


def rate_factor(step: int, fraction: float) -> float:
    """Warm up, stay, decay: the share of the full rate at this step, when `fraction` of the run is done."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    return warm * min(1.0, max(0.0, 1.0 - fraction) / DECAY)


def fraction_done(settings: TrainingSettings, step: int, seconds: float) -> float:
    """How much of a run is done, 0..1."""
    if settings.steps is not None:
        return min(1.0, step / settings.steps)
    return min(1.0, seconds / (settings.seconds or 1.0))


def memory_bytes(config: ModelConfig, batch: int) -> int:
    """About what a run needs: weights, gradients, optimizer, two copies to go back to, and activations."""
    weights = config.parameters() * 4
    a_token = 4 * (config.n_layers * (16 * config.width + 4 * config.mlp_width) + 4 * config.vocabulary)
    return 6 * weights + micro_batch(config, batch) * config.context * a_token


MICRO_FLOPS = 1.2e10  # of one forward and backward pass: 0.1 to 0.2 s on two cores; with half of it a third is lost


def micro_batch(config: ModelConfig, batch: int) -> int:
    """How many sequences are computed at once, so that nobody waits long for an answer."""
    inside = config.parameters() - config.vocabulary * config.width  # looking up an embedding costs nothing
    return int(min(batch, max(1, MICRO_FLOPS // (6 * inside * config.context))))
