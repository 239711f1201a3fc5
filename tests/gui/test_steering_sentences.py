"""The sentences of steering and precision, held against what the engine computed for real models."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
import torch

from engine.generation.decoding import Reader, decode
from engine.inspection.steering import added, direction, tokens_of
from engine.messages.generation import GREEDY
from engine.messages.precision import RoundedText, TryPrecisions
from engine.messages.steering import Steer, SteeredTexts
from engine.model.opening import BUILTIN
from engine.service.session import Session
from gui.panes.inside import precision_sentence, steer_sentence
from gui.panes.inside.steer import STRENGTHS, prepared
from tests.engine.sessions import ask
from tests.gui.hands import plain

PROMPT, LAYER, TOKENS = "In the morning the fox", 1, 12
MODELS = ("builtin", "shuffled")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def opened(kind: str) -> Session:
    """Return a session with the built-in model open, with its weights as they are or shuffled."""
    session = Session()
    session.open(BUILTIN)
    generator = torch.Generator().manual_seed(3)
    for parameter in session.opened.model.parameters() if kind == "shuffled" else ():
        if parameter.ndim > 1:
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.data = parameter.data.flatten()[order].view(parameter.shape)
    session.opened.weights_changed()
    return session


@cache
def steered(kind: str, pair: str) -> SteeredTexts:
    found: SteeredTexts = ask(opened(kind), Steer(PROMPT, *prepared()[pair], LAYER, STRENGTHS, TOKENS))[-1]
    return found


@cache
def rounded(kind: str) -> tuple[RoundedText, ...]:
    answers = ask(opened(kind), TryPrecisions(PROMPT, tokens=TOKENS))
    return tuple(answer for answer in answers if isinstance(answer, RoundedText))


def written_alone(kind: str, pair: str, strength: float) -> str:
    """Return the text at one strength, computed by the ordinary way of writing."""
    model, tokenizer = opened(kind).opened.model, opened(kind).opened.tokenizer
    plus, minus = (tokens_of(texts, tokenizer.encode) for texts in prepared()[pair])
    reader = Reader(model, added(LAYER, strength * direction(model, plus, minus, LAYER)[None]))
    steps = decode(reader, tokenizer, tokenizer.encode(PROMPT), TOKENS, GREEDY, 0)
    return "".join(step.text for step in steps)


@pytest.mark.parametrize("pair", ["whale", "japanese"])
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("strength", [-3.0, -1.0, 0.5, 2.0])
def test_the_words_of_the_sentence_are_those_that_the_model_writes(kind: str, pair: str, strength: float) -> None:
    words = plain(steer_sentence.sentence(steered(kind, pair), strength))
    now, before = written_alone(kind, pair, strength), written_alone(kind, pair, 0.0)
    quoted = re.search("“(.*?)” instead of “(.*?)”", words)
    if now.rstrip("\ufffd") == before.rstrip("\ufffd"):
        assert quoted is None
    elif quoted is not None:
        assert quoted[1] == "–" or quoted[1] in now
        assert quoted[2] == "–" or quoted[2] in before
    else:
        assert "No strength" in words


@pytest.mark.parametrize("pair", ["whale", "japanese", "desu"])
def test_shuffled_weights_are_never_said_to_be_steered(pair: str) -> None:
    """The random-weights control: whatever changes in such a model, other texts do not follow."""
    words = steer_sentence.sentence(steered("shuffled", pair), 1.0)
    assert "do not clearly follow" in words or "No strength" in words or "stays as it is" in words


@pytest.mark.parametrize("pair", ["whale", "japanese"])
def test_a_text_is_odd_where_the_model_itself_is_surprised(pair: str) -> None:
    found = steered("builtin", pair)
    plain_at = STRENGTHS.index(0.0)
    for place, text in enumerate(found.texts):
        if text == found.texts[plain_at]:
            assert not steer_sentence.is_odd(found, place)
            assert found.perplexities[place] == pytest.approx(found.perplexities[plain_at], rel=1e-4)
        elif found.perplexities[place] > 10 * found.perplexities[plain_at]:
            assert steer_sentence.is_odd(found, place)


def test_japanese_makes_an_english_text_odd_for_the_built_in_model() -> None:
    found = steered("builtin", "japanese")
    assert steer_sentence.is_noted(found, 0)
    assert steer_sentence.is_noted(found, len(STRENGTHS) - 1)
    assert not steer_sentence.is_noted(found, STRENGTHS.index(0.0))


def test_the_sentence_of_precision_names_the_widths_at_which_the_texts_differ() -> None:
    rows, vocabulary = rounded("builtin"), opened("builtin").opened.tokenizer.vocabulary
    words = plain(precision_sentence.sentence(rows, vocabulary))
    same = [row.bits for row in rows if row.text == rows[0].text]
    first_other = next(row.bits for row in rows if row.text != rows[0].text)
    lowest = min(bits for bits in same if bits > first_other)
    assert f"Down to {lowest} bits the text stays the same; at {first_other}" in words
    broken = [row for row in rows if row.perplexity >= precision_sentence.BROKEN * rows[0].perplexity]
    assert f"at {broken[0].bits}" in words
    assert f"perplexity is {broken[0].perplexity:.{1 if broken[0].perplexity < 10 else 0}f}" in words.replace(",", "")


def test_a_model_of_shuffled_weights_is_said_to_guess() -> None:
    """The random-weights control: its perplexity at 32 bits is that of guessing, or worse."""
    rows, vocabulary = rounded("shuffled"), opened("shuffled").opened.tokenizer.vocabulary
    assert rows[0].perplexity > vocabulary / 4
    assert "nearly guessed" in precision_sentence.sentence(rows, vocabulary)


def test_the_perplexity_grows_as_the_bits_fall() -> None:
    request = TryPrecisions("In the morning the rabbit is resting in the forest. It", tokens=1)
    rows = [answer for answer in ask(opened("builtin"), request) if isinstance(answer, RoundedText)]
    values = [row.perplexity for row in rows]
    assert values[1] == pytest.approx(values[0], rel=0.01)
    assert values[2] == pytest.approx(values[0], rel=0.05)
    assert values[-1] > values[-2] > values[2]
