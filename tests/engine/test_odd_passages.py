"""The map of passages whose vectors are equal, few, zero, or contain NaN."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.messages.search import MapPassages, PassageMap
from engine.service.search import map_passages


def mapped(vectors_ND: NDArray[np.float32], dims: int, question: str = "") -> PassageMap:
    """Map the passages of a collection that has these vectors."""
    numbers = np.arange(len(vectors_ND))
    now = SimpleNamespace(
        embedder=object(),
        table=SimpleNamespace(ids=numbers, documents=numbers),
        vectors_ND=vectors_ND,
        version=1,
        embed_question=lambda _: np.ones(vectors_ND.shape[1], np.float32),
    )
    session = SimpleNamespace(collection=SimpleNamespace(snapshot=lambda: now))
    request = MapPassages(question=question, dims=dims)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [found] = map_passages(session, request)  # type: ignore[arg-type]
    assert isinstance(found, PassageMap)
    return found


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    "rows",
    [
        np.ones((5, 8), np.float32),
        np.zeros((5, 8), np.float32),
        np.arange(8, dtype=np.float32)[None],
        np.eye(3, 8, dtype=np.float32),
    ],
    ids=["identical", "zero", "one", "three"],
)
def test_every_passage_and_the_question_have_a_finite_place(rows: NDArray[np.float32], dims: int) -> None:
    found = mapped(rows, dims, "what?")
    assert found.points.shape == (len(rows), dims)
    assert np.isfinite(found.points).all()
    assert np.isfinite(found.question).all()


def test_passages_whose_vectors_contain_nan_are_left_out() -> None:
    rows = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    rows[2, 3] = np.nan
    found = mapped(rows, 2, "what?")
    assert found.indices.tolist() == [0, 1, 3, 4, 5]
    assert np.isfinite(found.points).all()
    assert np.isfinite(found.question).all()


def test_vectors_without_any_numbers_give_a_sentence() -> None:
    with pytest.raises(EngineError):
        mapped(np.full((3, 8), np.nan, np.float32), 2)
