"""Many dimensions on a screen: principal components at once, t-SNE and UMAP as they move."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Points = NDArray[np.float32]
Shares = tuple[float, ...]

LARGE = 4_000_000  # numbers; above that float32 is twice as fast, and gives more digits than a screen shows
TSNE_EARLY, TSNE_STEPS = 250, 750  # as van der Maaten's own: the first ones with the attraction enlarged
STRIDE = 10  # steps from one picture to the next


def principal_plane(rows_ND: Points, dims: int = 2) -> tuple[Points, Shares]:
    """The rows in the plane (or space) in which they vary most, [N, dims], and the variance along each axis.

    Shares are of the whole variance, the largest first. Pearson 1901 (doi:10.1080/14786440109462720), by the
    eigenvectors of the covariance matrix.
    Raises EngineError error.logits_broken if a number is infinite or none at all.
    """
    if not np.isfinite(rows_ND).all():
        raise EngineError("error.logits_broken")
    centred_ND = (rows_ND - rows_ND.mean(axis=0)).astype(np.float32 if rows_ND.size > LARGE else np.float64)
    values, vectors = np.linalg.eigh(centred_ND.T @ centred_ND)
    missing = max(0, dims - len(values))
    vectors, values = np.pad(vectors, ((0, 0), (missing, 0))), np.pad(values, (missing, 0))
    axes_DP = vectors[:, : -dims - 1 : -1]
    total = max(float(values.sum()), 1e-12)
    explained = tuple(float(max(value, 0.0)) / total for value in values[: -dims - 1 : -1])
    return (centred_ND @ axes_DP).astype(np.float32), explained


def held_still(points_NP: Points, explained: Shares, before_NP: Points) -> tuple[Points, Shares]:
    """The points with their axes mirrored, and exchanged if need be, to lie as they lay before.

    Principal axes have no sign of their own, and two that are about as long change places as a model
    learns. They are not turned any further, as orthogonal Procrustes (Schönemann 1966) would: on runs of
    600 steps that moved the points by as little as this does, and the axes were principal ones no more.
    """
    overlap = points_NP.T.astype(np.float64) @ before_NP  # [axis now, axis before]
    axes = range(len(overlap))
    order = max(permutations(axes), key=lambda order: sum(abs(overlap[order[i], i]) for i in axes))
    signs = np.array([-1.0 if overlap[order[i], i] < 0 else 1.0 for i in axes], np.float32)
    return points_NP[:, list(order)] * signs, tuple(explained[i] for i in order)


def tsne(rows_ND: Points, seed: int = 1) -> Iterator[tuple[Points, float]]:
    """Points [N, 2] as they move, and how much is done, 0..1: near ones stay near.

    van der Maaten and Hinton 2008 (JMLR 9), with the approximation of Linderman et al. 2019
    (arXiv:1712.09005), cosine distances and principal components to begin with, as openTSNE has them.
    """
    from openTSNE import TSNEEmbedding, affinity, initialization  # two seconds: only when it is asked for

    yield principal_plane(rows_ND)[0], 0.0
    perplexity = min(30.0, max(2.0, (len(rows_ND) - 1) / 3))
    near = affinity.PerplexityBasedNN(rows_ND, perplexity=perplexity, metric="cosine", random_state=seed)
    moving = TSNEEmbedding(initialization.pca(rows_ND, random_state=seed), near, random_state=seed)
    for step in range(0, TSNE_EARLY + TSNE_STEPS, STRIDE):
        early = step < TSNE_EARLY
        moving.optimize(STRIDE, exaggeration=12 if early else 1, momentum=0.5 if early else 0.8, inplace=True)
        yield np.asarray(moving, np.float32), (step + STRIDE) / (TSNE_EARLY + TSNE_STEPS)


def umap(rows_ND: Points, dims: int = 2, seed: int = 1) -> Iterator[tuple[Points, float]]:
    """Points [N, dims] as they move, and how much is done (McInnes et al. 2018, arXiv:1802.03426).

    Raises EngineError: error.extra_missing where the extra is not installed.
    """
    try:
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding
    except ImportError as error:
        raise EngineError("error.extra_missing", extra="umap") from error
    points, _ = principal_plane(rows_ND, dims)
    yield points, 0.0
    random = np.random.RandomState(seed)
    neighbours = min(15, len(rows_ND) - 1)
    graph, _, _ = fuzzy_simplicial_set(rows_ND, neighbours, random, metric="cosine")
    a, b = find_ab_params(1.0, 0.1)
    points = 10 * points / max(float(np.abs(points).max()), 1e-12)
    rounds = 20
    for done in range(rounds):
        # One long descent in rounds: each goes on where the last one stopped, with smaller steps.
        points, _ = simplicial_set_embedding(
            rows_ND, graph, dims, 1.0 - done / rounds, a, b, 1.0, 5, 10, points, random, "cosine", {}, False, {}, False
        )
        yield points.astype(np.float32), (done + 1) / rounds


def token_paths(states_LTD: Points, dims: int = 2) -> tuple[Points, Shares]:
    """Where each token is behind each layer, [layers, T, dims], and the variance along each axis.

    Every state is brought to length 1 first: a residual grows from layer to layer, and what turns is its direction.
    """
    length = np.linalg.norm(states_LTD, axis=-1, keepdims=True)
    rows = states_LTD / np.maximum(length, 1e-12)
    points, explained = principal_plane(rows.reshape(-1, rows.shape[-1]), dims)
    return points.reshape(*states_LTD.shape[:2], dims), explained
