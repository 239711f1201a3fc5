"""Compare vectors by direction: nearest rows of a matrix by cosine, and analogies A − B + C.

Suffixes: V rows, D width.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BLOCK = 16_384  # rows that are compared at a time

Found = tuple[NDArray[np.intp], Floats]  # indices of rows, their cosines


def nearest(rows_VD: Floats, vector_D: Floats, count: int, without: Collection[int] = ()) -> Found:
    """Return the `count` rows with the largest cosine A·B / (|A| |B|), largest first: indices and cosines.

    Rows without a direction are left out; if the vector has none, no row is returned.
    """
    cosines_V = cosines(rows_VD, vector_D)
    cosines_V[~np.isfinite(cosines_V)] = -np.inf
    cosines_V[list(without)] = -np.inf
    count = max(0, min(count, int(np.count_nonzero(cosines_V > -np.inf))))
    best = np.argpartition(-cosines_V, max(count - 1, 0))[:count]
    best = best[np.argsort(-cosines_V[best], kind="stable")]
    return best, cosines_V[best]


def cosines(rows_VD: Floats, vector_D: Floats) -> Floats:
    """Return the cosine of each row with a vector, NaN where one of the two has no direction."""
    cosines_V = np.empty(len(rows_VD), np.float32)
    with np.errstate(all="ignore"):  # numbers that are NaN, infinite or too large
        for start in range(0, len(rows_VD), BLOCK):
            block_ND = rows_VD[start : start + BLOCK]
            lengths_N = np.sqrt(np.einsum("nd,nd->n", block_ND, block_ND))
            cosines_V[start : start + BLOCK] = block_ND @ vector_D / (lengths_N * np.linalg.norm(vector_D))
    cosines_V[~np.isfinite(cosines_V)] = np.nan
    return cosines_V


def analogy(
    rows_VD: Floats, a: list[int], b: list[int], c: list[int], count: int, without: Collection[int] = ()
) -> Found:
    """Return the rows nearest to A − B + C, without the three themselves (Mikolov et al. 2013, NAACL, §4)."""
    a_D, b_D, c_D = (word_vector(rows_VD, ids) for ids in (a, b, c))
    return nearest(rows_VD, a_D - b_D + c_D, count, {*a, *b, *c, *without})


def analogy_plane(a_D: Floats, b_D: Floats, c_D: Floats, near_ND: Floats) -> Floats:
    """Return A, B, C, A − B + C and the rows `near_ND` in the plane through B along A − B and C − B: [4 + N, 2].

    B is at 0 and A on the first axis. Lengths in the plane are true, so that A − B + C completes a parallelogram.
    The rows are scaled to the length of A − B + C, so that of them the nearest by cosine is also the nearest by
    distance; what is not in the plane is left out. If both differences have the same direction, the second axis is
    that of the first row outside of it.
    """
    sum_D = a_D - b_D + c_D
    lengths_N1 = np.linalg.norm(near_ND, axis=1, keepdims=True)
    unit_ND = near_ND / np.maximum(lengths_N1, 1e-30) * np.linalg.norm(sum_D)
    ways_ND = np.vstack([a_D - b_D, c_D - b_D, sum_D - b_D, unit_ND - b_D]).astype(np.float64)
    axes: list[NDArray[np.float64]] = []
    for way_D in ways_ND:
        rest_D = way_D - sum(((way_D @ axis) * axis for axis in axes), np.zeros_like(way_D))
        if len(axes) < 2 and np.linalg.norm(rest_D) > 1e-4:
            axes.append(rest_D / np.linalg.norm(rest_D))
    plane_N2 = np.zeros((1 + len(ways_ND), 2), np.float32)
    placed = ways_ND @ np.array(axes).reshape(len(axes), ways_ND.shape[1]).T
    plane_N2[[0, *range(2, len(plane_N2))], : len(axes)] = placed
    return plane_N2


def has_direction(rows_ND: Floats) -> NDArray[np.bool_]:
    """Return which rows have one: all their numbers are finite, and not all of them are 0."""
    return np.asarray(np.isfinite(rows_ND).all(axis=-1) & rows_ND.any(axis=-1))


def word_vector(rows_VD: Floats, ids: Sequence[int]) -> Floats:
    """Return the vector of a word: the mean of its tokens' rows, scaled to length 1."""
    mean: Floats = rows_VD[list(ids)].mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
