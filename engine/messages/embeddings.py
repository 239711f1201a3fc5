"""Embeddings: vectors as points, a token's neighbours, analogies, and paths through the layers."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.status import Notice

# The open model's embedding matrix; the built-in word vectors; vectors from a file of the user.
VectorSource = Literal["model", "word2vec", "own"]


@dataclass(frozen=True, slots=True)
class EmbeddingNames:
    """The names of the points, in their order."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    kinds: tuple[str, ...]  # as in Tokens; for word vectors what the word names: animal, food, …
    rows: int = 0  # rows that could be points; more than there are points if these are a sample
    values: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # numbers of the points: norm, own columns


@dataclass(frozen=True, slots=True)
class EmbeddingMap:
    points: NDArray[np.float32]  # [n, dims]
    explained: tuple[float, ...]  # PCA: share of the variance along each axis; else empty
    fraction: float  # share of the steps done, 0..1


@dataclass(frozen=True, slots=True)
class Region:
    """A group of points that are close to each other and whose vectors have similar directions."""

    pieces: tuple[str, ...]  # frequent words of the group, which name it
    kind: str  # if all its words are of one kind of thing, such as animal; else ""
    centre: NDArray[np.float32]  # [dims]: median of the points
    members: int
    cosine: float  # mean cosine of the members to their mean direction


@dataclass(frozen=True, slots=True)
class EmbeddingRegions:
    regions: tuple[Region, ...]  # the largest first


@dataclass(frozen=True, slots=True)
class Project(Request[EmbeddingNames | Notice | EmbeddingMap | EmbeddingRegions]):
    """Project the rows of a matrix of vectors: answers EmbeddingNames, EmbeddingMap…, and EmbeddingRegions if wanted.

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
    regions: bool = False  # name the regions of the map


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
    count: int = 20
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class NearTokens:
    """Tokens in the order of their cosine, the nearest first."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    cosines: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AskedWord:
    """The tokens by which a word was looked up; its vector is the mean of theirs."""

    ids: tuple[int, ...]
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Analogy:
    """The tokens nearest to A − B + C, and the plane through B that is spanned by A − B and C − B."""

    asked: tuple[AskedWord, AskedWord, AskedWord]
    near: NearTokens
    plane: NDArray[np.float32]  # [4 + near, 2]: A, B, C, A − B + C, and the nearest at its length; B is at 0
    rows: int  # of the matrix
    width: int


@dataclass(frozen=True, slots=True)
class FindAnalogy(Request[Analogy]):
    """Find the tokens nearest to A − B + C. Each is a word: the mean of its tokens if there are several."""

    a: str
    b: str
    c: str
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class Triples:
    """Words A, B, C, D of which D is the nearest to A − B + C."""

    words: tuple[tuple[str, str, str, str], ...]
    tried: int = 0  # how many were tried; a word that is not one row cannot be


@dataclass(frozen=True, slots=True)
class FindTriples(Request[Triples]):
    """Find well-known analogies that come out in these vectors, those in `language` first."""

    count: int = 4
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class WordAxis:
    """The cosine of each row on the map with the difference B − A: negative like A, positive like B."""

    names: EmbeddingNames
    cosines: NDArray[np.float32]
    asked: tuple[AskedWord, AskedWord]


@dataclass(frozen=True, slots=True)
class ProjectOnAxis(Request[WordAxis]):
    """Project all rows on the axis from word A to word B."""

    a: str
    b: str
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class OwnVectors:
    file: str
    rows: int
    width: int


@dataclass(frozen=True, slots=True)
class OpenVectors(Request[OwnVectors]):
    """Read vectors from a file: .npy, or .tsv with a row a line, and their names from the .tsv or .txt `labels`.

    Without `labels`, a file of labels is looked for beside the vectors: metadata.tsv, or NAME.labels.tsv.
    """

    path: str
    labels: str = ""


@dataclass(frozen=True, slots=True)
class TurnedVectors:
    """The open model's vectors and those of the pinned A, rotated as a whole onto them, in one plane."""

    names: EmbeddingNames
    now: NDArray[np.float32]  # [n, dims]
    then: NDArray[np.float32]  # [n, dims]
    explained: tuple[float, ...]  # share of the variance of both along each axis
    degrees: NDArray[np.float64]  # [n]: the angle between the two vectors, in all dimensions
    chance: float  # median angle if A's vectors are in a random order, and are rotated then
    width: int  # of the vectors


@dataclass(frozen=True, slots=True)
class CompareVectors(Request[TurnedVectors]):
    """Compare the rows of the embedding matrix with A's. `most` and `wanted` are those of Project.

    Fails with error.no_pinned or, if A has another tokenizer, with error.other_tokens.
    """

    dims: Literal[2, 3] = 2
    most: int = 2000
    wanted: tuple[int, ...] = ()
