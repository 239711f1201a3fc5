"""Handler of the map: one forward pass through the whole model."""

import numpy as np

from engine.generation.decoding import window
from engine.generation.sampling import candidates, draw, stages
from engine.inspection.trace import trace
from engine.messages.map import ForwardTrace, TraceForward
from engine.messages.status import LayersDone
from engine.service.answer import Answer, Handlers
from engine.service.layers import by_layer
from engine.service.session import Session

LOGIT_STEPS = 32  # bins of the histogram


def trace_forward(session: Session, request: TraceForward) -> Answer[LayersDone | ForwardTrace]:
    """Trace the same window of tokens as `generate`, with the same draw: what is shown is what is written next."""
    opened = session.opened
    ids = [*opened.ids_of(request.text), *request.chosen]
    if not ids:
        return
    config, piece = opened.model.config, opened.tokenizer.piece
    visible = ids[window(len(ids), config.context) :]
    inside = yield from by_layer(opened, trace(opened.model, visible, request.most, opened.changes))
    first = len(ids) - len(inside.embedding_TP)
    choice = stages(inside.logits_V, visible, request.sampling)
    yield ForwardTrace(
        pieces=tuple(map(piece, ids[first:])),
        ids=np.array(ids[first:], np.int32),
        first=first,
        seen=len(visible),
        embedding=inside.embedding_TP,
        attention=inside.attention_LTT.astype(np.float16),
        norms=inside.norms_LT,
        mlp=inside.mlp_LP,
        strongest=inside.strongest_L,
        strongest_values=inside.strongest_values_L,
        features=config.mlp_width,
        width=config.width,
        final=inside.final_P,
        lowest=float(inside.logits_V.min()),
        highest=float(inside.logits_V.max()),
        histogram=np.histogram(inside.logits_V, LOGIT_STEPS)[0].astype(np.int32),
        candidates=candidates(choice, draw(request.seed, len(request.chosen)), request.candidates, piece),
    )


HANDLERS: Handlers = {TraceForward: trace_forward}
