"""The corpus: token IDs on disk, and batches in a reproducible order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from engine.errors import EngineError
from engine.history.ngram import bigram_loss, unigram_loss
from engine.text import corpus as corpora, reading
from engine.text.corpus import Corpus, build_corpus, windows_of
from engine.text.reading import find_texts
from engine.text.tokenizer import train_bpe, train_characters
from tests.engine.conftest import SENTENCES

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 100


def corpus_of(text: str, folder: Path) -> Corpus:
    (folder / "text.txt").write_text(text)
    list(build_corpus(find_texts([folder / "text.txt"]), train_characters([text]), folder))
    return Corpus.open(folder)


def test_the_ids_are_those_of_the_text(tmp_path: Path) -> None:
    corpus = corpus_of(TEXT, tmp_path)
    tokenizer = train_characters([TEXT])
    assert tokenizer.decode([*corpus.train.tolist(), *corpus.validation.tolist()]) == TEXT
    assert len(corpus.validation) == round(len(TEXT) * 0.1)
    assert corpus.train.dtype == np.uint16
    assert not list(tmp_path.glob("*.part"))


def test_progress_rises_to_one(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    shares = list(build_corpus(find_texts([tmp_path / "text.txt"]), train_bpe([TEXT], 300), tmp_path))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0, abs=0.02)


def test_batches_repeat_and_differ_by_step_and_seed(tmp_path: Path) -> None:
    corpus = corpus_of(TEXT, tmp_path)
    x, y = corpus.batch(step=3, batch=4, context=16, seed=1)
    again, _ = corpus.batch(step=3, batch=4, context=16, seed=1)
    assert x.shape == y.shape == (4, 16)
    assert (x[:, 1:] == y[:, :-1]).all()
    assert (x == again).all()
    assert (x != corpus.batch(4, 4, 16, 1)[0]).any()
    assert (x != corpus.batch(3, 4, 16, 2)[0]).any()


def test_each_token_is_predicted_once() -> None:
    x, y = windows_of(np.arange(22, dtype=np.uint16), context=5)
    assert y.ravel().tolist() == list(range(1, 21))
    assert (x + 1 == y).all()
    assert len(windows_of(np.arange(1000, dtype=np.uint16), 5, most=7)[0]) == 7


def test_a_text_too_short_for_the_context_is_refused(tmp_path: Path) -> None:
    corpus = corpus_of("abc", tmp_path)
    with pytest.raises(EngineError) as raised:
        corpus.check(context=64)
    assert raised.value.key == "error.text_too_short"
    assert raised.value.args_by_name["have"] == len("abc\n")


@pytest.mark.parametrize("damage", ["cut", "missing", "json"])
def test_a_damaged_corpus_is_reported(tmp_path: Path, damage: str) -> None:
    corpus_of(TEXT, tmp_path)
    if damage == "cut":
        (tmp_path / "tokens.bin").write_bytes(b"\0" * 10)
    elif damage == "missing":
        (tmp_path / "tokens.bin").unlink()
    else:
        (tmp_path / "tokens.json").write_text("{")
    with pytest.raises(EngineError) as raised:
        Corpus.open(tmp_path)
    assert raised.value.key == "error.model_damaged"


def test_ngram_losses_on_a_text_whose_losses_are_known() -> None:
    """Two tokens alternate: ln 2 nats by frequency, 0 nats given the token before."""
    ids = np.array([0, 1] * 5000, np.uint16)
    assert unigram_loss(ids, ids, 2) == pytest.approx(np.log(2), abs=1e-6)
    assert bigram_loss(ids, ids, 2) == pytest.approx(0.0, abs=1e-3)


def test_an_unseen_bigram_is_unlikely_but_possible() -> None:
    train, validation = np.array([0, 1, 2] * 100, np.uint16), np.array([0, 2, 1, 3], np.uint16)
    assert 1.0 < bigram_loss(train, validation, 4) < 20.0
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 50, 20_000).astype(np.uint16)
    assert bigram_loss(noise, noise[:5000], 50) < unigram_loss(noise, noise[:5000], 50) + 0.1


@settings(max_examples=200)
@given(
    length=st.integers(20, 400), context=st.integers(1, 17), size=st.integers(1, 9), seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 10**9),
)  # fmt: skip
def test_no_batch_contains_held_out_tokens(length: int, context: int, size: int, seed: int, step: int) -> None:
    corpus = Corpus(np.arange(length, dtype=np.uint16))
    assume(len(corpus.train) > context)
    x, y = corpus.batch(step, size, context, seed)
    assert x.shape == y.shape == (size, context)
    assert (y == x + 1).all()
    assert y.max() < len(corpus.train) == length - len(corpus.validation)
    again, _ = corpus.batch(step, size, context, seed)
    assert (x == again).all()


def test_every_window_of_the_training_part_is_drawn() -> None:
    corpus = Corpus(np.arange(60, dtype=np.uint16))
    starts = {int(s) for step in range(400) for s in corpus.batch(step, 4, 8, 1)[0][:, 0]}
    assert starts == set(range(len(corpus.train) - 8))


@settings(max_examples=100)
@given(length=st.integers(30, 3000), context=st.integers(1, 20), most=st.integers(1, 40))
def test_validation_windows_are_spread_over_the_held_out_part(length: int, context: int, most: int) -> None:
    corpus = Corpus(np.arange(length, dtype=np.uint16))
    assume(len(corpus.validation) > context)
    x, y = corpus.validation_windows(context, most)
    assert 1 <= len(x) <= most
    assert x.min() == corpus.validation[0]
    assert y.max() < length
    assert len({int(row[0]) for row in x}) == len(x)  # no window twice
    if len(x) > 1:
        assert y.max() >= length - 2 * context  # and the last one is included


def test_a_text_encoded_in_parts_has_the_tokens_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "GATHER", 300)
    monkeypatch.setattr(reading, "CHUNK", 70)
    text = SENTENCES * 30 + "\n\n" + SENTENCES * 3
    (tmp_path / "a.txt").write_text(text, "utf-8")
    (tmp_path / "b.txt").write_text(SENTENCES.strip(), "utf-8")
    tokenizer = train_bpe([text], 400)
    shares = list(build_corpus(find_texts([tmp_path / "a.txt", tmp_path / "b.txt"]), tokenizer, tmp_path))
    assert len(shares) > 5
    corpus = Corpus.open(tmp_path)
    assert [*corpus.train.tolist(), *corpus.validation.tolist()] == tokenizer.encode(text + SENTENCES)


def test_a_vocabulary_beyond_two_bytes_is_stored_in_four(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x20000, 0x20000 + 66_000)))
    (tmp_path / "text.txt").write_text(text, "utf-8")
    tokenizer = train_characters([text + "\n"])
    list(build_corpus(find_texts([tmp_path / "text.txt"]), tokenizer, tmp_path))
    corpus = Corpus.open(tmp_path)
    assert corpus.train.dtype == np.uint32
    assert tokenizer.decode(corpus.validation.tolist()) == (text + "\n")[-len(corpus.validation) :]
