"""Bringing a collection up to date: files that are new, changed or gone; then vectors for what has none."""

import errno
import hashlib
import os
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.retrieval import nearest, vectors
from engine.retrieval.analysis import pairs, terms
from engine.retrieval.chunking import LARGEST, OVERLAP, SIZE, SMALLEST, Chunk, Document, chunk
from engine.retrieval.collection import graph_file, term_counts, vectors_file
from engine.retrieval.embedders import Choice, Embedder, embedder_file, load_embedder, open_embedder
from engine.retrieval.lsa import Fitting, Lsa, fit
from engine.retrieval.qdrant import Server
from engine.retrieval.reader_process import FileReader
from engine.retrieval.readers import SUFFIXES
from engine.retrieval.store import FileState, Store

BATCH_SECONDS = 0.2  # files are read so long before they are committed together
BATCH, PORTION = 256, 32  # passages whose vectors are committed together, and embedded at a time
UNLINKED = 20_000  # new vectors that are looked at one by one, until the graph takes them in
COUNTED = 64  # passages whose terms are counted at a time
REFIT = 0.25  # of the passages that the embedder was fitted to: so many new ones, and it is fitted again


@dataclass(frozen=True, slots=True)
class Progress:
    stage: str  # "reading", "cutting", "fitting", "embedding", "linking"
    done: int
    total: int
    seconds_left: float | None  # None: not yet known
    name: str = ""  # of the file


Updating = Iterator[Progress | None]  # None: a safe point without news


def update(store: Store, paths: Iterable[str | Path] = ()) -> Updating:
    """Adds files and folders; without any, looks again at those that were added before.

    Only what is new or changed is read. What was yielded as done is kept whatever happens next.
    Raises EngineError: error.text_missing, error.not_written.
    """
    wanted: dict[str, FileState] = {}
    named = [os.path.abspath(path) for path in paths]
    for path in named:
        if not os.path.exists(path):
            raise EngineError("error.text_missing", file=path)
    roots = _paths(store, "roots")
    if named:
        roots = [*named, *(path for path in roots if _below(path, named))]
    for found in _scan(roots, store.folder.absolute()):
        if found is not None:
            wanted |= found
        yield None
    for path in _paths(store, "left_out"):
        if path not in named:
            wanted.pop(path, None)
    known = store.states()
    with store.writing():
        # Also what lies in a folder that is kept: it may be what is passed over there unless it is named.
        store.note("roots", sorted({*_paths(store, "roots"), *named}))
        store.note("left_out", [path for path in _paths(store, "left_out") if path not in named])
        # A drive that is not there has lost no files, neither its folders nor those that were named one by one.
        there = [root for root in roots if os.path.isdir(root)]
        for path in [*known, *store.skipped_states()]:
            is_missed = _below(path, there) or (path in roots and os.path.isdir(os.path.dirname(path)))
            if path not in wanted and is_missed:
                store.remove(path)
    unread = {path: state for path, state in store.skipped_states().items() if path not in named}
    news = {
        path: state
        for path, state in wanted.items()
        if (state.size, state.modified) not in [(s.size, s.modified) for s in (known.get(path), unread.get(path)) if s]
    }
    with FileReader() as reader:
        yield from _read_all(store, reader, news, known)
    yield from embed_missing(store)


def remove(store: Store, documents: Iterable[int]) -> None:
    """Takes documents out of the collection; their files are left out until they are added by name."""
    with store.writing():
        gone = [path for id in documents if (path := store.path(id)) is not None]
        for path in gone:
            store.remove(path)
        store.note("left_out", sorted({*_paths(store, "left_out"), *gone}))


def recut(store: Store, size: int, overlap: int) -> Updating:
    """All documents in passages of another size, from the texts that the collection keeps.

    Raises EngineError: error.config_range.
    """
    for name, value, least, most in (("size", size, SMALLEST, LARGEST), ("overlap", overlap, 0, size // 2)):
        if not least <= value <= most:
            raise EngineError("error.config_range", setting=name, value=value, least=least, most=most)
    with store.writing():
        store.note("cut", [size, overlap])
    entries, states = store.entries(), store.states()
    clock, waiting = _Clock(len(entries)), _Batch(store)
    for done, entry in enumerate(entries, start=1):
        if store.path(entry.id) is None:
            continue  # it was taken out meanwhile
        path, document = store.document(entry.id)
        chunks = chunk(document, size, overlap)
        counted = yield from _count(document, chunks)
        waiting.read.append((path, states[path], document, chunks, counted))
        if waiting.is_due:
            waiting.commit()
            yield clock.progress("cutting", done)
        else:
            yield None
    waiting.commit()
    if entries:
        yield clock.progress("cutting", len(entries))
    yield from embed_missing(store)


def use_server(store: Store, url: str) -> None:
    """From the next update on vectors are searched on a Qdrant server; "": here again."""
    with store.writing():
        store.note("server", url)


def cut_of(store: Store) -> tuple[int, int]:
    """Size and overlap of a collection's passages, in widths."""
    noted = store.noted("cut")
    return (int(noted[0]), int(noted[1])) if isinstance(noted, list) else (SIZE, OVERLAP)


def _paths(store: Store, key: str) -> list[str]:
    noted = store.noted(key)
    return [str(path) for path in noted] if isinstance(noted, list) else []


def _below(path: str, roots: list[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def _scan(roots: list[str], without: Path) -> Iterator[dict[str, FileState] | None]:
    """The files named, and in folders those that can be read: no hidden ones, no links that lead elsewhere."""
    for root in roots:
        if os.path.isfile(root):
            yield {root: _state(root)}
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(n for n in inner if not n.startswith(".") and Path(folder, n) != without)
            for name in sorted(names):
                path = os.path.join(folder, name)
                readable = not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
                if readable and os.path.isfile(path) and not os.path.islink(path):  # a pipe would be waited for
                    yield {path: _state(path)}
            yield None


def _state(path: str) -> FileState:
    try:
        found = os.stat(path)
    except OSError:
        return FileState(-1, -1)  # it goes as it is read
    return FileState(found.st_size, found.st_mtime_ns)


# --- Reading --------------------------------------------------------------------------------------


def _read_all(store: Store, reader: FileReader, news: dict[str, FileState], known: dict[str, FileState]) -> Updating:
    clock, waiting, done = _Clock(len(news)), _Batch(store), 0
    size, overlap = cut_of(store)
    for path, state in news.items():
        try:
            if _as_text(path) != path:
                raise EngineError("error.text_unreadable", file=_as_text(path), reason=os.strerror(errno.EILSEQ))
            digest = _digest(path)
            if path in known and known[path].digest == digest:
                waiting.touched.append((path, state))
            else:
                document = yield from reader.read(Path(path))
                chunks = chunk(document, size, overlap)
                counted = yield from _count(document, chunks)
                waiting.read.append((path, FileState(state.size, state.modified, digest), document, chunks, counted))
        except EngineError as error:
            # Another program may have it open: that changes without a change of the file.
            seen = state if error.key != "error.text_unreadable" else FileState(-1, -1)
            waiting.failed.append((_as_text(path), seen, error))
        done += 1
        if waiting.is_due:
            waiting.commit()
            yield clock.progress("reading", done, _as_text(Path(path).name))
        else:
            yield None
    waiting.commit()
    if news:
        yield clock.progress("reading", done)


def _as_text(path: str) -> str:
    """Of a name that is none, as old archives have them, with question marks for what SQLite would not take."""
    return path.encode("utf-8", "replace").decode()


def _count(document: Document, chunks: list[Chunk]) -> Generator[None, None, list[Counter[str]]]:
    """How often each term stands in each passage, its heading included."""
    counted = []
    for number, passage in enumerate(chunks, start=1):
        found = terms(f"{passage.heading}\n{document.text[passage.start : passage.end]}")
        counted.append(Counter([*found, *pairs(found)]))
        if number % COUNTED == 0:
            yield None
    return counted


def _digest(path: str) -> str:
    """Raises EngineError error.text_unreadable."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        raise EngineError("error.text_unreadable", file=path, reason=error.strerror or "") from error


class _Batch:
    """Files that are committed together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._empty()

    def _empty(self) -> None:
        self._begun = time.monotonic()
        self.read: list[tuple[str, FileState, Document, list[Chunk], list[Counter[str]]]] = []
        self.touched: list[tuple[str, FileState]] = []
        self.failed: list[tuple[str, FileState, EngineError]] = []

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._begun >= BATCH_SECONDS

    def commit(self) -> None:
        with self._store.writing():
            for entry in self.read:
                self._store.put(*entry)
            for path, state in self.touched:
                self._store.touch(path, state)
            for failure in self.failed:
                self._store.skip(*failure)
        self._empty()


class _Clock:
    """How long the rest will take, if it goes on as it went."""

    def __init__(self, total: int) -> None:
        self._begun, self.total = time.monotonic(), total

    def progress(self, stage: str, done: int, name: str = "") -> Progress:
        spent = time.monotonic() - self._begun
        left = spent / done * (self.total - done) if done and spent > 0.5 else None
        return Progress(stage, done, self.total, left, name)


# --- Vectors --------------------------------------------------------------------------------------


def embed_missing(store: Store) -> Updating:
    """Fits the embedder if that is due, then gives every passage its vector."""
    table = store.table()
    if not len(table.ids):
        return
    if _fit_is_due(store, len(table.ids), int((table.rows < 0).sum())):
        yield from _fit(store)
    number, embedder = _embedder(store)
    missing = int((store.table().rows < 0).sum())
    clock, done = _Clock(missing), 0
    while batch := store.without_vector(BATCH):
        portions = []
        for start in range(0, len(batch), PORTION):
            portions.append(embedder.embed([text for _, text in batch[start : start + PORTION]]))
            yield None
        rows_ND = np.concatenate(portions)
        with store.writing():
            if store.noted("fit") == number:  # else another process has fitted anew meanwhile
                first = _number(store, "rows")
                vectors.append(vectors_file(store.folder, number), first, rows_ND)
                store.set_rows([id for id, _ in batch], first)
                store.note("rows", first + len(batch))
        if store.noted("fit") != number:
            number, embedder = _embedder(store)
        done += len(batch)
        yield clock.progress("embedding", min(done, missing), "")
    yield from _link(store, number, embedder.width)


def _link(store: Store, number: int, width: int) -> Updating:
    """A graph over the vectors, where there are very many and a good part of them is new; or all to the server."""
    table, noted = store.table(), store.noted("graph")
    clock = _Clock(100)
    if url := store.noted("server"):
        rows_ND = vectors.load(vectors_file(store.folder, number), width, table.rows)
        for share in Server(str(url), store.folder, number).bring(rows_ND, table.ids):
            yield clock.progress("linking", round(100 * share))
        return
    covered = int(noted[1]) if isinstance(noted, list) and noted[0] == number else 0
    new = int((table.ids > covered).sum())
    if len(table.ids) < nearest.APPROXIMATE_FROM or new < UNLINKED:
        return
    path = graph_file(store.folder, number)
    rows_ND = vectors.load(vectors_file(store.folder, number), width, table.rows)
    for share in nearest.build_graph(path, rows_ND, table.ids, path if covered else None):
        yield clock.progress("linking", round(100 * share))
    with store.writing():
        if store.noted("fit") == number:
            store.note("graph", [number, int(table.ids[-1])])


def choose(store: Store, choice: Choice) -> Updating:
    """Another embedder: all vectors anew. Raises as open_embedder; then nothing has changed."""
    if choice.kind != "lsa":
        open_embedder(choice)
    yield None
    with store.writing():
        store.note("embedder", choice.to_json())
        store.note("fitted", 0)
        _begin_fit(store, 0 if choice.kind == "lsa" else _number(store, "fits") + 1)
    _sweep(store)
    yield from embed_missing(store)


def _fit_is_due(store: Store, passages: int, missing: int) -> bool:
    if choice_of(store).kind != "lsa":
        return False
    fitted = _number(store, "fitted")
    return not _number(store, "fit") or missing > REFIT * fitted or abs(passages - fitted) > REFIT * fitted


def choice_of(store: Store) -> Choice:
    return Choice.from_json(store.noted("embedder"))


def _number(store: Store, key: str) -> int:
    noted = store.noted(key)
    return noted if isinstance(noted, int) else 0


def _begin_fit(store: Store, number: int) -> None:
    """From now on vectors are written to the files of this number; there are none yet."""
    store.note("fit", number)
    store.note("fits", max(number, _number(store, "fits")))
    store.note("rows", 0)
    store.forget_vectors()


def _sweep(store: Store) -> None:
    """Removes the files of earlier embedders."""
    kept = {file(store.folder, _number(store, "fit")) for file in (embedder_file, vectors_file, graph_file)}
    for pattern in ("lsa-*.safetensors", "vectors-*.f32", "graph-*.usearch"):
        for path in set(store.folder.glob(pattern)) - kept:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                pass  # another window has it open, where open files cannot be removed; the next sweep tries again


def _fit(store: Store) -> Updating:
    table = store.table()
    counts, vocabulary = term_counts(store, table)
    yield None
    embedder = yield from _with_progress(fit(counts, vocabulary))
    with store.writing():
        number = _number(store, "fits") + 1
        path = embedder_file(store.folder, number)
        try:
            with replacing(path) as temporary:
                embedder.save(temporary)
        except OSError as error:
            raise not_written(path, error) from error
        store.note("fitted", len(table.ids))
        _begin_fit(store, number)
    _sweep(store)


def _with_progress(fitting: Fitting) -> Generator[Progress | None, None, Lsa]:
    clock = _Clock(100)
    while True:
        try:
            share = next(fitting)
        except StopIteration as ended:
            return ended.value
        yield clock.progress("fitting", round(100 * share))


def _embedder(store: Store) -> tuple[int, Embedder]:
    number = _number(store, "fit")
    return number, load_embedder(store.folder, number, choice_of(store))
