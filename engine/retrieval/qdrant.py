"""Vectors on a Qdrant server, for collections too large for one machine: the same search as nearest.Graph.

Besides the model hub this is the only part of Nakami that uses a network. It connects only to the user's address.
":memory:" is the client's own in-process mode.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.retrieval.nearest import Nearest, exact, indices_of

PORTION = 256  # vectors per request
SECONDS = 10  # timeout of a request

Floats = NDArray[np.float32]


class Server:
    """One collection of points on a server; the IDs of points are those of the passages."""

    def __init__(self, url: str, folder: Path, fit: int) -> None:
        """Connect to a server. Raises EngineError: error.extra_missing, error.server."""
        self._url, self._client = url, _client(url)
        digest = hashlib.blake2b(str(folder.absolute()).encode(), digest_size=6).hexdigest()
        self._prefix, self._name = f"nakami-{digest}-", f"nakami-{digest}-{fit}"

    def nearest(self, rows_ND: Floats, ids_N: NDArray[np.int64], query_D: Floats, k: int) -> Nearest:
        """Return the k nearest of the passages `ids_N` (ascending), with cosines in full precision from `rows_ND`.

        Raises EngineError error.server.
        """
        try:
            found = self._client.query_points(self._name, query=query_D.tolist(), limit=max(k, 10)).points
        except _failures() as error:
            raise self._failed(error) from error
        candidates = indices_of(np.array([point.id for point in found], np.int64), ids_N)
        best, cosines = exact(np.asarray(rows_ND[candidates]), query_D, k)
        return candidates[best], cosines

    def upload(self, rows_ND: Floats, ids_N: NDArray[np.int64]) -> Iterator[float]:
        """Make the server's vectors exactly these; yield the share that is done.

        Raises EngineError error.server.
        """
        try:
            yield from self._upload(rows_ND, ids_N)
        except _failures() as error:
            raise self._failed(error) from error

    def _upload(self, rows_ND: Floats, ids_N: NDArray[np.int64]) -> Iterator[float]:
        from qdrant_client import models

        for other in self._client.get_collections().collections:
            if other.name.startswith(self._prefix) and other.name != self._name:
                self._client.delete_collection(other.name)
        if not self._client.collection_exists(self._name):
            shape = models.VectorParams(size=rows_ND.shape[1], distance=models.Distance.DOT)
            self._client.create_collection(self._name, vectors_config=shape)
        uploaded = self._ids()
        gone = sorted(uploaded.difference(ids_N.tolist()))
        if gone:
            self._client.delete(self._name, points_selector=models.PointIdsList(points=gone))
        new = [index for index, passage in enumerate(ids_N.tolist()) if passage not in uploaded]
        for start in range(0, len(new), PORTION):
            part = new[start : start + PORTION]
            points = models.Batch(ids=ids_N[part].tolist(), vectors=np.asarray(rows_ND[part]).tolist())
            self._client.upsert(self._name, points=points)
            yield (start + len(part)) / len(new)

    def _ids(self) -> set[int]:
        found, after = set[int](), None
        while True:
            points, after = self._client.scroll(self._name, limit=10_000, offset=after, with_payload=False)
            found |= {point.id for point in points}
            if after is None:
                return found

    def _failed(self, error: Exception) -> EngineError:
        return EngineError("error.server", url=self._url, reason=f"{type(error).__name__}: {error}"[:200])


def _failures() -> tuple[type[Exception], ...]:
    """Return what the client raises if the server or its address is at fault."""
    from httpx import InvalidURL
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException

    return ApiException, QdrantException, InvalidURL, OSError, ValueError


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    try:
        from qdrant_client import QdrantClient
    except ImportError as error:
        raise EngineError("error.extra_missing", extra="qdrant") from error
    try:
        return QdrantClient(url) if url == ":memory:" else QdrantClient(url=url, timeout=SECONDS)
    except _failures() as error:
        raise EngineError("error.server", url=url, reason=str(error)[:200]) from error
