"""Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W' = W + s · B·A, where only A and B are trained.

B [out, r] and A [r, in] have far fewer numbers than W [out, in]. B begins at 0, so that nothing is changed at first.
The sum W' is not stored: a layer computes W·x + s · B·(A·x), and W needs neither a gradient nor a copy.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.model.transformer import Transformer

MATRICES = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")


class LowRankLinear(nn.Module):
    """y = W·x + b + s · B·(A·x). `scale`, s, may be changed at any time; 0 turns the adaptation off."""

    def __init__(self, base: nn.Linear, rank: int, scale: float = 1.0) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        device = base.weight.device
        self.A = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))  # as in the authors' program

    @property
    def weight(self) -> Tensor:
        """Return W', computed anew each time."""
        return torch.addmm(self.base.weight, self.B, self.A, alpha=self.scale)

    @property
    def bias(self) -> Tensor | None:
        """Return b, which is not adapted."""
        bias: Tensor | None = self.base.bias
        return bias

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x)
        return y + self.scale * (x @ self.A.T @ self.B.T) if self.scale else y

    def single(self, x_D: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return W'·x without b for one vector, with the present numbers of A and B."""
        weight_OD, A_RD, B_OR = (p.detach().numpy() for p in (self.base.weight, self.A, self.B))
        y_O: NDArray[np.float32] = weight_OD.dot(x_D) + np.float32(self.scale) * B_OR.dot(A_RD.dot(x_D))
        return y_O


def add_lora(model: Transformer, rank: int, matrices: tuple[str, ...] = MATRICES) -> list[LowRankLinear]:
    """Adapt these matrices of every block. From now on only the adaptations are trained.

    Raises AttributeError if there is no such matrix.
    """
    model.requires_grad_(requires_grad=False)
    found = []
    for block in model.blocks:
        for name in matrices:
            linear = block.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            found.append(LowRankLinear(linear, rank))
            block.set_submodule(name, found[-1])
    return found


def adapted(model: Transformer) -> Iterator[tuple[str, LowRankLinear]]:
    """Yield the layers that are adapted, with their names."""
    for name, module in list(model.named_modules()):
        if isinstance(module, LowRankLinear):
            yield name, module


def set_scale(model: Transformer, scale: float) -> None:
    """Set s of all adaptations: 0 gives the model before, 1 the tuned one."""
    for _, layer in adapted(model):
        layer.scale = scale


@contextmanager
def without_lora(model: Transformer) -> Iterator[None]:
    """Turn the adaptations off within the block."""
    before = [(layer, layer.scale) for _, layer in adapted(model)]
    set_scale(model, 0.0)
    try:
        yield
    finally:
        for layer, scale in before:
            layer.scale = scale


@torch.no_grad()
def merge_lora(model: Transformer) -> None:
    """Write s · B·A into the matrices, which are trained again from now on."""
    for name, layer in adapted(model):
        layer.base.weight.copy_(layer.weight)
        model.set_submodule(name, layer.base)
    model.requires_grad_(requires_grad=True)


@torch.no_grad()
def merged_state(model: Transformer) -> dict[str, Tensor]:
    """Return what the state_dict of the merged model would be."""
    tensors = model.state_dict()
    for name, layer in adapted(model):
        for key in [key for key in tensors if key.startswith(f"{name}.")]:
            tensors[key.replace(".base.", ".")] = tensors.pop(key)
        del tensors[f"{name}.A"], tensors[f"{name}.B"]
        tensors[f"{name}.weight"] = layer.weight
    return tensors
