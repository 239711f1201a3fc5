"""The values of the map equal those of a plain forward pass."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.inspection.attention import attention_patterns
from engine.inspection.trace import MOST_NUMBERS, mean_pool, trace
from engine.messages.generation import Candidates, Generate, PredictNext, SamplingSettings
from engine.messages.map import ForwardTrace, TraceForward
from engine.model.opening import finish, load_model
from engine.model.tape import NO_TAPE
from engine.model.transformer import Transformer
from engine.service.session import Session
from tests.engine.sessions import ask

TEXT = "the cat sat on the mat."


def traced(session: Session, text: str = TEXT, **settings: object) -> ForwardTrace:
    [answer] = ask(session, TraceForward(text, **settings))  # type: ignore[arg-type]
    assert isinstance(answer, ForwardTrace)
    return answer


def by_hand(model: Transformer, ids: list[int]) -> dict[str, torch.Tensor]:
    """Run the forward pass by the model's own parts, without a tape."""
    found: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        x = model.embedding_norm(model.embedding(torch.tensor([ids])))
        rotation = model.rotary(0, len(ids))
        found["embedding"] = x[0]
        for i, block in enumerate(model.blocks):
            x = x + block.attention(block.attention_norm(x), rotation, None, NO_TAPE)  # type: ignore[operator]
            features = block.mlp._activate(block.mlp.up(block.mlp_norm(x)))  # type: ignore[operator, union-attr]
            x = x + block.mlp.down(features)  # type: ignore[operator, union-attr]
            found[f"mlp.{i}"], found[f"residual.{i}"] = features[0, -1], x[0]
        found["final"] = model.final_norm(x)[0, -1]
        found["logits"] = model(torch.tensor([ids]))[0, -1]
    return found


def test_every_value_equals_that_of_a_plain_forward_pass(session: Session) -> None:
    model, tokenizer = session.opened.model, session.opened.tokenizer
    ids = tokenizer.encode(TEXT)
    plain, shown = by_hand(model, ids), traced(session, most=32)
    assert shown.ids.tolist() == ids
    assert shown.pieces == tuple(map(tokenizer.piece, ids))
    assert (shown.first, shown.seen) == (0, len(ids))
    assert np.allclose(shown.embedding, plain["embedding"].numpy(), atol=1e-5)  # 32 numbers: none is pooled
    assert np.allclose(shown.norms[0], plain["embedding"].norm(dim=-1), rtol=1e-4)
    for i in range(2):
        assert np.allclose(shown.norms[i + 1], plain[f"residual.{i}"].norm(dim=-1), rtol=1e-4)
        features = plain[f"mlp.{i}"].numpy()
        assert np.allclose(shown.mlp[i], mean_pool(features), atol=1e-4)
        assert shown.strongest[i] == np.abs(features).argmax()
        assert shown.strongest_values[i] == pytest.approx(features[shown.strongest[i]], rel=1e-4)
    assert np.allclose(shown.final, plain["final"].numpy(), atol=1e-4)
    logits = plain["logits"].numpy()
    assert (shown.lowest, shown.highest) == pytest.approx((logits.min(), logits.max()), abs=1e-4)
    assert shown.histogram.sum() == len(logits)
    likeliest = logits.argsort()[::-1][:3]
    assert shown.candidates.ids[:3].tolist() == likeliest.tolist()
    shares = torch.softmax(plain["logits"].double(), -1).numpy()
    assert np.allclose(shown.candidates.probabilities[0], shares[shown.candidates.ids], atol=1e-5)


def test_attention_is_the_mean_of_the_heads(session: Session) -> None:
    opened = session.opened
    weights = attention_patterns(opened.model, opened.tokenizer.encode(TEXT))
    shown = traced(session, most=32)
    assert shown.attention.shape == (2, len(shown.pieces), len(shown.pieces))
    assert np.allclose(shown.attention.astype(float), weights.mean(1), atol=2e-3)
    assert np.allclose(shown.attention.astype(float).sum(-1), 1, atol=5e-3)


def test_fewer_tokens_are_the_last_of_the_same_pass(session: Session) -> None:
    whole, last = traced(session, most=32), traced(session, most=3)
    assert last.pieces == whole.pieces[-3:]
    assert last.first == len(whole.pieces) - 3
    assert last.seen == whole.seen
    assert np.allclose(last.embedding, whole.embedding[-3:], atol=1e-5)
    assert np.allclose(last.attention, whole.attention[:, -3:, -3:], atol=2e-3)
    assert np.allclose(last.norms, whole.norms[:, -3:], rtol=1e-3)
    assert last.highest == pytest.approx(whole.highest, abs=1e-4)


def test_the_trace_has_the_draw_of_generation(session: Session) -> None:
    chosen: tuple[int, ...] = ()
    for _ in range(4):
        shown = traced(session, chosen=chosen, seed=7)
        reports = ask(session, Generate(TEXT, chosen, None, 1, SamplingSettings(1.0, 1.0), 7))  # two if it takes long
        [token] = [token for report in reports for token in report.tokens]
        assert shown.candidates.ids[shown.candidates.drawn] == token.id
        chosen = (*chosen, token.id)
    assert traced(session, chosen=chosen).ids.tolist()[-4:] == list(chosen)


def test_a_text_longer_than_the_context_has_the_window_of_generation(session: Session) -> None:
    text = TEXT * 4
    [_, weighed] = ask(session, PredictNext(text, sampling=SamplingSettings(temperature=1.0)))
    shown = traced(session, text, candidates=24)
    assert isinstance(weighed, Candidates)
    assert shown.seen <= session.opened.model.config.context
    assert shown.first + len(shown.pieces) == len(session.opened.tokenizer.encode(text))
    assert np.allclose(shown.candidates.probabilities[:, :5], weighed.probabilities[:, :5], atol=1e-4)


def test_no_text_has_no_trace(session: Session) -> None:
    assert ask(session, TraceForward("")) == []


def test_mean_pool_averages_equal_parts() -> None:
    values = np.arange(256, dtype=np.float32).reshape(2, 128)
    assert np.array_equal(mean_pool(values), values.reshape(2, 64, 2).mean(-1))
    uneven = np.random.default_rng(0).normal(size=100).astype(np.float32)
    parts = mean_pool(uneven)
    assert len(parts) == MOST_NUMBERS
    assert parts[0] == uneven[0]
    assert parts[-1] == pytest.approx(uneven[98:].mean())
    assert np.array_equal(mean_pool(uneven[:64]), uneven[:64])


def test_damaged_weights_raise_an_engine_error(model_folder: Path) -> None:
    model, _ = load_model(model_folder)
    with torch.no_grad():
        model.blocks[1].mlp.down.weight.fill_(math.nan)  # type: ignore[union-attr, operator]
    with pytest.raises(EngineError, match="logits_broken"):
        finish(trace(model, [300, 301], 12))
