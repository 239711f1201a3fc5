"""Handlers of generation: tokens as they are drawn, and the candidates for the next one."""

import time
from collections.abc import Iterable, Iterator

from engine.generation.decoding import Step, beginning, decode, sample_step, window
from engine.generation.sampling import candidates, draw
from engine.messages.generation import Candidates, ContextUsed, Generate, GeneratedToken, GeneratedTokens, PredictNext
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session

REPORT_SECONDS = 0.05  # shortest time between two reports


def generate(session: Session, request: Generate) -> Answer[GeneratedTokens]:
    opened = session.side(request.pinned)
    prompt = [*opened.ids_of(request.prompt), *request.chosen]
    known = request.first is None or 0 <= request.first < opened.tokenizer.vocabulary
    place, first = len(request.chosen), request.first if known else None
    steps = decode(
        opened.reader, opened.tokenizer, prompt, request.tokens, request.sampling, request.seed, place, first
    )
    yield from report(session, until(request.stop, steps), request.candidates, request.pinned)


def until(stop: str, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps up to a token that contains `stop`, if that is not empty."""
    for step in steps:
        yield step
        if stop and stop in step.text:
            return


def report(session: Session, steps: Iterable[Step], most: int, pinned: bool = False) -> Answer[GeneratedTokens]:
    """Report tokens a few times a second with `most` candidates each, until another model is opened or pinned."""
    opened = session.side(pinned)
    waiting: list[GeneratedToken] = []
    count = 0
    begun = reported = time.perf_counter()
    for count, step in enumerate(steps, start=1):
        waiting.append(_generated(opened, step, most))
        now = time.perf_counter()
        # No yield at each token: a training step in between would change the weights and empty the cache.
        if now - reported >= REPORT_SECONDS:
            yield GeneratedTokens(tuple(waiting), count / max(now - begun, 1e-9))
            waiting, reported = [], time.perf_counter()
            if (session.pinned if pinned else session.opened_or_none) is not opened:
                return
    if waiting:
        yield GeneratedTokens(tuple(waiting), count / max(time.perf_counter() - begun, 1e-9))


def _generated(opened: OpenedModel, step: Step, most: int) -> GeneratedToken:
    piece = opened.tokenizer.piece
    shown = candidates(step.stages, step.draw, most, piece) if most else None
    return GeneratedToken(step.id, piece(step.id), step.text, step.probability, step.entropy, shown)


def predict_next(session: Session, request: PredictNext) -> Answer[ContextUsed | Candidates]:
    opened = session.opened
    ids = [*opened.ids_of(request.prompt), *request.chosen] or beginning(opened.tokenizer)
    yield ContextUsed(len(ids), len(ids) - window(len(ids), opened.model.config.context))
    step = sample_step(opened.reader, ids, request.sampling, draw(request.seed, len(request.chosen)))
    yield candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece)


HANDLERS: Handlers = {Generate: generate, PredictNext: predict_next}
