"""The interventions in the open model, in words."""

from collections.abc import Iterable

from engine.messages.models import Intervention, MeanAblated, Patched, Scaled, Steered
from gui.i18n import number, t

Place = tuple[int, int | None]  # layer and head, counted from 0; None is the layer's MLP


def factors_of(interventions: Iterable[Intervention]) -> dict[Place, float]:
    """Return the factor of each part that is scaled or off; several changes of one part are multiplied."""
    found: dict[Place, float] = {}
    for one in interventions:
        if isinstance(one, Scaled | MeanAblated):
            factor = one.factor if isinstance(one, Scaled) else 0.0
            found[one.layer, one.head] = found.get((one.layer, one.head), 1.0) * factor
    return found


def part_words(layer: int, head: int | None) -> str:
    """Return the name of a head, or of a layer's MLP, counted from 1."""
    return t("part.mlp", layer=layer + 1) if head is None else t("part.head", layer=layer + 1, head=head + 1)


def change_words(change: Intervention) -> str:
    """Return what an intervention does, for example "Layer 3, head 1: off"."""
    if isinstance(change, Patched):
        return patch_words(change)
    if isinstance(change, Steered):
        return t("change.steered", layer=change.layer + 1, strength=number(change.strength, 1, signed=True))
    part = part_words(change.layer, change.head)
    if not isinstance(change, Scaled):
        return t("change.mean", part=part)
    if change.factor == 0:
        return t("change.off", part=part)
    return t("change.scaled", part=part, factor=number(change.factor, 2))


def patch_words(patch: Patched) -> str:
    """Return what is patched where, for example "Layer 3, MLP, token 4: from “The capital of France is”"."""
    part = t(f"part.{patch.part}", layer=patch.layer + 1) if patch.head is None else part_words(patch.layer, patch.head)
    return t("change.patched", part=part, token=patch.place + 1, source=patch.source)
