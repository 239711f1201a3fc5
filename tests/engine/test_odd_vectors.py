"""Maps, neighbours and analogies of vectors that are zero, equal, few, or not finite."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.inspection.projection import LEAST, principal_plane, tsne, umap
from engine.inspection.vectors import has_direction, nearest
from engine.messages.embeddings import (
    Analogy,
    EmbeddingMap,
    EmbeddingNames,
    FindAnalogy,
    LookUp,
    Project,
    TokenRow,
)
from engine.messages.status import Notice
from engine.service.session import Session
from tests.engine.odd_models import WIDTH, byte_tokenizer, make_llama, words_tokenizer, write_weights
from tests.engine.sessions import ask

EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def session_of(
    folder: Path, change: Callable[[NDArray[np.float32]], object], words: list[str] | None = None
) -> Session:
    """Open a model whose embedding matrix `change` has changed."""
    weights = make_llama(folder, words_tokenizer(words) if words else byte_tokenizer())
    change(weights[EMBEDDING])
    write_weights(folder, weights)
    session = Session()
    session.open(folder)
    return session


def fill(value: float) -> Callable[[NDArray[np.float32]], object]:
    return lambda rows_VD: rows_VD.fill(value)


def row(character: str, value: float) -> Callable[[NDArray[np.float32]], object]:
    return lambda rows_VD: rows_VD[ord(character) - 32].fill(value)


def maps(session: Session, method: Any = "pca", dims: Any = 2) -> tuple[list[Notice], list[str], NDArray[np.float32]]:
    """Return the notices, the names and the last points of a map."""
    answers = ask(session, Project(method, dims))
    [names] = (answer for answer in answers if isinstance(answer, EmbeddingNames))
    points = [answer.points for answer in answers if isinstance(answer, EmbeddingMap)]
    assert all(np.isfinite(map_).all() for map_ in points)
    return [answer for answer in answers if isinstance(answer, Notice)], list(names.pieces), points[-1]


# --- Which tokens are shown ---------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [2, 3])
def test_all_tokens_of_a_small_foreign_vocabulary_are_shown(tmp_path: Path, dims: int) -> None:
    session = session_of(tmp_path, lambda _: None, ["aa", "bb", "cc"])
    assert maps(session, dims=dims)[1] == ["aa", "bb", "cc"]
    assert maps(session, dims=dims)[2].shape == (3, dims)


def test_single_bytes_of_nakami_s_own_tokenizer_are_not_shown(session: Session) -> None:
    vocabulary = session.opened.tokenizer.vocabulary
    [names, _] = ask(session, Project())
    assert names.ids.tolist() == list(range(256, vocabulary))


def test_special_tokens_and_bytes_of_a_foreign_vocabulary_are_not_shown(tmp_path: Path) -> None:
    tokenizer = words_tokenizer(["unk", "<0xE3>", "cat"])
    tokenizer.add_special_tokens(["</s>"])
    make_llama(tmp_path, tokenizer)
    session = Session()
    session.open(tmp_path)
    assert maps(session)[1] == ["unk", "cat"]


# --- Maps ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-9, 0.3, 1e9])
def test_equal_rows_have_no_direction_of_largest_variance(scale: float) -> None:
    rows = np.tile(np.random.default_rng(1).normal(size=8).astype(np.float32) * np.float32(scale), (95, 1))
    _, shares = principal_plane(rows)
    assert max(shares) < 0.01


@pytest.mark.parametrize("value", [0.0, 0.25, -3.0])
@pytest.mark.parametrize("dims", [2, 3])
def test_equal_rows_are_drawn_by_principal_components(tmp_path: Path, value: float, dims: int) -> None:
    notices, names, points = maps(session_of(tmp_path, fill(value)), dims=dims)
    assert (notices, len(names), points.shape) == ([], 95, (95, dims))


@pytest.mark.parametrize(
    ("change", "words", "key"),
    [
        (fill(0.5), None, "error.points_few"),
        (lambda _: None, ["aa", "bb", "cc"], "error.points_few"),
        (fill(0.0), None, "error.logits_broken"),
    ],
)
def test_too_few_directions_for_t_sne_give_a_sentence(
    tmp_path: Path, change: Any, words: list[str] | None, key: str
) -> None:
    with pytest.raises(EngineError) as raised:
        maps(session_of(tmp_path, change, words), "tsne")
    assert raised.value.key == key


@pytest.mark.parametrize("count", [LEAST, 7, 12, 30])
def test_few_points_are_not_piled_up_by_t_sne(count: int) -> None:
    """With the exaggeration of the paper, points of fewer than twenty rows ended within 10⁻⁵⁰ of each other."""
    *_, (points, share) = tsne(np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32))
    assert share == 1.0
    assert np.ptp(points, axis=0).max() > 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_with_nan_or_infinity_is_named_and_all_others_are_drawn(tmp_path: Path, value: float) -> None:
    session = session_of(tmp_path, row("q", value))
    for method, dims in (("pca", 2), ("pca", 3), ("tsne", 2)):
        notices, names, points = maps(session, method, dims)
        assert notices == [Notice("notice.rows_left_out", {"count": 1, "names": "q"})]
        assert len(names) == len(points) == 94
        assert "q" not in names


def test_a_zero_row_has_no_place_among_cosines(tmp_path: Path) -> None:
    session = session_of(tmp_path, row("q", 0.0))
    assert len(maps(session, "pca")[1]) == 95
    notices, names, _ = maps(session, "tsne")
    assert [notice.arguments["names"] for notice in notices] == ["q"]
    assert len(names) == 94


ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.sampled_from([0.0, 1.0, -2.0, 0.5, 1e-20, 1e20, 3e38, -3e38]),
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, dims=st.sampled_from([2, 3]))
def test_principal_components_of_any_numbers_are_finite(rows: NDArray[np.float32], dims: int) -> None:
    points, explained = principal_plane(rows, dims)
    assert points.shape == (len(rows), dims)
    assert np.isfinite(points).all()
    assert all(0 <= share <= 1 + 1e-6 for share in explained)


@settings(max_examples=15, deadline=None)
@given(rows=ROWS.filter(lambda rows: bool(has_direction(rows).all())))
def test_t_sne_of_any_rows_gives_finite_points_or_a_sentence(rows: NDArray[np.float32]) -> None:
    with suppress(EngineError):
        assert all(np.isfinite(points).all() for points, _ in tsne(rows))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("count", [1, 3, LEAST, 20])
def test_umap_of_few_rows_gives_finite_points_or_a_sentence(count: int, dims: int) -> None:
    pytest.importorskip("umap")
    moving = umap(np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32), dims)
    if count < LEAST:
        with pytest.raises(EngineError) as raised:
            list(moving)
        assert raised.value.key == "error.points_few"
    else:
        assert all(np.isfinite(points).all() for points, _ in moving)


# --- Neighbours and analogies -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_row_without_direction_has_no_neighbours_and_is_not_one(tmp_path: Path, value: float) -> None:
    session = session_of(tmp_path, row("q", value))
    [found] = ask(session, LookUp(ord("q") - 32))
    assert isinstance(found, TokenRow)
    assert len(found.near.ids) == 0
    [other] = ask(session, LookUp(ord("a") - 32, count=200))
    assert len(other.near.ids) == 93
    assert "q" not in other.near.pieces
    assert np.isfinite(other.near.cosines).all()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_analogy_with_a_row_without_direction_says_so(tmp_path: Path, value: float) -> None:
    session = session_of(tmp_path, row("q", value))
    with pytest.raises(EngineError) as raised:
        ask(session, FindAnalogy("a", "q", "b"))
    assert (raised.value.key, raised.value.args_by_name) == ("error.no_direction", {"word": "q"})
    [found] = ask(session, FindAnalogy("a", "b", "c", count=5))
    assert isinstance(found, Analogy)
    assert len(found.near.ids) == 5


def test_a_matrix_of_zeros_has_no_neighbours() -> None:
    rows = np.zeros((5, WIDTH), np.float32)
    assert len(nearest(rows, np.ones(WIDTH, np.float32), 3)[0]) == 0
