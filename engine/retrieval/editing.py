"""Changing a document where it lies: only plain texts, in the encoding and with the line ends that they have."""

import os
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.store import Store
from engine.text.reading import detect_encoding

EDITABLE = frozenset({".txt", ".text", ".md", ".markdown"})
LONGEST = 200_000  # characters


def rewrite(store: Store, document: int, text: str) -> str:
    """Makes `text` the file's; returns its path. Indexing it again is another step.

    Raises EngineError: error.document_gone, error.not_editable, error.document_changed (by another program, since
    it was read), error.not_written, and what reading raises.
    """
    name, known = store.document(document)
    path = Path(name)
    if path.suffix.lower() not in EDITABLE or len(known.text) > LONGEST:
        raise EngineError("error.not_editable", file=name)
    try:
        state, now = store.states()[name], path.stat()
        if (state.size, state.modified) != (now.st_size, now.st_mtime_ns):
            raise EngineError("error.document_changed", file=name)
        data = _encoded(text, path)
        temporary = path.with_name(path.name + ".part")
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EngineError("error.not_written", file=name, reason=error.strerror or str(error)) from error
    return name


def _encoded(text: str, path: Path) -> bytes:
    """Characters that the file's encoding does not have make it UTF-8."""
    text = text.encode("utf-8", "replace").decode()
    if b"\r\n" in path.read_bytes():
        text = text.replace("\n", "\r\n")
    try:
        return text.encode(detect_encoding(path))
    except UnicodeEncodeError:
        return text.encode("utf-8")
