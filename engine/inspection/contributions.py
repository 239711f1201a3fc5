"""Direct logit attribution: how much each part of a model adds to one token's logit.

The last residual stream is the sum of the embedding and of what every head and MLP has added. The final norm divides
all of them by the same number, so that the logit is a sum, too (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits"). A norm after attention is treated in the same way.

Suffixes: L layers, H heads, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.inspection.patching import last_residual
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Block, Norm, Transformer

Floats = NDArray[np.float32]
Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Contributions:
    """The parts of a logit, or of the difference of two, after the last token; they add up to `total`."""

    embedding: float  # of the last token itself
    heads_LH: Floats
    mlps_L: Floats
    biases: float  # of attention's projections and of the norms
    total: float  # before the soft cap


@torch.no_grad()
def contributions(
    model: Transformer, ids: Sequence[int], token: int, against: int | None = None, changes: Changes = UNCHANGED
) -> Contributions:
    """Return what each part adds to the logit of `token`, less that of `against`, after the last of `ids`.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    L = model.config.n_layers
    names = [f"blocks.{i}.{part}" for i in range(L) for part in ("attn.result", "attn_out", "mlp_out")]
    last = last_residual(model)
    tape = Tape(["blocks.0.resid_pre", *names, last], slice(len(ids) - 1, None), changes)
    model.record(batch_of(model, ids), tape)
    weight_VD = model.unembedding.weight
    direction_D = weight_VD[token].float() - (0.0 if against is None else weight_VD[against].float())
    scaled, shift_D = as_linear(model.final_norm, tape[last][0, 0])

    def share(x: Tensor) -> Tensor:
        return scaled(x.float()) @ direction_D

    heads_LH = torch.stack([share(_heads(block, tape, index)) for index, block in enumerate(model.blocks)])
    attention_L, mlps_L = (
        torch.stack([share(tape[f"blocks.{i}.{part}"][0, 0]) for i in range(L)]) for part in ("attn_out", "mlp_out")
    )
    embedding = share(tape["blocks.0.resid_pre"][0, 0])
    biases = attention_L.sum() - heads_LH.sum() + shift_D @ direction_D
    total = embedding + heads_LH.sum() + mlps_L.sum() + biases
    if not total.isfinite():
        raise EngineError("error.logits_broken")
    return Contributions(float(embedding), heads_LH.cpu().numpy(), mlps_L.cpu().numpy(), float(biases), float(total))


def _heads(block: nn.Module, tape: Tape, index: int) -> Tensor:
    """Return what each head of block `index` adds to the residual stream after the last token, [H D]."""
    assert isinstance(block, Block)
    result_HD = tape[f"blocks.{index}.attn.result"][0, 0].float()
    before_norm_D = result_HD.sum(dim=0)
    if block.attention.out.bias is not None:
        before_norm_D = before_norm_D + block.attention.out.bias
    scaled, _ = as_linear(block.attention_out_norm, before_norm_D)
    return scaled(result_HD)


def as_linear(norm: nn.Module, x_D: Tensor) -> tuple[Linear, Tensor]:
    """Return the norm as it acts on `x_D`: a linear function, to which a constant [D] is added."""
    nothing_D = torch.zeros_like(x_D, dtype=torch.float32)
    if not isinstance(norm, Norm):
        return lambda y: y, nothing_D
    x_D, centred = x_D.float(), norm.kind == "layer"
    centre = x_D.mean() if centred else 0.0
    scale = torch.rsqrt((x_D - centre).square().mean() + norm.epsilon)
    gain = scale if norm.weight is None else scale * norm.weight.float()
    constant_D = nothing_D if norm.bias is None else norm.bias.float()
    return lambda y: (y - y.mean(dim=-1, keepdim=True) if centred else y) * gain, constant_D
