"""Many dimensions on a flat screen: principal components, held still from one moment to the next."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Points = NDArray[np.float32]
Shares = tuple[float, float]


def principal_plane(rows_ND: Points) -> tuple[Points, Shares]:
    """The rows in the plane in which they vary most, [N, 2], and the share of the variance along each axis.

    Pearson 1901 (doi:10.1080/14786440109462720), by the eigenvectors of the covariance matrix.
    Raises EngineError error.logits_broken if a number is infinite or none at all.
    """
    if not np.isfinite(rows_ND).all():
        raise EngineError("error.logits_broken")
    centred_ND = (rows_ND - rows_ND.mean(axis=0)).astype(np.float64)
    values, vectors = np.linalg.eigh(centred_ND.T @ centred_ND)
    if centred_ND.shape[1] == 1:
        vectors, values = np.pad(vectors, ((0, 0), (1, 0))), np.pad(values, (1, 0))
    axes_D2 = vectors[:, [-1, -2]]
    total = max(float(values.sum()), 1e-12)
    explained = (float(max(values[-1], 0.0)) / total, float(max(values[-2], 0.0)) / total)
    return (centred_ND @ axes_D2).astype(np.float32), explained


def held_still(points_N2: Points, explained: Shares, before_N2: Points) -> tuple[Points, Shares]:
    """The points with their axes mirrored, and exchanged if need be, to lie as they lay before.

    Principal axes have no sign of their own, and two that are about as long change places as a model
    learns. They are not turned any further, as orthogonal Procrustes (Schönemann 1966) would: on runs of
    600 steps that moved the points by as little as this does, and the axes were principal ones no more.
    """
    overlap = points_N2.T.astype(np.float64) @ before_N2  # [axis now, axis before]
    if abs(overlap[0, 1]) + abs(overlap[1, 0]) > abs(overlap[0, 0]) + abs(overlap[1, 1]):
        points_N2, explained, overlap = points_N2[:, ::-1], (explained[1], explained[0]), overlap[::-1]
    signs = np.where(np.diag(overlap) < 0, -1.0, 1.0).astype(np.float32)
    return points_N2 * signs, explained
