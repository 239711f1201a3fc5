"""Vectors of 262,144 tokens: maps, neighbours and kinds stay small and quick, and say the same as of all rows."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.inspection.projection import FITTED, principal_plane
from engine.inspection.vectors import nearest
from engine.service.embeddings import sample_of

LARGEST = 262_144


def clusters(count: int, width: int = 32) -> NDArray[np.float32]:
    """Return vectors in three clusters that two directions separate."""
    random = np.random.default_rng(1)
    centres = np.zeros((3, width), np.float32)
    centres[0, 0], centres[1, 1] = 9, 6
    rows = centres[random.integers(3, size=count)] + random.normal(size=(count, width))
    return rows.astype(np.float32)


def plane_of_all(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return centred @ vectors[:, :-3:-1], values[:-3:-1] / values.sum()


def test_the_principal_plane_fitted_to_a_sample_is_that_of_all_rows() -> None:
    rows = clusters(5 * FITTED)
    points, explained = principal_plane(rows)
    expected, shares = plane_of_all(rows)
    assert explained == pytest.approx(tuple(shares), abs=0.01)
    for axis in range(2):
        assert abs(np.corrcoef(points[:, axis], expected[:, axis])[0, 1]) > 0.999


def peak_of(act: Callable[[], object]) -> float:
    """Return the megabytes allocated at once by Python and numpy."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_a_map_and_neighbours_of_the_largest_vocabulary_need_little_memory() -> None:
    rows = np.random.default_rng(0).normal(size=(LARGEST, 64)).astype(np.float32)
    size = rows.nbytes / 1e6
    assert peak_of(lambda: principal_plane(rows)) < size / 2
    assert peak_of(lambda: nearest(rows, rows[5], 12)) < size / 2


@pytest.mark.parametrize("most", [10, 1001, 50_000])
def test_a_sample_has_the_frequent_tokens_the_wanted_ones_and_some_of_all_others(most: int) -> None:
    ids = np.arange(3, LARGEST, dtype=np.int32)
    sample = sample_of(ids, most, (200_001, 5, 1))
    assert most <= len(sample) <= most + 2
    assert (np.diff(sample) > 0).all()
    assert sample[: most // 2].tolist() == ids[: most // 2].tolist()
    assert {200_001, 5, int(ids[-1])} <= set(sample.tolist())
    assert 1 not in sample  # no point at all
    gaps = np.diff(sample[most // 2 :])
    assert gaps.max() <= 2 + LARGEST / (most - most // 2 - 1)


def test_a_small_vocabulary_is_shown_whole() -> None:
    ids = np.arange(100, dtype=np.int32)
    assert sample_of(ids, 100, (7,)).tolist() == ids.tolist()
