"""The sentence above the embeddings, held against the numbers of real and of random vectors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.messages.embeddings import (
    Analogy,
    AskedWord,
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    LookUp,
    NearTokens,
    Project,
    ProjectOnAxis,
    TokenRow,
    TracePaths,
    WordAxis,
)
from engine.model.bundled import find
from engine.service.session import Session
from gui import i18n
from gui.panes.embeddings import sentence
from gui.panes.embeddings.coloring import by_numbers, by_order, of_tokens
from gui.panes.embeddings.projection import AxisMap, LayerPaths, VectorMap
from gui.text import visible, word
from tests.engine.sessions import ask

BUILTIN = Path(__file__).parents[2] / "assets" / "model"


@pytest.fixture(autouse=True)
def english() -> None:
    i18n.set_language("en")


@pytest.fixture(scope="module", params=["built-in", "random", "smollm2"])
def session(request: pytest.FixtureRequest) -> Session:
    """Return a session with a model: trained, of the same shape with random vectors, and a large one."""
    opened = Session()
    opened.open(find("smollm2") if request.param == "smollm2" else BUILTIN)
    if request.param == "random":
        weight = opened.opened.model.embedding.weight.data
        weight.copy_(weight.new_tensor(np.random.default_rng(0).normal(size=tuple(weight.shape))))
    return opened


def matrix(session: Session) -> NDArray[np.float64]:
    opened = session.opened
    return opened.model.embedding.weight.detach().float().numpy()[: opened.tokenizer.vocabulary].astype(np.float64)


def is_text(session: Session, row: int) -> bool:
    return session.opened.tokenizer.kind_of(row) not in ("byte", "special")


def test_the_sentence_of_a_map_names_the_true_share_and_the_true_neighbour(session: Session) -> None:
    names, shown = ask(session, Project(most=60_000))
    rows, row = matrix(session), int(names.ids[len(names.ids) // 7])
    [found] = ask(session, LookUp(row))
    text = sentence.of_map(VectorMap(names, shown), found)

    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    cosines = unit @ unit[row]
    cosines[[i for i in range(len(rows)) if i == row or not is_text(session, i)]] = -2
    best = int(cosines.argmax())
    piece = session.opened.tokenizer.piece
    name = visible if word(piece(row)) == word(piece(best)) else word
    assert f"“{name(piece(row))}”" in text
    assert f"“{name(piece(best))}”" in text
    assert f"{cosines[best]:.2f}" in text
    variances = np.cov(rows[names.ids].T)
    share = np.sort(np.linalg.eigvalsh(variances))[-2:].sum() / np.trace(variances)
    assert sum(shown.explained) == pytest.approx(share, abs=0.01)
    assert ("list" in text) == (share < 0.10)
    assert f"{100 * sum(shown.explained):.0f}" in text
    assert len(text) <= 130


def test_an_analogy_among_random_vectors_is_called_chance_and_a_learned_one_is_not(session: Session) -> None:
    [found] = ask(session, FindAnalogy("king", "man", "woman"))
    text = sentence.of_analogy(("king", "man", "woman"), found)
    rows = matrix(session)
    words = [rows[list(word.ids)].mean(axis=0) for word in found.asked]
    a, b, c = (word / np.linalg.norm(word) for word in words)
    total = a - b + c
    near = rows[int(found.near.ids[0])]
    cosine = near @ total / np.linalg.norm(near) / np.linalg.norm(total)
    assert f"{cosine:.2f}" in text
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(200, rows.shape[1])) @ total / np.linalg.norm(total) / np.sqrt(rows.shape[1])
    assert ("leads nowhere" in text) == (cosine <= 1.15 * sentence.chance_cosine(*rows.shape))
    assert cosine > drawn.max() or "leads nowhere" in text
    if rows.shape[1] > 500:
        assert "“queen” (cosine 0.73)" in text


def test_chance_is_about_the_largest_cosine_among_random_vectors() -> None:
    rng = np.random.default_rng(3)
    for rows, width in ((500, 64), (4000, 128), (3000, 576)):
        unit = rng.normal(size=(rows, width))
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        largest = np.median([np.sort(unit @ unit[row])[-2] for row in range(30)])
        assert sentence.chance_cosine(rows, width) == pytest.approx(largest, rel=0.15)


def test_the_sentence_of_an_axis_names_its_ends(session: Session) -> None:
    [axis] = ask(session, ProjectOnAxis("man", "woman"))
    text = sentence.of_axis(AxisMap(axis.names, axis, ("man", "woman")))
    rows, (man, woman) = matrix(session), (word.ids for word in axis.asked)
    way = rows[list(woman)].mean(axis=0) / np.linalg.norm(rows[list(woman)].mean(axis=0))
    way = way - rows[list(man)].mean(axis=0) / np.linalg.norm(rows[list(man)].mean(axis=0))
    shown = np.array([i for i in axis.names.ids.tolist() if i not in (*man, *woman)])
    cosines = rows[shown] @ way / np.linalg.norm(rows[shown], axis=1) / np.linalg.norm(way)
    for cosine in (cosines.max(), cosines.min()):
        assert i18n.number(float(cosine), 2) in text
    assert f"“{word(session.opened.tokenizer.piece(int(shown[cosines.argmax()])))}”" in text


def test_the_sentence_of_the_paths_names_the_layer_of_the_largest_step(session: Session) -> None:
    [paths] = ask(session, TracePaths("The cat sat on the mat"))
    text = sentence.of_paths(LayerPaths(paths), 1)
    way = paths.points[:, 1].astype(np.float64)
    steps = [float(np.linalg.norm(way[layer + 1] - way[layer])) for layer in range(len(way) - 1)]
    assert f"layer {steps.index(max(steps)) + 1} of {len(steps)}" in text


NAMES = EmbeddingNames(np.array([3, 5, 9], np.int32), ("cats", " dog", "cat"), ("latin",) * 3)


def map_of(points: list[list[float]], explained: tuple[float, ...] = (0.3, 0.1), **of: Any) -> VectorMap:
    return VectorMap(NAMES, EmbeddingMap(np.array(points, np.float32), explained, 1.0), **of)


def row_of(cosine: float, width: int = 64) -> TokenRow:
    near = NearTokens(np.array([5], np.int32), (" dog",), np.array([cosine], np.float32))
    return TokenRow(9, "cat", 400, np.ones(width, np.float32), near)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_case_of_a_map_has_its_own_sentence(language: str) -> None:
    i18n.set_language(language)
    spread = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
    name = EmbeddingNames(np.array([0], np.int32), ("cat",), ("latin",))
    one = VectorMap(name, EmbeddingMap(np.zeros((1, 2), np.float32), (0, 0), 1.0))
    said = [
        sentence.of_map(map_of(spread), None),
        sentence.of_map(map_of(spread), row_of(0.9)),
        sentence.of_map(map_of(spread), row_of(0.2)),
        sentence.of_map(map_of(spread, (0.02, 0.01)), None),
        sentence.of_map(map_of(spread, (0.02, 0.01)), row_of(0.9)),
        sentence.of_map(map_of(spread, ()), None),
        sentence.of_map(map_of(spread, ()), row_of(0.9)),
        sentence.of_map(map_of([[1.0, 1.0]] * 3), row_of(0.9)),
        sentence.of_map(map_of(spread, source="word2vec"), None, weak_model=0.03),
        sentence.of_map(one, None),
    ]
    assert len(set(said)) == len(said)
    assert all(text and "{" not in text for text in said)
    assert all(len(text) <= (120 if language == "en" else 75) for text in said)
    assert "3" in said[-2]
    assert "dog" in said[1]


def test_a_word_and_the_same_one_after_a_space_have_different_names() -> None:
    i18n.set_language("en")
    row = row_of(0.9)
    near = NearTokens(row.near.ids[:1], (" cat",), row.near.cosines[:1])
    said = sentence.of_map(map_of([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), replace(row, near=near))
    assert "“cat” is closest to “␣cat”" in said


def test_few_words_and_no_neighbours_have_sentences() -> None:
    asked = AskedWord((3,), ("cats",)), AskedWord((5,), (" dog",))
    few = EmbeddingNames(np.array([3, 5], np.int32), ("cats", " dog"), ("latin",) * 2)
    axis = WordAxis(few, np.array([-1, 1], np.float32), asked)
    assert sentence.of_axis(AxisMap(few, axis, ("cats", "dog")))
    none = NearTokens(np.zeros(0, np.int32), (), np.zeros(0, np.float32))
    found = Analogy((*asked, asked[0]), none, np.zeros((4, 2), np.float32), 3, 8)
    assert "No other vector" in sentence.of_analogy(("a", "b", "c"), found)
    still = EmbeddingPaths(("a",), 0, ("latin",), np.zeros((3, 1, 2), np.float32), (0, 0))
    assert "does not move" in sentence.of_paths(LayerPaths(still), None)


def test_colours_are_shares_of_the_numbers_between_the_ends() -> None:
    found = by_numbers(np.array([1.0, 3.0, np.nan, 2.0]))
    assert found is not None
    assert (found.low, found.high) == (1, 3)
    assert np.array_equal(found.shares, [0, 1, np.nan, 0.5], equal_nan=True)
    assert by_numbers(np.array([np.nan, np.inf])) is None
    order = by_order(100)
    assert order.shares[0] == 1
    assert order.shares[-1] == pytest.approx(0)
    assert (np.diff(order.shares) < 0).all()


def test_a_row_has_the_mean_of_its_tokens_in_the_text() -> None:
    found = of_tokens(NAMES, np.array([9, 5, 9, 7], np.int32), np.array([1.0, np.nan, 3.0, 8.0]))
    assert np.array_equal(found, [np.nan, np.nan, 2.0], equal_nan=True)
