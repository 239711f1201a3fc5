"""The Tape: asks by name for what the model shall keep while it computes. What nobody asks for is not kept.

Names, with their shapes (B batch, T tokens, S keys, D width, H heads, K head width, M width of the MLP, V vocabulary):

    embedding                  B T D    tokens (and positions) as vectors
    blocks.0.residual.before   B T D    what enters block 0
    blocks.0.attn.input        B T D    the same, normalised
    blocks.0.attn.q  .k  .v    B H T K  queries, keys, values, as attention uses them (k, v over all S keys)
    blocks.0.attn.scores       B H T S  q·k / sqrt(K), before the mask
    blocks.0.attn.weights      B H T S  softmax of the masked scores: each row sums to 1
    blocks.0.attn.heads        B H T K  weighted values of each head
    blocks.0.attn.output       B T D    what attention adds to the residual
    blocks.0.mlp.input         B T D
    blocks.0.mlp.activation    B T M
    blocks.0.mlp.output        B T D
    blocks.0.residual.after    B T D
    final_norm                 B T D
    logits                     B T V
"""

from collections.abc import Collection

from torch import Tensor


class Tape:
    def __init__(self, want: Collection[str]) -> None:
        """`want` holds full names, as above."""
        self._want = frozenset(want)
        self._kept: dict[str, Tensor] = {}

    def wants(self, *names: str) -> bool:
        return not self._want.isdisjoint(names)

    def keep(self, name: str, tensor: Tensor) -> None:
        if name in self._want:
            self._kept[name] = tensor.detach()

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __getitem__(self, name: str) -> Tensor:
        return self._kept[name]
