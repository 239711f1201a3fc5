"""Combine keyword and vector scores into one ranking."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SHARE, TRAINED_SHARE = 0.25, 0.5  # weight of the cosine in a hybrid score; of an encoder trained to compare texts
FEEDBACK = 5  # passages that the question is moved towards
NEIGHBOURS, NEIGHBOURS_SHARE, SHARPNESS, OWN = 20, 0.4, 3, 0.1  # see `among_neighbours`
WEAK = 0.2  # cosines are divided by at least this, so that a weak best one does not count as 1


def fuse(keyword_N: Floats, cosine_N: Floats, share: float = SHARE) -> Floats:
    """Return share · cosine + (1 − share) · keyword score, each divided by its maximum.

    A convex combination preserves how far apart two passages are, unlike ranks (Bruch et al. 2023,
    arXiv:2210.11934).
    """
    return share * _scaled(cosine_N, WEAK) + (1 - share) * _scaled(keyword_N)


def with_feedback(query_D: Floats, best_BD: Floats) -> Floats:
    """Return the question moved towards the best passages of a first search (Rocchio 1971), of length 1."""
    moved_D = query_D + best_BD.mean(axis=0)
    return np.asarray(moved_D / max(float(np.linalg.norm(moved_D)), 1e-12), np.float32)


def among_neighbours(scores_B: Floats, vectors_BD: Floats) -> Floats:
    """Move each score towards the mean of all scores, weighted by cosine³ (Diaz 2005, CIKM); [B].

    Relevant passages tend to resemble each other, while one that resembles no other good one is likely there by
    chance. Its own score has the weight OWN in the mean, so that a passage that resembles none keeps its score.
    """
    weights_BB = np.maximum(vectors_BD @ vectors_BD.T, 0.0) ** SHARPNESS
    np.fill_diagonal(weights_BB, OWN)
    mean_B = weights_BB @ scores_B / weights_BB.sum(axis=1)
    return np.asarray((1 - NEIGHBOURS_SHARE) * scores_B + NEIGHBOURS_SHARE * mean_B, np.float32)


def _scaled(scores_N: Floats, least: float = 0.0) -> Floats:
    best = float(scores_N.max(initial=least))
    return scores_N / best if best > 0 else np.zeros_like(scores_N)


def best_first(scores_N: Floats, k: int) -> NDArray[np.intp]:
    """Return the indices of the k highest scores, highest first; of equal scores the lower index first."""
    k = max(0, min(k, len(scores_N)))
    if not k:
        return np.zeros(0, np.intp)
    last = np.partition(-scores_N, k - 1)[k - 1]
    better = np.flatnonzero(-scores_N < last)
    chosen = np.concatenate([better, np.flatnonzero(-scores_N == last)[: k - len(better)]])
    return chosen[np.lexsort((chosen, -scores_N[chosen]))]
