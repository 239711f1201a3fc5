"""The model: every path gives the same numbers, for every family it can be configured as."""

import dataclasses
import math
import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.errors import EngineError
from engine.model import memory
from engine.model.config import ModelConfig, RopeScaling
from engine.model.derivatives import cross_entropy, relu_squared, rms_norm, rotate
from engine.model.linear import Linear
from engine.model.single_token import SingleToken
from engine.model.transformer import Transformer

FAMILIES = {
    "nakami": ModelConfig(vocabulary=50, context=32),
    "gpt2": ModelConfig(
        vocabulary=50,
        context=32,
        positions="learned",
        norm="layer",
        norm_gains=True,
        qkv_biases=True,
        out_biases=True,
        mlp_biases=True,
        norm_biases=True,
        activation="gelu",
        tied_head=True,
        qk_norm=False,
        embedding_norm=False,
    ),
    "llama": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        norm_gains=True,
        activation="swiglu",
        mlp_width=200,
        qk_norm=False,
        embedding_norm=False,
    ),
    "qwen3": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=1,
        norm_gains=True,
        activation="swiglu",
        mlp_width=96,
        head_width=48,
        embedding_norm=False,
        rope_theta=1e6,
    ),
    "qwen2": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        norm_gains=True,
        activation="swiglu",
        qk_norm=False,
        qkv_biases=True,
        embedding_norm=False,
        tied_head=True,
    ),
    "gemma2": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        windows=(5, 0, 5, 0),
        norm_gains=True,
        block_norms="both",
        embedding_norm=False,
        embedding_scale=11.3,
        qk_norm=False,
        score_scale=0.1,
        score_cap=5.0,
        logit_cap=3.0,
        activation="geglu",
        tied_head=True,
    ),
    "gemma3": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=1,
        rope_theta=1e6,
        local_rope_theta=10_000.0,
        rope_scaling=RopeScaling("linear", 8.0),
        windows=(5, 7, 0, 5),
        norm_gains=True,
        block_norms="both",
        embedding_norm=False,
        embedding_scale=11.3,
        score_scale=0.25,
        activation="geglu",
        tied_head=True,
    ),
    "phi3": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        rotary_width=24,
        rope_scaling=RopeScaling(
            "longrope",
            2.0,
            original_context=4,
            attention_factor=1.3,
            short_factors=(1.0,) * 12,
            long_factors=tuple(range(1, 13)),
        ),
        windows=(9,) * 4,
        norm_gains=True,
        embedding_norm=False,
        qk_norm=False,
        activation="swiglu",
    ),
    "gpt_neox": ModelConfig(
        vocabulary=50,
        context=32,
        rotary_width=8,
        norm="layer",
        norm_gains=True,
        norm_biases=True,
        embedding_norm=False,
        qk_norm=False,
        parallel=True,
        activation="gelu_exact",
        qkv_biases=True,
        out_biases=True,
        mlp_biases=True,
    ),
    "olmo2": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        rope_scaling=RopeScaling("yarn", 4.0, original_context=8, attention_factor=1.1),
        norm_gains=True,
        block_norms="after",
        embedding_norm=False,
        qk_norm_over="all_heads",
        activation="swiglu",
    ),
    "smollm3": ModelConfig(
        vocabulary=50,
        context=32,
        n_kv_heads=2,
        unrotated_layers=(1, 3),
        norm_gains=True,
        embedding_norm=False,
        qk_norm=False,
        activation="swiglu",
        tied_head=True,
    ),
}


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Transformer:
    return random_model(FAMILIES[request.param])


def random_model(config: ModelConfig) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3)
    return model


def some_ids(model: Transformer, count: int = 24) -> torch.Tensor:
    return torch.randint(model.config.vocabulary, (2, count), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_logits_with_a_cache_equal_those_without(model: Transformer) -> None:
    ids, cache = some_ids(model), model.new_cache(batch=2)
    parts = [model(ids[:, a:b], cache) for a, b in ((0, 10), (10, 11), (11, 20), (20, 24))]
    assert torch.allclose(torch.cat(parts, dim=1), model(ids), atol=2e-5)
    cache.truncate(10)
    assert torch.allclose(model(ids[:, 10:12], cache), model(ids[:, :12])[:, 10:], atol=2e-5)


@torch.no_grad()
def test_the_logits_of_the_last_token_alone_equal_those_among_all(model: Transformer) -> None:
    ids, cache = some_ids(model), model.new_cache(batch=2)
    logits_B1V = model(ids, cache, only_last=True)
    assert logits_B1V.shape[1] == 1
    assert torch.allclose(logits_B1V, model(ids)[:, -1:], atol=2e-5)
    assert cache.length == ids.shape[1]


@torch.no_grad()
def test_a_single_token_in_numpy_has_the_logits_of_torch(model: Transformer) -> None:
    ids, cache, single = some_ids(model)[:1], model.new_cache(), SingleToken(model)
    expected = model(ids)[0]
    model(ids[:, :8], cache)
    for position in range(8, 24):
        logits = single(int(ids[0, position]), cache)
        assert np.allclose(logits, expected[position].numpy(), atol=5e-5)
    assert cache.length == 24


@torch.no_grad()
def test_a_single_token_uses_the_weights_of_the_moment() -> None:
    model = random_model(FAMILIES["nakami"])
    single, before = SingleToken(model), model.new_cache()
    first = single(3, before).copy()
    model.blocks[0].mlp.up.weight.mul_(1.5)  # type: ignore[union-attr, operator]
    again = single(3, model.new_cache())
    assert not np.allclose(first, again)
    assert np.allclose(again, model(torch.tensor([[3]]))[0, 0].numpy(), atol=5e-5)


@torch.no_grad()
def test_logits_do_not_depend_on_later_tokens(model: Transformer) -> None:
    ids = some_ids(model)
    changed = ids.clone()
    changed[:, 15:] = (changed[:, 15:] + 1) % model.config.vocabulary
    assert torch.allclose(model(ids)[:, :15], model(changed)[:, :15], atol=1e-5)


def test_the_config_counts_the_parameters(model: Transformer) -> None:
    assert model.config.parameters() == sum(p.numel() for p in model.parameters())


def test_a_new_model_has_the_loss_of_guessing() -> None:
    """A new model's loss is ln V exactly: it finds all tokens equally likely."""
    model = Transformer(FAMILIES["nakami"])
    ids = some_ids(model)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(50), abs=1e-5)


def test_more_tokens_than_the_context_are_refused(model: Transformer) -> None:
    with pytest.raises(ValueError, match="33 tokens"):
        model(torch.zeros(1, 33, dtype=torch.long))


@pytest.mark.parametrize("scale", [1.0, 300.0])  # 300: tokens so unlikely that their probability is 0
def test_cross_entropy_equals_that_of_torch(scale: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(40, 300) * scale
    targets = torch.randint(300, (40,))
    if scale > 1:
        targets = logits.argmax(dim=-1)
        targets[0] = int(logits[0].argmin())
    found = []
    for loss in (cross_entropy, F.cross_entropy):
        mine = logits.clone().requires_grad_()
        value = loss(mine, targets) * 0.25
        torch.autograd.backward(value)
        assert mine.grad is not None
        found.append((value.detach(), mine.grad))
    assert torch.allclose(found[0][1], found[1][1], atol=1e-7)
    assert torch.isfinite(found[0][0])
    if scale == 1.0:
        assert torch.allclose(found[0][0], found[1][0], atol=1e-6)


@pytest.mark.parametrize("function", ["relu_squared", "rms_norm", "rotate"])
def test_derivatives_written_by_hand_pass_gradcheck(function: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 3, 8, dtype=torch.float64, requires_grad=True)
    angles = torch.rand(5, 1, 4, dtype=torch.float64)
    cos = torch.cat((angles.cos(), angles.cos()), dim=-1)
    sin = torch.cat((-angles.sin(), angles.sin()), dim=-1)
    functions = {
        "relu_squared": relu_squared,
        "rms_norm": lambda x: rms_norm(x, 1e-6),
        "rotate": lambda x: rotate(x, cos, sin),
    }
    assert torch.autograd.gradcheck(functions[function], (x,))


def test_rotation_depends_only_on_the_distance() -> None:
    """The product of q at position 7 and k at 4 is that of q at 12 and k at 9."""
    model = random_model(FAMILIES["nakami"])
    q, k = torch.randn(1, 1, 1, 32), torch.randn(1, 1, 1, 32)

    def meet(m: int, n: int) -> float:
        return float((rotate(q, *model.rotary(m, 1)) * rotate(k, *model.rotary(n, 1))).sum())

    assert meet(7, 4) == pytest.approx(meet(12, 9), abs=1e-4)
    assert meet(7, 4) != pytest.approx(meet(7, 5), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"width": 0}, "error.config_range"),
        ({"context": 10**9}, "error.config_range"),
        ({"n_layers": -1}, "error.config_range"),
        ({"n_kv_heads": 3}, "error.heads_divide"),
        ({"head_width": 7}, "error.config_range"),
        ({"vocabulary": 0}, "error.config_range"),
        ({"width": 32_000, "mlp_width": 200_000, "n_layers": 100}, "error.model_too_large"),
        ({"width": "wide"}, "error.config_range"),
        ({"activation": "sine"}, "error.config_choice"),
        ({"norm_epsilon": "x"}, "error.config_range"),
    ],
)
def test_impossible_configs_raise_an_engine_error(change: dict[str, object], key: str) -> None:
    values = dataclasses.asdict(FAMILIES["nakami"]) | change
    with pytest.raises(EngineError) as raised:
        ModelConfig.from_json(values)
    assert raised.value.key == key


def test_a_config_is_the_same_after_saving_and_loading() -> None:
    for config in FAMILIES.values():
        assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("rows", [1, 2, 4, 64, 65])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_that_of_torch_for_any_number_of_rows(rows: int, bias: bool) -> None:
    layer, x_1TD = Linear(24, 40, bias=bias), torch.randn(1, rows, 24)
    y_1TN = layer(x_1TD)
    assert y_1TN.is_contiguous()
    assert torch.allclose(y_1TN, F.linear(x_1TD, layer.weight, layer.bias), atol=1e-5)


def test_free_memory_is_a_number_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.free_memory()
    if sys.platform.startswith("linux"):
        assert free is not None
        assert 2**20 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        assert free is None

    def no_such_file(*_: object) -> Iterator[str]:
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.open", no_such_file)
    assert memory.free_memory() is None
    monkeypatch.setattr("sys.platform", "win32")
    assert memory.keep_freed_memory() is False
