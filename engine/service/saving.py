"""Handler that saves a model for other programs."""

from pathlib import Path

from engine.messages.saving import SavedModel, SaveForOthers
from engine.messages.status import Progress
from engine.model.bundled import find
from engine.model.saving import saving
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.session import Session


def save_for_others(session: Session, request: SaveForOthers) -> Answer[Progress | SavedModel]:
    steps = saving(find(request.model), Path(request.path), request.form, request.weights, request.replace)
    yield (yield from reported("progress.saving", steps))


HANDLERS: Handlers = {SaveForOthers: save_for_others}
