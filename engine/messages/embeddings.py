"""Embeddings: vectors as points, a token's neighbours, analogies, and paths through the layers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request

VectorSource = Literal["model", "word2vec"]  # the open model's embedding matrix; the word vectors that Nakami brings


@dataclass(frozen=True, slots=True)
class EmbeddingNames:
    """A page of the names of the points, from the `start`-th on."""

    start: int
    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    kinds: tuple[str, ...]  # as in Tokens; of word vectors what the word means: animal, food, …


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    points: NDArray[np.float32]  # [n, dims]
    explained: tuple[float, ...]  # PCA: share of the variance along each axis; else empty
    fraction: float  # of the way, 0..1


@dataclass(frozen=True, slots=True)
class Project(Request[EmbeddingNames | EmbeddingMap]):
    """-> EmbeddingNames…, then EmbeddingMap: the rows of a matrix of vectors as points.

    PCA gives one map, t-SNE (two dimensions only) and UMAP one after another as the points move.
    """

    method: Literal["pca", "tsne", "umap"] = "pca"
    dims: Literal[2, 3] = 2
    most: int = 2000  # points: the tokens with the lowest IDs, without the 256 single bytes
    source: VectorSource = "model"
    language: str = "ja"  # of the words, where they are word vectors


@dataclass(frozen=True, slots=True)
class EmbeddingPaths:
    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    kinds: tuple[str, ...]
    points: NDArray[np.float32]  # [layers + 1, token, dims]: before the first layer, and behind each
    explained: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TracePaths(Request[EmbeddingPaths]):
    """-> EmbeddingPaths: the tokens of a text on their way through the layers; the last `most` tokens."""

    text: str
    dims: Literal[2, 3] = 2
    most: int = 48


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: int
    piece: str
    rows: int  # of the matrix
    vector: NDArray[np.float32]  # [width]
    near: "NearTokens"


@dataclass(frozen=True, slots=True)
class LookUp(Request[TokenRow]):
    """-> TokenRow: a token's (or word's) row of the matrix, and what is near."""

    id: int
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class NearTokens:
    """The nearest first, by cosine."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    cosines: NDArray[np.float32]
    asked: tuple[tuple[int, ...], ...] = ()  # the tokens of a, b and c


@dataclass(frozen=True, slots=True)
class FindAnalogy(Request[NearTokens]):
    """-> NearTokens: what a − b + c leads to. Each is a word; of several tokens the mean is taken."""

    a: str
    b: str
    c: str
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"
