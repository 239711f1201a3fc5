"""Handlers of texts: inspect files, write the little world, measure the open model on a text."""

import math
import time
from pathlib import Path

from engine.errors import not_written
from engine.files import replacing
from engine.inspection.scoring import Scores, score
from engine.messages.status import Progress
from engine.messages.texts import (
    AssessText,
    EncodingPreview,
    InspectText,
    PreviewEncoding,
    TextAssessment,
    TextInfo,
    WriteWorld,
)
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.text.reading import inspect, preview
from engine.text.world.stream import MEGABYTE, stream

SEED = 1
TURN_SECONDS = 0.05  # writing time before other jobs may run


def inspect_text(session: Session, request: InspectText) -> Answer[TextInfo]:
    yield inspect(request.paths, request.encoding)


def preview_encoding(session: Session, request: PreviewEncoding) -> Answer[EncodingPreview]:
    yield preview(request.path, request.encoding)


def write_world(session: Session, request: WriteWorld) -> Answer[Progress]:
    """Write the text of the little world. Raises EngineError error.not_written."""
    path = Path(request.path)
    written, turn = 0, time.perf_counter()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            for text in stream(request.megabytes, SEED):
                written += file.write(text)  # number of characters, of two bytes on average
                if time.perf_counter() - turn > TURN_SECONDS:
                    yield Progress("progress.world", min(1.0, 2 * written / (request.megabytes * MEGABYTE)))
                    turn = time.perf_counter()
    except OSError as error:
        raise not_written(path, error) from error


def assess_text(session: Session, request: AssessText) -> Answer[TextAssessment]:
    opened = session.opened
    ids = opened.ids_of(request.text)[-opened.model.config.context - 1 :]
    if len(ids) < 2:
        return
    total = 0.0
    for part in score(opened.model, ids, opened.changes):
        if isinstance(part, Scores):
            total += float(part.surprisals.sum())
        if not opened.info.training:
            yield None  # lets other jobs run
    loss, guessing = total / (len(ids) - 1), math.log(opened.model.config.vocabulary)
    yield TextAssessment(request.text, _unknown(opened, request.text), loss, guessing)


def _unknown(opened: OpenedModel, text: str) -> str:
    """Return the characters that one of Nakami's tokenizers encodes as bytes; "" for tokenizers of others."""
    if opened.tokenizer.kind == "foreign":
        return ""
    tokens = opened.tokenizer.tokens(text)
    parts = zip(tokens.kinds, tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    return "".join(dict.fromkeys(tokens.text[start:end] for kind, start, end in parts if kind == "byte"))


HANDLERS: Handlers = {
    InspectText: inspect_text,
    PreviewEncoding: preview_encoding,
    WriteWorld: write_world,
    AssessText: assess_text,
}
