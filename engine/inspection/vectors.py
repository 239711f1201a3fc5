"""Compare vectors by direction: nearest rows of a matrix by cosine, and analogies A − B + C.

Suffixes: V rows, D width.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

Found = tuple[NDArray[np.intp], Floats]  # indices of rows, their cosines


def nearest(rows_VD: Floats, vector_D: Floats, count: int, without: Collection[int] = ()) -> Found:
    """Return the `count` rows with the largest cosine A·B / (|A| |B|), largest first: indices and cosines."""
    lengths_V = np.linalg.norm(rows_VD, axis=1) * max(float(np.linalg.norm(vector_D)), 1e-12)
    cosines_V = rows_VD @ vector_D / np.maximum(lengths_V, 1e-12)
    cosines_V[list(without)] = -np.inf
    count = max(0, min(count, len(rows_VD) - len(set(without))))
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


def _word(rows_VD: Floats, ids: list[int]) -> Floats:
    mean: Floats = rows_VD[ids].mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)
