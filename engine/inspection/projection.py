"""Project vectors to points on a screen: principal components, and t-SNE and UMAP step by step.

Suffixes: N rows, D width, P dimensions of the map, L layers, T tokens.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Points = NDArray[np.float32]
Shares = tuple[float, ...]

FITTED = 8192  # rows to which principal axes are fitted
BLOCK = 8192  # rows that are projected at a time
LARGE = 4_000_000  # numbers in a matrix above which float32 is used: twice as fast, precise enough for a screen
HUGE = 1e12  # numbers above which the rows are scaled: their squares would overflow
LEAST = 4  # different directions that t-SNE and UMAP need
TSNE_EARLY, TSNE_STEPS = 250, 750  # as in the paper; early steps exaggerate the attraction
STRIDE = 10  # steps between two maps


def principal_plane(rows_ND: Points, dims: int = 2) -> tuple[Points, Shares]:
    """Return the rows' principal components [N, dims], and each one's share of the total variance, largest first.

    Pearson 1901 (doi:10.1080/14786440109462720), from the eigenvectors of the covariance matrix. The axes and shares
    are those of at most FITTED evenly spaced rows; all rows are projected, a block at a time.
    Raises EngineError error.logits_broken if a number is infinite or NaN, or if there are no rows.
    """
    largest = max(float(rows_ND.max()), -float(rows_ND.min())) if len(rows_ND) else np.inf
    if not np.isfinite(largest):  # NaN too
        raise EngineError("error.logits_broken")
    scale = largest if largest > HUGE else 1.0
    fitted_ND = rows_ND[:: -(-len(rows_ND) // FITTED)] / np.float32(scale)
    mean_D = fitted_ND.mean(axis=0, dtype=np.float64).astype(np.float32)
    precision = np.float32 if rows_ND.size > LARGE else np.float64
    centred_ND = (fitted_ND - mean_D).astype(precision)
    values, vectors = np.linalg.eigh(centred_ND.T @ centred_ND)
    missing = max(0, dims - len(values))
    vectors, values = np.pad(vectors, ((0, 0), (missing, 0))), np.pad(values, (missing, 0))
    axes_DP = vectors[:, : -dims - 1 : -1]
    # Rows that are equal but for rounding have no direction of largest variance.
    rounding = fitted_ND.size * (1e-6 * largest / scale) ** 2
    total = max(float(values.sum()), rounding, 1e-12)
    explained = tuple(float(max(value, 0.0)) / total for value in values[: -dims - 1 : -1])
    blocks = (rows_ND[start : start + BLOCK] / np.float32(scale) for start in range(0, len(rows_ND), BLOCK))
    points = [((block_ND - mean_D).astype(precision) @ axes_DP).astype(np.float32) for block_ND in blocks]
    return np.concatenate(points), explained


def align_axes(points_NP: Points, explained: Shares, before_NP: Points) -> tuple[Points, Shares]:
    """Return the points with axes mirrored and exchanged so that they match the previous map.

    The sign of a principal axis is arbitrary, and two of about the same variance change places while a model
    trains. The points are not rotated further, as orthogonal Procrustes (Schönemann 1966) would: on runs of
    600 steps that moved them by about as little, and the axes were no longer principal axes.
    """
    overlap = points_NP.T.astype(np.float64) @ before_NP  # [axis now, axis before]
    axes = range(len(overlap))
    order = max(permutations(axes), key=lambda order: sum(abs(overlap[order[i], i]) for i in axes))
    signs = np.array([-1.0 if overlap[order[i], i] < 0 else 1.0 for i in axes], np.float32)
    return points_NP[:, list(order)] * signs, tuple(explained[i] for i in order)


def tsne(rows_ND: Points, seed: int = 1) -> Iterator[tuple[Points, float]]:
    """Yield the points [N, 2] every STRIDE steps, and the share of the steps done, 0..1.

    van der Maaten and Hinton 2008 (JMLR 9), with the approximation of Linderman et al. 2019
    (arXiv:1712.09005), cosine distances, starting from the principal components, by openTSNE. No row may be zero.
    Raises EngineError error.points_few, after the principal components.
    """
    points, _ = principal_plane(rows_ND)
    yield points, 0.0
    from openTSNE import TSNEEmbedding, affinity  # takes two seconds, while the principal components are shown

    unit_ND = _directions(rows_ND, "t-SNE")
    perplexity = min(30.0, max(1.0, (len(rows_ND) - 1) / 3))
    strongest = max(1.0, min(12.0, len(rows_ND) / 4))  # more would move so few points onto one place
    near = affinity.PerplexityBasedNN(unit_ND, perplexity=perplexity, metric="cosine", random_state=seed)
    moving = TSNEEmbedding(1e-4 * points / max(float(points[:, 0].std()), 1e-12), near, random_state=seed)
    for step in range(0, TSNE_EARLY + TSNE_STEPS, STRIDE):
        early = step < TSNE_EARLY
        moving.optimize(STRIDE, exaggeration=strongest if early else 1, momentum=0.5 if early else 0.8, inplace=True)
        yield np.asarray(moving, np.float32), (step + STRIDE) / (TSNE_EARLY + TSNE_STEPS)


def umap(rows_ND: Points, dims: int = 2, seed: int = 1) -> Iterator[tuple[Points, float]]:
    """Yield the points [N, dims] and the share done, 0..1 (McInnes et al. 2018, arXiv:1802.03426).

    No row may be zero. Raises EngineError: error.extra_missing if the extra is not installed, error.points_few.
    """
    try:
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding
    except ImportError as error:
        raise EngineError("error.extra_missing", extra="umap") from error
    points, _ = principal_plane(rows_ND, dims)
    yield points, 0.0
    unit_ND = _directions(rows_ND, "UMAP")
    random = np.random.RandomState(seed)
    neighbours = min(15, len(rows_ND) - 1)
    graph, _, _ = fuzzy_simplicial_set(unit_ND, neighbours, random, metric="cosine")
    a, b = find_ab_params(1.0, 0.1)
    points = 10 * points / max(float(np.abs(points).max()), 1e-12)
    rounds = 20
    for done in range(rounds):
        # One descent in rounds: each continues from the last one's points with a smaller step size.
        points, _ = simplicial_set_embedding(
            unit_ND, graph, dims, 1.0 - done / rounds, a, b, 1.0, 5, 10, points, random, "cosine", {}, False, {}, False
        )
        yield points.astype(np.float32), (done + 1) / rounds


def _directions(rows_ND: Points, method: str) -> Points:
    """Return the rows scaled to length 1. Raises EngineError error.points_few if fewer than LEAST are different."""
    rows_ND = rows_ND / np.abs(rows_ND).max(axis=1, keepdims=True)  # otherwise squares of large numbers overflow
    unit_ND = rows_ND / np.linalg.norm(rows_ND, axis=1, keepdims=True)
    different = len(np.unique(unit_ND.round(5), axis=0))
    if different < LEAST:
        raise EngineError("error.points_few", count=different, least=LEAST, method=method)
    return unit_ND


def token_paths(states_LTD: Points, dims: int = 2) -> tuple[Points, Shares]:
    """Return each token's position after each layer [layers, T, dims], and each axis's share of the variance.

    States are scaled to length 1 first, because a residual stream grows from layer to layer.
    """
    length = np.linalg.norm(states_LTD, axis=-1, keepdims=True)
    rows = states_LTD / np.maximum(length, 1e-12)
    points, explained = principal_plane(rows.reshape(-1, rows.shape[-1]), dims)
    return points.reshape(*states_LTD.shape[:2], dims), explained
