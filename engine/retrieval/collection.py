"""A collection of documents that can be searched: a folder with what SQLite knows, vectors and the embedder."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.errors import EngineError
from engine.messages.search import SearchMode
from engine.retrieval import nearest, vectors
from engine.retrieval.embedders import Choice, Embedder, load_embedder
from engine.retrieval.extracting import Extractor
from engine.retrieval.keyword import Keywords
from engine.retrieval.nearest import Graph
from engine.retrieval.qdrant import Server
from engine.retrieval.ranking import FEEDBACK, NEIGHBOURS, among_neighbours, best_first, fuse, with_feedback
from engine.retrieval.store import Store, Table

Floats = NDArray[np.float32]
LOOKED_AT, LINE = 20, 0.15  # best passages whose lines are looked at, and what a line that says it all adds
CANDIDATES = 200  # passages that a graph and keyword search each name for a fusion


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `index` is its place among all passages of the collection."""

    index: int
    chunk: int  # its place in its document
    document: int
    file: str
    page: int
    heading: str
    start: int  # characters of the document
    end: int
    text: str
    score: float = 0.0
    cosine: float = 0.0
    keyword: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, and the numbers of all N passages behind them.

    `cosines_N` is empty if there are no vectors, and NaN where a graph was asked and did not name a passage.
    """

    now: "Snapshot"
    hits: list[Hit]
    query_D: Floats
    cosines_N: Floats
    keyword_N: Floats
    scores_N: Floats


class Snapshot:
    """A collection as it was at one moment, in memory."""

    def __init__(self, store: Store) -> None:
        self._store, self.folder = store, store.folder
        self.changes = store.changes()
        self.table: Table = store.table()
        self.fit = int(str(store.noted("fit") or 0))
        # By what is there: counters begin anew with every start.
        self.version = crc32(np.concatenate([self.table.ids, self.table.rows, [self.fit]]).tobytes()) & 0x7FFFFFFF

    @cached_property
    def embedder(self) -> Embedder | None:
        return (
            load_embedder(self.folder, self.fit, Choice.from_json(self._store.noted("embedder"))) if self.fit else None
        )

    @cached_property
    def vectors_ND(self) -> Floats:
        width = self.embedder.width if self.embedder else 0
        return vectors.load(vectors_file(self.folder, self.fit), width, self.table.rows)

    def embed_question(self, question: str) -> Floats:
        """[D]; [0] while there are no vectors."""
        return self.embedder.embed([question], question=True)[0] if self.embedder else np.zeros(0, np.float32)

    @cached_property
    def graph(self) -> Graph | Server | None:
        """None where looking at every vector is quick enough."""
        if url := self._store.noted("server"):
            return Server(str(url), self.folder, self.fit)
        covered = self._store.noted("graph")
        if not isinstance(covered, list) or covered[0] != self.fit or len(self.table.ids) < nearest.APPROXIMATE_FROM:
            return None
        path = graph_file(self.folder, self.fit)
        return Graph(path, int(covered[1])) if path.exists() else None

    @property
    def index(self) -> str:
        """What finds the nearest vectors: "exact", "approximate", "server"."""
        if self.graph is None:
            return "exact"
        return "server" if isinstance(self.graph, Server) else "approximate"

    def cosines(self, vector_D: Floats, also: NDArray[np.intp]) -> Floats:
        """With every passage, [N]; by a graph with the nearest and those named in `also`, NaN with the others."""
        if self.graph is None:
            return np.asarray(self.vectors_ND @ vector_D)
        cosines_N = np.full(len(self.table.ids), np.nan, np.float32)
        found, cosines = self.graph.nearest(self.vectors_ND, self.table.ids, vector_D, CANDIDATES)
        cosines_N[also] = self.vectors_ND[also] @ vector_D
        cosines_N[found] = cosines
        return cosines_N

    @cached_property
    def keywords(self) -> Keywords:
        counts, vocabulary = term_counts(self._store, self.table)
        return Keywords(counts, vocabulary)


class Collection:
    def __init__(self, folder: Path) -> None:
        """Opens a folder. Raises as Store."""
        self.folder = folder
        self.store = Store(folder)
        self._snapshot: Snapshot | None = None

    def close(self) -> None:
        self._snapshot = None
        self.store.close()

    def snapshot(self) -> Snapshot:
        """What is there now, also if another process has changed it."""
        if self._snapshot is None or self._snapshot.changes != self.store.changes():
            self._snapshot = Snapshot(self.store)
        return self._snapshot

    def search(self, query: str, k: int = 10, mode: SearchMode = "hybrid") -> Found:
        """Raises EngineError: error.question_empty, error.collection_empty."""
        if not query.strip():
            raise EngineError("error.question_empty")
        with self.store.reading():
            return self._search(query, k, mode)

    def _search(self, query: str, k: int, mode: SearchMode) -> Found:
        now = self.snapshot()
        if not len(now.table.ids):
            raise EngineError("error.collection_empty")
        keyword_N = now.keywords.score(now.keywords.query(query))
        query_D = np.zeros(0, np.float32) if mode == "keyword" else now.embed_question(query)
        likely = best_first(keyword_N, CANDIDATES)
        cosines_N = now.cosines(query_D, likely) if len(query_D) else query_D
        if mode == "keyword" or not len(cosines_N):
            scores_N = keyword_N
        elif mode == "vector":
            scores_N = np.nan_to_num(cosines_N)
        else:
            scores_N = _hybrid(now, keyword_N, query_D, np.nan_to_num(cosines_N), likely)
            extractor = Extractor(now.keywords)
            for index in best_first(scores_N, LOOKED_AT).tolist():
                scores_N[index] += LINE * extractor.covered(query, self.store.passage(int(now.table.ids[index]))[2])
        best = [int(i) for i in best_first(scores_N, k) if scores_N[i] > 0]
        hits = [
            replace(
                self.passage(now, i),
                score=float(scores_N[i]),
                cosine=float(cosines_N[i]) if len(cosines_N) else 0.0,
                keyword=float(keyword_N[i]),
            )
            for i in best
        ]
        return Found(now, hits, query_D, cosines_N, keyword_N, scores_N)

    def passage(self, now: Snapshot, index: int) -> Hit:
        """One of the passages, without scores. Raises EngineError error.document_gone."""
        table = now.table
        path, heading, text = self.store.passage(int(table.ids[index]))
        return Hit(
            index=index,
            chunk=int(table.places[index]),
            document=int(table.documents[index]),
            file=path,
            page=int(table.pages[index]),
            heading=heading,
            start=int(table.starts[index]),
            end=int(table.ends[index]),
            text=text,
        )


def _hybrid(now: Snapshot, keyword_N: Floats, query_D: Floats, cosines_N: Floats, likely: NDArray[np.intp]) -> Floats:
    """Keywords and vectors fused, the question moved towards what a first fusion found; what is best by the second
    one shares its scores."""
    best = best_first(fuse(keyword_N, cosines_N), FEEDBACK)
    moved_D = with_feedback(query_D, np.asarray(now.vectors_ND[best]))
    scores_N = fuse(keyword_N, np.nan_to_num(now.cosines(moved_D, likely)))
    best = best_first(scores_N, NEIGHBOURS)
    scores_N[best] = among_neighbours(scores_N[best], np.asarray(now.vectors_ND[best]))
    return scores_N


def vectors_file(folder: Path, fit: int) -> Path:
    return folder / f"vectors-{fit}.f32"


def graph_file(folder: Path, fit: int) -> Path:
    return folder / f"graph-{fit}.usearch"


def term_counts(store: Store, table: Table) -> tuple[csr_matrix, dict[str, int]]:
    """How often each term (column) stands in each passage (row), and the column of each term."""
    vocabulary = {term: id - 1 for term, id in store.vocabulary().items()}
    documents, firsts = np.unique(table.documents, return_index=True)
    first_of = dict(zip(documents.tolist(), firsts.tolist(), strict=True))
    parts = [posting + np.array([[first_of[id]], [-1], [0]]) for id, posting in store.postings() if id in first_of]
    rows, columns, counts = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.int64)
    shape = (len(table.ids), max(vocabulary.values(), default=-1) + 1)
    return csr_matrix((counts.astype(np.float32), (rows, columns)), shape), vocabulary
