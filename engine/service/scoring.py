"""Handlers of scoring: the tokens of a text, and what the model expected at one place."""

import numpy as np

from engine.errors import EngineError
from engine.generation.decoding import beginning, sample_step
from engine.generation.sampling import candidates
from engine.generation.words import score_word
from engine.inspection.scoring import Scores, score, window_start
from engine.messages.generation import SamplingSettings
from engine.messages.scoring import Expect, Expected, ScoredTokens, ScoreText
from engine.messages.status import Progress
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.text.tokenizer import StreamDecoder

REPORT_SECONDS = 0.1  # shortest time between two reports of progress
OWN = SamplingSettings(temperature=1.0)  # the model's own probabilities

FIRST = Scores(np.full(1, np.nan), np.zeros(1, np.int32), np.full(1, np.nan))  # of a text's first token


def score_text(session: Session, request: ScoreText) -> Answer[Progress | ScoredTokens]:
    """Score a text. Raises EngineError error.text_too_short if it has no token, and as ids_of and `score`."""
    opened = session.opened
    ids = opened.ids_of(request.text)
    if not ids:
        raise EngineError("error.text_too_short", need=1, have=0, context=1)
    stream, pace, done = StreamDecoder(opened.tokenizer), Pace(REPORT_SECONDS), 1
    yield scored(opened, ids, 0, FIRST, stream)
    for part in score(opened.model, ids, opened.changes):
        if session.opened is not opened:
            return  # another model has been opened
        if isinstance(part, Scores):
            yield scored(opened, ids, done, part, stream)
            done += len(part.ranks)
        else:
            yield Progress("progress.scoring", part) if pace.due() else None


def scored(
    opened: OpenedModel, ids: tuple[int, ...], start: int, scores: Scores, stream: StreamDecoder
) -> ScoredTokens:
    """Return the tokens from `start` on with their scores; `stream` has decoded those before."""
    part = ids[start : start + len(scores.ranks)]
    return ScoredTokens(
        ids=np.array(part, np.int32),
        pieces=tuple(map(opened.tokenizer.piece, part)),
        texts=tuple(map(stream.push, part)),
        surprisals=scores.surprisals,
        ranks=scores.ranks,
        entropies=scores.entropies,
        total=len(ids),
    )


def expect(session: Session, request: Expect) -> Answer[Expected]:
    opened = session.side(request.pinned)
    ids = opened.ids_of(request.text)
    place = min(max(0, request.place), len(ids))
    seen = ids[window_start(place, opened.model.config.context) : place] if place else beginning(opened.tokenizer)
    step = sample_step(opened.reader, seen, OWN, 0.0)
    actual = ids[place] if place < len(ids) else None
    shown = candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece, actual)
    yield None
    before = request.text if place == len(ids) else opened.tokenizer.decode(ids[:place])
    word = score_word(opened.reader, opened.tokenizer, before, seen, request.word) if request.word else None
    yield Expected(shown, word)


HANDLERS: Handlers = {ScoreText: score_text, Expect: expect}
