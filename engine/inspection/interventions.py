"""Interventions in a model as changes on a tape: scaled, averaged or patched parts, and directions added.

A head is changed at z, which has the same effect as changing its result, because the projection is linear. The
projection's bias belongs to no head and is kept.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from engine.errors import EngineError, check_index
from engine.inspection.attention import batch_of
from engine.inspection.patching import name_of
from engine.inspection.steering import direction, tokens_of
from engine.messages.models import Intervention, Patched, Scaled, Steered
from engine.model.tape import ByText, Change, Changes, Tape, in_order
from engine.model.transformer import Transformer

Function = Callable[[Tensor], Tensor]
Encode = Callable[[str], Sequence[int]]


def changes_of(model: Transformer, interventions: Sequence[Intervention], encode: Encode) -> Changes:
    """Return the changes that make all interventions; several in one layer are applied in order.

    Raises EngineError: error.config_range for a layer, head or token that does not exist,
    error.text_too_short for the mean over a text without tokens, and as `direction`.
    """
    made: dict[str, list[Change]] = {}
    for one in interventions:
        check_index("layer", one.layer, model.config.n_layers)
        if isinstance(one, Steered):
            if one.strength == 0.0:
                continue
            made.setdefault(f"blocks.{one.layer}.resid_post", []).append(_steered(model, one, encode))
            continue
        check_index("head", one.head or 0, model.config.n_heads)
        if isinstance(one, Scaled) and one.factor == 1.0:
            continue
        if isinstance(one, Patched):
            name = name_of(one.layer, one.part)
            made.setdefault(name, []).append(_patched(model, name, one, encode, _joined(made)))
            continue
        name = f"blocks.{one.layer}.mlp_out" if one.head is None else f"blocks.{one.layer}.attn.z"
        part = ... if one.head is None else (slice(None), slice(None), one.head)
        made.setdefault(name, []).append(
            _scaled(part, one.factor) if isinstance(one, Scaled) else _mean(model, name, part, encode(one.text))
        )
    return _joined(made)


def _joined(made: dict[str, list[Change]]) -> Changes:
    return {name: in_order(found) for name, found in made.items()}


def _scaled(part: Any, factor: float) -> Function:
    def change(x: Tensor) -> Tensor:
        changed = x.clone()
        changed[part] = x[part] * factor
        return changed

    return change


def _mean(model: Transformer, name: str, part: Any, ids: Sequence[int]) -> Function:
    """Return a function that replaces `part` by its mean over the last tokens of a text."""
    if not ids:
        raise EngineError("error.text_too_short", need=1, have=0, context=1)
    tape = Tape([name])
    model.record(batch_of(model, ids[-model.config.context :]), tape)
    mean = tape[name][part].mean(dim=(0, 1))

    def change(x: Tensor) -> Tensor:
        changed = x.clone()
        changed[part] = mean
        return changed

    return change


def _steered(model: Transformer, one: Steered, encode: Encode) -> Function:
    plus, minus = (tokens_of(texts, encode) for texts in (one.plus, one.minus))
    added_D = one.strength * direction(model, plus, minus, one.layer)
    return lambda x: x + added_D.to(x)


def _patched(model: Transformer, name: str, one: Patched, encode: Encode, changes: Changes) -> Change:
    """Return a function that puts the activation of `one.source` into texts that begin as `one.text` does."""
    given_ids, own_ids = encode(one.source), encode(one.text)
    check_index("token", one.place, min(len(given_ids), len(own_ids), model.config.context))
    tape = Tape([name], changes=changes)
    model.record(batch_of(model, given_ids[: one.place + 1]), tape)
    part = ... if one.head is None else one.head
    given, start = tape[name][0, one.place][part], batch_of(model, own_ids[: one.place + 1])

    def change(x: Tensor, ids_BS: Tensor) -> Tensor:
        place = one.place - (ids_BS.shape[1] - x.shape[1])  # in x
        if not 0 <= place < x.shape[1]:
            return x
        same_B = (ids_BS[:, : one.place + 1] == start).all(dim=1)
        changed = x.clone()
        patched = changed[:, place] if one.head is None else changed[:, place, one.head]
        patched[same_B] = given
        return changed

    return ByText(change)
