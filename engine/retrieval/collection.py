"""A searchable collection of documents: a folder with a database, the vectors, the graph and the fitted embedder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.errors import EngineError
from engine.messages.search import Passage, SearchHit, SearchMode
from engine.retrieval import nearest, vectors
from engine.retrieval.embedders import Choice, Embedder, load_embedder
from engine.retrieval.extracting import Extractor
from engine.retrieval.keyword import Keywords
from engine.retrieval.nearest import Graph
from engine.retrieval.qdrant import Server
from engine.retrieval.ranking import (
    FEEDBACK,
    NEIGHBOURS,
    SHARE,
    TRAINED_SHARE,
    among_neighbours,
    best_first,
    fuse,
    with_feedback,
)
from engine.retrieval.store import Store, Table

Floats = NDArray[np.float32]
LINES_READ, LINE = 20, 0.15  # best passages whose lines are compared; score of a line with the whole question
PART, MOST, TRACE = 0.25, 0.6, 0.05  # shares of a question, see `_possible_hits`
CANDIDATES = 200  # passages that the graph and keyword search each contribute to a fusion


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, and the scores of all N passages.

    `cosines_N` is empty if there are no vectors, and NaN for passages that the graph did not return.
    """

    now: "Snapshot"
    hits: list[SearchHit]
    query_D: Floats
    cosines_N: Floats
    keyword_N: Floats
    scores_N: Floats


class Snapshot:
    """The state of a collection at one moment, in memory."""

    def __init__(self, store: Store) -> None:
        self._store, self.folder = store, store.folder
        self.changes = store.changes()
        self.table: Table = store.table()
        self.fit = store.get_number("fit")
        # A checksum of the content, because counters would start again with every process.
        self.version = crc32(np.concatenate([self.table.ids, self.table.rows, [self.fit]]).tobytes()) & 0x7FFFFFFF

    @cached_property
    def embedder(self) -> Embedder | None:
        """The embedder of these vectors; None while there are none."""
        return load_embedder(self.folder, self.fit, embedder_choice(self._store)) if self.fit else None

    @cached_property
    def vectors_ND(self) -> Floats:
        width = self.embedder.width if self.embedder else 0
        return vectors.load(vectors_file(self.folder, self.fit), width, self.table.rows)

    def embed_question(self, question: str) -> Floats:
        """Return the question's vector [D]; [0] while there are no vectors."""
        return self.embedder.embed([question], question=True)[0] if self.embedder else np.zeros(0, np.float32)

    @cached_property
    def graph(self) -> Graph | Server | None:
        """The index of the vectors; None where comparing with every vector is fast enough."""
        if url := self._store.get_meta("server"):
            return Server(str(url), self.folder, self.fit)
        covered = graph_covers(self._store, self.fit)
        if not covered or len(self.table.ids) < nearest.APPROXIMATE_FROM:
            return None
        path = graph_file(self.folder, self.fit)
        return Graph(path, covered) if path.exists() else None

    @property
    def index(self) -> str:
        """How the nearest vectors are found: "exact", "approximate", "server"."""
        if self.graph is None:
            return "exact"
        return "server" if isinstance(self.graph, Server) else "approximate"

    def cosines(self, vector_D: Floats, also: NDArray[np.intp]) -> Floats:
        """Return the cosine with each passage, [N]; with a graph, NaN but for the nearest and those in `also`."""
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
        """Open a folder. Raises as Store."""
        self.folder = folder
        self.store = Store(folder)
        self._snapshot: Snapshot | None = None

    def close(self) -> None:
        self._snapshot = None
        self.store.close()

    def snapshot(self) -> Snapshot:
        """Return the current state, which another process may have changed."""
        if self._snapshot is None or self._snapshot.changes != self.store.changes():
            self._snapshot = Snapshot(self.store)
        return self._snapshot

    def search(self, query: str, k: int = 10, mode: SearchMode = "hybrid") -> Found:
        """Find the k best passages. Raises EngineError: error.question_empty, error.collection_empty."""
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
            for index in best_first(scores_N, LINES_READ).tolist():
                scores_N[index] += LINE * extractor.coverage(query, self.store.passage(int(now.table.ids[index]))[2])
        scores_N = np.where(_possible_hits(now, query, mode, cosines_N), scores_N, 0.0).astype(np.float32)
        best = [int(i) for i in best_first(scores_N, k) if scores_N[i] > 0]
        cosines = cosines_N if len(cosines_N) else np.zeros_like(scores_N)
        hits = [
            SearchHit(self.passage(now, i), float(scores_N[i]), float(cosines[i]), float(keyword_N[i])) for i in best
        ]
        return Found(now, hits, query_D, cosines_N, keyword_N, scores_N)

    def passage(self, now: Snapshot, index: int) -> Passage:
        """Return one of the N passages. Raises EngineError error.document_gone."""
        table = now.table
        path, heading, text = self.store.passage(int(table.ids[index]))
        return Passage(
            index=index,
            document=int(table.documents[index]),
            path=path,
            place=int(table.places[index]),
            page=int(table.pages[index]),
            heading=heading,
            start=int(table.starts[index]),
            end=int(table.ends[index]),
            text=text,
        )


def _hybrid(now: Snapshot, keyword_N: Floats, query_D: Floats, cosines_N: Floats, likely: NDArray[np.intp]) -> Floats:
    """Fuse keyword and vector scores twice: the second time with the query moved towards the best of the first.

    The best passages of the second fusion then share their scores with those that resemble them.
    """
    share = TRAINED_SHARE if now.embedder and now.embedder.likely else SHARE
    best = best_first(fuse(keyword_N, cosines_N, share), FEEDBACK)
    moved_D = with_feedback(query_D, np.asarray(now.vectors_ND[best]))
    scores_N = fuse(keyword_N, np.nan_to_num(now.cosines(moved_D, likely)), share)
    best = best_first(scores_N, NEIGHBOURS)
    scores_N[best] = among_neighbours(scores_N[best], np.asarray(now.vectors_ND[best]))
    return scores_N


def _possible_hits(now: Snapshot, question: str, mode: SearchMode, cosines_N: Floats) -> NDArray[np.bool_]:
    """Return which passages may be hits, [N]: those that share something with the question, if any is relevant to it.

    So a question about something else finds nothing. In keyword mode one shared term is enough. Otherwise a passage is
    relevant if it contains the share PART of the question (by the weights of its terms), or the share TRACE if the
    collection contains the share MOST. The cosine decides where the embedder was trained to compare texts, beside the
    share MOST in one passage, or PART and a cosine nearly as high; other embedders give high cosines to any text.
    """
    shares_N, known = now.keywords.contained(question)
    if mode == "keyword":
        return shares_N > 0
    likely = now.embedder.likely if now.embedder and len(cosines_N) else 0.0
    if mode == "vector" and not likely:
        return np.full(len(shares_N), known >= PART)
    highest, share = float(np.nan_to_num(cosines_N).max(initial=0.0)), float(shares_N.max(initial=0.0))
    if likely:
        is_shared = share >= MOST or (share >= PART and highest >= 0.75 * likely)
        is_found = highest >= likely or (mode == "hybrid" and is_shared)
        near_N = np.nan_to_num(cosines_N) >= likely / 2
        return is_found & (near_N | ((shares_N > 0) & (mode == "hybrid")))
    return (share >= (TRACE if known >= MOST else PART)) & (shares_N > 0)


def vectors_file(folder: Path, fit: int) -> Path:
    return folder / f"vectors-{fit}.f32"


def graph_file(folder: Path, fit: int) -> Path:
    return folder / f"graph-{fit}.usearch"


def graph_covers(store: Store, fit: int) -> int:
    """Return the highest ID of the passages in the graph of this fit; 0 if there is no graph."""
    built_for, *last = store.get_list("graph") or [0]
    return int(last[0]) if built_for == fit and last else 0


def embedder_choice(store: Store) -> Choice:
    return Choice.from_json(store.get_meta("embedder"))


def term_counts(store: Store, table: Table) -> tuple[csr_matrix, dict[str, int]]:
    """Return how often each term (column) occurs in each passage (row), and the column of each term."""
    vocabulary = {term: number - 1 for term, number in store.vocabulary().items()}
    documents, firsts = np.unique(table.documents, return_index=True)
    first_of = dict(zip(documents.tolist(), firsts.tolist(), strict=True))
    parts = [rows + np.array([[first_of[d]], [-1], [0]]) for d, rows in store.postings() if d in first_of]
    rows, columns, counts = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.int64)
    shape = (len(table.ids), max(vocabulary.values(), default=-1) + 1)
    return csr_matrix((counts.astype(np.float32), (rows, columns)), shape), vocabulary
