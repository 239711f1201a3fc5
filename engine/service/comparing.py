"""Handlers of comparing: a model pinned as A, and one text as the open model and A predict it."""

from collections.abc import Sequence

import numpy as np

from engine.errors import EngineError
from engine.inspection.scoring import Divergence, Scores, diverge, score
from engine.messages.comparing import Compare, Comparison, Pin, Pinned, Unpin
from engine.messages.scoring import ScoredTokens
from engine.messages.status import Progress
from engine.model.bundled import find
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.scoring import FIRST, REPORT_SECONDS, scored
from engine.service.session import OpenedModel, Session
from engine.text.tokenizer import StreamDecoder


def pin(session: Session, request: Pin) -> Answer[Progress | Pinned]:
    path = find(request.folder) if request.folder else None
    pinned = yield from reported("progress.opening", session.pinning(path))
    yield _described(session, pinned)


def _described(session: Session, pinned: OpenedModel) -> Pinned:
    opened = session.opened_or_none
    shared = opened is not None and opened.model is pinned.model
    return Pinned(pinned.info, pinned.interventions, 0 if shared else pinned.info.bytes)


def unpin(session: Session, request: Unpin) -> Answer[Pinned]:
    session.pinned = None
    yield Pinned(None)


def compare(session: Session, request: Compare) -> Answer[Progress | Comparison]:
    """Raise EngineError error.no_pinned, error.text_too_short, and as ids_of and `score`."""
    now, pinned = session.side(pinned=False), session.side(pinned=True)
    ids = now.ids_of(request.text), pinned.ids_of(request.text)
    if not all(ids):
        raise EngineError("error.text_too_short", need=1, have=0, context=1)
    same = now.tokenizer.same_as(pinned.tokenizer)
    yield from _diverging(now, pinned, ids[0]) if same else _scoring(now, pinned, ids)


def _diverging(now: OpenedModel, pinned: OpenedModel, ids: tuple[int, ...]) -> Answer[Progress | Comparison]:
    found: list[Divergence] = []
    pace, none = Pace(REPORT_SECONDS), FIRST.surprisals
    for part in diverge((now.model, pinned.model), ids, (now.changes, pinned.changes)):
        if isinstance(part, Divergence):
            found.append(part)
        else:
            yield Progress("progress.scoring", part) if pace.due() else None
    yield Comparison(
        _joined(now, ids, [part.first for part in found]),
        _joined(pinned, ids, [part.second for part in found]),
        np.concatenate([none, *(part.divergences for part in found)]),
        np.concatenate([none, *(part.symmetric for part in found)]),
    )


def _scoring(
    now: OpenedModel, pinned: OpenedModel, ids: tuple[tuple[int, ...], tuple[int, ...]]
) -> Answer[Progress | Comparison]:
    sides: list[ScoredTokens] = []
    pace = Pace(REPORT_SECONDS)
    for opened, own in zip((now, pinned), ids, strict=True):
        found: list[Scores] = []
        for part in score(opened.model, own, opened.changes):
            if isinstance(part, Scores):
                found.append(part)
            else:
                yield Progress("progress.scoring", (len(sides) + part) / 2) if pace.due() else None
        sides.append(_joined(opened, own, found))
    yield Comparison(sides[0], sides[1], None, None)


def _joined(opened: OpenedModel, ids: tuple[int, ...], parts: Sequence[Scores]) -> ScoredTokens:
    """Return all tokens of a text with their scores; `parts` begin with the second token."""
    parts = (FIRST, *parts)
    whole = Scores(
        np.concatenate([part.surprisals for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        np.concatenate([part.entropies for part in parts]),
    )
    return scored(opened, ids, 0, whole, StreamDecoder(opened.tokenizer))


HANDLERS: Handlers = {Pin: pin, Unpin: unpin, Compare: compare}
