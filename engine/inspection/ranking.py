"""Which heads and MLPs matter most: each turned off by itself, and measured.

This is ablation as Michel et al. 2019 (arXiv:1905.10650, §3.2) do it to find heads that can be left out.
All parts of a layer are tried at once, one a row of a batch. The pass continues from that layer's own residual stream,
which no part of it has changed yet, so that half of the work is left out.

The ranking is of the model as it was trained. Changes that are made in the open model, such as scaled heads, kept
patches and directions, are left out: a pass that begins at a layer has no tokens to find the place of a patch by.

Suffixes: L layers, H heads, P parts (H heads and the MLP), V of them at a time, B probes, T tokens, K head width,
D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.inspection.meters import Floats, Probe, groups, log_likelihoods, padded
from engine.model.tape import Tape
from engine.model.transformer import Transformer

ROWS_AT_ONCE = 256  # tokens: for SmolLM2 on two cores no number is faster


def rank_parts(model: Transformer, probes: Sequence[Probe], mean: bool = False) -> Iterator[tuple[int, Floats] | None]:
    """Yield each layer, the last one first, and each probe's log-probability in nats without each part, [P N].

    No other change is made in the model.

    The last of the P parts is the MLP. An output is replaced by 0, or by its mean over the tokens of all probes.
    None is yielded between parts of the work. Raises EngineError error.logits_broken if weights are damaged.
    """
    found = [_Group(model, group, mean) for group in groups(probes)]
    for layer in reversed(range(model.config.n_layers)):
        means = _means(found, layer) if mean else None
        columns = []
        for group in found:
            parts = []
            for values in group.without(model, layer, means):
                parts.append(values)
                yield None
            columns.append(np.concatenate(parts))
        yield layer, np.concatenate(columns, axis=1)


@dataclass(frozen=True, slots=True)
class _Means:
    """The mean outputs of a layer's heads and of its MLP."""

    z_HK: Tensor
    mlp_D: Tensor


class _Group:
    """Probes that are computed together: the residual stream before each layer, and the outputs of its parts."""

    def __init__(self, model: Transformer, probes: Sequence[Probe], mean: bool) -> None:
        self.probes, ids_BT = probes, padded(probes, model.device)
        layers, outputs = range(model.config.n_layers), ("attn.z", "mlp_out") if mean else ()
        tape = Tape([f"blocks.{i}.{name}" for i in layers for name in ("resid_pre", *outputs)])
        model.record(ids_BT, tape)
        self.streams = [tape.take(f"blocks.{i}.resid_pre") for i in layers]
        lengths = torch.tensor([len(probe.ids) - 1 for probe in probes], device=model.device)
        self._real_BT = torch.arange(ids_BT.shape[1], device=model.device) < lengths[:, None]
        self.tokens = int(lengths.sum())
        self.sums = [tuple(self._sum(tape.take(f"blocks.{i}.{name}")) for name in outputs) for i in layers]

    def _sum(self, x_BT: Tensor) -> Tensor:
        return x_BT[self._real_BT].sum(dim=0)  # without the padding

    @torch.no_grad()
    def without(self, model: Transformer, layer: int, means: _Means | None) -> Iterator[Floats]:
        """Yield each probe's log-probability without each part of a layer, [V B], a few parts at a time."""
        x_BTD, H = self.streams[layer], model.config.n_heads
        step = max(1, ROWS_AT_ONCE // x_BTD[:, :, 0].numel())
        for first in range(0, H + 1, step):
            parts = range(first, min(first + step, H + 1))
            tape = Tape(changes=_changes(layer, parts, len(x_BTD), H, means))
            last_ND = model.resume(x_BTD.repeat(len(parts), 1, 1), layer, tape)
            yield log_likelihoods(model, last_ND, self.probes).reshape(len(parts), len(x_BTD))


def _changes(layer: int, parts: range, probes: int, H: int, means: _Means | None) -> dict[str, "_Off"]:
    """Return the changes that turn part number i of `parts` off in the i-th `probes` rows of a batch."""
    rows = [slice(index * probes, (index + 1) * probes) for index in range(len(parts))]
    heads = [(r, slice(None), part) for r, part in zip(rows, parts, strict=True) if part < H]
    values = [0.0 if means is None else means.z_HK[part] for part in parts if part < H]
    changes = {f"blocks.{layer}.attn.z": _Off(heads, values)}
    if H in parts:
        changes[f"blocks.{layer}.mlp_out"] = _Off([(rows[-1],)], [0.0 if means is None else means.mlp_D])
    return changes


@dataclass(frozen=True, slots=True)
class _Off:
    """Replaces places of a tensor by values."""

    places: Sequence[tuple[slice | int, ...]]
    values: Sequence[Tensor | float]

    def __call__(self, x: Tensor) -> Tensor:
        changed = x.clone()
        for place, value in zip(self.places, self.values, strict=True):
            changed[place] = value
        return changed


def _means(found: Sequence[_Group], layer: int) -> _Means:
    tokens = sum(group.tokens for group in found)
    z_HK, mlp_D = (torch.stack([group.sums[layer][i] for group in found]).sum(dim=0) / tokens for i in range(2))
    return _Means(z_HK, mlp_D)
