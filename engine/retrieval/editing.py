"""Edit a document in its file: plain texts only, keeping their encoding and line ends."""

import codecs
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import EngineError, not_written
from engine.retrieval.store import Store
from engine.text.reading import detect_encoding

EDITABLE = frozenset({".txt", ".text", ".md", ".markdown"})
LONGEST = 200_000  # characters
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, because it begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def rewrite(store: Store, document: int, text: str) -> str:
    """Overwrite a document's file with `text` and return its path. Indexing it again is another step.

    The new state of the file is recorded, so that the edit is not mistaken for another program's if indexing is
    cancelled.

    Raises EngineError: error.document_gone, error.not_editable, error.document_changed (by another program, since
    it was read), error.not_written, and what reading raises.
    """
    name, known = store.document(document)
    if Path(name).suffix.lower() not in EDITABLE or len(known.text) > LONGEST:
        raise EngineError("error.not_editable", file=name)
    path = Path(name).resolve()  # the target of a link
    try:
        indexed = {file: [state.size, state.modified] for file, state in store.states().items()}
        edits = {file: left for file, left in _edits(store).items() if file in indexed and indexed[file] not in left}
        left = edits.get(name, [])
        if _state(path) not in (indexed[name], *left):
            raise EngineError("error.document_changed", file=name)
        with _written(path, text.encode("utf-8", "replace").decode()) as temporary:
            with store.writing():  # first, else the next save would mistake this edit for another program's
                store.set_meta("edits", edits | {name: [*left, _state(temporary)]})
            temporary.replace(path)
    except OSError as error:
        raise not_written(name, error) from error
    return name


def _edits(store: Store) -> dict[str, list[list[int]]]:
    """Return by path the states that edits may have left a file in."""
    edits = store.get_meta("edits")
    return edits if isinstance(edits, dict) else {}


def _state(path: Path) -> list[int]:
    """Return size and modification time in nanoseconds."""
    now = path.stat()
    return [now.st_size, now.st_mtime_ns]


@contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """Write `text` to a file beside `path`, with the same permissions; it is deleted if it has not replaced `path`."""
    handle, name = tempfile.mkstemp(".part", path.name, path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.write_bytes(_encoded(text, path, temporary))
        shutil.copymode(path, temporary)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _encoded(text: str, path: Path, trial: Path) -> bytes:
    """Encode `text` as the file at `path` is encoded.

    UTF-8 is used if that encoding lacks a character, or if without a byte order mark the result would be detected
    as another encoding, which is tried with the file `trial`.
    """
    old = path.read_bytes()
    mark, encoding = next(((m, name) for m, name in MARKS if old.startswith(m)), (b"", ""))
    encoding = encoding or detect_encoding(path)
    text = text.replace("\n", _line_end(old[len(mark) :].decode(encoding, "replace")))
    try:
        data = mark + text.encode(encoding)
        trial.write_bytes(data)
        if mark or not data or data.decode(detect_encoding(trial), "replace") == data.decode(encoding):
            return data
    except (UnicodeEncodeError, EngineError):
        pass
    return text.encode("utf-8")


def _line_end(text: str) -> str:
    """Return the most frequent line end."""
    windows = text.count("\r\n")
    counts = {"\n": text.count("\n") - windows, "\r\n": windows, "\r": text.count("\r") - windows}
    return max(counts, key=counts.__getitem__)
