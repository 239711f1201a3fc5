"""The graph of vectors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.retrieval import nearest
from engine.retrieval.lsa import unit
from tests.engine.collecting import failure

Floats = NDArray[np.float32]


def test_the_graph_agrees_with_exact_search_also_after_changes(tmp_path: Path) -> None:
    """Passages not yet in the graph are compared exactly, removed ones are ignored."""
    rows_ND = unit(np.random.default_rng(1).standard_normal((600, 16)).astype(np.float32))
    ids = np.arange(1, 601) * 3  # with gaps, as after removing documents
    *_, share = nearest.build_graph(tmp_path / "g", rows_ND[:400], ids[:400], None)
    assert 0 <= share <= 1
    *_, share = nearest.build_graph(
        tmp_path / "g", rows_ND[:500], ids[:500], tmp_path / "g"
    )  # add to an existing graph
    graph = nearest.Graph(tmp_path / "g", int(ids[499]))
    left = np.delete(np.arange(600), np.arange(0, 500, 4))
    for query_D in rows_ND[::60] + 0.1:
        best, cosines = graph.nearest(rows_ND[left], ids[left], query_D, 5)
        expected, scores = nearest.exact(rows_ND[left], query_D, 5)
        assert len(set(best.tolist()) & set(expected.tolist())) >= 4  # approximate, so not always all five
        assert np.allclose(cosines[0], scores[0], atol=1e-5)
        assert np.allclose(cosines, rows_ND[left][best] @ query_D, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize("data", [b"", b"no graph at all", bytes(5000)])
def test_a_damaged_graph_is_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "g").write_bytes(data)
    assert failure(lambda: nearest.Graph(tmp_path / "g", 1)) == "error.collection_damaged"


def test_a_graph_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    rows_ND = np.eye(4, dtype=np.float32)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    assert failure(lambda: list(nearest.build_graph(tmp_path / "taken", rows_ND, np.arange(4), None))) == (
        "error.not_written"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@given(
    arrays(np.float32, st.tuples(st.integers(1, 20), st.just(4)), elements=st.floats(-1, 1, width=32)),
    arrays(np.float32, 4, elements=st.floats(-1, 1, width=32)),
    st.integers(1, 25),
)
def test_exact_search_finds_the_nearest(rows_ND: Floats, query_D: Floats, k: int) -> None:
    best, cosines = nearest.exact(rows_ND, query_D, k)
    every = [float(sum(a * b for a, b in zip(row, query_D, strict=True))) for row in rows_ND.tolist()]
    assert np.allclose(sorted(cosines, reverse=True), sorted(every, reverse=True)[:k], atol=1e-5)
    assert np.allclose(cosines, [every[i] for i in best], atol=1e-5)
