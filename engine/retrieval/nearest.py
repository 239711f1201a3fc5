"""Which vectors are nearest to a question: exactly, or by a graph where there are very many.

N vectors of length 1, D numbers each: the cosine is the dot product.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.retrieval.ranking import best_first

APPROXIMATE_FROM = 300_000  # vectors: an exact search takes some 30 ms there
LINKS, BUILDING, SEARCHING = 16, 96, 128  # of the graph: neighbours a vector, candidates while building and searching
ADDED = 500  # vectors at a time, so that others get a turn

Floats = NDArray[np.float32]
Nearest = tuple[NDArray[np.intp], Floats]  # indices, nearest first, and their cosines


def exact(rows_ND: Floats, query_D: Floats, k: int) -> Nearest:
    """Every vector is looked at."""
    cosines_N = rows_ND @ query_D
    best = best_first(cosines_N, k)
    return best, cosines_N[best]


class Graph:
    """Hierarchical navigable small world (Malkov and Yashunin 2016, arXiv:1603.09320), by `usearch`.

    Vectors have the numbers of their passages as keys. The graph holds those up to `covered`; vectors of
    passages that are gone stay in it, and are passed over.
    """

    def __init__(self, path: Path, covered: int) -> None:
        """Raises EngineError error.collection_damaged."""
        from usearch.index import Index

        self.covered = covered
        try:
            self._index = Index.restore(str(path), view=True)
            if self._index is None:
                raise ValueError("no index")
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError("error.collection_damaged", file=str(path), reason=str(error)) from error
        self._index.expansion_search = SEARCHING

    def nearest(self, rows_ND: Floats, ids_N: NDArray[np.int64], query_D: Floats, k: int) -> Nearest:
        """The k nearest by the graph, and of the passages it does not cover yet by looking at each.

        `ids_N` are the passages' numbers, rising; their cosines are computed from `rows_ND`.
        """
        found = self._index.search(query_D, max(k, 10))
        places = np.minimum(np.searchsorted(ids_N, found.keys), len(ids_N) - 1)
        there = places[ids_N[places] == found.keys]
        newer = np.arange(np.searchsorted(ids_N, self.covered, side="right"), len(ids_N))
        candidates = np.concatenate([there, newer])
        best, cosines = exact(np.asarray(rows_ND[candidates]), query_D, k)
        return candidates[best], cosines


def build_graph(path: Path, rows_ND: Floats, ids_N: NDArray[np.int64], old: Path | None) -> Iterator[float]:
    """Writes a graph with these vectors to `path`; yields the share that is done.

    `old`: a graph that holds some of them already. Raises EngineError error.not_written.
    """
    from usearch.index import Index

    index: Any = Index.restore(str(old)) if old is not None and old.exists() else None
    if index is None:
        index = Index(
            ndim=rows_ND.shape[1],
            metric="ip",
            dtype="f16",
            connectivity=LINKS,
            expansion_add=BUILDING,
            expansion_search=SEARCHING,
        )
    new = np.flatnonzero(~index.contains(ids_N)) if len(index) else np.arange(len(ids_N))
    for start in range(0, len(new), ADDED):
        part = new[start : start + ADDED]
        index.add(ids_N[part].astype(np.uint64), np.asarray(rows_ND[part]))
        yield start / len(new)
    try:
        with replacing(path) as temporary:
            index.save(str(temporary))
    except (OSError, RuntimeError) as error:
        raise not_written(path, error) from error
