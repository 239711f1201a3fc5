"""Rounding the weights: against the package gguf, and what a model writes with fewer and fewer bits."""

import json
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.errors import EngineError
from engine.inspection.precision import is_rounded, round_into, rounded, size
from engine.messages.generation import Generate, SamplingSettings
from engine.messages.models import ChangeModel, Scaled
from engine.messages.precision import RoundedText, TryPrecisions
from engine.model.opening import BUILTIN, load_model
from engine.model.transformer import Transformer
from engine.service import precision
from engine.service.session import Session
from engine.training.evaluation import evaluate
from tests.engine.sessions import ask

TYPES = {8: gguf.GGMLQuantizationType.Q8_0, 5: gguf.GGMLQuantizationType.Q5_0, 4: gguf.GGMLQuantizationType.Q4_0}
PROMPT = "the cat sat on the mat. the dog"
pytestmark = pytest.mark.usefixtures("one_thread")


def matrix(seed: int, rows: int = 6, columns: int = 96) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def texts(session: Session, prompt: str = PROMPT, tokens: int = 12, **options: tuple[int, ...]) -> list[RoundedText]:
    request = TryPrecisions(prompt, tokens=tokens, **options)
    return [answer for answer in ask(session, request) if isinstance(answer, RoundedText)]


@pytest.mark.parametrize("bits", TYPES)
def test_weights_are_rounded_as_in_the_files_of_llama_cpp(bits: int) -> None:
    for seed in range(5):
        weight = matrix(seed)
        theirs = gguf.dequantize(gguf.quantize(weight.numpy(), TYPES[bits]), TYPES[bits])
        assert np.allclose(rounded(weight, bits), theirs, atol=1e-6)


@settings(deadline=None)
@given(st.integers(2, 8), st.integers(0, 1000), st.integers(1, 70))
def test_rounding_leaves_few_values_in_a_block_and_is_near(bits: int, seed: int, columns: int) -> None:
    weight = matrix(seed, 3, columns)
    result = rounded(weight, bits)
    assert result.shape == weight.shape
    for row, was in zip(result, weight, strict=True):
        for block, before in zip(row.split(32), was.split(32), strict=True):
            assert len(set(block.tolist())) <= 2**bits
            step = before.abs().max() / (127 if bits == 8 else 2 ** (bits - 1))
            # The largest value of the sign opposite to the block's extreme may be cut by one step.
            assert (block - before).abs().max() <= 1.01 * step


def test_a_block_of_zeros_stays_zero_and_32_bits_change_nothing() -> None:
    assert (rounded(torch.zeros(2, 40), 4) == 0).all()
    assert (rounded(torch.zeros(2, 40), 8) == 0).all()
    weight = matrix(1)
    assert torch.equal(rounded(weight, 32), weight)
    assert torch.equal(rounded(weight, 16), weight.half().float())


def test_the_copy_is_the_model_at_32_bits_and_keeps_its_vectors_at_2() -> None:
    model, _ = load_model(BUILTIN)
    copy = Transformer(model.config)
    own = dict(model.named_parameters())
    shares = list(round_into(copy, own.items(), 32))
    assert shares[-1] == pytest.approx(1.0)
    assert all(torch.equal(parameter, own[name]) for name, parameter in copy.named_parameters())
    list(round_into(copy, own.items(), 2))
    for name, parameter in copy.named_parameters():
        assert torch.equal(parameter, own[name]) != is_rounded(name, parameter)
    assert size(model, 32) == 4 * model.config.parameters()
    assert size(model, 4) < 0.15 * size(model, 32)


# --- The service ----------------------------------------------------------------------------------


def test_32_bits_write_what_the_model_writes_and_the_model_stays_as_it_is(session: Session) -> None:
    opened = session.opened
    before = {name: parameter.clone() for name, parameter in opened.model.named_parameters()}
    found = texts(session)
    assert [row.bits for row in found] == [32, 16, 8, 4, 3, 2]
    reports = ask(session, Generate(PROMPT, tokens=12, sampling=SamplingSettings(temperature=0.0)))
    assert found[0].text == "".join(token.text for report in reports for token in report.tokens)
    *_, last = evaluate(opened.model, opened.tokenizer, PROMPT)
    assert found[0].perplexity == pytest.approx(np.exp(last["loss"]), rel=1e-4)
    assert all(torch.equal(parameter, before[name]) for name, parameter in opened.model.named_parameters())


def test_the_interventions_of_the_open_model_are_made_in_the_copy(session: Session) -> None:
    off = tuple(Scaled(layer, None) for layer in range(2))
    ask(session, ChangeModel(off))
    reports = ask(session, Generate(PROMPT, tokens=12, sampling=SamplingSettings(temperature=0.0)))
    assert texts(session, bits=(32,))[0].text == "".join(token.text for report in reports for token in report.tokens)


def test_a_model_that_is_kept_in_fewer_bits_is_read_from_its_file(session: Session) -> None:
    wanted = texts(session, bits=(32,))
    with torch.no_grad():
        session.opened.model.embedding.weight.mul_(0.1)
    assert texts(session, bits=(32,)) != wanted
    session.opened.info = replace(session.opened.info, weights="int8")
    assert texts(session, bits=(32,)) == wanted


def test_a_copy_for_which_there_is_no_memory_is_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "free_memory", lambda: 1000)
    with pytest.raises(EngineError, match="model_memory"):
        texts(session)


def test_a_prompt_of_one_token_has_no_perplexity(session: Session) -> None:
    assert np.isnan(texts(session, prompt="", bits=(32,))[0].perplexity)


def test_the_built_in_model_survives_8_bits_and_breaks_at_2() -> None:
    session = Session()
    session.open(BUILTIN)
    found = {row.bits: row for row in texts(session, "In the morning the rabbit is resting in the forest. It", 20)}
    assert found[16].text == found[8].text == found[32].text
    assert found[8].perplexity == pytest.approx(found[32].perplexity, rel=0.05)
    assert found[2].text != found[32].text
    assert found[2].perplexity > 5 * found[32].perplexity


def test_the_command_prints_a_row_for_each_width(capsys: pytest.CaptureFixture[str], model_folder: Path) -> None:
    assert main(["precision", str(model_folder), PROMPT, "--bits", "32", "3", "--tokens", "4", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["bits"] for row in rows] == [32, 3]
    assert rows[1]["bytes"] < rows[0]["bytes"] / 4
    assert all(row["perplexity"] > 1 for row in rows)
