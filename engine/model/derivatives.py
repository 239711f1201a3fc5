"""Four small functions with derivatives written by hand.

torch's derivatives of these take a dozen passes over memory instead of two or three, on a CPU a quarter of a
training step. tests/engine/test_model.py compares both.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _ReLUSquared(Function):
    """y = max(x, 0)², dy/dx = 2 max(x, 0)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = x.clamp_min(0)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return (gradient * positive).mul_(2)


class _RMSNorm(Function):
    """y = x·r with r = 1 / sqrt(mean(x²) + ε); dx = r (dy − y·mean(dy·y))."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, epsilon: float) -> Tensor:
        scale = _mean_of_product(x, x).add_(epsilon).rsqrt_()
        y = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        y, scale = ctx.saved_tensors
        along = _mean_of_product(gradient, y)
        return torch.addcmul(gradient, y, along, value=-1).mul_(scale), None


class _Rotate(Function):
    """Rotation of the pairs (x_i, x_{i+K/2}); the derivative rotates back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return torch.addcmul(x * cos, _halves_swapped(x), sin)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return torch.addcmul(gradient * cos, _halves_swapped(gradient), sin, value=-1), None, None


class _CrossEntropy(Function):
    """Mean of -ln p(target) with p = softmax(logits); its derivative is (p - 1 at the target) / N."""

    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, targets_N: Tensor) -> Tensor:
        p_NV = logits_NV.softmax(dim=-1)
        ctx.save_for_backward(p_NV, targets_N)
        p_N = p_NV.gather(1, targets_N.unsqueeze(1))
        return -p_N.clamp_min(torch.finfo(p_N.dtype).tiny).log().mean()  # a probability of 0 counts as 87 nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        p_NV, targets_N = ctx.saved_tensors
        share = gradient / len(targets_N)
        p_NV.mul_(share)  # in place, without a copy
        p_NV.scatter_add_(1, targets_N.unsqueeze(1), -share.expand(len(targets_N), 1))
        return p_NV, None


def _mean_of_product(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.vecdot(a, b).unsqueeze(-1).div_(a.shape[-1])


def _halves_swapped(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((second, first), dim=-1)


def relu_squared(x: Tensor) -> Tensor:
    return _ReLUSquared.apply(x)  # type: ignore[no-untyped-call]


def rms_norm(x: Tensor, epsilon: float) -> Tensor:
    return _RMSNorm.apply(x, epsilon)  # type: ignore[no-untyped-call]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate as many features of x as `cos` has; `sin` is negative for the first half of them."""
    rotated, unchanged = x[..., : cos.shape[-1]], x[..., cos.shape[-1] :]
    y: Tensor = _Rotate.apply(rotated, cos, sin)  # type: ignore[no-untyped-call]
    return torch.cat((y, unchanged), dim=-1) if unchanged.shape[-1] else y


def cross_entropy(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Return the mean cross-entropy over N, in nats."""
    return _CrossEntropy.apply(logits_NV, targets_N)  # type: ignore[no-untyped-call]
