"""The tape: what it records, that a replacement affects everything after it, and gradients."""

import dataclasses

import pytest
import torch
from torch import Tensor

from engine.model.tape import Change, Tape
from engine.model.transformer import Block, Transformer
from tests.engine.test_model import FAMILIES, random_model, some_ids

WINDOWED = dataclasses.replace(FAMILIES["llama"], windows=(0, 3, 1, 7))
CONFIGS = FAMILIES | {"windows": WINDOWED}
PARTS = ("resid_pre", "ln1", "attn.q", "attn.k", "attn.v", "attn.scores", "attn.pattern", "attn.z", "attn.result",
         "attn_out", "resid_mid", "ln2", "mlp.pre", "mlp.post", "mlp_out", "resid_post")  # fmt: skip
NAMES = ["embed", *(f"blocks.{i}.{part}" for i in (0, 3) for part in PARTS), "ln_final", "logits"]


@pytest.fixture(params=CONFIGS, scope="module")
def model(request: pytest.FixtureRequest) -> Transformer:
    return random_model(CONFIGS[request.param])


def everything(model: Transformer) -> Tape:
    tape = Tape(NAMES)
    with torch.no_grad():
        model(some_ids(model), tape=tape)
    return tape


def logits(model: Transformer, changes: dict[str, Change]) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(some_ids(model), tape=Tape(changes=changes))
    return found


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-4 * float(b.abs().max()))


def test_every_name_has_the_shape_in_the_table(model: Transformer) -> None:
    tape, c = everything(model), model.config
    B, T, D, H, G, K, M = 2, 24, c.width, c.n_heads, c.n_kv_heads, c.head_width, c.mlp_width
    shapes = {
        "attn.q": (B, T, H, K),
        "attn.k": (B, T, G, K),
        "attn.v": (B, T, G, K),
        "attn.scores": (B, H, T, T),
        "attn.pattern": (B, H, T, T),
        "attn.z": (B, T, H, K),
        "attn.result": (B, T, H, D),
        "mlp.pre": (B, T, M),
        "mlp.post": (B, T, M),
    }
    for part in PARTS:
        assert tape[f"blocks.3.{part}"].shape == shapes.get(part, (B, T, D)), part
    assert tape["embed"].shape == tape["ln_final"].shape == (B, T, D)
    assert tape["logits"].shape == (B, T, c.vocabulary)


def test_only_requested_activations_are_kept(model: Transformer) -> None:
    names = ["embed", "blocks.1.resid_post", "blocks.1.mlp.post", "blocks.1.attn.q", "ln_final", "logits"]
    tape = Tape(names)
    logits = model(some_ids(model), tape=tape)
    assert all(name in tape for name in names)
    assert "blocks.0.attn.q" not in tape
    assert "blocks.1.attn.k" not in tape
    assert torch.equal(tape["logits"], logits)
    assert not tape["logits"].requires_grad


def test_recording_does_not_change_the_logits(model: Transformer) -> None:
    assert close(everything(model)["logits"], logits(model, {}))


def test_rows_of_the_pattern_sum_to_one_and_see_no_later_token(model: Transformer) -> None:
    pattern = everything(model)["blocks.3.attn.pattern"]
    assert torch.allclose(pattern.sum(-1), torch.ones(2, model.config.n_heads, 24))
    assert (pattern.triu(1) == 0).all()


def test_the_residual_stream_is_the_sum_of_the_outputs_added_to_it(model: Transformer) -> None:
    tape = everything(model)
    pre, attention, mid, mlp, post, result = (
        tape[f"blocks.0.{part}"]
        for part in ("resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post", "attn.result")
    )
    assert torch.allclose(pre + attention, mid, atol=1e-4)
    assert torch.allclose(mid + mlp, post, atol=1e-4)
    block = model.blocks[0]
    assert isinstance(block, Block)
    bias, heads = block.attention.out.bias, result.sum(dim=2)
    out = block.attention_out_norm(heads if bias is None else heads + bias)
    assert torch.allclose(out, attention, atol=1e-4)


# --- Recording a part -----------------------------------------------------------------------------


@pytest.mark.parametrize("positions", [slice(0, 1), slice(4, 9), slice(-1, None), slice(5, None)])
def test_some_positions_are_recorded_as_in_a_full_recording(model: Transformer, positions: slice) -> None:
    whole, part = everything(model), Tape(NAMES, positions)
    model.record(some_ids(model), part)
    for name in NAMES:
        expected = whole[name]
        if name.endswith((".scores", ".pattern")):
            expected = expected[:, :, positions]
        elif not name.endswith((".attn.k", ".attn.v")):
            expected = expected[:, positions]
        assert part[name].shape == expected.shape, name
        assert close(part[name], expected), name


def test_blocks_after_the_last_requested_activation_are_not_computed() -> None:
    class Exploding(torch.nn.Module):
        def forward(self, *_: object) -> None:
            raise AssertionError("computed all the same")

    model = random_model(FAMILIES["nakami"])
    ids = some_ids(model)
    model.blocks[1] = Exploding()
    tape = Tape(["embed", "blocks.0.attn.pattern"])
    model.record(ids, tape)
    assert tape.complete
    taken = tape.take("blocks.0.attn.pattern")
    assert taken.shape == (2, 4, 24, 24)
    assert "blocks.0.attn.pattern" not in tape
    with pytest.raises(AssertionError, match="all the same"):
        model.record(ids, Tape(["blocks.1.resid_post"]))


# --- Changing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_replacement_equal_to_the_original_changes_nothing(model: Transformer, name: str) -> None:
    plain = everything(model)
    assert close(logits(model, {name: plain[name]}), plain["logits"])
    assert close(logits(model, {name: lambda x: x}), plain["logits"])


@pytest.mark.parametrize("name", NAMES)
def test_a_replacement_affects_what_follows_and_is_kept(model: Transformer, name: str) -> None:
    plain = everything(model)
    other = plain[name].flip(1) * 1.5
    tape = Tape([name], changes={name: other})
    with torch.no_grad():
        found = model(some_ids(model), tape=tape)
    assert torch.equal(tape[name], other)
    assert not close(found, plain["logits"])


@pytest.mark.parametrize("name", ["blocks.3.attn.pattern", "blocks.3.attn.scores", "ln_final", "logits"])
def test_changes_and_recorded_positions_combine(model: Transformer, name: str) -> None:
    def double(x: Tensor) -> Tensor:
        return 2 * x

    part = Tape([name, "logits"], slice(4, 9), {name: double})
    model.record(some_ids(model), part)
    assert close(part["logits"], logits(model, {name: double})[:, 4:9])


def test_a_changed_model_has_the_same_logits_with_and_without_a_cache(model: Transformer) -> None:
    changes: dict[str, Change] = {"blocks.1.attn.z": lambda x: 0.5 * x, "blocks.2.attn.pattern": lambda x: 0.7 * x}
    ids, cache, tape = some_ids(model), model.new_cache(batch=2), Tape(changes=changes)
    with torch.no_grad():
        parts = [model(ids[:, a:b], cache, tape) for a, b in ((0, 10), (10, 11), (11, 24))]
    assert close(torch.cat(parts, dim=1), logits(model, changes))


# --- Gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES[:-1])
def test_gradients_equal_finite_differences(name: str) -> None:
    model = random_model(FAMILIES["qwen3"]).double()
    ids = some_ids(model)[:1]
    tape = Tape([name, "logits"], gradients=True)
    model.record(ids, tape)
    (gradient,) = torch.autograd.grad(tape["logits"][0, -1, 7], tape[name])
    direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    if name.endswith(".scores"):
        direction = direction.tril()
    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved: dict[str, Change] = {name: tape[name].detach() + sign * step * direction}
        with torch.no_grad():
            ends.append(model(ids, tape=Tape(changes=moved))[0, -1, 7].item())
    slope = (ends[0] - ends[1]) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_gradients_reach_a_replaced_embedding() -> None:
    model = random_model(FAMILIES["nakami"]).requires_grad_(False)
    ids = some_ids(model)
    given = model.embedding(ids).requires_grad_()
    tape = Tape(["logits"], changes={"embed": given}, gradients=True)
    model.record(ids, tape)
    torch.autograd.backward(tape["logits"][0, -1, 7])
    assert given.grad is not None
    assert given.grad[0].abs().sum() > 0
    assert given.grad[1].abs().sum() == 0


def test_gradients_of_a_part_of_the_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="no gradient"):
        Tape(["embed"], slice(0, 1), gradients=True)
