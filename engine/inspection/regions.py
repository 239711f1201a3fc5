"""Find regions of a map: groups of vectors of a similar direction whose points are also close to each other.

Suffixes: N rows, D width, P dimensions of the map, K groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.inspection.vectors import Floats, has_direction

Indices = NDArray[np.intp]

MOST_GROUPS = 40
ROUNDS = 15  # of k-means
FEWEST = 4  # rows of a region
BETTER = 1.25  # a region's cosine to its mean, divided by that in data without structure
COMPACT = 0.7  # a region's spread on the map, divided by that of all points
NAMING = 12  # rows nearest to the mean direction, of which the first give the region its name


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows of a similar direction."""

    members: Indices  # those most similar to the mean direction first
    cosine: float  # mean cosine of the members to their mean direction


def find_groups(rows_ND: Floats, seed: int = 1) -> list[Group]:
    """Return groups of rows by spherical k-means (Dhillon and Modha 2001, doi:10.1023/A:1007612920971).

    Only groups are returned whose vectors are more similar than those of the groups that the same method finds after
    each column was shuffled by itself, which destroys all structure.
    """
    usable = np.flatnonzero(has_direction(rows_ND))
    if len(usable) < 2 * FEWEST:
        return []
    count = int(np.clip(np.sqrt(len(usable)) / 2, 2, MOST_GROUPS))
    rng = np.random.default_rng(seed)
    unit_ND = _directions(rows_ND[usable])
    shuffled_ND = _directions(rng.permuted(unit_ND, axis=0))
    chance = np.mean([group.cosine for group in _cluster(shuffled_ND, count, rng)] or [0.0])
    groups = _cluster(unit_ND, count, rng)
    return [Group(usable[group.members], group.cosine) for group in groups if group.cosine > BETTER * chance]


def grouped_by(kinds: Sequence[str], rows_ND: Floats) -> dict[str, Group]:
    """Return the rows of each kind as a group."""
    unit_ND, of_row = _directions(rows_ND), np.array(kinds)
    return {kind: _group(np.flatnonzero(of_row == kind), unit_ND) for kind in dict.fromkeys(kinds)}


def is_compact(members: Indices, points_NP: Floats) -> bool:
    """Return whether the points of a group are closer to their median than those of all are to theirs."""
    whole = _spread(points_NP)
    return len(members) >= FEWEST and whole > 0 and _spread(points_NP[members]) < COMPACT * whole


def _spread(points_NP: Floats) -> float:
    return float(np.median(np.linalg.norm(points_NP - np.median(points_NP, axis=0), axis=1)))


def _directions(rows_ND: Floats) -> Floats:
    """Return the rows without their mean, scaled to length 1; rows that equal the mean stay 0."""
    largest = max(float(np.abs(rows_ND).max(initial=0.0)), 1e-30)
    centred_ND = rows_ND / np.float32(largest)
    centred_ND = centred_ND - centred_ND.mean(axis=0)
    unit_ND: Floats = centred_ND / np.maximum(np.linalg.norm(centred_ND, axis=1, keepdims=True), 1e-12)
    return unit_ND


def _cluster(unit_ND: Floats, count: int, rng: np.random.Generator) -> list[Group]:
    """Return the groups of spherical k-means, started from rows that are far from each other (k-means++)."""
    centres_KD = unit_ND[[int(rng.integers(len(unit_ND)))]]
    distance_N = np.maximum(1 - unit_ND @ centres_KD[0], 0)
    while len(centres_KD) < count and distance_N.sum() > 1e-6:
        row = int(rng.choice(len(unit_ND), p=distance_N.astype(np.float64) / distance_N.sum(dtype=np.float64)))
        centres_KD = np.vstack([centres_KD, unit_ND[row]])
        distance_N = np.maximum(np.minimum(distance_N, 1 - unit_ND @ unit_ND[row]), 0)
    for _ in range(ROUNDS):
        nearest_N = (unit_ND @ centres_KD.T).argmax(axis=1)
        sums_KD = np.stack([unit_ND[nearest_N == k].sum(axis=0) for k in range(len(centres_KD))])
        length_K1 = np.linalg.norm(sums_KD, axis=1, keepdims=True)
        centres_KD = np.where(length_K1 > 0, sums_KD / np.maximum(length_K1, 1e-12), centres_KD)
    nearest_N = (unit_ND @ centres_KD.T).argmax(axis=1)
    members = (np.flatnonzero(nearest_N == k) for k in range(len(centres_KD)))
    return [_group(found, unit_ND) for found in members if len(found) >= FEWEST]


def _group(members: Indices, unit_ND: Floats) -> Group:
    mean_D = unit_ND[members].mean(axis=0)
    cosines = unit_ND[members] @ (mean_D / max(float(np.linalg.norm(mean_D)), 1e-12))
    return Group(members[np.argsort(-cosines, kind="stable")], float(cosines.mean()))
