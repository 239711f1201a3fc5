"""Generation: the same numbers with and without a cache, and reproducible texts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.generation.decoding import Reader, decode, sample_step, window
from engine.generation.sampling import draw
from engine.messages.generation import GREEDY, SamplingSettings
from engine.model.config import ModelConfig, RopeScaling
from engine.model.opening import load_model
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from tests.engine.test_model import random_model

WARM = SamplingSettings(temperature=1.0)


@pytest.fixture(scope="module")
def opened(model_folder: Path) -> tuple[Transformer, Tokenizer]:
    return load_model(model_folder)


def test_cached_and_uncached_generation_agree_also_beyond_the_context(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    ids = tokenizer.encode("the cat")
    written = [step.id for step in decode(Reader(model), tokenizer, ids, 50, GREEDY, seed=1)]
    uncached = list(ids)
    for _ in range(50):
        visible = uncached[window(len(uncached), model.config.context) :]
        assert len(visible) <= model.config.context
        with torch.no_grad():
            uncached.append(int(model(torch.tensor([visible]))[0, -1].argmax()))
    assert written == uncached[len(ids) :]


@pytest.mark.parametrize(("length", "first"), [(1, 0), (16, 0), (17, 8), (24, 8), (25, 16), (33, 24)])
def test_a_full_context_keeps_its_newer_half(length: int, first: int) -> None:
    assert window(length, 16) == first


def test_a_reader_has_the_same_logits_in_any_order_of_texts(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    ids = tokenizer.encode("the dog sat on the log. the cat")
    reader, rng = Reader(model), np.random.default_rng(0)
    for _ in range(40):
        part = ids[: rng.integers(1, len(ids))]
        if rng.random() < 0.3:
            part = [*part, int(rng.integers(256, tokenizer.vocabulary))]
        assert np.allclose(reader.logits(part), Reader(model).logits(part), atol=1e-4)


def test_logits_of_a_known_position_are_cached(
    opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = opened
    reader, ids = Reader(model), tokenizer.encode("the cat sat")
    before = sample_step(reader, ids, WARM, 0.5)
    monkeypatch.setattr(reader, "_compute", lambda ids: pytest.fail("the model ran"))
    after = sample_step(reader, ids, SamplingSettings(temperature=0.5, top_k=3), 0.5)
    assert np.array_equal(before.stages.model_V, after.stages.model_V)
    assert after.stages.kept[-1] <= 3


def test_forget_drops_logits_of_old_weights(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    reader, ids = Reader(model), tokenizer.encode("the cat sat")
    before = reader.logits(ids)
    with torch.no_grad():
        model.unembedding.weight.mul_(2.0)
    reader.forget()
    assert np.allclose(reader.logits(ids), 2 * before, atol=1e-4)


def test_equal_seeds_write_equal_texts(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened

    def text(seed: int) -> str:
        return "".join(s.text for s in decode(Reader(model), tokenizer, tokenizer.encode("猫は"), 40, WARM, seed))

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(5)}) > 1


def test_a_branch_taken_again_repeats(opened: tuple[Transformer, Tokenizer]) -> None:
    """Continuing at position 10 draws what the whole text drew there."""
    model, tokenizer = opened
    prompt = tokenizer.encode("the")
    whole = [s.id for s in decode(Reader(model), tokenizer, prompt, 30, WARM, 7)]
    rest = decode(Reader(model), tokenizer, [*prompt, *whole[:10]], 20, WARM, 7, position=10)
    assert [s.id for s in rest] == whole[10:]


def test_a_token_can_be_taken_instead_of_drawn(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    chosen = tokenizer.encode("犬")[0]
    first = next(decode(Reader(model), tokenizer, tokenizer.encode("the"), 1, WARM, 1, first=chosen))
    assert first.id == chosen
    assert 0 < first.probability < 1


def test_every_step_reports_its_draw(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    for place, step in enumerate(decode(Reader(model), tokenizer, tokenizer.encode("the"), 10, WARM, 3)):
        assert step.draw == draw(3, place)
        assert step.probability == pytest.approx(float(step.stages.model_V[step.id]))
        assert step.entropy >= 0


def test_text_is_added_in_whole_characters(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    bytes_of_it = list("鬱".encode())
    prompt = [*tokenizer.encode("the"), *bytes_of_it[:2]]
    last = next(decode(Reader(model), tokenizer, prompt, 1, WARM, 1, position=2, first=bytes_of_it[2]))
    assert last.text == "鬱"


def test_an_empty_prompt_starts_from_a_newline(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    assert len(list(decode(Reader(model), tokenizer, [], 5, WARM, 1))) == 5


def test_a_text_that_becomes_long_or_short_again_is_computed_anew() -> None:
    """LongRoPE rotates all tokens of a long text in another way: the keys of the short text do not serve it."""
    factors = (1.0, 2.0, 3.0, 4.0)
    scaling = RopeScaling("longrope", 2.0, original_context=6, short_factors=(1.0,) * 4, long_factors=factors)
    model = random_model(ModelConfig(vocabulary=50, context=16, head_width=8, rope_scaling=scaling))
    reader, ids = Reader(model), list(range(1, 13))
    for length in (3, 4, 5, 6, 7, 8, 9, 2, 11, 12):
        with torch.no_grad():
            expected = model(torch.tensor([ids[:length]]))[0, -1].numpy()
        assert np.allclose(reader.logits(ids[:length]), expected, atol=1e-4), length
