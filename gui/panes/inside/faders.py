"""Faders: how far each head and each MLP is turned up, as interventions of the model."""

from collections.abc import Mapping, Sequence

from engine.messages.models import Intervention, MeanAblated, Scaled
from gui.changes import Place

MOST, STEP = 2.0, 0.05  # the largest factor, and how fine a fader is


def with_factors(
    interventions: Sequence[Intervention], factors: Mapping[Place, float], mean_of: str = ""
) -> tuple[Intervention, ...]:
    """Return the interventions with these factors, in place of those of the same parts; 1 removes one.

    A factor of 0 becomes the mean over the text `mean_of`, if it is not empty. Interventions of other kinds stay.
    """
    kept = [
        one
        for one in interventions
        if not isinstance(one, Scaled | MeanAblated) or (one.layer, one.head) not in factors
    ]
    made = [
        MeanAblated(layer, head, mean_of) if factor == 0 and mean_of else Scaled(layer, head, factor)
        for (layer, head), factor in factors.items()
        if factor != 1
    ]
    return (*kept, *made)


def stepped(factor: float) -> float:
    """Return the nearest factor that a fader can have."""
    return min(MOST, max(0.0, round(round(factor / STEP) * STEP, 2)))


def all_parts(layers: int, heads: int) -> list[Place]:
    """Return every head and MLP, layer by layer."""
    return [(layer, head) for layer in range(layers) for head in (*range(heads), None)]
