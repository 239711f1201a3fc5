"""Handlers of generation: tokens as they are drawn, and the candidates for the next one."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from engine.generation.decoding import Step, beginning, decode, sample_step, window
from engine.generation.sampling import candidates, draw
from engine.messages.generation import (
    GREEDY,
    AheadToken,
    Candidates,
    ContextUsed,
    Generate,
    GeneratedToken,
    GeneratedTokens,
    LookAhead,
    PinnedNext,
    PredictNext,
    PredictPinned,
)
from engine.messages.status import Progress
from engine.service.answer import AFTER_OTHERS, Answer, Handlers
from engine.service.session import OpenedModel, Session

REPORT_SECONDS = 0.05  # shortest time between two reports
READ_AT_ONCE = 128  # tokens of a prompt between two reports: Cancel takes effect there


def generate(session: Session, request: Generate) -> Answer[GeneratedTokens]:
    opened = session.side(request.pinned)
    ids = _read_ids(opened, request)
    known = request.first is None or 0 <= request.first < opened.tokenizer.vocabulary
    place, first = len(request.chosen), request.first if known else None
    steps = decode(opened.reader, opened.tokenizer, ids, request.tokens, request.sampling, request.seed, place, first)
    written: list[int] = []

    def noted() -> Iterator[Step]:
        for step in until(request.stop, steps):
            written.append(step.id)
            yield step

    def following() -> Candidates | None:
        ended = bool(written) and written[-1] in opened.reader.stop_ids
        return None if ended or not request.candidates else _candidates(opened, request, [*ids, *written], len(ids))

    yield from report(session, noted(), request.candidates, request.pinned, following)


def _read_ids(opened: OpenedModel, request: Generate | PredictNext | PredictPinned | LookAhead) -> list[int]:
    """Return the tokens that the model continues: an empty prompt begins as in `decode`."""
    return [*(opened.ids_of(request.prompt) or beginning(opened.tokenizer)), *request.chosen]


def _candidates(opened: OpenedModel, request: Generate | PredictNext, ids: list[int], begun: int) -> Candidates:
    """Return the candidates for the token after `ids`, of which the first `begun` were the request's."""
    place = len(request.chosen) + len(ids) - begun
    step = sample_step(opened.reader, ids, request.sampling, draw(request.seed, place))
    return candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece)


def until(stop: str, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps up to a token that contains `stop`, if that is not empty."""
    for step in steps:
        yield step
        if stop and stop in step.text:
            return


def report(
    session: Session,
    steps: Iterable[Step],
    most: int,
    pinned: bool = False,
    following: Callable[[], Candidates | None] = lambda: None,
) -> Answer[GeneratedTokens]:
    """Report tokens a few times a second with `most` candidates each, until another model is opened or pinned.

    The last report also has what `following` returns.
    """
    opened = session.side(pinned)
    waiting: list[GeneratedToken] = []
    count = 0
    begun = reported = time.perf_counter()
    for count, step in enumerate(steps, start=1):
        waiting.append(_generated(opened, step, most))
        now = time.perf_counter()
        # No yield at each token: a training step in between would change the weights and empty the cache.
        if now - reported >= REPORT_SECONDS:
            yield GeneratedTokens(tuple(waiting), count / max(now - begun, 1e-9), session.step_of(opened))
            waiting, reported = [], time.perf_counter()
            if (session.pinned if pinned else session.opened_or_none) is not opened:
                return
    speed, after = count / max(time.perf_counter() - begun, 1e-9), following()
    if waiting or after is not None:
        yield GeneratedTokens(tuple(waiting), speed, session.step_of(opened), after)


def _generated(opened: OpenedModel, step: Step, most: int) -> GeneratedToken:
    piece = opened.tokenizer.piece
    shown = candidates(step.stages, step.draw, most, piece) if most else None
    special, ends = opened.tokenizer.kind_of(step.id) == "special", step.id in opened.reader.stop_ids
    return GeneratedToken(step.id, piece(step.id), step.text, step.probability, step.entropy, shown, special, ends)


def predict_next(session: Session, request: PredictNext) -> Answer[ContextUsed | Progress | Candidates]:
    opened = session.opened
    ids = _read_ids(opened, request)
    yield ContextUsed(len(ids), len(ids) - window(len(ids), opened.model.config.context))
    if not opened.info.training:  # a training step in between would change the weights
        yield from read_prompt(opened, ids)
    yield _candidates(opened, request, ids, len(ids))


def predict_pinned(session: Session, request: PredictPinned) -> Answer[Progress | PinnedNext]:
    """Raise EngineError error.no_pinned."""
    pinned = session.side(pinned=True)
    if not pinned.tokenizer.same_as(session.opened.tokenizer):
        yield PinnedNext(None)
        return
    ids = _read_ids(pinned, request)
    yield from read_prompt(pinned, ids)
    p_V = sample_step(pinned.reader, ids, GREEDY, 0.0).stages.model_V
    best = int(p_V.argmax())
    yield PinnedNext(p_V[list(request.ids)].astype(np.float32), pinned.tokenizer.piece(best), float(p_V[best]))


def read_prompt(opened: OpenedModel, ids: list[int]) -> Answer[Progress]:
    """Compute the keys and values of a long prompt a part at a time, so that it can be cancelled."""
    if len(ids) <= opened.model.config.context:
        for end in range(READ_AT_ONCE, len(ids), READ_AT_ONCE):
            opened.reader.logits(ids[:end])
            yield Progress("progress.reading_prompt", end / len(ids))


def look_ahead(session: Session, request: LookAhead) -> Answer[Progress | AheadToken]:
    opened = session.opened
    ids, place = _read_ids(opened, request), len(request.chosen)
    yield AFTER_OTHERS
    yield from read_prompt(opened, ids)
    likeliest = np.argsort(-opened.reader.logits(ids), kind="stable")[: request.branches]
    for branch, first in enumerate(likeliest.tolist()):
        for step in decode(opened.reader, opened.tokenizer, ids, request.tokens, GREEDY, 1, place, first):
            token = _generated(opened, step, 0)
            if session.opened_or_none is not opened:
                return
            yield AheadToken(branch, token)
            if "\n" in token.text:
                break


HANDLERS: Handlers = {
    Generate: generate,
    LookAhead: look_ahead,
    PredictNext: predict_next,
    PredictPinned: predict_pinned,
}
