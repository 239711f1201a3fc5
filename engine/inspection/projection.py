"""Many dimensions on a flat screen: principal components, held still from one moment to the next."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]


def principal_plane(rows_ND: Points) -> tuple[Points, tuple[float, float]]:
    """The rows in the plane in which they vary most, [N, 2], and the share of the variance along each axis.

    Pearson 1901 (doi:10.1080/14786440109462720), by the eigenvectors of the covariance matrix.
    """
    centred_ND = (rows_ND - rows_ND.mean(axis=0)).astype(np.float64)
    values, vectors = np.linalg.eigh(centred_ND.T @ centred_ND)
    if centred_ND.shape[1] == 1:
        vectors, values = np.pad(vectors, ((0, 0), (1, 0))), np.pad(values, (1, 0))
    axes_D2 = vectors[:, [-1, -2]]
    total = max(float(values.sum()), 1e-12)
    explained = (float(max(values[-1], 0.0)) / total, float(max(values[-2], 0.0)) / total)
    return (centred_ND @ axes_D2).astype(np.float32), explained


def turned_onto(points_N2: Points, before_N2: Points) -> Points:
    """The points, turned or mirrored so that they lie as near as can be to where they were before.

    Axes of principal components have no sign of their own and change places as a model learns; the
    orthogonal Procrustes solution (Schönemann 1966, doi:10.1007/BF02289451) keeps the cloud still.
    """
    u, _, vt = np.linalg.svd(points_N2.T.astype(np.float64) @ before_N2)
    turned: Points = (points_N2 @ (u @ vt)).astype(np.float32)
    return turned
