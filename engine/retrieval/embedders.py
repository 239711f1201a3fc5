"""What turns a text into a vector, behind one small interface."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.lsa import Lsa

Floats = NDArray[np.float32]


class Embedder(Protocol):
    name: str

    @property
    def width(self) -> int: ...

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        """[texts, D], each row of length 1 (or 0 where nothing is known of a text)."""
        ...


def embedder_file(folder: Path, fit: int) -> Path:
    return folder / f"lsa-{fit}.safetensors"


def load_embedder(folder: Path, fit: int, about: Any) -> Embedder | None:
    """The one that a collection's vectors were made with; None before there are any."""
    if not fit:
        return None
    return Lsa.load(embedder_file(folder, fit))
