"""A linear layer that is faster for a few tokens, and in training where the processor has bfloat16 products."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from engine.model.speed import speedup

FEW = range(2, 65)  # tokens
FASTER = 1.1  # least speedup for using bfloat16 products; on an AMD EPYC 9004, which supports them, it is 1.8


class Linear(nn.Linear):
    """y = W·x + b; for FEW tokens with the matrix on the left, which gives the same numbers.

    Measured with GPT-2's matrices on two cores: with the matrix on the left torch takes half as long for four
    tokens, two thirds for sixteen, four fifths for sixty-four, and as long for more.
    """

    rounded = False  # factors are rounded to bfloat16; set for all layers by `reduced_precision`

    def forward(self, x: Tensor) -> Tensor:
        rows_RD = x.reshape(-1, self.in_features)
        if self.rounded and torch.is_grad_enabled():
            y = _BFloat16Product.apply(rows_RD, self.weight)  # type: ignore[no-untyped-call]
        elif len(rows_RD) not in FEW or x.device.type != "cpu":
            return super().forward(x)
        else:
            y = (self.weight @ rows_RD.T).T.contiguous()
        y = y.view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


@contextmanager
def reduced_precision(device: torch.device) -> Iterator[None]:
    """Compute products for training from factors rounded to bfloat16, if the device is faster that way.

    On a GPU torch chooses the operations. On a CPU only linear layers are rounded: torch's choice there includes
    fused attention, whose gradient takes four times as long in bfloat16 as in float32.
    """
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        Linear.rounded = device.type == "cpu" and bfloat16_is_faster()
        try:
            yield
        finally:
            Linear.rounded = False


class _BFloat16Product(Function):
    """x·Wᵀ and its derivatives, each from factors rounded to bfloat16, added up and returned in float32."""

    @staticmethod
    def forward(ctx: Any, x_RD: Tensor, weight_OD: Tensor) -> Tensor:
        x_RD, weight_OD = x_RD.bfloat16(), weight_OD.bfloat16()
        ctx.save_for_backward(x_RD, weight_OD)
        return (x_RD @ weight_OD.T).float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_RO: Tensor) -> tuple[Tensor, Tensor]:
        x_RD, weight_OD = ctx.saved_tensors
        gradient_RO = gradient_RO.bfloat16()
        return (gradient_RO @ weight_OD).float(), (gradient_RO.T @ x_RD).float()


@cache
def bfloat16_is_faster() -> bool:
    """Return whether this processor multiplies bfloat16 matrices faster, rounding included.

    It is measured once, in 60 ms.
    """
    x_RD, weight_OD = torch.ones(512, 128), torch.ones(512, 128)
    return (
        speedup(
            lambda: x_RD @ weight_OD.T,
            lambda: (x_RD.bfloat16() @ weight_OD.bfloat16().T).float(),
            rounds=30,
        )
        > FASTER
    )
