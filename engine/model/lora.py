"""Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685): W' = W + s · B·A, where only A and B are trained.

B [out, r] and A [r, in] have far fewer numbers than W [out, in]. B begins at 0, so that nothing is changed at first.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.model.transformer import Transformer

MATRICES = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")


class LowRank(nn.Module):
    """Adds s · B·A to a matrix. `scale` may be changed at any time; 0 turns the adaptation off."""

    def __init__(self, weight: Tensor, rank: int, scale: float = 1.0) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.A = nn.Parameter(torch.empty(rank, columns, device=weight.device))
        self.B = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        self.scale = scale
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))  # as in the authors' program

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.B @ self.A)


def add_lora(model: Transformer, rank: int, matrices: tuple[str, ...] = MATRICES) -> list[LowRank]:
    """Adapt these matrices of every block. From now on only the adaptations are trained.

    Raises ValueError if there is no such matrix.
    """
    model.requires_grad_(requires_grad=False)
    adapted = []
    for block in model.blocks:
        for name in matrices:
            linear = block.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            adaptation = LowRank(linear.weight, rank)
            parametrize.register_parametrization(linear, "weight", adaptation)
            adapted.append(adaptation)
    return adapted


def merge_lora(model: Transformer) -> None:
    """Write s · B·A into the matrices, which are trained again from now on."""
    for linear in adapted_layers(model):
        parametrize.remove_parametrizations(linear, "weight", leave_parametrized=True)
    model.requires_grad_(requires_grad=True)


def adapted_layers(model: Transformer) -> Iterator[nn.Module]:
    for module in list(model.modules()):
        if parametrize.is_parametrized(module, "weight"):
            yield module
