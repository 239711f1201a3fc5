"""Fill a collection and send it requests, as the window does."""

from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from engine.errors import EngineError
from engine.messages.envelope import Request
from engine.retrieval.indexing import update
from engine.retrieval.passages import Document, split
from engine.retrieval.reader_process import Reading
from engine.retrieval.readers.formats import read_document
from engine.retrieval.store import FileState, Store
from engine.service.process import Answering

T = TypeVar("T")


class FileReader:
    """A reader within this process, because the reader process takes time to start and has its own tests."""

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, path: Path, encoding: str = "") -> Reading:
        yield
        return read_document(path, encoding)


def bring_up_to_date(store: Store, *paths: Path) -> None:
    for _ in update(store, paths):
        pass


def names(store: Store) -> list[str]:
    return sorted(Path(entry.path).name for entry in store.entries())


def put(store: Store, path: str, text: str, counted: list[Counter[str]] | None = None) -> None:
    document = Document(text)
    spans = split(document)
    with store.writing():
        store.put(path, FileState(1, 1), document, spans, counted or [Counter() for _ in spans])


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as raised:
        act()
    return raised.value.key


def returned(generator: Generator[Any, None, T]) -> T:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(generator)
        except StopIteration as ended:
            return ended.value


def ask(handlers: Answering, request: Request[Any]) -> list[Any]:
    """Return all messages of an answer."""
    return [event for event in handlers(request) if event is not None]
