"""Interventions in a model as changes on a tape: scaled or averaged heads and MLPs, and directions added.

A head is changed at z, which has the same effect as changing its result, because the projection is linear. The
projection's bias belongs to no head and is kept.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.inspection.steering import direction, tokens_of
from engine.messages.models import Intervention, Scaled, Steered
from engine.model.tape import Changes, Tape
from engine.model.transformer import Transformer

Function = Callable[[Tensor], Tensor]


def changes_of(
    model: Transformer, interventions: Sequence[Intervention], encode: Callable[[str], Sequence[int]]
) -> Changes:
    """Return the changes that make all interventions; several in one layer are applied in order.

    Raises EngineError: error.config_range for a layer or head that the model does not have,
    error.text_too_short for the mean over a text without tokens, and as `direction`.
    """
    functions: dict[str, list[Function]] = {}
    for one in interventions:
        _check(model, "layer", one.layer, model.config.n_layers)
        if isinstance(one, Steered):
            if one.strength == 0.0:
                continue
            functions.setdefault(f"blocks.{one.layer}.resid_post", []).append(_steered(model, one, encode))
            continue
        _check(model, "head", one.head or 0, model.config.n_heads)
        if isinstance(one, Scaled) and one.factor == 1.0:
            continue
        name = f"blocks.{one.layer}.mlp_out" if one.head is None else f"blocks.{one.layer}.attn.z"
        part = ... if one.head is None else (slice(None), slice(None), one.head)
        functions.setdefault(name, []).append(
            _scaled(part, one.factor) if isinstance(one, Scaled) else _mean(model, name, part, encode(one.text))
        )
    return {name: _in_order(found) for name, found in functions.items()}


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


def _steered(model: Transformer, one: Steered, encode: Callable[[str], Sequence[int]]) -> Function:
    plus, minus = (tokens_of(texts, encode) for texts in (one.plus, one.minus))
    added_D = one.strength * direction(model, plus, minus, one.layer)
    return lambda x: x + added_D.to(x)


def _in_order(functions: list[Function]) -> Function:
    def change(x: Tensor) -> Tensor:
        for function in functions:
            x = function(x)
        return x

    return change


def _check(model: Transformer, name: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise EngineError("error.config_range", setting=name, value=value, least=0, most=count - 1)
