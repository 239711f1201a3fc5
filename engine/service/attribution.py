"""Handler of attribution."""

import math

import numpy as np

from engine.generation.sampling import finite, softmax
from engine.generation.words import first_token
from engine.inspection.attribution import Score, attributing, ends
from engine.inspection.scoring import mean_loss
from engine.messages.attribution import MOST_TOKENS, AttributeText, Contributions, Explained, Method
from engine.messages.status import Progress
from engine.service.answer import AFTER_OTHERS, Answer, Handlers
from engine.service.models import reported
from engine.service.session import OpenedModel, Session, undisturbed


def attribute_text(session: Session, request: AttributeText) -> Answer[Explained | Contributions | Progress]:
    """Explain a token. Raises EngineError error.word_empty, and as `attribute`."""
    yield from undisturbed(session, _explained(session.opened, request))


def _explained(opened: OpenedModel, request: AttributeText) -> Answer[Explained | Contributions | Progress]:
    whole = opened.ids_of(request.text)
    ids = whole[: request.place][-opened.model.config.context :]
    if not ids or request.place == 0:
        return
    score = _score(opened, request, whole, ids)
    p_V, end = softmax(finite(opened.reader.logits(ids))), len(whole[: request.place])
    shown = ids[-MOST_TOKENS:]
    yield Explained(
        pieces=tuple(map(opened.tokenizer.piece, shown)),
        first=end - len(shown),
        target=opened.tokenizer.piece(score.token),
        against="" if score.against is None else opened.tokenizer.piece(score.against),
        probability=float(p_V[score.token]),
        against_probability=0.0 if score.against is None else float(p_V[score.against]),
        **dict(zip(("score", "baseline"), ends(score), strict=True)),
        whole=len(shown) == len(ids),
        loss=mean_loss(opened.model, [shown], opened.changes),
        guessing=math.log(opened.tokenizer.vocabulary),
    )
    methods: tuple[Method, ...] = ("occlusion", "gradient", "integrated")
    for method in methods[: 3 if len(shown) == len(ids) else 2]:
        values = yield from reported("progress.attribution", attributing(score, method, MOST_TOKENS))
        yield Contributions(method, values[-MOST_TOKENS:].astype(np.float32))
        yield AFTER_OTHERS  # the methods of gradients take long in a large model


def _score(opened: OpenedModel, request: AttributeText, whole: tuple[int, ...], ids: tuple[int, ...]) -> Score:
    """Return the score of the token at the place, or of the word after the text, against the other word."""
    reader, tokenizer = opened.reader, opened.tokenizer
    before = request.text if request.place is None else tokenizer.decode(ids)
    if request.place is not None and request.place < len(whole):
        token = whole[request.place]
    elif request.word.strip():
        token = first_token(reader, tokenizer, before, ids, request.word)
    else:
        token = int(reader.logits(ids).argmax())
    against = first_token(reader, tokenizer, before, ids, request.against) if request.against.strip() else None
    return Score(opened.model, ids, token, None if against == token else against, opened.changes)


HANDLERS: Handlers = {AttributeText: attribute_text}
