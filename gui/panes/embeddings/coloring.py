"""The numbers by which points are coloured, as shares of a scale from low to high."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.embeddings import EmbeddingNames

OUT = 100  # a hundredth of the numbers at each end may be outside of the scale


@dataclass(frozen=True, slots=True, eq=False)
class Coloring:
    """A number for each point as a share 0..1, NaN for none, and the numbers at both ends of the scale."""

    shares: NDArray[np.float64]
    low: float
    high: float


def by_order(rows: int) -> Coloring:
    """Colour by the place in the vocabulary, on a logarithmic scale: the first, most frequent one is 1."""
    place = np.log1p(np.arange(rows, dtype=np.float64))
    return Coloring(1 - place / max(float(place[-1]) if rows else 0.0, 1e-12), rows, 1)


def by_numbers(numbers: NDArray[np.floating]) -> Coloring | None:
    """Colour by any numbers, evenly between the smallest and the largest but for a few outliers; None without any."""
    ordered = np.sort(numbers[np.isfinite(numbers)].astype(np.float64))
    if not len(ordered):
        return None
    out = len(ordered) // OUT
    low, high = float(ordered[out]), float(ordered[-1 - out])
    with np.errstate(invalid="ignore"):
        shares = np.clip((numbers.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    return Coloring(np.where(np.isfinite(numbers), shares, np.nan), low, high)


def of_tokens(rows: EmbeddingNames, ids: NDArray[np.int32], numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return for each row the mean of the numbers of its tokens in a text; NaN for rows that are not in it."""
    found = np.full(len(rows.ids), np.nan)
    place = np.searchsorted(rows.ids, ids).clip(0, max(len(rows.ids) - 1, 0))
    known = (rows.ids[place] == ids) & np.isfinite(numbers) if len(rows.ids) else np.zeros(len(ids), bool)
    counts = np.bincount(place[known], minlength=len(found))
    sums = np.bincount(place[known], weights=numbers[known].astype(np.float64), minlength=len(found))
    found[counts > 0] = sums[counts > 0] / counts[counts > 0]
    return found
