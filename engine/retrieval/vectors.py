"""The vectors of a collection: float32 rows in one file that only grows, one file a fitting of the embedder.

SQLite says which row belongs to which passage. Rows behind the last one it knows are what a killed process
left: the next writer writes over them.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, not_written

Floats = NDArray[np.float32]


def append(path: Path, first: int, rows_ND: Floats) -> None:
    """Writes rows from number `first` on, and has them on the disk before it returns.

    Raises EngineError error.not_written.
    """
    try:
        with open(path, "r+b" if path.exists() else "w+b") as file:
            file.seek(first * rows_ND.shape[1] * 4)
            file.write(np.ascontiguousarray(rows_ND, np.float32).tobytes())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise not_written(path, error) from error


def load(path: Path, width: int, rows_N: NDArray[np.int64]) -> Floats:
    """The rows named, [N, D]; zeros where the number is −1. Rows in order are mapped, not copied.

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
