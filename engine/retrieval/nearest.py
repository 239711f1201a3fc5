"""Find the vectors nearest to a question: exactly, or with a graph where there are very many.

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

APPROXIMATE_FROM = 300_000  # vectors, for which an exact search takes about 30 ms
LINKS, BUILDING, SEARCHING = 16, 96, 128  # neighbours of a vector, candidates while building and while searching
ADDED = 500  # vectors added between two yields

Floats = NDArray[np.float32]
Nearest = tuple[NDArray[np.intp], Floats]  # indices, nearest first, and their cosines


def exact(rows_ND: Floats, query_D: Floats, k: int) -> Nearest:
    """Compare the query with every vector."""
    cosines_N = rows_ND @ query_D
    best = best_first(cosines_N, k)
    return best, cosines_N[best]


class Graph:
    """Hierarchical navigable small world (Malkov and Yashunin 2016, arXiv:1603.09320), by `usearch`.

    The keys of vectors are the IDs of their passages, up to `covered`. Vectors of removed passages stay in the
    graph and are ignored.
    """

    def __init__(self, path: Path, covered: int) -> None:
        """Open a graph file. Raises EngineError error.collection_damaged."""
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
        """Return the k nearest of the graph's candidates and of all passages that it does not cover yet.

        `ids_N`: the passages' IDs, ascending. Cosines are computed from `rows_ND`.
        """
        found = self._index.search(query_D, max(k, 10))
        newer = np.arange(np.searchsorted(ids_N, self.covered, side="right"), len(ids_N))
        candidates = np.concatenate([indices_of(found.keys, ids_N), newer])
        best, cosines = exact(np.asarray(rows_ND[candidates]), query_D, k)
        return candidates[best], cosines


def indices_of(keys: NDArray[Any], ids_N: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the indices of `keys` in the ascending `ids_N`, without keys that are not among them."""
    indices = np.minimum(np.searchsorted(ids_N, keys), len(ids_N) - 1)
    return indices[ids_N[indices] == keys]


def build_graph(path: Path, rows_ND: Floats, ids_N: NDArray[np.int64], old: Path | None) -> Iterator[float]:
    """Write a graph with these vectors to `path`; yield the share that is done.

    `old`: a graph that contains some of them already. Raises EngineError error.not_written.
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
