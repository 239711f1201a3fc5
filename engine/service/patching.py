"""Handlers of activation patching; they leave out the patches that the open model has already."""

from collections.abc import Sequence

import numpy as np

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.generation.sampling import finite, likeliest, softmax
from engine.generation.words import first_token
from engine.inspection.interventions import changes_of
from engine.inspection.patching import Pair
from engine.messages.models import Intervention, Patched
from engine.messages.patching import (
    MOST_TOKENS,
    Obstacle,
    PatchedNext,
    PatchEffects,
    PatchPair,
    PatchTexts,
    TryPatches,
)
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed


def patch_texts(session: Session, request: PatchTexts) -> Answer[PatchPair | PatchEffects]:
    """Report both texts, then the effects; the pair's obstacle says why there are none.

    Raises EngineError error.text_too_short, error.patch_long, error.word_empty, and as `Pair`.
    """
    opened = session.opened
    source, text = (_ids(opened, words) for words in (request.source, request.text))
    reader = _unpatched(opened)
    answers = [
        _answer(opened, reader, *each)
        for each in zip((request.source, request.text), (source, text), request.answers, strict=True)
    ]
    first, second = answers
    logits = [finite(reader.logits(ids)) for ids in (source, text)]
    differences = [each[first] - each[second] for each in logits]
    obstacle: Obstacle = ""
    if len(source) != len(text):
        obstacle = "lengths"
    elif first == second:
        obstacle = "answers"
    elif differences[0] == differences[1]:
        obstacle = "equal"
    piece, config = opened.tokenizer.piece, opened.model.config
    yield PatchPair(
        pieces=(tuple(map(piece, source)), tuple(map(piece, text))),
        answers=(piece(first), piece(second)),
        probabilities=np.array([softmax(each)[answers] for each in logits], np.float32),
        layers=config.n_layers,
        heads=config.n_heads,
        obstacle=obstacle,
    )
    if obstacle:
        return
    pair = Pair(opened.model, source, text, (first, second), request.part, reader.changes)
    found = _heads(pair, request.place % len(text)) if request.part == "z" else _cells(pair)
    yield from undisturbed(session, found)


def _cells(pair: Pair) -> Answer[PatchEffects]:
    for layer, first, effects in pair.pieces():
        yield PatchEffects(layer, first, effects)


def _heads(pair: Pair, place: int) -> Answer[PatchEffects]:
    for layer, effects in pair.heads(place):
        yield PatchEffects(layer, 0, effects)


def try_patches(session: Session, request: TryPatches) -> Answer[PatchedNext]:
    """Compare the next token without and with patches. Raises as `changes_of`."""
    opened = session.opened
    ids, without = _ids(opened, request.text), _unpatched(opened)
    changes = changes_of(opened.model, (*_others(opened), *request.patches), opened.tokenizer.encode)
    before, after = (softmax(finite(r.logits(ids))) for r in (without, Reader(opened.model, changes)))
    shown = np.union1d(likeliest(before, request.candidates), likeliest(after, request.candidates))
    shown = shown[np.argsort(-np.maximum(before[shown], after[shown]), kind="stable")]
    pieces = tuple(map(opened.tokenizer.piece, shown.tolist()))
    yield PatchedNext(shown.astype(np.int32), pieces, before[shown].astype(np.float32), after[shown].astype(np.float32))


def _others(opened: OpenedModel) -> tuple[Intervention, ...]:
    return tuple(one for one in opened.interventions if not isinstance(one, Patched))


def _unpatched(opened: OpenedModel) -> Reader:
    """Return a reader of the open model without its patches."""
    if len(_others(opened)) == len(opened.interventions):
        return opened.reader
    return opened.cached(
        "unpatched",
        opened.version,
        lambda: Reader(opened.model, changes_of(opened.model, _others(opened), opened.tokenizer.encode)),
    )


def _ids(opened: OpenedModel, text: str) -> tuple[int, ...]:
    ids, context = opened.ids_of(text), opened.model.config.context
    if not ids:
        raise EngineError("error.text_too_short", need=1, have=0, context=1)
    if len(ids) > min(MOST_TOKENS, context):
        raise EngineError("error.patch_long", have=len(ids), most=min(MOST_TOKENS, context))
    return ids


def _answer(opened: OpenedModel, reader: Reader, text: str, ids: Sequence[int], word: str) -> int:
    if word.strip():
        return first_token(reader, opened.tokenizer, text, ids, word)
    return int(reader.logits(ids).argmax())


HANDLERS: Handlers = {PatchTexts: patch_texts, TryPatches: try_patches}
