"""The numbers of a comparison of two models: which tokens belong together, and how far they differ there."""

import numpy as np
from numpy.typing import NDArray

from engine.messages.comparing import Comparison
from engine.messages.scoring import ScoredTokens
from gui.panes.generation.alignment import stretches
from gui.panes.generation.units import LN2

LEAST_BITS = 0.001  # smaller divergences come from rounding


def parts_of(found: Comparison) -> list[tuple[slice, slice]]:
    """Return the tokens of the open model and of A that have the same text."""
    if found.divergences is not None:
        return [(slice(index, index + 1),) * 2 for index in range(len(found.now.ids))]
    return stretches(found.now.texts, found.pinned.texts)


def measures(found: Comparison) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two numbers in bits for each of `parts_of`: both divergences, or the surprisal of now and of A."""
    if found.divergences is not None and found.symmetric is not None:
        return found.divergences / LN2, found.symmetric / LN2
    both = [(found.now.surprisals[one].sum(), found.pinned.surprisals[two].sum()) for one, two in parts_of(found)]
    now, other = np.array(both).T / LN2
    return now, other


def largest(found: Comparison) -> int | None:
    """Return the part where the models differ most, None if they are equal."""
    first, second = measures(found)
    differences = first if found.divergences is not None else np.abs(first - second)
    place = int(np.nanargmax(differences))
    return place if found.divergences is None or differences[place] >= LEAST_BITS else None


def rate(side: ScoredTokens) -> float:
    """Return the surprisal of a text in bits a character."""
    return float(np.nansum(side.surprisals)) / LN2 / max(1, len("".join(side.texts)))
