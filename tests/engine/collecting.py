"""Filling a collection and asking it, as the window does."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError
from engine.retrieval.chunking import Document, chunk
from engine.retrieval.indexing import update
from engine.retrieval.readers import read_document
from engine.retrieval.store import FileState, Store
from engine.service.process import Answering
from tests.engine.sessions import fits


class FileReader:
    """Reads at once: the process that reads files from anywhere has tests of its own, and takes a while to start."""

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, path: Path) -> Iterator[None]:
        yield
        return read_document(path)


def bring_up_to_date(store: Store, *paths: Path) -> None:
    for _ in update(store, paths):
        pass


def names(store: Store) -> list[str]:
    return sorted(Path(entry.path).name for entry in store.entries())


def put(store: Store, path: str, text: str, counted: list[Counter[str]] | None = None) -> None:
    document = Document(text)
    chunks = chunk(document)
    with store.writing():
        store.put(path, FileState(1, 1), document, chunks, counted or [Counter() for _ in chunks])


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as raised:
        act()
    return raised.value.key


def ask(handlers: Answering, request: object) -> list[Any]:
    """All messages of an answer, each small enough to cross."""
    events = [event for event in handlers(request) if event is not None]
    assert all(map(fits, events))
    return events
