"""Handlers of attention: patterns of all heads, of one head, the steps to one row, and scores of heads."""

import numpy as np

from engine.inspection.attention import attention_by_layer, attention_steps, head_pattern, max_pool
from engine.inspection.heads import even_scores, head_scores, probe
from engine.messages.attention import (
    POOLED,
    Attend,
    AttendHead,
    AttentionLayer,
    AttentionRows,
    AttentionSteps,
    ExplainAttention,
    HeadScores,
    ScoreHeads,
)
from engine.messages.status import LayersDone
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.layers import REPORT_SECONDS, by_layer
from engine.service.session import OpenedModel, Session


def attend(session: Session, request: Attend) -> Answer[AttentionLayer | LayersDone]:
    """Raise EngineError error.no_pinned, and as `attention_by_layer`."""
    opened = session.side(request.pinned)
    ids, first = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    pieces = tuple(opened.tokenizer.piece(i) for i in ids)
    layers = opened.model.config.n_layers
    patterns = attention_by_layer(opened.model, ids, opened.changes)
    pace = Pace(REPORT_SECONDS)
    pace.due(now=True)
    at_once = (
        opened.info.training and not request.pinned
    )  # all layers with the same weights: a training step would run at a `yield`
    for layer, pattern in enumerate(list(patterns) if at_once else patterns):
        yield AttentionLayer(pieces, first, layer, layers, max_pool(pattern, POOLED).astype(np.float16))
        if (session.pinned if request.pinned else session.opened) is not opened:
            return
        if pace.due():
            yield LayersDone(layer + 1, layers)


def attend_head(session: Session, request: AttendHead) -> Answer[LayersDone | AttentionRows]:
    opened = session.opened
    ids, _ = tokens_shown(opened, request.text, request.most)
    if ids:
        passing = head_pattern(opened.model, ids, request.layer, request.head, opened.changes)
        pattern = yield from by_layer(opened, passing)
        yield AttentionRows(pattern.astype(np.float16))


def explain_attention(session: Session, request: ExplainAttention) -> Answer[LayersDone | AttentionSteps]:
    opened = session.opened
    ids, _ = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    query = min(max(request.query, 0), len(ids) - 1)
    steps = yield from by_layer(opened, attention_steps(opened.model, ids, request.layer, query, opened.changes))
    yield AttentionSteps(
        layer=request.layer,
        query=query,
        input=steps.input_D,
        q=steps.q_HK,
        k=steps.k_GSK,
        v=steps.v_GSK,
        scaled=steps.scaled_HS,
        weights=steps.weights_HS,
        heads=steps.z_HK,
        scale=opened.model.config.score_scale,
        cap=opened.model.config.score_cap,
    )


def score_heads(session: Session, request: ScoreHeads) -> Answer[HeadScores]:
    opened = session.opened
    scores = opened.cached("head scores", opened.version, lambda: head_scores(opened.model, opened.changes))
    yield HeadScores(scores, even_scores(np.array(probe(opened.model))))


def tokens_shown(opened: OpenedModel, text: str, most: int) -> tuple[list[int], int]:
    """Return the last tokens of a text that fit, and the index of the first of them."""
    ids = opened.ids_of(text)
    first = max(0, len(ids) - min(most, opened.model.config.context))
    return list(ids[first:]), first


HANDLERS: Handlers = {
    Attend: attend,
    AttendHead: attend_head,
    ExplainAttention: explain_attention,
    ScoreHeads: score_heads,
}
