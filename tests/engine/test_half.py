"""Weights kept in fewer bits, as float16 or int8: the same numbers on every path, and little memory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.generation.decoding import Reader
from engine.messages.models import WeightsForm
from engine.model import opening
from engine.model.damage import broken_tensors
from engine.model.eight_bit import EightBitLinear
from engine.model.half import CompactLinear, HalfEmbedding, HalfLinear, fits
from engine.model.opening import FORMS, describe, load_transformer
from engine.model.tape import Tape
from engine.model.transformer import Transformer
from tests.engine.hf_models import model_of, saved, some_ids

FBGEMM = pytest.mark.skipif("fbgemm" not in torch.backends.quantized.supported_engines, reason="needs FBGEMM")
WIDE = {"hidden_size": 576, "intermediate_size": 700, "num_hidden_layers": 2}


@pytest.fixture
def small_models_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep small models in fewer bits too, whether or not this computer is faster that way."""
    monkeypatch.setattr(opening, "MOST_SMALL", 0)
    monkeypatch.setattr(opening, "_is_faster", lambda weights: True)


def opened(kind: str, folder: Path, weights: WeightsForm = "float16", **settings: bool) -> Transformer:
    torch.manual_seed(0)
    saved(model_of(kind, **WIDE, **settings), folder)
    return load_transformer(folder, weights=weights)


@FBGEMM
@pytest.mark.parametrize("width", [512, 576, 1100])
@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("form", "rounding", "error"), [(HalfLinear, 1e-3, 1e-4), (EightBitLinear, 0.025, 0.03)])
def test_a_product_is_that_of_the_rounded_weights(
    width: int, rows: int, form: type[CompactLinear], rounding: float, error: float
) -> None:
    torch.manual_seed(width)
    weight_OD, x_RD, bias = torch.randn(96, width), torch.randn(rows, width), torch.nn.Parameter(torch.randn(96))
    layer = form(weight_OD, bias)
    assert torch.allclose(layer.weight, weight_OD, rtol=1e-3, atol=rounding)
    expected_RO = (x_RD.double() @ layer.weight.double().T + bias.double()).float()
    with torch.no_grad():
        assert torch.allclose(layer(x_RD), expected_RO, atol=error)
        assert np.allclose(layer.single(x_RD[0].numpy()), (layer(x_RD)[0] - bias).numpy(), atol=1e-4)


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
@pytest.mark.parametrize(("weights", "error"), [("float16", 1e-3), ("int8", 0.02)])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Llama", {"tie_word_embeddings": True}),
        ("Llama", {"tie_word_embeddings": False, "attention_bias": True}),
        ("GPTNeoX", {}),
    ],
)
def test_one_token_at_a_time_and_a_recorded_pass_give_the_same_logits(
    tmp_path: Path, kind: str, settings: dict[str, bool], weights: WeightsForm, error: float
) -> None:
    model, ids = opened(kind, tmp_path, weights, **settings), some_ids(12)[0].tolist()
    assert sum(isinstance(layer, FORMS[weights]) for layer in model.modules()) >= 7
    tape = Tape({"logits", "blocks.0.attn.pattern", "blocks.1.attn.result"})
    model.record(torch.tensor([ids]), tape)
    reader = Reader(model)
    singles = [reader.logits(ids[: n + 1]) for n in range(len(ids))]
    assert np.allclose(np.stack(singles), tape["logits"][0].numpy(), atol=error)


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
@pytest.mark.parametrize(("weights", "most"), [("float16", 5e-3), ("int8", 0.1)])
def test_logits_are_close_to_those_of_float32(tmp_path: Path, weights: WeightsForm, most: float) -> None:
    compact, ids = opened("Llama", tmp_path, weights, tie_word_embeddings=True), some_ids(20)
    whole = load_transformer(tmp_path)
    with torch.no_grad():
        error = (compact(ids) - whole(ids)).abs().max() / whole(ids).abs().max()
    assert 0 < float(error) < most


@FBGEMM
@pytest.mark.usefixtures("small_models_too")
@pytest.mark.parametrize("weights", ["float16", "int8"])
def test_gradients_pass_through_compact_layers(tmp_path: Path, weights: WeightsForm) -> None:
    model, ids = opened("Llama", tmp_path, weights), some_ids(6)
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
    whole, halved = describe(tmp_path), describe(tmp_path, weights="float16")
    assert (whole.weights, halved.weights) == ("float32", "float16")
    assert halved.bytes < 0.75 * whole.bytes
    eighths = describe(tmp_path, weights="int8")
    assert eighths.weights == "int8"
    assert eighths.bytes < 0.75 * halved.bytes


@FBGEMM
def test_a_broken_input_gives_no_number_that_looks_sound() -> None:
    layer, x_D = EightBitLinear(torch.randn(8, 512), None), torch.randn(512)
    x_D[5] = float("nan")
    with torch.no_grad():
        assert not layer(x_D[None]).isfinite().any()
    assert not np.isfinite(layer.single(x_D.numpy())).any()


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
