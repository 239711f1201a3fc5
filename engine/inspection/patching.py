"""Activation patching: which activations of one text, put into another, bring its answer over.

An activation of "The capital of France is" replaces the same one of "The capital of Germany is". If Paris becomes
likelier than Berlin, that activation contains the country (Meng et al. 2022, arXiv:2202.05262; Heimersheim and Nanda
2024, arXiv:2404.15255).

Suffixes: L layers, T tokens, B positions patched at once, one a row; D width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.model.tape import Tape
from engine.model.transformer import Transformer

Part = Literal["resid_post", "attn_out", "mlp_out"]
PARTS = get_args(Part)
AT_ONCE = 2048  # tokens

Floats = NDArray[np.float32]


def patch_all(
    model: Transformer, source: Sequence[int], target: Sequence[int], answers: tuple[int, int], part: Part
) -> Iterator[tuple[int, Floats]]:
    """Yield each layer, the last one first, and the effect at each token of replacing that token's activation [T].

    `source` and `target` have the same number of tokens. The effect compares logit(answers[0]) - logit(answers[1])
    after the last token: 0 as in the target, 1 as in the source.
    Raises EngineError: error.patch_lengths if the numbers of tokens differ, error.patch_equal if both texts give the
    same difference, error.logits_broken if the model's weights are damaged.
    """
    if len(source) != len(target):
        raise EngineError("error.patch_lengths", first=len(source), second=len(target))
    layers, T = range(model.config.n_layers), len(target)
    names = [f"blocks.{i}.{part}" for i in layers]
    given = Tape([*names, last_residual(model)])
    own = Tape([*(f"blocks.{i}.resid_pre" for i in layers), last_residual(model)])
    model.record(batch_of(model, source), given)
    model.record(batch_of(model, target), own)
    wanted, before = (_difference(model, tape[last_residual(model)][:, -1], answers) for tape in (given, own))
    whole = float(wanted - before)
    if not np.isfinite(whole):
        raise EngineError("error.logits_broken")
    if whole == 0.0:
        raise EngineError("error.patch_equal")
    for layer in reversed(layers):
        x_TD, given_TD = own[f"blocks.{layer}.resid_pre"][0], given[names[layer]][0]
        rows = max(1, AT_ONCE // T)
        parts = [
            _patched(model, x_TD, given_TD, layer, part, range(first, min(first + rows, T)), answers)
            for first in range(0, T, rows)
        ]
        yield layer, ((torch.cat(parts) - before) / whole).float().cpu().numpy()


def last_residual(model: Transformer) -> str:
    """Return the name of the last residual stream on a tape."""
    return f"blocks.{model.config.n_layers - 1}.resid_post"


@torch.no_grad()
def _patched(
    model: Transformer, x_TD: Tensor, given_TD: Tensor, layer: int, part: Part, places: range, answers: tuple[int, int]
) -> Tensor:
    """Return the answers' difference with the activation patched at each of `places`, [B]."""
    row_B, place_B = torch.arange(len(places)), torch.tensor(places)

    def change(own_BTD: Tensor) -> Tensor:
        changed_BTD = own_BTD.clone()
        changed_BTD[row_B, place_B] = given_TD[place_B]
        return changed_BTD

    tape = Tape(changes={f"blocks.{layer}.{part}": change})
    x_BTD = model.resume(x_TD.expand(len(places), -1, -1), layer, tape)
    return _difference(model, x_BTD[:, -1], answers)


@torch.no_grad()
def _difference(model: Transformer, x_BD: Tensor, answers: tuple[int, int]) -> Tensor:
    logits_BV = model.decode(x_BD)
    return logits_BV[:, answers[0]] - logits_BV[:, answers[1]]
