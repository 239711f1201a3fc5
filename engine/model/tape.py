"""The tape: records what a model computes, by name, and changes it.

The names are those of TransformerLens without "hook_"; docs/glossary.md has both side by side. Shapes:
B batch, T tokens, S keys (cached ones and T), D width, H heads, G key/value heads, K head width, M width
of the MLP, V vocabulary.

    embed                   B T D    rows of the embedding matrix
    blocks.0.resid_pre      B T D    residual stream that enters block 0
    blocks.0.ln1            B T D    the same, normalised: input of attention
    blocks.0.attn.q         B T H K  queries as attention uses them: normalised and rotated
    blocks.0.attn.k  .v     B T G K  keys and values; the H / G heads of a group share them
    blocks.0.attn.scores    B H T S  q·k / sqrt(K), or with the model's own scale and soft cap; before the mask
    blocks.0.attn.pattern   B H T S  softmax of the masked scores: each row sums to 1
    blocks.0.attn.z         B T H K  values weighted by the pattern
    blocks.0.attn.result    B T H D  what each head adds to the residual stream
    blocks.0.attn_out       B T D    what attention adds: the sum of `result`, the bias, and a norm if there is one
    blocks.0.resid_mid      B T D    residual stream after attention
    blocks.0.ln2            B T D    the same (in a parallel block: resid_pre), normalised: input of the MLP
    blocks.0.mlp.pre        B T M    features before the activation function (SwiGLU, GeGLU: the gate)
    blocks.0.mlp.post       B T M    features after it
    blocks.0.mlp_out        B T D    what the MLP adds to the residual stream
    blocks.0.resid_post     B T D    residual stream that leaves block 0
    ln_final                B T D    the last residual stream, normalised
    logits                  B T V
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ByText:
    """A change that depends on the text: a function of the tensor and of the tokens so far [B S].

    The last T of these are those of the tensor; those before them are in a cache.
    """

    function: Callable[[Tensor, Tensor], Tensor]


ALL = slice(None)
Change = Tensor | Callable[[Tensor], Tensor] | ByText  # the replacement of a tensor, or a function that returns it
Changes = Mapping[str, Change]  # changes by name
UNCHANGED: Changes = {}


def in_order(changes: Sequence[Change]) -> Change:
    """Return the change that makes all of these, one after the other."""

    def change(x: Tensor, ids_BS: Tensor) -> Tensor:
        for one in changes:
            x = _changed(one, x, ids_BS)
        return x

    return changes[0] if len(changes) == 1 else ByText(change)


def _changed(change: Change, x: Tensor, ids_BS: Tensor) -> Tensor:
    if isinstance(change, Tensor):
        return change
    return change.function(x, ids_BS) if isinstance(change, ByText) else change(x)


class Tape:
    """Keeps the tensors in `want`, and replaces those in `changes`; without either it does nothing."""

    def __init__(
        self,
        want: Collection[str] = (),
        positions: slice = ALL,
        changes: Changes = UNCHANGED,
        gradients: bool = False,
    ) -> None:
        """Prepare a tape for one forward pass.

        `want` and the keys of `changes` are full names, as above. Only the tokens in `positions` are kept, but
        keys and values are kept for all tokens, because every query attends to them. With `gradients`, kept
        tensors stay in autograd's graph, and `positions` must be all.
        """
        if gradients and positions != ALL:
            raise ValueError("a part of the tokens is a copy, which has no gradient")
        self.positions, self.gradients = positions, gradients
        self._want, self._changes = frozenset(want), changes
        self._touched = self._want | changes.keys()
        self._missing = set(want)
        self._kept: dict[str, Tensor] = {}
        self._ids_BS = torch.zeros(1, 0, dtype=torch.long)

    def begin(self, ids_BT: Tensor, start: int = 0) -> None:
        """Report the tokens of a pass to the changes; those before number `start` were computed by earlier passes."""
        if self._changes:
            self._ids_BS = torch.cat((self._ids_BS[:, :start].to(ids_BT.device), ids_BT), dim=1) if start else ids_BT

    def wants(self, *names: str) -> bool:
        """Return whether any of these is to be kept."""
        return not self._want.isdisjoint(names)

    def changes(self, *names: str) -> bool:
        """Return whether any of these is to be replaced."""
        return any(name in self._changes for name in names)

    @property
    def complete(self) -> bool:
        """True once every wanted tensor is kept: later parts of the model need not be computed."""
        return not self._missing

    def through(self, name: str, x: Tensor) -> Tensor:
        """Return `x` or its replacement, and keep the result if it is wanted. Axis 1 is T, or axis 2 after heads."""
        if name not in self._touched:
            return x
        if name in self._changes:
            x = _changed(self._changes[name], x, self._ids_BS)
        if name in self._want:
            self.keep(name, self._part(name, x))
        return x

    def keep(self, name: str, part: Tensor) -> None:
        """Keep a tensor that was computed for `positions` alone, if it is wanted."""
        if name in self._want:
            self._kept[name] = part if self.gradients else part.detach()
            self._missing.discard(name)

    def take(self, name: str) -> Tensor:
        """Return a tensor and drop it from the tape."""
        return self._kept.pop(name)

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __getitem__(self, name: str) -> Tensor:
        return self._kept[name]

    def _part(self, name: str, x: Tensor) -> Tensor:
        if self.positions == ALL or name.endswith((".attn.k", ".attn.v")):
            return x
        by_head = name.endswith((".scores", ".pattern"))
        part = x[:, :, self.positions] if by_head else x[:, self.positions]
        return part.clone()  # a view would keep the whole tensor in memory


NO_TAPE = Tape()
