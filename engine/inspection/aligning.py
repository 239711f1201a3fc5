"""Lay one model's vectors onto another's, to see how far each has turned.

Suffixes: N rows, D width.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.inspection.vectors import Floats

SEED = 1  # of the random order


@dataclass(frozen=True, eq=False)
class Turned:
    """Rows of another model, rotated onto those of this one, and the angle between each pair of rows."""

    then_ND: Floats
    degrees_N: NDArray[np.float64]
    chance: float  # median angle in degrees if the other rows are in a random order, and are rotated then


def turn(now_ND: Floats, then_ND: Floats) -> Turned:
    """Rotate the rows `then_ND` as a whole onto `now_ND`, and return the angles that remain.

    Two models that were trained apart have directions of their own, so that their vectors cannot be compared as they
    are. As Hamilton et al. 2016 (arXiv:1605.09096) do with the words of two centuries, all rows are first rotated and
    mirrored by the one matrix that brings the pairs closest together. The narrower rows are padded with zeros.
    """
    now_ND, then_ND = _same_width(now_ND, then_ND)
    then_ND = then_ND @ rotation(then_ND, now_ND)
    shuffled_ND = then_ND[np.random.default_rng(SEED).permutation(len(then_ND))]
    shuffled_ND = shuffled_ND @ rotation(shuffled_ND, now_ND)
    return Turned(then_ND, angles(now_ND, then_ND), float(np.median(angles(now_ND, shuffled_ND))))


def rotation(from_ND: Floats, onto_ND: Floats) -> Floats:
    """Return the orthogonal matrix R [D, D] with the least |from R − onto|² over rows of length 1 (Schönemann 1966).

    It is U Vᵀ, from the singular value decomposition U S Vᵀ of fromᵀ onto. Each row counts alike, whatever its
    length. Raises EngineError error.logits_broken if a number is infinite or NaN.
    """
    overlap_DD = _unit(from_ND).T @ _unit(onto_ND)
    if not np.isfinite(overlap_DD).all():
        raise EngineError("error.logits_broken")
    left_DD, _, right_DD = np.linalg.svd(overlap_DD)
    found: Floats = left_DD @ right_DD
    return found


def angles(a_ND: Floats, b_ND: Floats) -> NDArray[np.float64]:
    """Return the angle between each pair of rows, 0..180 degrees.

    From the distance of the unit vectors, 2 asin(d / 2), which is precise for small angles; the arc cosine is not.
    """
    distances_N = np.linalg.norm(_unit(a_ND) - _unit(b_ND), axis=1).astype(np.float64)
    return np.degrees(2 * np.arcsin(np.clip(distances_N / 2, 0, 1)))


def _unit(rows_ND: Floats) -> Floats:
    """Return the rows scaled to length 1; a row of zeros stays."""
    lengths_N = np.sqrt(np.einsum("nd,nd->n", rows_ND, rows_ND))
    return rows_ND / np.maximum(lengths_N, 1e-30)[:, None]


def _same_width(a_ND: Floats, b_ND: Floats) -> tuple[Floats, Floats]:
    width = max(a_ND.shape[1], b_ND.shape[1])
    a_ND, b_ND = (np.pad(rows_ND, ((0, 0), (0, width - rows_ND.shape[1]))) for rows_ND in (a_ND, b_ND))
    return a_ND, b_ND
