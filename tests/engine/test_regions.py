"""Regions of a map, the plane of an analogy, and the analogies that come out."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from engine.inspection.regions import find_groups, grouped_by, is_compact
from engine.inspection.vectors import analogy_plane, cosines, word_vector
from engine.messages.embeddings import EmbeddingRegions, FindTriples, Project
from engine.service.embeddings import TRIPLES, _words
from engine.service.session import Session
from tests.engine.sessions import ask


def clusters(seed: int, count: int = 4, size: int = 60, width: int = 24) -> NDArray[np.float32]:
    """Return rows around `count` random directions, one cluster after the other."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(count, width))
    return (np.repeat(centres, size, axis=0) + rng.normal(size=(count * size, width))).astype(np.float32)


def test_the_groups_found_are_those_that_the_vectors_were_made_of() -> None:
    groups = find_groups(clusters(1))
    assert len(groups) >= 4
    for group in groups:
        assert len(set((group.members // 60).tolist())) == 1  # no group mixes two clusters
        assert group.cosine > 0.8
    assert sum(len(group.members) for group in groups) > 0.95 * 240


@pytest.mark.parametrize("seed", range(3))
def test_random_vectors_have_no_regions(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(600, 48)).astype(np.float32)
    assert find_groups(rows) == []


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, 1e38])
def test_equal_zero_and_broken_rows_have_no_regions(value: float) -> None:
    assert find_groups(np.full((50, 8), value, np.float32)) == []


def test_a_group_that_is_scattered_over_the_map_is_no_region() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 2)).astype(np.float32)
    near = np.argsort(np.linalg.norm(points - (1, 1), axis=1))[:30]
    assert is_compact(near, points)
    assert not is_compact(rng.permutation(400)[:30], points)
    assert not is_compact(near[:2], points)


def test_kinds_are_groups_whose_most_typical_members_are_first() -> None:
    rows = clusters(2, count=2, size=20)
    groups = grouped_by(["a"] * 20 + ["b"] * 20, rows)
    centred = rows - rows.mean(axis=0)
    mean = (centred / np.linalg.norm(centred, axis=1, keepdims=True))[:20].mean(axis=0)
    typical = int(cosines(centred[:20], mean.astype(np.float32)).argmax())
    assert groups["a"].members[0] == typical
    assert set(groups["b"].members.tolist()) == set(range(20, 40))


def test_beginnings_of_words_name_no_region() -> None:
    others = [f" w{chr(97 + n) * 3}" for n in range(26)]
    pieces = [
        *others,
        " the",
        " citiz",
        " citizen",
        " king",
        "x",
        *["x"] * 200,
        *(name + "s" for name in others),
        " kings",
    ]
    named = [pieces[i] for i in _words(pieces)]
    assert " citiz" not in named
    assert {" citizen", " king", " kings", " the"} <= set(named)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_map_of_words_has_regions_of_their_kinds(language: str) -> None:
    names, shown, found = ask(Session(), Project(source="word2vec", language=language, regions=True))
    assert isinstance(found, EmbeddingRegions)
    assert {"animal", "food", "country"} <= {region.kind for region in found.regions}
    for region in found.regions:
        members = [i for i, kind in enumerate(names.kinds) if kind == region.kind]
        assert region.members <= len(members)
        assert np.linalg.norm(region.centre - np.median(shown.points[members], axis=0)) < 0.5
    assert [region.members for region in found.regions] == sorted((r.members for r in found.regions), reverse=True)


vectors = arrays.arrays(np.float32, (7, 5), elements=st.floats(-4, 4, width=32))


@settings(max_examples=60)
@given(vectors)
def test_the_plane_of_an_analogy_has_the_true_lengths_and_is_a_parallelogram(rows: NDArray[np.float32]) -> None:
    rows[:3] += np.eye(3, 5, dtype=np.float32) * 9  # the three words have directions
    a, b, c = (word_vector(rows, [row]) for row in range(3))
    plane = analogy_plane(a, b, c, rows[3:] + 1e-3)
    assert plane.shape == (8, 2)
    assert np.allclose(plane[1], 0)
    assert np.allclose(plane[3] - plane[2], plane[0] - plane[1], atol=1e-4)
    for first, second in ((a, b), (c, b), (a, c)):
        places = {id(a): plane[0], id(b): plane[1], id(c): plane[2]}
        length = np.linalg.norm(places[id(first)] - places[id(second)])
        assert length == pytest.approx(np.linalg.norm(first - second), abs=1e-3)


def test_the_plane_of_equal_words_is_a_point() -> None:
    word = np.array([1, 0, 0], np.float32)
    assert np.allclose(analogy_plane(word, word, word, word[None]), 0)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_ready_analogies_come_out_in_the_words(language: str) -> None:
    [found] = ask(Session(), FindTriples(4, "word2vec", language))
    assert len(found.words) == 4
    assert set(found.words) <= set(TRIPLES[language])
    assert found.words[0][3] in ("queen", "女王")
