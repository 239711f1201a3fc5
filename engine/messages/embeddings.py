"""Embeddings: vectors as points, a token's neighbours, analogies, and paths through the layers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.status import Notice

VectorSource = Literal["model", "word2vec"]  # the open model's embedding matrix; the built-in word vectors


@dataclass(frozen=True, slots=True)
class EmbeddingNames:
    """The names of the points, in their order."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    kinds: tuple[str, ...]  # as in Tokens; for word vectors what the word names: animal, food, …
    rows: int = 0  # rows that could be points; more than there are points if these are a sample


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    points: NDArray[np.float32]  # [n, dims]
    explained: tuple[float, ...]  # PCA: share of the variance along each axis; else empty
    fraction: float  # share of the steps done, 0..1


@dataclass(frozen=True, slots=True)
class Project(Request[EmbeddingNames | Notice | EmbeddingMap]):
    """Project the rows of a matrix of vectors: answers EmbeddingNames, then EmbeddingMap….

    Rows that are NaN or infinite are left out, and for t-SNE and UMAP those without a direction; a Notice names them.

    PCA gives one map, t-SNE (two dimensions only) and UMAP one every few steps. Of more than `most` rows, or than the
    method can lay out, the map shows a sample: half of it those with the lowest IDs, which are frequent tokens, the
    others evenly spaced, and all rows of `wanted`.
    """

    method: Literal["pca", "tsne", "umap"] = "pca"
    dims: Literal[2, 3] = 2
    most: int = 2000  # points: tokens other than single bytes and special tokens
    source: VectorSource = "model"
    language: str = "ja"  # language of word vectors
    wanted: tuple[int, ...] = ()  # IDs of rows that must be among the points


@dataclass(frozen=True, slots=True)
class EmbeddingPaths:
    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    kinds: tuple[str, ...]
    points: NDArray[np.float32]  # [layers + 1, token, dims]: before the first layer, and after each
    explained: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TracePaths(Request[EmbeddingPaths]):
    """Project the residual streams of the last `most` tokens of a text, after each layer, as points."""

    text: str
    dims: Literal[2, 3] = 2
    most: int = 48


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: int
    piece: str
    rows: int  # number of rows of the matrix
    vector: NDArray[np.float32]  # [width]
    near: "NearTokens"


@dataclass(frozen=True, slots=True)
class LookUp(Request[TokenRow]):
    """Look up the row of a token or word, and its nearest neighbours."""

    id: int
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class NearTokens:
    """Tokens in the order of their cosine, the nearest first."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    cosines: NDArray[np.float32]
    asked: tuple[tuple[int, ...], ...] = ()  # the tokens of a, b and c


@dataclass(frozen=True, slots=True)
class FindAnalogy(Request[NearTokens]):
    """Find the tokens nearest to a − b + c. Each is a word: the mean of its tokens if there are several."""

    a: str
    b: str
    c: str
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"
