"""Handler of steering."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch

from engine.generation.decoding import beginning
from engine.inspection.interventions import changes_of
from engine.inspection.steering import added, direction, perplexities, separate, tokens_of, write
from engine.messages.models import Steered
from engine.messages.steering import Steer, SteeredTexts
from engine.model.damage import check_rows
from engine.model.tape import Changes
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session

REPORT_SECONDS = 0.1  # shortest time between two reports


def steer(session: Session, request: Steer) -> Answer[SteeredTexts]:
    """Write the texts, then measure them and the direction. Raises as `changes_of`, `direction` and `write`.

    While the model is trained, only the last answer is sent: a step in between would change the weights.
    """
    opened = session.opened
    for answer in _steer(opened, request):
        if not opened.info.training or (isinstance(answer, SteeredTexts) and answer.done):
            yield answer
        if session.opened is not opened:
            return  # another model has been opened


def _steer(opened: OpenedModel, request: Steer) -> Answer[SteeredTexts]:
    model, encode = opened.model, opened.tokenizer.encode
    others = tuple(one for one in opened.interventions if not isinstance(one, Steered))
    changes = changes_of(model, others, encode)
    plus, minus = (tokens_of(texts, encode) for texts in (request.plus, request.minus))
    for ids in (*plus, *minus):
        check_rows(model, opened.tokenizer, ids)
    v_D = direction(model, plus, minus, request.layer)
    yield None
    written: list[list[int]] = []
    yield from _write(opened, request, added(request.layer, _steps(request, v_D), changes), written)
    shown = _texts(opened, request, written)
    found: list[float] = []
    for value in perplexities(model, _prompt(opened, request), written, changes):
        found.append(value)
        yield replace(shown, perplexities=tuple(found))
    shown = replace(shown, perplexities=tuple(found), done=True)
    if min(len(plus), len(minus)) > 1:
        for separation in separate(model, plus, minus, request.layer):
            if separation is not None:
                shown = replace(shown, gain=separation.mean, gain_error=separation.error)
            else:
                yield None
    yield shown


def _steps(request: Steer, v_D: torch.Tensor) -> torch.Tensor:
    return torch.tensor(request.strengths).to(v_D)[:, None] * v_D


def _prompt(opened: OpenedModel, request: Steer) -> Sequence[int]:
    return opened.ids_of(request.prompt) or beginning(opened.tokenizer)


def _write(opened: OpenedModel, request: Steer, changes: Changes, written: list[list[int]]) -> Answer[SteeredTexts]:
    """Write the texts to `written`, up to the token with which the model ends them, and report them."""
    texts, stops = len(request.strengths), opened.reader.stop_ids
    written += [[] for _ in range(texts)]
    ended, pace = [False] * texts, Pace(REPORT_SECONDS)
    for tokens in write(opened.model, _prompt(opened, request), request.tokens, changes, texts):
        for place, token in enumerate(tokens):
            ended[place] = ended[place] or token in stops
            written[place] += [] if ended[place] else [token]
        yield _texts(opened, request, written) if pace.due() else None
        if all(ended):
            return


def _texts(opened: OpenedModel, request: Steer, written: list[list[int]]) -> SteeredTexts:
    texts = tuple(opened.tokenizer.decode(ids).rstrip("\ufffd") for ids in written)  # a character may be incomplete
    return SteeredTexts(request.strengths, texts, tuple(map(_repeated, written)))


def _repeated(ids: Sequence[int]) -> float:
    pairs = list(pairwise(ids))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


HANDLERS: Handlers = {Steer: steer}
