"""The Tape: asks by name for what the model shall keep while it computes. What nobody asks for is not kept.

Names, with their shapes (B batch, T tokens, S keys, D width, H heads, G key/value heads, K head width,
M width of the MLP, V vocabulary):

    embedding                  B T D    tokens (and positions) as vectors
    blocks.0.residual.before   B T D    what enters block 0
    blocks.0.attn.input        B T D    the same, normalised
    blocks.0.attn.q            B H T K  queries, as attention uses them (normalised, rotated)
    blocks.0.attn.k  .v        B G S K  keys and values; the H / G heads of a group share them
    blocks.0.attn.scores       B H T S  q·k / sqrt(K), before the mask
    blocks.0.attn.weights      B H T S  softmax of the masked scores: each row sums to 1
    blocks.0.attn.heads        B H T K  weighted values of each head
    blocks.0.attn.output       B T D    what attention adds to the residual
    blocks.0.mlp.input         B T D    the residual behind attention, normalised
    blocks.0.mlp.activation    B T M    features, behind the non-linearity
    blocks.0.mlp.output        B T D    what the MLP adds to the residual
    blocks.0.residual.after    B T D
    final_norm                 B T D
    logits                     B T V
"""

from collections.abc import Collection

from torch import Tensor

ALL = slice(None)


class Tape:
    def __init__(self, want: Collection[str], positions: slice = ALL) -> None:
        """`want` holds full names, as above.

        Of the T tokens those in `positions` are kept; keys and values are always those of all tokens,
        because every query looks at them.
        """
        self.positions = positions
        self._want = frozenset(want)
        self._missing = set(want)
        self._kept: dict[str, Tensor] = {}

    def wants(self, *names: str) -> bool:
        return not self._want.isdisjoint(names)

    @property
    def complete(self) -> bool:
        """Whether all that is wanted has been kept: the rest of the model need not be computed."""
        return not self._missing

    def keep(self, name: str, tensor: Tensor) -> None:
        if name not in self._want:
            return
        if self.positions != ALL and not name.endswith((".attn.k", ".attn.v")):
            tensor = tensor[..., self.positions, :].clone()  # a view would keep the whole in memory
        self.keep_rows(name, tensor)

    def keep_rows(self, name: str, rows: Tensor) -> None:
        """Keeps what was computed for `positions` alone."""
        self._kept[name] = rows.detach()
        self._missing.discard(name)

    def take(self, name: str) -> Tensor:
        """Hands a quantity over; the tape holds it no longer."""
        return self._kept.pop(name)

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __getitem__(self, name: str) -> Tensor:
        return self._kept[name]
