"""The vectors of a collection: float32 rows in an append-only file, one file for each fit of the embedder.

The database maps passages to rows. Rows after the last one in the database were left by a killed process; the next
writer overwrites them.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written

Floats = NDArray[np.float32]


def append(path: Path, first: int, rows_ND: Floats) -> None:
    """Write rows from number `first` on, and flush them to disk.

    Raises EngineError error.not_written.
    """
    try:
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(first * rows_ND.shape[1] * 4)
            file.write(np.ascontiguousarray(rows_ND, np.float32).tobytes())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise not_written(path, error) from error


def load(path: Path, width: int, rows_N: NDArray[np.int64]) -> Floats:
    """Return the rows with these numbers, [N, D]; zeros for −1. Consecutive rows are mapped, not copied.

    Raises EngineError error.collection_damaged.
    """
    if not len(rows_N) or rows_N.max() < 0:
        return np.zeros((len(rows_N), width), np.float32)
    try:
        whole = np.memmap(path, np.float32, "r").reshape(-1, width)
        if len(whole) <= rows_N.max():
            raise ValueError(f"{len(whole)} of {rows_N.max() + 1} vectors")
        if np.array_equal(rows_N, np.arange(len(rows_N))):
            return np.asarray(whole[: len(rows_N)])
        found = whole[np.maximum(rows_N, 0)]
        found[rows_N < 0] = 0.0
        return np.asarray(found)
    except (OSError, ValueError, IndexError) as error:
        raise EngineError("error.collection_damaged", file=str(path), reason=str(error)) from error
