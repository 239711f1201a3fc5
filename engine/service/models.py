"""Handlers of models: opening and listing them, changing the open one, downloading one from the Hugging Face hub."""

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from engine.messages.models import (
    AskHub,
    ChangeModel,
    Downloaded,
    DownloadModel,
    HubOffer,
    ListModels,
    ModelChanged,
    ModelInfo,
    OpenModel,
    StoredModel,
    StoredModels,
    shortened,
)
from engine.messages.status import Notice, Progress
from engine.model.bundled import find
from engine.model.damage import broken_tensors
from engine.model.devices import device_for
from engine.model.hub import download, folder_for, offer
from engine.model.library import find_all
from engine.model.opening import describe
from engine.pace import Pace
from engine.service.answer import IDLE, Answer, Handlers, Idle
from engine.service.session import Session

T = TypeVar("T")
REPORT_SECONDS = 0.05  # shortest time between two reports


def open_model(session: Session, request: OpenModel) -> Answer[Notice | Progress | ModelInfo]:
    """Report the memory that a model needs, open it, and report damaged weights.

    One that does not fit is refused before it is read.
    """
    path = find(request.folder)
    info = describe(path, weights=request.weights)
    yield Notice("notice.opening", {"name": info.name, "memory": f"{info.bytes / 1e9:.2f}"})
    opened = yield from reported("progress.opening", session.opening(path, request.weights))
    yield opened
    wanted = device_for(session.opened.model.config)
    if opened.device != wanted and not opened.training:
        yield Notice("notice.device_small", {"device": wanted.upper()})
    broken = broken_tensors(session.opened.model)
    if broken:
        yield Notice("notice.weights_broken", {"count": len(broken), "names": shortened(broken)})


def list_models(session: Session, request: ListModels) -> Answer[StoredModels]:
    """Report the models on this computer a few times a second, as they are found."""
    found: list[StoredModel] = []
    pace = Pace(REPORT_SECONDS)
    for model in find_all(Path(request.own), map(Path, request.folders)):
        found += [model] if model else []
        if found and pace.due():
            yield StoredModels(tuple(found))
            found = []
        else:
            yield None
    yield StoredModels(tuple(found))


def change_model(session: Session, request: ChangeModel) -> Answer[ModelChanged]:
    session.opened.change(request.interventions)
    yield ModelChanged(request.interventions)


def ask_hub(session: Session, request: AskHub) -> Answer[HubOffer]:
    folder = folder_for(request.name, Path(request.models), request.revision)
    for answer in offer(request.name, folder, request.revision):
        yield answer or IDLE


def download_model(session: Session, request: DownloadModel) -> Answer[Progress | Downloaded]:
    folder = folder_for(request.name, Path(request.models), request.revision)
    yield from reported("progress.hub", download(request.name, folder, revision=request.revision))
    yield Downloaded(str(folder))


def reported(key: str, shares: Generator[float | None, None, T]) -> Generator[Progress | Idle | None, None, T]:
    """Yield the share that is done as Progress from time to time, and return what the generator returns.

    None in place of a share: the generator waits, for example for the hub.
    """
    pace = Pace(REPORT_SECONDS)
    while True:
        try:
            share = next(shares)
        except StopIteration as end:
            value: T = end.value
            return value
        if share is None:
            yield IDLE
        else:
            yield Progress(key, share) if pace.due() else None


HANDLERS: Handlers = {
    OpenModel: open_model,
    ListModels: list_models,
    ChangeModel: change_model,
    AskHub: ask_hub,
    DownloadModel: download_model,
}
