"""What the Attention pane asks for."""

import math

import numpy as np

from engine.inspection.attention import attention_by_layer, attention_steps, head_pattern, max_pool
from engine.inspection.heads import head_scores
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
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session

MOST_BYTES = 900_000  # a message may be 1 MB


def attend(session: Session, request: Attend) -> Answer[AttentionLayer]:
    opened = session.opened
    ids, first = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    pieces = tuple(opened.tokenizer.piece(i) for i in ids)
    layers = opened.model.config.n_layers
    for layer, weights in enumerate(attention_by_layer(opened.model, ids)):
        most = min(POOLED, math.isqrt(MOST_BYTES // 2 // len(weights)))
        yield AttentionLayer(pieces, first, layer, layers, max_pool(weights, most).astype(np.float16))
        if session.opened is not opened:
            return


def attend_head(session: Session, request: AttendHead) -> Answer[AttentionRows]:
    opened = session.opened
    ids, _ = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    weights = head_pattern(opened.model, ids, request.layer, request.head).astype(np.float16)
    rows = max(1, MOST_BYTES // weights[0].nbytes)
    for start in range(0, len(weights), rows):
        yield AttentionRows(start, weights[start : start + rows])


def explain_attention(session: Session, request: ExplainAttention) -> Answer[AttentionSteps]:
    opened = session.opened
    ids, _ = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    query = min(max(request.query, 0), len(ids) - 1)
    steps = attention_steps(opened.model, ids, request.layer, query)
    a_key = 2 * steps.k_GSK[:, 0].nbytes + 2 * steps.scaled_HS[:, 0].nbytes
    first_key = max(0, query + 1 - max(1, MOST_BYTES // a_key))
    shown = slice(first_key, None)
    yield AttentionSteps(
        layer=request.layer,
        query=query,
        first_key=first_key,
        input=steps.input_D,
        q=steps.q_HK,
        k=steps.k_GSK[:, shown],
        v=steps.v_GSK[:, shown],
        scaled=steps.scaled_HS[:, shown],
        weights=steps.weights_HS[:, shown],
        heads=steps.z_HK,
    )


def score_heads(session: Session, request: ScoreHeads) -> Answer[HeadScores]:
    yield HeadScores(head_scores(session.opened.model))


def tokens_shown(opened: OpenedModel, text: str, most: int) -> tuple[list[int], int]:
    """The last tokens of a text that fit, and the index of the first of them."""
    ids = opened.tokenizer.encode(text)
    first = max(0, len(ids) - min(most, opened.model.config.context))
    return ids[first:], first


HANDLERS: Handlers = {
    Attend: attend,
    AttendHead: attend_head,
    ExplainAttention: explain_attention,
    ScoreHeads: score_heads,
}
