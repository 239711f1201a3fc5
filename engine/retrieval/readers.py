"""Files to documents: what a file says, with its pages and headings."""

import re
from collections.abc import Callable
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.chunking import Document
from engine.text.reading import read_chunks

Reader = Callable[[Path], Document]


def read_document(path: Path) -> Document:
    """Raises EngineError, which names what is wrong with the file."""
    document = READERS.get(path.suffix.lower(), read_text)(path)
    if not document.text.strip():
        raise EngineError("error.document_empty", file=str(path))
    return document


def read_text(path: Path) -> Document:
    return Document("".join(read_chunks(path)))


def read_markdown(path: Path) -> Document:
    text = "".join(read_chunks(path))
    return Document(text, headings=tuple((m.start(), m[1].strip()) for m in _HEADING.finditer(text)))


_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)

READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
}
SUFFIXES = frozenset({*READERS, ".txt", ".text"})
