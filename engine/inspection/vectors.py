"""Compare vectors by direction: nearest rows of a matrix by cosine, and analogies A − B + C.

Suffixes: V rows, D width.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 16_384  # rows that are compared at a time

Found = tuple[NDArray[np.intp], Floats]  # indices of rows, their cosines


def nearest(rows_VD: Floats, vector_D: Floats, count: int, without: Collection[int] = ()) -> Found:
    """Return the `count` rows with the largest cosine A·B / (|A| |B|), largest first: indices and cosines.

    Rows without a direction are left out; if the vector has none, no row is returned.
    """
    cosines_V = np.empty(len(rows_VD), np.float32)
    with np.errstate(all="ignore"):  # numbers that are NaN, infinite or too large
        for start in range(0, len(rows_VD), BLOCK):
            block_ND = rows_VD[start : start + BLOCK]
            lengths_N = np.sqrt(np.einsum("nd,nd->n", block_ND, block_ND))
            cosines_V[start : start + BLOCK] = block_ND @ vector_D / (lengths_N * np.linalg.norm(vector_D))
    cosines_V[~np.isfinite(cosines_V)] = -np.inf
    cosines_V[list(without)] = -np.inf
    count = max(0, min(count, int(np.count_nonzero(cosines_V > -np.inf))))
    best = np.argpartition(-cosines_V, max(count - 1, 0))[:count]
    best = best[np.argsort(-cosines_V[best], kind="stable")]
    return best, cosines_V[best]


def analogy(
    rows_VD: Floats, a: list[int], b: list[int], c: list[int], count: int, without: Collection[int] = ()
) -> Found:
    """Return the rows nearest to A − B + C, without the three themselves (Mikolov et al. 2013, NAACL, §4).

    Each of the three is a word: the mean of its tokens' rows, scaled to length 1.
    """
    a_D, b_D, c_D = (_word(rows_VD, ids) for ids in (a, b, c))
    return nearest(rows_VD, a_D - b_D + c_D, count, {*a, *b, *c, *without})


def has_direction(rows_ND: Floats) -> NDArray[np.bool_]:
    """Return which rows have one: all their numbers are finite, and not all of them are 0."""
    return np.asarray(np.isfinite(rows_ND).all(axis=-1) & rows_ND.any(axis=-1))


def _word(rows_VD: Floats, ids: list[int]) -> Floats:
    mean: Floats = rows_VD[ids].mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
