"""Handlers of models: opening a folder, changing the open model, downloading one from the Hugging Face hub."""

import time
from pathlib import Path

from engine.messages.models import ChangeModel, Downloaded, DownloadModel, ModelChanged, ModelInfo, OpenModel, shortened
from engine.messages.status import Notice, Progress
from engine.model.damage import broken_tensors
from engine.model.hub import download, folder_for
from engine.model.opening import describe
from engine.service.answer import Answer, Handlers
from engine.service.session import Session

REPORT_SECONDS = 0.05  # shortest time between two reports


def open_model(session: Session, request: OpenModel) -> Answer[Notice | ModelInfo]:
    """Report the memory that a model needs, open it, and report damaged weights.

    One that does not fit is refused before it is read.
    """
    info = describe(Path(request.folder))
    yield Notice("notice.opening", {"name": info.name, "memory": f"{info.bytes / 2**30:.2f}"})
    yield session.open(Path(request.folder))
    broken = broken_tensors(session.opened.model)
    if broken:
        yield Notice("notice.weights_broken", {"count": len(broken), "names": shortened(broken)})


def change_model(session: Session, request: ChangeModel) -> Answer[ModelChanged]:
    session.opened.change(request.interventions)
    yield ModelChanged(request.interventions)


def download_model(session: Session, request: DownloadModel) -> Answer[Progress | Downloaded]:
    folder, reported = folder_for(request.name, Path(request.models)), 0.0
    for share in download(request.name, folder):
        now = time.perf_counter()
        is_due = now - reported >= REPORT_SECONDS
        yield Progress("progress.hub", share) if is_due else None
        reported = now if is_due else reported
    yield Downloaded(str(folder))


HANDLERS: Handlers = {OpenModel: open_model, ChangeModel: change_model, DownloadModel: download_model}
