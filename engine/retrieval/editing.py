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
from engine.text.encodings import decode
from engine.text.reading import TextFile

EDITABLE = frozenset({".txt", ".text", ".md", ".markdown"})
LONGEST = 200_000  # characters
# As encodings.BOMS, but with codecs that write no mark of their own.
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

    Raises EngineError: error.document_gone, error.not_editable, error.bytes_unread, error.document_changed (by another
    program, since it was read), error.not_written, and what reading raises.
    """
    name, known = store.document(document)
    if Path(name).suffix.lower() not in EDITABLE or len(known.text) > LONGEST:
        raise EngineError("error.not_editable", file=name)
    if known.replaced:  # they would be saved as U+FFFD
        raise EngineError("error.bytes_unread", file=name, count=known.replaced)
    path = Path(name).resolve()  # the target of a link
    try:
        states = store.states()
        indexed = {file: [state.size, state.modified] for file, state in states.items()}
        edits = {
            file: left
            for file, left in store.get_dict("edits").items()
            if file in indexed and indexed[file] not in left
        }
        left = edits.get(name, [])
        if _state(path) not in (indexed[name], *left):
            raise EngineError("error.document_changed", file=name)
        chosen = states[name].chosen
        with _written(path, text.encode("utf-8", "replace").decode(), chosen) as (temporary, encoding):
            with store.writing():  # first, else the next save would mistake this edit for another program's
                store.set_meta("edits", edits | {name: [*left, _state(temporary)]})
                if chosen and encoding == "utf-8":
                    store.set_meta("encodings", store.get_dict("encodings") | {name: encoding})
            temporary.replace(path)
    except OSError as error:
        raise not_written(name, error) from error
    return name


def _state(path: Path) -> list[int]:
    """Return size and modification time in nanoseconds."""
    now = path.stat()
    return [now.st_size, now.st_mtime_ns]


@contextmanager
def _written(path: Path, text: str, chosen: str) -> Iterator[tuple[Path, str]]:
    """Write `text` to a file beside `path`, with the same permissions; yield it and its encoding.

    It is deleted if it has not replaced `path`.
    """
    handle, name = tempfile.mkstemp(".part", path.name, path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        data, encoding = _encoded(text, path, chosen, temporary)
        temporary.write_bytes(data)
        shutil.copymode(path, temporary)
        yield temporary, encoding
    finally:
        temporary.unlink(missing_ok=True)


def _encoded(text: str, path: Path, chosen: str, trial: Path) -> tuple[bytes, str]:
    """Encode `text` as the file at `path` is encoded, which may have been chosen; return the encoding, too.

    UTF-8 is used if that encoding lacks a character, or if it was not chosen and without a byte order mark the result
    would be detected as another encoding, which is tried with the file `trial`.
    """
    old = path.read_bytes()
    mark, encoding = next(((m, name) for m, name in MARKS if old.startswith(m)), (b"", ""))
    encoding = encoding or TextFile(path, chosen).encoding
    text = text.replace("\n", _line_end(old[len(mark) :].decode(encoding, "replace")))
    try:
        data = mark + text.encode(encoding)
        trial.write_bytes(data)
        if mark or not data or chosen or decode(data, TextFile(trial).encoding)[0] == data.decode(encoding):
            return data, encoding
    except (UnicodeEncodeError, EngineError):
        pass
    return text.encode("utf-8"), "utf-8"


def _line_end(text: str) -> str:
    """Return the most frequent line end."""
    windows = text.count("\r\n")
    counts = {"\n": text.count("\n") - windows, "\r\n": windows, "\r": text.count("\r") - windows}
    return max(counts, key=counts.__getitem__)
