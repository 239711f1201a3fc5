"""Combining keyword and vector scores."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.retrieval.ranking import (
    NEIGHBOURS_SHARE,
    OWN,
    SHARPNESS,
    WEAK,
    among_neighbours,
    best_first,
    fuse,
    with_feedback,
)

Floats = NDArray[np.float32]
SCORES = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.float32, n, elements=st.floats(0, 40, width=32)),
        arrays(np.float32, n, elements=st.floats(-1, 1, width=32)),
    )
)


@given(SCORES)
def test_better_by_both_scores_is_better_after_fusion(scores: tuple[Floats, Floats]) -> None:
    keyword_N, cosine_N = scores
    fused_N = fuse(keyword_N, cosine_N)
    worse = (keyword_N[:, None] <= keyword_N) & (cosine_N[:, None] <= cosine_N)  # [i, j]: i is no better than j
    assert (fused_N[:, None] <= fused_N + 1e-6)[worse].all()
    assert fused_N.max() <= 1 + 1e-5


@given(SCORES)
def test_fusion_does_not_depend_on_the_scale_of_keyword_scores(scores: tuple[Floats, Floats]) -> None:
    keyword_N, cosine_N = scores
    assert np.allclose(fuse(keyword_N * 16, cosine_N), fuse(keyword_N, cosine_N), atol=1e-5)


def test_a_weak_best_cosine_is_not_scaled_to_one() -> None:
    keyword_N = np.array([1, 0], np.float32)
    near = fuse(keyword_N, np.array([0, 0.9], np.float32))[1]
    far = fuse(keyword_N, np.array([0, WEAK / 4], np.float32))[1]
    assert far == pytest.approx(near / 4)


@given(st.lists(st.integers(-3, 3), max_size=60), st.integers(-2, 70))
def test_best_first_equals_a_stable_sort(values: list[int], k: int) -> None:
    """Ties keep their order, also at the last place."""
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[: max(0, k)]
    assert best_first(np.array(values, np.float32), k).tolist() == expected


@pytest.mark.parametrize("k", [1, 5, 300, 1000])
def test_best_first_of_many_equal_scores_returns_the_first(k: int) -> None:
    scores = np.zeros(1000, np.float32)
    scores[::7] = 1
    expected = sorted(range(1000), key=lambda i: (-scores[i], i))[:k]
    assert best_first(scores, k).tolist() == expected


@given(
    arrays(np.float32, st.tuples(st.integers(1, 20), st.just(4)), elements=st.floats(-1, 1, width=32)),
    st.integers(0, 1000),
)
def test_a_score_stays_between_the_lowest_and_the_highest(rows_BD: Floats, seed: int) -> None:
    scores_B = np.random.default_rng(seed).random(len(rows_BD), dtype=np.float32)
    moved_B = among_neighbours(scores_B, rows_BD)
    for i, row in enumerate(rows_BD.tolist()):
        weights = [max(0.0, sum(a * b for a, b in zip(row, other, strict=True))) ** SHARPNESS for other in rows_BD]
        weights[i] = OWN
        mean = sum(w * float(s) for w, s in zip(weights, scores_B, strict=True)) / sum(weights)
        assert moved_B[i] == pytest.approx((1 - NEIGHBOURS_SHARE) * scores_B[i] + NEIGHBOURS_SHARE * mean, abs=1e-4)
    assert moved_B.min() >= scores_B.min() - 1e-5


def test_a_dissimilar_passage_keeps_its_score_and_one_like_good_ones_gains() -> None:
    vectors = np.array([[1, 0, 0.1], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    moved = among_neighbours(np.array([1.0, 0.5, 0.6, 0.2, 0.4], np.float32), vectors)
    assert moved[1] > moved[2]
    assert moved[4] == pytest.approx(0.4, abs=0.01)  # and so does one that is only a little similar


def test_feedback_moves_the_question_towards_the_best_passages_at_length_one() -> None:
    query_D, best_BD = np.eye(3, dtype=np.float32)[0], np.eye(3, dtype=np.float32)[1:]
    moved_D = with_feedback(query_D, best_BD)
    assert np.linalg.norm(moved_D) == pytest.approx(1)
    assert query_D @ moved_D > best_BD[0] @ moved_D == pytest.approx(float(best_BD[1] @ moved_D))
    assert best_BD[0] @ moved_D > 0
    assert not with_feedback(query_D * 0, best_BD * 0).any()
