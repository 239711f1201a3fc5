"""Precision: a copy of a model whose weights are rounded to fewer bits, as the files of quantised models have them.

16 bits are IEEE 754 half precision. For 8 bits and fewer, every block of 32 neighbouring weights of a row shares one
scale d, which is itself kept in 16 bits. The rules are those of llama.cpp's types Q8_0 and Q4_0 (ggml-quants.c):

    8 bits:          d = max|w| / 127,    w' = d · round(w / d)
    fewer, b bits:   d = m / -2^(b-1),    w' = d · min(floor(w / d + 1/2), 2^(b-1) - 1)

where m is the weight with the largest magnitude, with its sign. The formats that are usual today (Q4_K and the like)
choose their scales with more care, and lose less. Vectors (norms and biases) and learned positions are not rounded.

Suffixes: N blocks, O rows, D columns.
"""

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.transformer import Transformer

BLOCK = 32
LARGEST = 127  # of 8 bits


def rounded(weight_OD: Tensor, bits: int) -> Tensor:
    """Return a matrix in float32 with its weights rounded to 2..8 or 16 bits; 32 returns it as it is."""
    weight_OD = weight_OD.float()
    if bits == 32:
        return weight_OD
    if bits == 16:
        return weight_OD.half().float()
    columns = weight_OD.shape[1]
    blocks_N = F.pad(weight_OD, (0, -columns % BLOCK)).reshape(-1, BLOCK)
    at_N1 = blocks_N.abs().argmax(dim=1, keepdim=True)
    largest_N1 = blocks_N.gather(1, at_N1)
    steps = 2 ** (bits - 1)
    scale_N1 = largest_N1.abs() / LARGEST if bits == 8 else largest_N1 / -steps
    exact = blocks_N * torch.where(scale_N1 == 0, 0.0, 1 / scale_N1)
    whole = exact.round() if bits == 8 else (exact + 0.5).floor().clamp_max(steps - 1)
    return (whole * scale_N1.half().float()).reshape(weight_OD.shape[0], -1)[:, :columns]


def is_rounded(name: str, parameter: Tensor) -> bool:
    """Return whether a parameter is a matrix that is rounded."""
    return parameter.ndim > 1 and not name.startswith("positions")


def size(model: Transformer, bits: int) -> int:
    """Return the bytes that the weights of a model take at this width, the scales of the blocks included."""
    per_weight = bits if bits >= 16 else bits + 16 / BLOCK
    named = model.named_parameters()
    return round(sum(p.numel() * (per_weight if is_rounded(name, p) else 32) for name, p in named) / 8)


@torch.no_grad()
def round_into(model: Transformer, weights: Iterable[tuple[str, Tensor]], bits: int) -> Iterator[float]:
    """Set the parameters of `model` to `weights`, rounded; yield the share of them that is done, 0..1.

    `weights` are named as in the model, and are not changed. Parameters that are not named keep their values.
    """
    own = dict(model.named_parameters())
    whole, done = sum(parameter.numel() for parameter in own.values()), 0
    for name, tensor in weights:
        if name in own:
            own[name].copy_(rounded(tensor, bits) if is_rounded(name, tensor) else tensor)
            done += tensor.numel()
            yield done / whole
