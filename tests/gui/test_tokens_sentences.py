"""The sentences of the Tokens pane agree with the tokens, counted a second way."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.messages.tokens import Vocabulary
from engine.model import bundled
from engine.text.tokenizer import Tokenizer, train_bpe, train_characters
from gui import i18n
from gui.panes.tokens import sentence
from gui.samples import BUILTIN
from gui.text import visible

TEXTS = (
    "The animal lives in the forest. It has big ears.",
    "吾輩は猫である。名前はまだ無い。",
    "Tokenization",
    "a",
    "In 2025, 3.14 😀\n",
    "😀",
    "the cat sat on the mat " * 30,
)
MODELS = ("built-in", "smollm2", "trained", "bytes")


@cache
def tokenizer_of(model: str) -> Tokenizer:
    if model == "built-in":
        return Tokenizer.load(BUILTIN)
    if model == "trained":
        return train_bpe(["the cat sat on the mat. 猫は森で暮らしている。" * 20], 400)
    if model == "bytes":
        return train_characters([])
    try:
        return Tokenizer.load(bundled.find(bundled.NAME))
    except EngineError:
        pytest.skip("SmolLM2 is not installed")


def numbers(words: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?![\d.]*\.\d)", words)]


@pytest.fixture(params=["en", "ja"], autouse=True)
def language(request: pytest.FixtureRequest) -> str:
    i18n.set_language(request.param)
    return str(request.param)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_sentence_of_a_text_counts_its_tokens(model: str, text: str, language: str) -> None:
    tokenizer = tokenizer_of(model)
    words = sentence.of_split(tokenizer.tokens(text))
    ids = tokenizer.encode(text)
    if len(ids) == 1:
        assert visible(text) in words
        return
    assert {len(text), len(ids)} <= set(numbers(words)) or (len(text) == 1 and language == "en")
    assert len(ids) in numbers(words)
    assert "1 characters" not in words
    by_character = [len(tokenizer.encode(character)) for character in text]
    if model == "bytes" and max(by_character) > 1:
        worst = text[int(np.argmax(by_character))]
        assert visible(worst) in words
        assert max(by_character) in numbers(words)
    assert len(words) <= (115 if language == "en" else 75)


@pytest.mark.parametrize("model", MODELS)
def test_the_longest_token_in_the_sentence_is_the_longest(model: str) -> None:
    text = TEXTS[0]
    tokenizer = tokenizer_of(model)
    longest = max(map(tokenizer.token_bytes, tokenizer.encode(text)), key=len).decode()
    words = sentence.of_split(tokenizer.tokens(text))
    if len(longest) > 1:
        assert visible(longest) in words
        assert len(longest) in numbers(words)
    else:
        assert len(tokenizer.encode(text)) == len(text)
        assert set(numbers(words)) <= {len(text), 1}


@settings(max_examples=50, deadline=None)
@given(text=st.text("ab 猫😀\n", max_size=20))
def test_every_text_has_a_whole_sentence_or_none(language: str, text: str) -> None:
    for model in ("trained", "bytes"):
        words = sentence.of_split(tokenizer_of(model).tokens(text))
        assert bool(words) == bool(text)
        assert "{" not in words


@pytest.mark.parametrize("model", MODELS)
def test_the_sentences_of_the_vocabulary_and_of_frequencies_count_the_text(model: str, language: str) -> None:
    tokenizer, text = tokenizer_of(model), TEXTS[-1]
    counts = Counter(tokenizer.encode(text))
    ids = range(tokenizer.vocabulary)
    vocabulary = Vocabulary(
        tuple(map(tokenizer.piece, ids)), (), (), np.bincount(tokenizer.encode(text), minlength=tokenizer.vocabulary)
    )
    words = sentence.of_vocabulary(vocabulary)
    assert {len(counts), tokenizer.vocabulary, max(counts.values())} <= set(numbers(words))
    once = Vocabulary(tuple("abc"), (), (), np.array([1, 0, 1]))
    assert 2 in numbers(sentence.of_frequencies(once))
    words = sentence.of_frequencies(vocabulary)
    ranked = [count for _, count in counts.most_common()]
    expected = {len(ranked), ranked[0]} if len(ranked) < 10 else {ranked[0], ranked[9], round(ranked[0] / 10)}
    assert expected <= set(numbers(words))
    nothing = Vocabulary(vocabulary.pieces, (), (), np.zeros(tokenizer.vocabulary, np.int64))
    assert sentence.of_vocabulary(nothing) == sentence.of_frequencies(nothing) == ""


@given(tokens=st.integers(1, 10**6), context=st.integers(1, 10**6))
def test_the_sentence_of_the_context_says_whether_the_text_fits(language: str, tokens: int, context: int) -> None:
    words = sentence.of_context(tokens, context)
    assert {tokens, context} <= set(numbers(words))
    longer = {"en": "as long as", "ja": "倍です"}[language]
    assert (longer in words) == (tokens > context)
    assert sentence.of_context(0, context) == sentence.of_context(tokens, 0) == ""
