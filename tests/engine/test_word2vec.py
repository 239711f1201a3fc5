"""word2vec: words with the same neighbours get similar vectors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.errors import EngineError
from engine.history import word2vec
from engine.history.word2vec import Word2Vec, train, words_of
from engine.inspection.vectors import nearest

SENTENCES = [
    f"the {animal} eats {food} in the {place}"
    for animal, food, place in (
        ("cat", "fish", "house"), ("dog", "fish", "house"), ("cow", "grass", "field"), ("sheep", "grass", "field"),
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> Word2Vec:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word2vec, "FREQUENT", 1.0)  # of a dozen words all are frequent
        patch.setattr(word2vec, "PAIRS", 256)
        *_, (share, vectors) = train(SENTENCES * 100, epochs=6, seed=1)
    assert share == 1.0
    return vectors


def neighbour(model: Word2Vec, word: str) -> str:
    index = model.index(word)
    assert index is not None
    return model.words[int(nearest(model.vectors_VD, model.vectors_VD[index], 1, {index})[0][0])]


def test_words_with_the_same_neighbours_are_near(trained: Word2Vec) -> None:
    cat, dog, cow, sheep = (trained.vectors_VD[trained.index(w) or 0] for w in ("cat", "dog", "cow", "sheep"))

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(cat, dog) > cosine(cat, cow)
    assert cosine(cow, sheep) > cosine(cow, dog)


def test_the_loss_falls() -> None:
    words, sentences = word2vec._vocabulary([words_of(text) for text in SENTENCES * 100])
    counts = np.bincount(np.concatenate(sentences), minlength=len(words))
    model = word2vec._SkipGram(len(words), counts, seed=1)
    centres, neighbours = word2vec._pairs(sentences, word2vec._kept(counts), np.random.default_rng(1))
    losses = [model.step(centres[:512], neighbours[:512], 1.0) for _ in range(100)]
    assert losses[0] == pytest.approx((1 + word2vec.NEGATIVES) * np.log(2), rel=1e-3)  # σ(0) = 1/2 for all
    assert losses[-1] < 0.8 * losses[0]


def test_equal_seeds_give_equal_vectors() -> None:
    first, again, other = (list(train(SENTENCES * 30, 1, seed))[-1][1].vectors_VD for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pairs_stay_within_the_window_and_the_text() -> None:
    sentences = [np.arange(0, 10, dtype=np.int32), np.arange(10, 20, dtype=np.int32)]
    centres, neighbours = word2vec._pairs(sentences, np.ones(20), np.random.default_rng(1))
    distance = np.abs(centres - neighbours)
    assert distance.min() == 1
    assert distance.max() == word2vec.WINDOW
    assert np.array_equal(centres // 10, neighbours // 10)


def test_words_end_where_the_script_changes() -> None:
    assert words_of("The king's 3 cats!") == ["the", "king's", "cats"]
    assert words_of("王は2頭のゾウを見た。") == ["王", "は", "頭", "の", "ゾウ", "を", "見", "た"]


@given(st.text())
def test_words_of_any_text_have_no_white_space_around(text: str) -> None:
    assert all(word == word.strip() and word for word in words_of(text))


def test_vectors_are_saved_and_loaded(trained: Word2Vec, tmp_path: Path) -> None:
    trained.save(tmp_path / "w")
    again = Word2Vec.load(tmp_path / "w")
    assert again.words == trained.words
    assert np.allclose(again.vectors_VD, trained.vectors_VD, atol=2e-3)
    assert {path.name for path in (tmp_path / "w").iterdir()} == {"word2vec.safetensors", "word2vec.json"}
    assert again.index(" Cat") == trained.index("cat")
    assert again.index("unheard") is None


@pytest.mark.parametrize(
    ("file", "content", "key"),
    [
        ("word2vec.safetensors", None, "error.model_missing"),
        ("word2vec.safetensors", b"\xff" * 100, "error.model_damaged"),
        ("word2vec.json", b'["one"]', "error.model_damaged"),
        ("word2vec.json", b"[1", "error.model_damaged"),
        ("word2vec.json", None, "error.model_damaged"),
    ],
)
def test_damaged_vectors_raise_an_engine_error(
    trained: Word2Vec, tmp_path: Path, file: str, content: bytes | None, key: str
) -> None:
    trained.save(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(EngineError) as raised:
        Word2Vec.load(tmp_path)
    assert raised.value.key == key


def test_too_little_text_or_no_folder_raise_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        list(train(["one two"]))
    assert raised.value.key == "error.text_too_short"
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineError) as raised:
        Word2Vec(["a"], np.zeros((1, 2), np.float32)).save(tmp_path / "file" / "w")
    assert raised.value.key == "error.not_written"
