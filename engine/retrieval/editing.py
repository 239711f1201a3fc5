"""Changing a document where it lies: only plain texts, in the encoding and with the line ends that they have."""

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
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def rewrite(store: Store, document: int, text: str) -> str:
    """Makes `text` the file's; returns its path. Indexing it again is another step.

    That one may be cancelled: so that this edit is not taken for another program's then, how it leaves the file
    is noted.

    Raises EngineError: error.document_gone, error.not_editable, error.document_changed (by another program, since
    it was read), error.not_written, and what reading raises.
    """
    name, known = store.document(document)
    if Path(name).suffix.lower() not in EDITABLE or len(known.text) > LONGEST:
        raise EngineError("error.not_editable", file=name)
    path = Path(name).resolve()  # behind a link the file itself
    try:
        indexed = {file: [state.size, state.modified] for file, state in store.states().items()}
        edits = {file: left for file, left in _edits(store).items() if file in indexed and indexed[file] not in left}
        left = edits.get(name, [])
        if _state(path) not in (indexed[name], *left):
            raise EngineError("error.document_changed", file=name)
        with _written(path, text.encode("utf-8", "replace").decode()) as temporary:
            with store.writing():  # first: were the file replaced and nothing noted, it could not be saved again
                store.note("edits", edits | {name: [*left, _state(temporary)]})
            os.replace(temporary, path)
    except OSError as error:
        raise not_written(name, error) from error
    return name


def _edits(store: Store) -> dict[str, list[list[int]]]:
    """The states in which edits may have left a file, by its name."""
    noted = store.noted("edits")
    return noted if isinstance(noted, dict) else {}


def _state(path: Path) -> list[int]:
    """By which a file is known to be unchanged."""
    now = path.stat()
    return [now.st_size, now.st_mtime_ns]


@contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """A file beside `path` that can take its place: with this text, and who may read it as it was."""
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
    """UTF-8 where the file's own encoding lacks a character, or would be taken for another one: a mark is sure,
    the rest shows itself by what is written. `trial` is a file to try that with."""
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
    """The most frequent one."""
    windows = text.count("\r\n")
    counts = {"\n": text.count("\n") - windows, "\r\n": windows, "\r": text.count("\r") - windows}
    return max(counts, key=counts.__getitem__)
