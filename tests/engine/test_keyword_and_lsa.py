"""Ranking, compared with independent computations: BM25 in plain Python, LSA by numpy's decomposition."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.errors import EngineError
from engine.retrieval import lsa
from engine.retrieval.analysis import importance, question_terms, terms
from engine.retrieval.collection import Collection
from engine.retrieval.indexing import update
from engine.retrieval.keyword import K1, PAIR, B, Keywords, inverse_frequency, saturated
from engine.retrieval.lsa import EMPHASIS, Lsa, fit, global_weights, weighted
from engine.retrieval.store import Store
from tests.engine.collecting import returned

Floats = NDArray[np.float32]

TEXTS = {
    "heat.txt": "Heat transfer in metals\n\nHeat flows from warm metal to cold. Transfer of heat is slow in wood.",
    "trains.txt": "The express to Kyoto leaves at nine. Tickets for the express are sold at the station in Kyoto.",
    "express.txt": "An express letter arrives on the next day. The letter must be at the post office by noon.",
    "休暇.txt": "夏季休暇は8月13日から15日までです。休暇の申請は総務部に出してください。",
    "学習.txt": "機械学習は統計にもとづく。深層学習は機械学習の一つである。",
    "kyoto.md": "# Kyoto 京都\nKyoto (京都) was the capital for a thousand years. 京都には寺が多い。",
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    folder = tmp_path_factory.mktemp("ranked")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8")
    store = Store(folder / "c", create=True)
    for _ in update(store, [folder]):
        pass
    store.close()
    opened = Collection(folder / "c")
    yield opened
    opened.close()


# --- Keywords -----------------------------------------------------------------------------------------


def bags(collection: Collection) -> list[Counter[str]]:
    """Return the terms of every passage, including its heading and pairs of words, in the order of the table."""
    found = []
    for passage in collection.snapshot().table.ids.tolist():
        _, heading, text = collection.store.passage(passage)
        words = terms(f"{heading}\n{text}")
        neighbours = [f"{a} {b}" for a, b in pairwise(words) if a.isascii() and b.isascii()]
        found.append(Counter(words + neighbours))
    return found


def bm25(question: str, passages: Sequence[Counter[str]]) -> list[float]:
    """Compute Robertson and Zaragoza's formula one passage and term at a time."""
    words = question_terms(question)
    asked = {word: words.count(word) * importance(word) for word in words}
    asked |= {f"{a} {b}": 0.0 for a, b in pairwise(words) if a.isascii() and b.isascii()}
    for a, b in pairwise(words):
        if a.isascii() and b.isascii():
            asked[f"{a} {b}"] += PAIR
    mean = sum(passage.total() for passage in passages) / len(passages)
    scores = []
    for passage in passages:
        norm = K1 * (1 - B + B * passage.total() / mean)
        score = 0.0
        for term, weight in asked.items():
            holding = sum(term in other for other in passages)
            rarity = math.log(1 + (len(passages) - holding + 0.5) / (holding + 0.5))
            score += weight * rarity * passage[term] * (K1 + 1) / (passage[term] + norm) if passage[term] else 0.0
        scores.append(score)
    return scores


@pytest.mark.parametrize(
    "question",
    [
        "heat transfer",
        "heat heat transfer in metals",
        "When does the express to Kyoto leave?",
        "express letter",
        "夏季休暇はいつですか?",
        "機械学習",
        "京都 Kyoto",
        "kyoto 機械学習 express letter 休暇",
        "nothing of the kind",
        "the of and",
        "?!",
    ],
)
def test_every_keyword_score_equals_the_formula(collection: Collection, question: str) -> None:
    expected = bm25(question, bags(collection))
    assert collection.search(question, mode="keyword").keyword_N == pytest.approx(expected, rel=1e-4, abs=1e-6)


COUNTS = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 8)), elements=st.integers(0, 6).map(float))


@given(COUNTS, st.data())
def test_one_more_occurrence_never_lowers_a_score(counts_NV: Floats, data: st.DataObject) -> None:
    """It replaces an occurrence of another word, so that the passage keeps its length."""
    N, V = counts_NV.shape
    row, column = data.draw(st.integers(0, N - 1)), data.draw(st.integers(0, V - 1))
    counts_NV[row, column] += 1
    names = {str(i): i for i in range(V + 1)}
    padded = np.hstack([counts_NV, np.full((N, 1), 2, np.float32)])
    before = Keywords(csr_matrix(padded), names)
    padded[row, column] += 1
    padded[row, V] -= 1
    after = Keywords(csr_matrix(padded), names)
    question = {column: 1.0}
    assert after.score(question)[row] >= before.score(question)[row] - 1e-6


@given(COUNTS)
def test_rare_words_weigh_more_and_every_word_weighs_something(counts_NV: Floats) -> None:
    idf_V = inverse_frequency(csr_matrix(counts_NV))
    holding_V = (counts_NV > 0).sum(axis=0)
    assert (idf_V > 0).all()
    assert np.array_equal(np.argsort(holding_V, kind="stable"), np.argsort(-idf_V, kind="stable"))
    weights = saturated(csr_matrix(counts_NV)).toarray()
    assert (weights <= K1 + 1).all()
    assert ((weights > 0) == (counts_NV > 0)).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0), (3, 5)])
def test_a_collection_without_terms_gives_zero_scores(shape: tuple[int, int]) -> None:
    keywords = Keywords(csr_matrix(shape, dtype=np.float32), {"cat": 0} if shape[1] else {})
    assert keywords.score(keywords.query("cat dog")).tolist() == [0.0] * shape[0]


def test_pairs_of_neighbouring_words_add_a_small_weight() -> None:
    keywords = Keywords(csr_matrix([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]), {"heat": 0, "transfer": 1, "heat transfer": 2})
    assert keywords.query("heat transfer") == {0: 1.0, 1: 1.0, 2: PAIR}


# --- Latent semantic analysis -----------------------------------------------------------------------------------


def counted(texts: Sequence[str]) -> tuple[csr_matrix, dict[str, int]]:
    vocabulary = {term: i for i, term in enumerate(sorted({t for text in texts for t in terms(text)}))}
    rows = np.zeros((len(texts), len(vocabulary)), np.float32)
    for row, text in enumerate(texts):
        for term in terms(text):
            rows[row, vocabulary[term]] += 1
    return csr_matrix(rows), vocabulary


def rows_by_hand(counts_NV: NDArray[np.float64], weights_V: Sequence[float]) -> NDArray[np.float64]:
    rows = np.zeros_like(counts_NV)
    for i, counts in enumerate(counts_NV):
        row = [math.log(1 + count) * weight for count, weight in zip(counts, weights_V, strict=True)]
        length = math.sqrt(sum(value * value for value in row))
        rows[i] = [value / length if length > 1e-9 else 0.0 for value in row]
    return rows


def weights_by_hand(counts_NV: NDArray[np.float64]) -> list[float]:
    """Compute Dumais' weight: one minus the relative entropy of a term over the passages, squared."""
    weights = []
    for column in counts_NV.T:
        shares = [count / column.sum() for count in column if count]
        entropy = -sum(share * math.log(share) for share in shares)
        weights.append(max(0.0, 1 - entropy / math.log(max(2, len(column)))) ** 2)
    return weights


def cosines_by_svd(counts_NV: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Compute the cosines of all pairs of passages in the space of the largest singular values above zero."""
    rows_NV = rows_by_hand(counts_NV, weights_by_hand(counts_NV))
    _, singular, axes_DV = np.linalg.svd(rows_NV, full_matrices=False)
    kept = min(width, int((singular > 1e-6 * singular.max()).sum()))
    placed_ND = rows_NV @ axes_DV[:kept].T * (singular[:kept] / singular[0]) ** EMPHASIS
    lengths = np.linalg.norm(placed_ND, axis=1, keepdims=True)
    placed_ND = np.where(lengths > 1e-4, placed_ND / np.maximum(lengths, 1e-12), 0.0)
    return placed_ND @ placed_ND.T


LIBRARY = (
    "the cat sleeps in a basket with a kitten",
    "a kitten drinks milk and the cat drinks water",
    "the express to kyoto leaves the station at nine",
    "tickets for the express are sold at the station",
    "heat flows from warm metal to cold metal",
    "metal conducts heat and wood does not",
    "夏季休暇は八月です",
    "休暇の申請は総務部です",
    "機械学習は統計にもとづく",
    "深層学習は機械学習の一つ",
)


@pytest.mark.parametrize("width", [1, 3, 6, 256])
@pytest.mark.parametrize("copies", [1, 3])
def test_cosines_are_those_of_numpys_decomposition(width: int, copies: int) -> None:
    """Copies of the documents add no direction."""
    texts = LIBRARY * copies
    counts, vocabulary = counted(texts)
    placed_ND = returned(fit(counts, vocabulary, width)).embed(texts)
    expected = cosines_by_svd(counts.toarray().astype(np.float64), width)
    assert np.allclose(placed_ND @ placed_ND.T, expected, atol=4e-3)


@pytest.mark.parametrize("width", [6, 12])
def test_the_randomized_decomposition_gives_the_same_cosines(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(lsa, "MOST_EXACT", 1)
    monkeypatch.setattr(lsa, "BLOCK", 4)  # in several blocks
    texts = LIBRARY * 3
    counts, vocabulary = counted(texts)
    placed_ND = returned(fit(counts, vocabulary, width)).embed(texts)
    expected = cosines_by_svd(counts.toarray().astype(np.float64), width)
    assert np.allclose(placed_ND @ placed_ND.T, expected, atol=4e-3)


@given(COUNTS)
def test_global_weights_equal_the_formula(counts_NV: Floats) -> None:
    counts_NV[0] += counts_NV.sum(axis=0) == 0  # every term occurs somewhere
    expected = weights_by_hand(counts_NV.astype(np.float64))
    assert np.allclose(global_weights(csr_matrix(counts_NV)), expected, atol=1e-5)
    rows = weighted(csr_matrix(counts_NV), np.array(expected, np.float32)).toarray()
    assert np.allclose(rows, rows_by_hand(counts_NV.astype(np.float64), expected), atol=1e-3)


@settings(max_examples=25)
@given(st.lists(st.sampled_from([*LIBRARY, "the of and", "★", "猫", "cat"]), min_size=1, max_size=7))
def test_vectors_have_length_one_or_zero_whatever_the_texts(tmp_path: Path, texts: list[str]) -> None:
    counts, vocabulary = counted(texts)
    embedder = returned(fit(counts, vocabulary))
    embedder.save(tmp_path / "a")
    loaded = Lsa.load(tmp_path / "a")
    rows_ND = loaded.embed([*texts, "unheard of", ""])
    assert rows_ND.shape == (len(texts) + 2, embedder.width)
    assert embedder.width >= 1
    lengths = np.linalg.norm(rows_ND, axis=1)
    assert np.isclose(lengths, 1, atol=1e-3).sum() + np.isclose(lengths, 0).sum() == len(lengths)
    assert np.array_equal(rows_ND, embedder.embed([*texts, "unheard of", ""]))


def test_copies_of_a_text_have_the_same_vector() -> None:
    counts, vocabulary = counted(["the cat drinks milk"] * 5)
    rows_ND = returned(fit(counts, vocabulary)).embed(["the cat drinks milk", "the dog", "milk drinks the cat"])
    assert np.allclose(rows_ND[0], rows_ND[2])
    assert not rows_ND[1].any()


@pytest.mark.parametrize("data", [b"", b"no safetensors", b"\xff" * 100])
def test_a_damaged_embedder_file_is_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(EngineError) as raised:
        Lsa.load(tmp_path / "a")
    assert raised.value.key == "error.collection_damaged"


def test_words_with_the_same_contexts_get_similar_vectors() -> None:
    texts = ["the car has wheels and a motor", "an automobile has wheels and a motor"] * 10 + [
        "bread is made of flour and water",
        "a cake is made of flour and sugar",
    ] * 10
    vocabulary = {term: i for i, term in enumerate(sorted({t for text in texts for t in terms(text)}))}
    rows = np.array([[terms(text).count(term) for term in vocabulary] for text in texts], np.float32)
    embedder = returned(fit(csr_matrix(rows), vocabulary, 2))
    car, automobile, bread = embedder.embed(["car", "automobile", "bread"])
    assert car @ automobile > car @ bread + 0.3


def test_an_embedder_is_unchanged_after_saving_and_loading(tmp_path: Path) -> None:
    counts = csr_matrix(np.random.default_rng(1).poisson(0.5, (30, 12)))
    fitted = returned(fit(counts, {f"w{i}": i for i in range(12)}, 5))
    fitted.save(tmp_path / "a")
    assert np.array_equal(Lsa.load(tmp_path / "a").embed(["w1 w2", "w5"]), fitted.embed(["w1 w2", "w5"]))
