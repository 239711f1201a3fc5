"""Activation patching: which activations of one text, put into another, bring its answer over.

An activation of "The capital of France is" replaces the same one of "The capital of Germany is". If Paris becomes
likelier than Berlin, that activation contains the country (Meng et al. 2022, arXiv:2202.05262; Heimersheim and Nanda
2024, arXiv:2404.15255).

Suffixes: L layers, T tokens, B positions patched at once, one a row; H heads, D width, K head width, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.messages.models import PatchPart
from engine.model.cache import Known
from engine.model.tape import UNCHANGED, Changes, Tape, in_order
from engine.model.transformer import Transformer

Part = Literal["resid_post", "attn_out", "mlp_out"]
PARTS = get_args(Part)
AT_ONCE = 256  # tokens

Floats = NDArray[np.float32]
Answers = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A text's run through a model, from which it can run again with one token's activation replaced."""

    model: Transformer
    ids: Sequence[int]
    changes: Changes
    tape: Tape

    def last(self) -> Tensor:
        """Return the last residual stream of the last token, [1 D]."""
        return self.tape[last_residual(self.model)][:, -1]

    @torch.no_grad()
    def rerun(self, layer: int, name: str, start: int, texts: int, change: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the last residual stream of the last token of `texts` copies, [B D], with `name` changed.

        The first change is at token `start` and in `layer`, so that only what depends on it is computed.
        """
        before = [
            Known(*(self.tape[f"blocks.{i}.attn.{part}"][:, :start] for part in "kv"))
            for i in range(layer, self.model.config.n_layers)
        ]
        earlier = [self.changes[name]] if name in self.changes else []
        tape = Tape(changes={**self.changes, name: in_order([*earlier, change])})
        tape.begin(batch_of(self.model, self.ids).expand(texts, -1))
        x_BTD = self.tape[f"blocks.{layer}.resid_pre"][:, start:].expand(texts, -1, -1)
        return self.model.resume(x_BTD, layer, tape, before)[:, -1]

    def replaced(self, layer: int, name: str, given_TD: Tensor, places: range) -> Tensor:
        """Return what `rerun` does, with the activation of each of `places` replaced by that of `given_TD`, [B D]."""
        row_B, place_B = torch.arange(len(places)), torch.arange(places.start, places.stop)

        def change(own_BTD: Tensor) -> Tensor:
            changed_BTD = own_BTD.clone()
            changed_BTD[row_B, place_B - places.start] = given_TD[place_B]
            return changed_BTD

        return self.rerun(layer, name, places.start, len(places), change)


def recorded(
    model: Transformer, ids: Sequence[int], changes: Changes = UNCHANGED, also: Sequence[str] = ()
) -> Recorded:
    """Run a text through a model, and record what `Recorded` needs and the activations named in `also`."""
    parts = ("resid_pre", "attn.k", "attn.v")
    names = [f"blocks.{i}.{part}" for i in range(model.config.n_layers) for part in parts]
    tape = Tape([*names, *also, last_residual(model)], changes=changes)
    model.record(batch_of(model, ids), tape)
    return Recorded(model, ids, changes, tape)


class Pair:
    """Two texts with as many tokens: activations of `source` are put into `target`, and two answers are compared."""

    def __init__(
        self,
        model: Transformer,
        source: Sequence[int],
        target: Sequence[int],
        answers: Answers,
        part: PatchPart,
        changes: Changes = UNCHANGED,
    ) -> None:
        """Run both texts. Raises as `patch_all`."""
        if len(source) != len(target):
            raise EngineError("error.patch_lengths", first=len(source), second=len(target))
        self.model, self.answers, self.part = model, answers, part
        names = [name_of(layer, part) for layer in range(model.config.n_layers)]
        self._given = recorded(model, source, changes, names)
        self._own = recorded(model, target, changes)
        self._before = self._difference(self._own.last())
        self._whole = float(self._difference(self._given.last()) - self._before)
        if not np.isfinite(self._whole):
            raise EngineError("error.logits_broken")
        if self._whole == 0.0:
            raise EngineError("error.patch_equal")

    def pieces(self) -> Iterator[tuple[int, int, Floats]]:
        """Yield a layer, the last one first, a place and the effects of patching there and at the next places."""
        for layer in reversed(range(self.model.config.n_layers)):
            name = name_of(layer, self.part)
            for places in suffixes(len(self._own.ids)):
                x_BD = self._own.replaced(layer, name, self._given.tape[name][0], places)
                yield layer, places.start, self._effects(x_BD)

    def heads(self, place: int) -> Iterator[tuple[int, Floats]]:
        """Yield a layer, the last one first, and the effect of each head's output at one token, [H]."""
        H = self.model.config.n_heads
        for layer in reversed(range(self.model.config.n_layers)):
            name, head_H = name_of(layer, "z"), torch.arange(H)
            given_HK = self._given.tape[name][0, place]

            def change(own_BTHK: Tensor, head_H: Tensor = head_H, given_HK: Tensor = given_HK) -> Tensor:
                changed_BTHK = own_BTHK.clone()
                changed_BTHK[head_H, 0, head_H] = given_HK
                return changed_BTHK

            yield layer, self._effects(self._own.rerun(layer, name, place, H, change))

    def _effects(self, x_BD: Tensor) -> Floats:
        effects: Floats = ((self._difference(x_BD) - self._before) / self._whole).float().cpu().numpy()
        return effects

    @torch.no_grad()
    def _difference(self, x_BD: Tensor) -> Tensor:
        logits_BV = self.model.decode(x_BD)
        return logits_BV[:, self.answers[0]] - logits_BV[:, self.answers[1]]


def patch_all(
    model: Transformer,
    source: Sequence[int],
    target: Sequence[int],
    answers: Answers,
    part: Part,
    changes: Changes = UNCHANGED,
) -> Iterator[tuple[int, Floats]]:
    """Yield each layer, the last one first, and the effect at each token of replacing that token's activation [T].

    `source` and `target` have the same number of tokens. The effect compares logit(answers[0]) - logit(answers[1])
    after the last token: 0 as in the target, 1 as in the source.
    Raises EngineError: error.patch_lengths if the numbers of tokens differ, error.patch_equal if both texts give the
    same difference, error.logits_broken if the model's weights are damaged.
    """
    row: list[Floats] = []
    for layer, first, effects in Pair(model, source, target, answers, part, changes).pieces():
        row.append(effects)
        if first + len(effects) == len(target):
            yield layer, np.concatenate(row)
            row = []


def suffixes(T: int, first: int = 0) -> Iterator[range]:
    """Yield the places from `first` on of a text of T tokens, as many at once as may be computed together.

    A text changed at one token is computed from the first of these places on, so that later ones are quicker.
    """
    while first < T:
        count = max(1, min(AT_ONCE // (T - first), -(-T // 4)))
        yield range(first, min(first + count, T))
        first += count


def name_of(layer: int, part: PatchPart) -> str:
    """Return the name of an activation on a tape; "z" are the outputs of a layer's heads."""
    return f"blocks.{layer}.{'attn.z' if part == 'z' else part}"


def last_residual(model: Transformer) -> str:
    """Return the name of the last residual stream on a tape."""
    return f"blocks.{model.config.n_layers - 1}.resid_post"
