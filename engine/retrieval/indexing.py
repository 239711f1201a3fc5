"""Bring a collection up to date with its files: those that are new, changed or deleted."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from engine.errors import EngineError
from engine.pace import Pace
from engine.retrieval.analysis import pairs, terms
from engine.retrieval.embedding import ProgressClock, Updating, embed_missing
from engine.retrieval.passages import LARGEST, OVERLAP, SIZE, SMALLEST, Document, PassageSpan, split
from engine.retrieval.reader_process import FileReader
from engine.retrieval.readers.formats import SUFFIXES
from engine.retrieval.store import FileState, Store
from engine.text.encodings import codec_of

BATCH_SECONDS = 0.2  # between two commits
COUNTED = 64  # passages whose terms are counted between two yields


def update(store: Store, paths: Iterable[str | Path] = (), encoding: str | None = None) -> Updating:
    """Add files and folders; without paths, look again at those that were added before.

    `encoding` is that of the texts among `paths`, also at later updates; "" detects it, None keeps the choice.
    Only new and changed files are read, and those for which another encoding was chosen. Whatever was yielded as
    done is kept if the generator is closed.
    Raises EngineError: error.text_missing, error.not_written, error.encoding_unknown.
    """
    if encoding:
        codec_of(encoding)
    named = [os.path.normpath(Path(path).absolute()) for path in paths]
    yield from count_again(store)
    for path in named:
        if _status(path) is None:
            raise EngineError("error.text_missing", file=path)
    roots = store.get_list("roots")
    if named:
        roots = [*named, *(path for path in roots if _below(path, named))]
    wanted = yield from _find(store, roots, named)
    known = store.states()
    with store.writing():
        # A named file stays a root even if its folder is one: the folder's scan may skip it (hidden, a link).
        store.set_meta("roots", sorted({*store.get_list("roots"), *named}))
        store.set_meta("left_out", [path for path in store.get_list("left_out") if path not in named])
        if encoding is not None:
            store.set_meta("encodings", store.get_dict("encodings") | dict.fromkeys(named, encoding))
        _remove_deleted(store, roots, wanted, known)
    unread = {path: state for path, state in store.skipped_states().items() if path not in named}
    chosen = store.get_dict("encodings")
    news = {
        path: replace(state, chosen=_encoding_for(path, chosen))
        for path, state in wanted.items()
        if (state.size, state.modified) not in [(s.size, s.modified) for s in (known.get(path), unread.get(path)) if s]
        or (path in known and known[path].chosen != _encoding_for(path, chosen))
    }
    with FileReader() as reader:
        yield from _read_all(store, reader, news, known)
    yield from embed_missing(store)


def _encoding_for(path: str, chosen: dict[str, str]) -> str:
    """Return the encoding chosen for a file or for the nearest folder around it; "" if none was."""
    around = [root for root in chosen if _below(path, [root])]
    return chosen[max(around, key=len)] if around else ""


def _find(store: Store, roots: list[str], named: list[str]) -> Generator[None, None, dict[str, FileState]]:
    """Return the files to keep in the collection, without those that were removed and are not named."""
    wanted: dict[str, FileState] = {}
    for found in _scan(roots, store.folder.absolute()):
        if found is not None:
            wanted[found[0]] = found[1]
        yield None
    for path in store.get_list("left_out"):
        if path not in named:
            wanted.pop(path, None)
    return wanted


def _remove_deleted(store: Store, roots: list[str], wanted: dict[str, FileState], known: dict[str, FileState]) -> None:
    """Remove documents whose files were deleted, but not those on a drive that is not mounted."""
    present = [root for root in roots if _is_folder(root)]
    for path in [*known, *store.skipped_states()]:
        is_deleted = _below(path, present) or (path in roots and _is_folder(Path(path).parent))
        if path not in wanted and is_deleted:
            store.remove(path)


def remove(store: Store, documents: Iterable[int]) -> None:
    """Remove documents from the collection; updates skip their files until they are added by name."""
    with store.writing():
        gone = [path for document in documents if (path := store.path(document)) is not None]
        for path in gone:
            store.remove(path)
        store.set_meta("left_out", sorted({*store.get_list("left_out"), *gone}))


def split_again(store: Store, size: int, overlap: int) -> Updating:
    """Split all documents into passages of another size, from the texts in the database.

    Raises EngineError: error.config_range.
    """
    for name, value, least, most in (("size", size, SMALLEST, LARGEST), ("overlap", overlap, 0, size // 2)):
        if not least <= value <= most:
            raise EngineError("error.config_range", setting=name, value=value, least=least, most=most)
    with store.writing():
        store.set_meta("cut", [size, overlap])
    entries, states = store.entries(), store.states()
    clock, batch = ProgressClock(len(entries)), _Batch(store)
    for done, entry in enumerate(entries, start=1):
        if store.path(entry.document) is None:
            continue  # removed meanwhile
        path, document = store.document(entry.document)
        passages = split(document, size, overlap)
        counts = yield from _count(document, passages)
        batch.read.append((path, states[path], document, passages, counts))
        yield clock.progress("cutting", done) if batch.commit_if_due() else None
    batch.commit()
    if entries:
        yield clock.progress("cutting", len(entries))
    yield from embed_missing(store)


def count_again(store: Store) -> Updating:
    """Split the documents again if another version of Nakami counted their terms. Reads no files."""
    if store.uncounted():
        yield from split_again(store, *passage_size(store))


def passage_size(store: Store) -> tuple[int, int]:
    """Return size and overlap of a collection's passages, in widths."""
    size, overlap = store.get_list("cut") or (SIZE, OVERLAP)
    return int(size), int(overlap)


# --- Finding files --------------------------------------------------------------------------------


def _below(path: str, roots: list[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def _status(path: str | Path) -> os.stat_result | None:
    """Return the status of a file or folder; None if it cannot be reached, or the name is too long or invalid."""
    try:
        return Path(path).stat()
    except (OSError, ValueError):
        return None


def _is_folder(path: str | Path) -> bool:
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _scan(roots: list[str], without: Path) -> Iterator[tuple[str, FileState] | None]:
    """Yield the files among the roots, and the readable files in their folders, without hidden ones and links."""
    for root in roots:
        status = _status(root)
        if status is not None and stat.S_ISREG(status.st_mode):
            yield root, FileState(status.st_size, status.st_mtime_ns)
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(n for n in inner if not n.startswith(".") and Path(folder, n) != without)
            for path in (Path(folder, name) for name in sorted(names)):
                if (state := _state(path)) is not None:
                    yield str(path), state
            yield None


def _state(path: Path) -> FileState | None:
    """Return the state of a file in a scanned folder; None if it is not to be read."""
    if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or path.is_symlink():
        return None
    status = _status(path)
    if status is None or not stat.S_ISREG(status.st_mode):  # for example a pipe: opening it would block
        return None
    return FileState(status.st_size, status.st_mtime_ns)


# --- Reading --------------------------------------------------------------------------------------


def _read_all(store: Store, reader: FileReader, news: dict[str, FileState], known: dict[str, FileState]) -> Updating:
    clock, batch = ProgressClock(len(news)), _Batch(store)
    size, overlap = passage_size(store)
    for done, (path, state) in enumerate(news.items(), start=1):
        try:
            digest = _digest(path)
            if path in known and (known[path].digest, known[path].chosen) == (digest, state.chosen):
                batch.touched.append((path, state))
            else:
                document = yield from reader.read(Path(path), state.chosen)
                passages = split(document, size, overlap)
                counts = yield from _count(document, passages)
                batch.read.append((path, replace(state, digest=digest), document, passages, counts))
        except EngineError as error:
            # An unreadable file is tried again: another program may have it open.
            seen = state if error.key != "error.text_unreadable" else FileState(-1, -1)
            batch.failed.append((path, seen, error))
        yield clock.progress("reading", done, _as_text(Path(path).name)) if batch.commit_if_due() else None
    batch.commit()
    if news:
        yield clock.progress("reading", len(news))


def _as_text(path: str) -> str:
    """Return a path or name to show, with "?" for bytes that are not UTF-8, as in old archives."""
    return path.encode("utf-8", "replace").decode()


def _count(document: Document, passages: list[PassageSpan]) -> Generator[None, None, list[Counter[str]]]:
    """Return how often each term occurs in each passage, including its heading."""
    counts = []
    for number, passage in enumerate(passages, start=1):
        found = terms(f"{passage.heading}\n{document.text[passage.start : passage.end]}")
        counts.append(Counter([*found, *pairs(found)]))
        if number % COUNTED == 0:
            yield None
    return counts


def _digest(path: str) -> str:
    """Return a hash of the file's content. Raises EngineError error.text_unreadable."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        raise EngineError("error.text_unreadable", file=path, reason=error.strerror or "") from error


class _Batch:
    """Files that are committed together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._empty()
        self._pace = Pace(BATCH_SECONDS)
        self._pace.due()  # the first commit is due after the first interval

    def _empty(self) -> None:
        self.read: list[tuple[str, FileState, Document, list[PassageSpan], list[Counter[str]]]] = []
        self.touched: list[tuple[str, FileState]] = []
        self.failed: list[tuple[str, FileState, EngineError]] = []

    def commit_if_due(self) -> bool:
        is_due = self._pace.due()
        if is_due:
            self.commit()
        return is_due

    def commit(self) -> None:
        with self._store.writing():
            for entry in self.read:
                self._store.put(*entry)
            for path, state in self.touched:
                self._store.touch(path, state)
            for failure in self.failed:
                self._store.skip(*failure)
        self._empty()
