"""Guessing ahead: the same text, token by token, in fewer passes; and none of it where it does not pay."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.generation import decoding, drafting
from engine.generation.decoding import Reader, Step, decode
from engine.generation.drafting import AHEAD, Drafter, drafter_for
from engine.generation.sampling import pick_quickly, stages
from engine.messages import SamplingSettings
from engine.model.opening import load_model
from engine.model.single_token import SingleToken
from engine.model.transformer import KVCache, Transformer
from engine.text.tokenizer import Tokenizer

pytestmark = pytest.mark.skipif(
    torch.backends.quantized.engine not in ("x86", "fbgemm"), reason="no fast product of 8-bit numbers here"
)
GREEDY = SamplingSettings(temperature=0.0)
PROMPT = "the cat"


@pytest.fixture(scope="module")
def opened(model_folder: Path) -> tuple[Transformer, Tokenizer]:
    return load_model(model_folder)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guesses from the second token on, whether they pay or not."""
    monkeypatch.setattr(decoding, "COOL", 10.0)
    for name, value in {"WORTH": 1, "ROUNDING_SECONDS": 60.0, "PAYS": 0.0}.items():
        monkeypatch.setattr(drafting, name, value)


def write(reader: Reader, tokenizer: Tokenizer, sampling: SamplingSettings, seed: int = 1, n: int = 60) -> list[Step]:
    return list(decode(reader, tokenizer, tokenizer.encode(PROMPT), n, sampling, seed))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "sampling",
    [
        GREEDY,
        SamplingSettings(temperature=1.0),
        SamplingSettings(temperature=0.7, top_k=5),
        SamplingSettings(temperature=1.2, top_p=0.8, min_p=0.01),
        SamplingSettings(repetition_penalty=1.3, temperature=0.5),
    ],
)
def test_the_text_is_the_same_with_and_without_guesses(
    opened: tuple[Transformer, Tokenizer], sampling: SamplingSettings, seed: int
) -> None:
    """Sixty tokens, far beyond the context of sixteen."""
    model, tokenizer = opened
    drafter = Drafter(model)
    ahead = write(Reader(model, drafter), tokenizer, sampling, seed)
    alone = write(Reader(model), tokenizer, sampling, seed)
    assert drafter.guessed > 0
    assert [step.id for step in ahead] == [step.id for step in alone]
    assert [step.text for step in ahead] == [step.text for step in alone]
    assert np.allclose([s.probability for s in ahead], [s.probability for s in alone], atol=1e-4)


@pytest.mark.usefixtures("eager")
def test_the_model_runs_less_often(opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = opened
    passes = {"ahead": 0, "alone": 0}
    forward = Transformer.forward

    def counted(name: str, reader: Reader) -> Reader:
        def whole(self: Transformer, *args: Any) -> torch.Tensor:
            passes[name] += 1
            return forward(self, *args)

        monkeypatch.setattr(Transformer, "forward", whole)
        monkeypatch.setattr(reader, "_single", None)  # every pass is one of the model
        return reader

    write(counted("alone", Reader(model)), tokenizer, GREEDY)
    write(counted("ahead", Reader(model, Drafter(model))), tokenizer, GREEDY)
    assert passes["alone"] == 60
    assert passes["ahead"] < 40


@pytest.mark.usefixtures("eager")
def test_a_text_ends_where_it_ended(opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = opened
    stop = write(Reader(model), tokenizer, GREEDY)[20].id
    monkeypatch.setattr(model, "config", replace(model.config, stop_ids=(stop,)))
    ahead = write(Reader(model, Drafter(model)), tokenizer, GREEDY)
    alone = write(Reader(model), tokenizer, GREEDY)
    assert [step.id for step in ahead] == [step.id for step in alone]
    assert ahead[-1].id == stop


@pytest.mark.usefixtures("eager")
def test_one_token_at_a_time_guesses_nothing(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    drafter, ids = Drafter(model), tokenizer.encode(PROMPT)
    reader = Reader(model, drafter)
    for place in range(5):
        [step] = decode(reader, tokenizer, ids, 1, GREEDY, seed=1, position=place)
        ids.append(step.id)
    assert drafter.guessed == 0


@pytest.mark.usefixtures("eager")
def test_when_the_weights_change_the_copy_is_gone(model_folder: Path) -> None:
    model, tokenizer = load_model(model_folder)
    reader = Reader(model, Drafter(model))
    write(reader, tokenizer, GREEDY)
    with torch.no_grad():
        model.head.weight.neg_()
    reader.forget()
    after, fresh = write(reader, tokenizer, GREEDY), write(Reader(model), tokenizer, GREEDY)
    assert [step.id for step in after] == [step.id for step in fresh]
    assert np.allclose([s.probability for s in after], [s.probability for s in fresh], atol=1e-4)


@pytest.mark.usefixtures("eager")
def test_what_does_not_pay_is_seldom_tried(
    opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred tokens, every guess wrong."""
    model, _ = opened
    monkeypatch.setattr(drafting, "PAYS", 2.8)
    drafter, cache, ids, tries = Drafter(model), KVCache(model), [1], 0
    for _ in range(300):
        cache.truncate(0)
        tries += bool(drafter.guess(ids, cache, lambda logits_V, text: 2, wanted=100))
        ids.append(3)
    assert 3 < tries < 12
    assert drafter.right == 0


def test_a_warm_text_is_written_without(opened: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = opened
    drafter = Drafter(model)
    drafter.finish()
    write(Reader(model, drafter), tokenizer, SamplingSettings(temperature=1.0))
    assert drafter.guessed == 0
    write(Reader(model, drafter), tokenizer, GREEDY)
    assert drafter.guessed > 0


def test_only_where_it_pays(opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = opened
    assert drafter_for(model) is None  # too small
    monkeypatch.setattr(drafting, "SMALLEST", 0)
    assert drafter_for(model) is not None
    monkeypatch.setattr(drafting, "free_memory", lambda: 1000)
    assert drafter_for(model) is None


@pytest.mark.usefixtures("eager")
def test_the_copy_is_made_piece_by_piece(
    opened: tuple[Transformer, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No token waits for the whole copy, and the pieces make the same numbers."""
    model, _ = opened
    whole, _ = guesses_of(Drafter(model), model)
    monkeypatch.setattr(drafting, "ROUNDING_SECONDS", 0.0)
    monkeypatch.setattr(drafting, "ROWS", 100)
    pieces, waited = guesses_of(Drafter(model), model)
    assert waited > 4
    assert pieces == whole
    assert len(pieces) == AHEAD


def guesses_of(drafter: Drafter, model: Transformer) -> tuple[list[int], int]:
    """The first guesses behind one token, and how often it was asked before they came."""

    def likeliest(logits_V: np.ndarray[Any, Any], text: Sequence[int]) -> int:
        return int(logits_V.argmax())

    for waited in range(200):
        guesses = drafter.guess([65], KVCache(model), likeliest, wanted=100)
        if guesses:
            return guesses, waited
    pytest.fail("no guesses")


@pytest.mark.usefixtures("eager")
def test_the_copy_is_nearly_the_model(opened: tuple[Transformer, Tokenizer]) -> None:
    model, _ = opened
    drafter = Drafter(model)
    guesses_of(drafter, model)
    assert drafter._copy is not None
    exact_V, rough_V = SingleToken(model)(65, KVCache(model)), drafter._copy(65, KVCache(model))
    assert 0 < np.abs(exact_V - rough_V).max() < 0.1 * np.abs(exact_V).max()


def test_the_quick_pick_is_the_pick_where_the_shortlist_holds_all() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        logits_V = rng.normal(-5.0, 3.0, 300).astype(np.float32)
        previous = rng.integers(0, 300, 20).tolist()
        settings = SamplingSettings(1.3, float(rng.uniform(0.0, 1.5)), int(rng.integers(0, 50)), 0.9, 0.01)
        all_of_it, u = stages(logits_V, previous, settings), float(rng.random())
        quick = pick_quickly(logits_V, previous, settings, u)
        assert quick == all_of_it.order_R[all_of_it.pick(u)]
