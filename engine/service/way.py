"""Handlers of the way of a model."""

from contextlib import suppress
from pathlib import Path

from engine.errors import EngineError
from engine.messages.status import Progress
from engine.messages.way import MeasureWay, ReadWay, StationMeasured, Way
from engine.model.opening import describe, loading
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.session import OpenedModel, Session
from engine.service.training_text import text_parts
from engine.tuning.prompting import Prompting
from engine.tuning.way import OLD_CHARACTERS, measured, read_way


def way_of(session: Session, request: ReadWay) -> Answer[Way]:
    yield Way(tuple(read_way(Path(request.folder), Path(request.models))))


def measure_way(session: Session, request: MeasureWay) -> Answer[Progress | StationMeasured]:
    """Raise EngineError as the request says."""
    path = Path(request.folders[0])
    first, tokenizer = yield from reported("progress.opening", loading(path))
    old_text = _old_text(OpenedModel(first, tokenizer, describe(path)))
    for index, folder in enumerate(map(Path, request.folders)):
        model = first
        if index:
            try:
                model, tokenizer = yield from reported("progress.opening", loading(folder))
            except EngineError:
                continue  # it was deleted or damaged: the others are still shown
        prompting = Prompting.of(folder, tokenizer, model.config)
        found = measured(str(folder), model, first, prompting, request.prompts, request.tokens, request.seed, old_text)
        for one in found:
            yield one or Progress("progress.answering", (index + 0.5) / len(request.folders))


def _old_text(first: OpenedModel) -> str:
    """Return a part of the text that a model was trained on, or "" if it is not known."""
    text = ""
    with suppress(EngineError):
        for part in text_parts(first, (), "")[0]:
            text += part
            if len(text) >= OLD_CHARACTERS:
                break
    return text


HANDLERS: Handlers = {MeasureWay: measure_way, ReadWay: way_of}
