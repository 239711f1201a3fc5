"""The vectors of a collection: fit the embedder, embed what has no vector yet, build the graph."""

import time
from collections.abc import Generator, Iterator

import numpy as np

from engine.errors import not_written
from engine.files import replacing
from engine.messages.documents import IndexProgress
from engine.retrieval import nearest, vectors
from engine.retrieval.collection import embedder_choice, graph_covers, graph_file, term_counts, vectors_file
from engine.retrieval.embedders import Choice, Embedder, embedder_file, load_embedder, open_embedder
from engine.retrieval.lsa import Fitting, Lsa, fit
from engine.retrieval.qdrant import Server
from engine.retrieval.store import Store

BATCH, PORTION = 256, 32  # passages whose vectors are committed together; passages embedded between two yields
OUTSIDE_GRAPH = 20_000  # most new vectors that are compared one by one instead of being added to the graph
REFIT = 0.25  # share of the passages fitted to: fit again once more than that are new or removed

Updating = Iterator[IndexProgress | None]  # None: no report, but other jobs may run


class ProgressClock:
    """Estimates the time left from the mean speed so far."""

    def __init__(self, total: int) -> None:
        self._begun, self.total = time.monotonic(), total

    def progress(self, stage: str, done: int, name: str = "") -> IndexProgress:
        spent = time.monotonic() - self._begun
        left = spent / done * (self.total - done) if done and spent > 0.5 else None
        return IndexProgress(stage, done, self.total, left, name)


def embed_missing(store: Store) -> Updating:
    """Fit the embedder if that is due, then give every passage its vector."""
    table = store.table()
    if not len(table.ids):
        return
    if _fit_is_due(store, len(table.ids), int((table.rows < 0).sum())):
        yield from _fit(store)
    number, embedder = _embedder(store)
    missing = int((store.table().rows < 0).sum())
    clock, done = ProgressClock(missing), 0
    while batch := store.without_vector(BATCH):
        portions = []
        for start in range(0, len(batch), PORTION):
            portions.append(embedder.embed([text for _, text in batch[start : start + PORTION]]))
            yield None
        rows_ND = np.concatenate(portions)
        with store.writing():
            if store.get_number("fit") == number:  # otherwise another process has fitted the embedder again
                first = store.get_number("rows")
                vectors.append(vectors_file(store.folder, number), first, rows_ND)
                store.set_rows([passage for passage, _ in batch], first)
                store.set_meta("rows", first + len(batch))
        if store.get_number("fit") != number:
            number, embedder = _embedder(store)
        done += len(batch)
        yield clock.progress("embedding", min(done, missing))
    yield from _build_graph(store, number, embedder.width)


def choose_embedder(store: Store, choice: Choice) -> Updating:
    """Recompute all vectors with another embedder. Raises as open_embedder, and then changes nothing."""
    if choice.kind != "lsa":
        open_embedder(choice)
    yield None
    with store.writing():
        store.set_meta("embedder", choice.to_json())
        store.set_meta("fitted", 0)
        _begin_fit(store, 0 if choice.kind == "lsa" else store.get_number("fits") + 1)
    _delete_stale_files(store)
    yield from embed_missing(store)


def use_server(store: Store, url: str) -> None:
    """Search vectors on a Qdrant server from the next update on; "": in this process again."""
    with store.writing():
        store.set_meta("server", url)


def _build_graph(store: Store, number: int, width: int) -> Updating:
    """Add new vectors to the graph if there are enough of them, or send all to the server."""
    table, clock = store.table(), ProgressClock(100)
    if url := store.get_meta("server"):
        rows_ND = vectors.load(vectors_file(store.folder, number), width, table.rows)
        for share in Server(str(url), store.folder, number).upload(rows_ND, table.ids):
            yield clock.progress("linking", round(100 * share))
        return
    covered = graph_covers(store, number)
    new = int((table.ids > covered).sum())
    if len(table.ids) < nearest.APPROXIMATE_FROM or new < OUTSIDE_GRAPH:
        return
    path = graph_file(store.folder, number)
    rows_ND = vectors.load(vectors_file(store.folder, number), width, table.rows)
    for share in nearest.build_graph(path, rows_ND, table.ids, path if covered else None):
        yield clock.progress("linking", round(100 * share))
    with store.writing():
        if store.get_number("fit") == number:
            store.set_meta("graph", [number, int(table.ids[-1])])


def _fit_is_due(store: Store, passages: int, missing: int) -> bool:
    if embedder_choice(store).kind != "lsa":
        return False
    fitted = store.get_number("fitted")
    return not store.get_number("fit") or missing > REFIT * fitted or abs(passages - fitted) > REFIT * fitted


def _begin_fit(store: Store, number: int) -> None:
    """Switch to the files of another fit, which contain no vectors yet."""
    store.set_meta("fit", number)
    store.set_meta("fits", max(number, store.get_number("fits")))
    store.set_meta("rows", 0)
    store.clear_rows()


def _delete_stale_files(store: Store) -> None:
    """Delete the files of earlier fits."""
    kept = {file(store.folder, store.get_number("fit")) for file in (embedder_file, vectors_file, graph_file)}
    for pattern in ("lsa-*.safetensors", "vectors-*.f32", "graph-*.usearch"):
        for path in set(store.folder.glob(pattern)) - kept:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                pass  # another window has it open, on a system that keeps open files; the next fit tries again


def _fit(store: Store) -> Updating:
    table = store.table()
    counts, vocabulary = term_counts(store, table)
    yield None
    embedder = yield from _with_progress(fit(counts, vocabulary))
    with store.writing():
        number = store.get_number("fits") + 1
        path = embedder_file(store.folder, number)
        try:
            with replacing(path) as temporary:
                embedder.save(temporary)
        except OSError as error:
            raise not_written(path, error) from error
        store.set_meta("fitted", len(table.ids))
        _begin_fit(store, number)
    _delete_stale_files(store)


def _with_progress(fitting: Fitting) -> Generator[IndexProgress | None, None, Lsa]:
    clock = ProgressClock(100)
    while True:
        try:
            share = next(fitting)
        except StopIteration as ended:
            return ended.value
        yield clock.progress("fitting", round(100 * share))


def _embedder(store: Store) -> tuple[int, Embedder]:
    number = store.get_number("fit")
    return number, load_embedder(store.folder, number, embedder_choice(store))
