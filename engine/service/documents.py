"""Handlers for collections: opening, adding, listing, reading, editing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    ChooseEncoding,
    CollectionInfo,
    DocumentEntry,
    DocumentText,
    EditDocument,
    IndexProgress,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
    SplitDocuments,
)
from engine.model.opening import describe
from engine.pace import Pace
from engine.retrieval import indexing
from engine.retrieval.collection import Collection, Snapshot, embedder_choice
from engine.retrieval.editing import EDITABLE, LONGEST, rewrite
from engine.retrieval.embedders import Choice
from engine.retrieval.embedding import Updating, choose_embedder as embed_with
from engine.retrieval.readers.formats import READERS
from engine.retrieval.store import Store
from engine.service.answer import Answer, Handlers
from engine.service.session import Session

REPORT_SECONDS = 0.05


def open_collection(session: Session, request: OpenCollection) -> Answer[CollectionInfo]:
    folder = Path(request.folder)
    if request.create:
        Store(folder, create=True).close()
    session.collection = Collection(folder)
    yield collection_info(session.collection)


def add_documents(session: Session, request: AddDocuments) -> Answer[IndexProgress | CollectionInfo]:
    yield from _change(session, lambda store: indexing.update(store, request.paths))


def split_documents(session: Session, request: SplitDocuments) -> Answer[IndexProgress | CollectionInfo]:
    yield from _change(session, lambda store: indexing.split_again(store, request.size, request.overlap))


def choose_embedder(session: Session, request: ChooseEmbedder) -> Answer[IndexProgress | CollectionInfo]:
    is_model = request.embedder == "model"
    folder = session.opened.info.folder if is_model and not request.folder else request.folder
    choice = Choice(request.embedder, folder, describe(Path(folder)).step if is_model else 0)
    yield from _change(session, lambda store: embed_with(store, choice))


def edit_document(session: Session, request: EditDocument) -> Answer[IndexProgress | CollectionInfo]:
    path = rewrite(session.collection.store, request.document, request.text)
    yield from _change(session, lambda store: indexing.update(store, [path]))


def choose_encoding(session: Session, request: ChooseEncoding) -> Answer[IndexProgress | CollectionInfo]:
    path = session.collection.store.path(request.document)
    if path is None:
        raise EngineError("error.document_gone")
    if Path(path).suffix.lower() in READERS:
        raise EngineError("error.not_text", file=path)
    yield from _change(session, lambda store: indexing.update(store, [path], request.encoding))


def remove_documents(session: Session, request: RemoveDocuments) -> Answer[CollectionInfo]:
    indexing.remove(session.collection.store, request.documents)
    yield collection_info(session.collection)


def _change(session: Session, change: Callable[[Store], Updating]) -> Answer[IndexProgress | CollectionInfo]:
    """Change the collection through a connection of its own, so that it can be searched meanwhile."""
    collection, pace = session.collection, Pace(REPORT_SECONDS)
    store = Store(collection.folder)
    try:
        for progress in change(store):
            is_due = progress is not None and pace.due(now=progress.done == progress.total)
            yield progress if is_due else None
    finally:
        store.close()
    if session.collection is collection:
        yield collection_info(collection)


def collection_info(collection: Collection) -> CollectionInfo:
    now, store = collection.snapshot(), collection.store
    size, overlap = indexing.passage_size(store)
    choice = embedder_choice(store)
    embedder, width = _embedder_of(now, choice)
    return CollectionInfo(
        folder=str(collection.folder),
        version=now.version,
        documents=len(np.unique(now.table.documents)),
        skipped=len(store.skipped()),
        uncounted=store.uncounted(),
        passages=len(now.table.ids),
        with_vectors=int((now.table.rows >= 0).sum()),
        fitted=store.get_number("fitted"),
        embedder=embedder,
        embedder_folder=choice.folder,
        embedder_step=choice.step,
        width=width,
        index=now.index,
        size=size,
        overlap=overlap,
        bytes=store.size_on_disk(),
    )


def _embedder_of(now: Snapshot, choice: Choice) -> tuple[str, int]:
    """Return the embedder's kind and width. The width is 0 if it cannot be opened, and another one can be chosen."""
    try:
        embedder = now.embedder
    except EngineError:
        return choice.kind, 0
    return (embedder.name, embedder.width) if embedder else ("", 0)


def list_documents(session: Session, request: ListDocuments) -> Answer[list[DocumentEntry]]:
    store = session.collection.store
    skipped = [DocumentEntry(-1, path, 0, 0, 0, error.key, error.args_by_name) for path, error in store.skipped()]
    yield store.entries() + skipped


def read_document(session: Session, request: ReadDocument) -> Answer[DocumentText]:
    now, store = session.collection.snapshot(), session.collection.store
    path, document = store.document(request.document)
    first = max(0, min(request.around - LONGEST // 2, len(document.text) - LONGEST))
    text = document.text[first : first + LONGEST]
    spans = store.spans(request.document)
    shown = spans[(spans[:, 1] < first + len(text)) & (spans[:, 2] > first)]
    shown[:, 0] = np.searchsorted(now.table.ids, shown[:, 0])
    whole = len(text) == len(document.text)
    editable = whole and Path(path).suffix.lower() in EDITABLE and not document.replaced  # saving would lose bytes
    yield DocumentText(
        document=request.document,
        path=path,
        text=text,
        first=first,
        characters=len(document.text),
        passages=shown,
        editable=editable,
        encoding=document.encoding,
        certain=document.certain,
        replaced=document.replaced,
    )


HANDLERS: Handlers = {
    OpenCollection: open_collection,
    AddDocuments: add_documents,
    SplitDocuments: split_documents,
    ChooseEmbedder: choose_embedder,
    RemoveDocuments: remove_documents,
    EditDocument: edit_document,
    ChooseEncoding: choose_encoding,
    ListDocuments: list_documents,
    ReadDocument: read_document,
}
