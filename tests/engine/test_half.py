"""Weights kept as float16: the same numbers on every path, and little memory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.generation.decoding import Reader
from engine.model import opening
from engine.model.damage import broken_tensors
from engine.model.half import HalfEmbedding, HalfLinear, fits
from engine.model.opening import describe, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from tests.engine.hf_models import model_of, saved, some_ids

FBGEMM = pytest.mark.skipif("fbgemm" not in torch.backends.quantized.supported_engines, reason="needs FBGEMM")
WIDE = {"hidden_size": 576, "intermediate_size": 700, "num_hidden_layers": 2}


@pytest.fixture
def small_models_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep small models as float16 too, whether or not this computer is faster that way."""
    monkeypatch.setattr(opening, "MOST_SMALL", 0)
    monkeypatch.setattr(opening, "half_is_faster", lambda: True)


def opened(kind: str, folder: Path, halve: bool = True, **settings: bool) -> Transformer:
    torch.manual_seed(0)
    saved(model_of(kind, **WIDE, **settings), folder)
    return load_transformer(folder, halve=halve)


@FBGEMM
@pytest.mark.parametrize("width", [512, 576, 1100])
@pytest.mark.parametrize("rows", [1, 7])
def test_a_product_is_that_of_the_rounded_weights(width: int, rows: int) -> None:
    torch.manual_seed(width)
    weight_OD, x_RD, bias = torch.randn(96, width), torch.randn(rows, width), torch.nn.Parameter(torch.randn(96))
    layer = HalfLinear(weight_OD, bias)
    assert torch.allclose(layer.weight, weight_OD, rtol=1e-3)
    expected_RO = (x_RD.double() @ layer.weight.double().T + bias.double()).float()
    with torch.no_grad():
        assert torch.allclose(layer(x_RD), expected_RO, atol=1e-4)
        assert np.allclose(layer.single(x_RD[0].numpy()), (expected_RO[0] - bias).numpy(), atol=1e-4)


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Llama", {"tie_word_embeddings": True}),
        ("Llama", {"tie_word_embeddings": False, "attention_bias": True}),
        ("GPTNeoX", {}),
    ],
)
def test_one_token_at_a_time_and_a_recorded_pass_give_the_same_logits(
    tmp_path: Path, kind: str, settings: dict[str, bool]
) -> None:
    model, ids = opened(kind, tmp_path, **settings), some_ids(12)[0].tolist()
    assert sum(isinstance(layer, HalfLinear) for layer in model.modules()) >= 7
    tape = Tape({"logits", "blocks.0.attn.pattern", "blocks.1.attn.result"})
    model.record(torch.tensor([ids]), tape)
    reader = Reader(model)
    singles = [reader.logits(ids[: n + 1]) for n in range(len(ids))]
    assert np.allclose(np.stack(singles), tape["logits"][0].numpy(), atol=1e-3)


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
def test_logits_are_close_to_those_of_float32(tmp_path: Path) -> None:
    halved, ids = opened("Llama", tmp_path, tie_word_embeddings=True), some_ids(20)
    whole = load_transformer(tmp_path)
    with torch.no_grad():
        error = (halved(ids) - whole(ids)).abs().max() / whole(ids).abs().max()
    assert 0 < float(error) < 5e-3


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
def test_gradients_pass_through_halved_layers(tmp_path: Path) -> None:
    model, ids = opened("Llama", tmp_path), some_ids(6)
    given = model.embedding(ids).detach().requires_grad_()
    tape = Tape(["logits"], changes={"embed": lambda x: given}, gradients=True)
    model.record(ids, tape)
    tape["logits"][0, -1].max().backward()
    assert given.grad is not None
    assert float(given.grad.abs().sum()) > 0


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
def test_a_description_says_how_the_weights_are_kept(tmp_path: Path) -> None:
    model = opened("Llama", tmp_path, tie_word_embeddings=True)
    assert isinstance(model.embedding, HalfEmbedding)
    whole, halved = describe(tmp_path), describe(tmp_path, halve=True)
    assert (whole.weights, halved.weights) == ("float32", "float16")
    assert halved.bytes < 0.75 * whole.bytes


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
def test_a_matrix_with_numbers_beyond_float16_stays_as_it_is_and_broken_ones_are_found(tmp_path: Path) -> None:
    assert fits(torch.ones(2, 512))
    for number in (1e5, float("inf"), float("nan")):
        assert not fits(torch.full((2, 512), number))
    model = opened("Llama", tmp_path)
    assert broken_tensors(model) == []
    with torch.no_grad():
        model.final_norm.get_parameter("weight")[3] = float("nan")
    assert broken_tensors(model) == ["final_norm.weight"]
