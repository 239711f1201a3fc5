"""Handlers of Inside: the logit lens, and the parts of a logit."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.generation.words import first_token
from engine.inspection.contributions import contributions
from engine.inspection.lens import lens, residuals
from engine.inspection.passages import passages
from engine.inspection.tuned_lens import LENGTH, PASSAGES, TunedLens, tune
from engine.messages.inside import LensGrid, LogitParts, ReadLens, SplitLogit
from engine.messages.status import LayersDone, Progress
from engine.service.answer import Answer, Handlers
from engine.service.attention import tokens_shown
from engine.service.layers import by_layer
from engine.service.session import OpenedModel, Session
from engine.service.training_text import reported, training_text

if TYPE_CHECKING:
    from torch import Tensor


def read_lens(session: Session, request: ReadLens) -> Answer[LayersDone | Progress | LensGrid]:
    """Read a text through the lens.

    Raises EngineError error.word_empty if the word has no token, error.no_pinned, and as `lens`.
    """
    opened = session.side(request.pinned)
    ids = opened.ids_of(request.text)[-opened.model.config.context :]
    if not ids:
        return
    shown, first = tokens_shown(opened, request.text, request.most)
    streams = yield from by_layer(opened, residuals(opened.model, ids, opened.changes))
    streams = [x_TD[-len(shown) :] for x_TD in streams]
    tuned = None
    if request.tuned and not request.pinned and not opened.info.training:
        tuned = yield from tuned_lens(session)
        streams = tuned.read(streams)
    targets = [*shown[1:], _last_target(opened, request, ids, [streams[-1][-1:]])]
    rows = []
    for row in lens(opened.model, streams, targets, request.candidates):
        rows.append(row)
        if not opened.info.training:
            yield None
            if (session.pinned if request.pinned else session.opened) is not opened:
                return
    all_ids = np.stack([row.top_ids_TK for row in rows])
    yield LensGrid(
        pieces=tuple(map(opened.tokenizer.piece, shown)),
        first=first,
        ids=all_ids,
        names={int(i): opened.tokenizer.piece(int(i)) for i in np.union1d(all_ids, targets)},
        probabilities=np.stack([row.top_p_TK for row in rows]),
        targets=np.array(targets, np.int32),
        target_probabilities=np.stack([row.target_p_T for row in rows]),
        target_ranks=np.stack([row.target_rank_T for row in rows]),
        tuned=() if tuned is None else tuple(zip(tuned.plain_L, tuned.tuned_L, strict=True)),
    )


def tuned_lens(session: Session) -> Generator[Progress, None, TunedLens]:
    """Return the tuned lens of the open model without its changes; it is trained once. Raises as `tune`."""
    opened = session.opened
    version = opened.weights_version  # the weights may be set back while the maps are trained
    kept: TunedLens | None = opened.cached("tuned lens", version, lambda: None)
    if kept is None:
        found = yield from training_text(session, (), "")
        parts = passages(found.text, PASSAGES, min(LENGTH, opened.model.config.context), opened.tokenizer.encode)
        kept = yield from reported("progress.tuned_lens", tune(opened.model, parts))
        opened.replace("tuned lens", version, kept)
    return kept


def _last_target(opened: OpenedModel, request: ReadLens, ids: Sequence[int], last: "list[Tensor]") -> int:
    """Return the token whose way through the layers is followed after the text."""
    if request.last is not None and 0 <= request.last < opened.tokenizer.vocabulary:
        return request.last
    if request.word:
        return first_token(opened.reader, opened.tokenizer, request.text, ids, request.word)
    [row] = lens(opened.model, last, [0], 1)
    return int(row.top_ids_TK[0, 0])


def split_logit(session: Session, request: SplitLogit) -> Answer[LogitParts]:
    opened = session.opened
    ids = opened.ids_of(request.text)[: request.place + 1][-opened.model.config.context :]
    if not ids:
        return
    parts = contributions(opened.model, ids, request.token, changes=opened.changes)
    yield LogitParts(parts.embedding, parts.heads_LH, parts.mlps_L, parts.biases, parts.total)


HANDLERS: Handlers = {ReadLens: read_lens, SplitLogit: split_logit}
