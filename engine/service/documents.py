"""What the Search pane asks for around a collection: opening, adding, listing, reading, editing."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    CollectionInfo,
    CutDocuments,
    DocumentEntry,
    DocumentPage,
    DocumentText,
    EditDocument,
    IndexProgress,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
)
from engine.model.opening import describe
from engine.retrieval.collection import Collection, Snapshot
from engine.retrieval.editing import EDITABLE, LONGEST, rewrite
from engine.retrieval.embedders import Choice
from engine.retrieval.indexing import Progress, Updating, choice_of, choose, cut_of, recut, remove, update
from engine.retrieval.store import Store
from engine.service.answer import Answer, Handlers
from engine.service.session import Session

REPORT_SECONDS = 0.05
PAGE = 500  # documents a message: paths may be long


def open_collection(session: Session, request: OpenCollection) -> Answer[CollectionInfo]:
    folder = Path(request.folder)
    if request.create:
        Store(folder, create=True).close()
    session.collection = Collection(folder)
    yield collection_info(session.collection)


def add_documents(session: Session, request: AddDocuments) -> Answer[IndexProgress | CollectionInfo]:
    yield from _change(session, lambda store: update(store, request.paths))


def cut_documents(session: Session, request: CutDocuments) -> Answer[IndexProgress | CollectionInfo]:
    yield from _change(session, lambda store: recut(store, request.size, request.overlap))


def choose_embedder(session: Session, request: ChooseEmbedder) -> Answer[IndexProgress | CollectionInfo]:
    is_model = request.embedder == "model"
    folder = session.opened.info.folder if is_model and not request.folder else request.folder
    choice = Choice(request.embedder, folder, describe(Path(folder)).step if is_model else 0)
    yield from _change(session, lambda store: choose(store, choice))


def edit_document(session: Session, request: EditDocument) -> Answer[IndexProgress | CollectionInfo]:
    path = rewrite(session.collection.store, request.document, request.text)
    yield from _change(session, lambda store: update(store, [path]))


def remove_documents(session: Session, request: RemoveDocuments) -> Answer[CollectionInfo]:
    remove(session.collection.store, request.documents)
    yield collection_info(session.collection)


def _change(session: Session, change: Callable[[Store], Updating]) -> Answer[IndexProgress | CollectionInfo]:
    """By a connection of its own, so that the collection can be searched while it grows."""
    collection, said = session.collection, 0.0
    store = Store(collection.folder)
    try:
        for progress in change(store):
            now = time.monotonic()
            due = progress is not None and (now - said >= REPORT_SECONDS or progress.done == progress.total)
            said = now if due else said
            yield _report(progress) if progress is not None and due else None
    finally:
        store.close()
    if session.collection is collection:
        yield collection_info(collection)


def _report(progress: Progress) -> IndexProgress:
    return IndexProgress(progress.stage, progress.done, progress.total, progress.seconds_left, progress.name)


def collection_info(collection: Collection) -> CollectionInfo:
    now, store = collection.snapshot(), collection.store
    size, overlap = cut_of(store)
    choice = choice_of(store)
    embedder, width = _embedder_of(now, choice)
    return CollectionInfo(
        folder=str(collection.folder),
        version=now.version,
        documents=len(np.unique(now.table.documents)),
        skipped=len(store.skipped()),
        passages=len(now.table.ids),
        with_vectors=int((now.table.rows >= 0).sum()),
        fitted=int(str(store.noted("fitted") or 0)),
        embedder=embedder,
        embedder_folder=choice.folder,
        embedder_step=choice.step,
        width=width,
        index=now.index,
        size=size,
        overlap=overlap,
        bytes=store.bytes(),
    )


def _embedder_of(now: Snapshot, choice: Choice) -> tuple[str, int]:
    """Its kind and the numbers a vector. A collection opens also without it: another one can be chosen then."""
    try:
        embedder = now.embedder
    except EngineError:
        return choice.kind, 0
    return (embedder.name, embedder.width) if embedder else ("", 0)


def list_documents(session: Session, request: ListDocuments) -> Answer[DocumentPage]:
    store = session.collection.store
    rows = [DocumentEntry(e.id, e.path, e.size, e.characters, e.chunks) for e in store.entries()]
    yield None
    rows += [DocumentEntry(-1, path, 0, 0, 0, error.key, error.args_by_name) for path, error in store.skipped()]
    for start in range(0, max(1, len(rows)), PAGE):
        yield DocumentPage(start, len(rows), tuple(rows[start : start + PAGE]))


def read_document(session: Session, request: ReadDocument) -> Answer[DocumentText]:
    now, store = session.collection.snapshot(), session.collection.store
    path, document = store.document(request.document)
    first = max(0, min(request.around - LONGEST // 2, len(document.text) - LONGEST))
    text = document.text[first : first + LONGEST]
    spans = store.spans(request.document)
    shown = spans[(spans[:, 1] < first + len(text)) & (spans[:, 2] > first)]
    shown[:, 0] = np.searchsorted(now.table.ids, shown[:, 0])
    whole = len(text) == len(document.text)
    editable = whole and Path(path).suffix.lower() in EDITABLE
    yield DocumentText(request.document, path, text, first, len(document.text), shown, editable)


HANDLERS: Handlers = {
    OpenCollection: open_collection,
    AddDocuments: add_documents,
    CutDocuments: cut_documents,
    ChooseEmbedder: choose_embedder,
    RemoveDocuments: remove_documents,
    EditDocument: edit_document,
    ListDocuments: list_documents,
    ReadDocument: read_document,
}
