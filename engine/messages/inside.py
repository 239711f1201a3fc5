"""Looking inside a model: requests and what comes back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.work import Candidates, SamplingSettings, Tokens

UNCHANGED = SamplingSettings(temperature=1.0)  # the model's own probabilities


@dataclass(frozen=True, slots=True)
class Attend:
    """-> AttentionLayer, one a layer, of the text; of long texts the last `most` tokens."""

    text: str
    most: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """The weights of all heads of one layer.

    Beyond POOLED tokens only pictures are sent: of each small square of weights the strongest. The exact
    ones of a head come by AttendHead.
    """

    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    layer: int
    layers: int
    weights: NDArray[np.float16]  # [head, query, key]


POOLED = 128


@dataclass(frozen=True, slots=True)
class AttendHead:
    """-> AttentionRows, one after another, of the same tokens as Attend."""

    text: str
    layer: int
    head: int
    most: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionRows:
    start: int  # the first of these queries
    weights: NDArray[np.float16]  # [query, key]


@dataclass(frozen=True, slots=True)
class ExplainAttention:
    """-> AttentionSteps for one query, all heads of a layer; tokens as in Attend, `query` counts from `first`."""

    text: str
    layer: int
    query: int
    most: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionSteps:
    """H heads, G groups that share keys and values, S keys up to the query, K numbers a head, D width.

    Of the S keys the `first_key`-th is the first that is sent: a message holds 1 MB.
    """

    layer: int
    query: int
    first_key: int
    input: NDArray[np.float32]  # [D]
    q: NDArray[np.float32]  # [H, K]
    k: NDArray[np.float32]  # [G, S, K]
    v: NDArray[np.float32]  # [G, S, K]
    scaled: NDArray[np.float32]  # [H, S]: q·k / sqrt(K)
    weights: NDArray[np.float32]  # [H, S]
    heads: NDArray[np.float32]  # [H, K]


@dataclass(frozen=True, slots=True)
class ScoreHeads:
    """-> HeadScores of the open model, measured on repeated random tokens."""


HEAD_KINDS = ("previous", "first", "same", "induction")


@dataclass(frozen=True, slots=True)
class HeadScores:
    scores: NDArray[np.float32]  # [len(HEAD_KINDS), layer, head], shares 0..1 of the attention


VectorSource = Literal["model", "word2vec"]  # the open model's embedding matrix; the word vectors that Nakami brings


@dataclass(frozen=True, slots=True)
class Project:
    """-> EmbeddingNames…, then EmbeddingMap: the rows of a matrix of vectors as points.

    PCA gives one map, t-SNE (two dimensions only) and UMAP one after another as the points move.
    """

    method: Literal["pca", "tsne", "umap"] = "pca"
    dims: Literal[2, 3] = 2
    most: int = 2000  # points: the tokens with the lowest IDs, without the 256 single bytes
    source: VectorSource = "model"
    language: str = "ja"  # of the words, where they are word vectors


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
class TracePaths:
    """-> EmbeddingPaths: the tokens of a text on their way through the layers; the last `most` tokens."""

    text: str
    dims: Literal[2, 3] = 2
    most: int = 48


@dataclass(frozen=True, slots=True)
class EmbeddingPaths:
    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    kinds: tuple[str, ...]
    points: NDArray[np.float32]  # [layers + 1, token, dims]: before the first layer, and behind each
    explained: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LookUp:
    """-> TokenRow: a token's (or word's) row of the matrix, and what is near."""

    id: int
    count: int = 12
    source: VectorSource = "model"
    language: str = "ja"


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: int
    piece: str
    rows: int  # of the matrix
    vector: NDArray[np.float32]  # [width]
    near: "NearTokens"


@dataclass(frozen=True, slots=True)
class FindAnalogy:
    """-> NearTokens: what a − b + c leads to. Each is a word; of several tokens the mean is taken."""

    a: str
    b: str
    c: str
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
class Trace:
    """-> MachineTrace of the text with the tokens `chosen` behind it; nothing if there is no token.

    The model sees what it sees when it writes on; the last `most` tokens (up to 32) are reported. The draw is
    the one that `Generate` makes with the same sampling and seed.
    """

    text: str
    chosen: tuple[int, ...] = ()
    most: int = 12
    sampling: SamplingSettings = UNCHANGED
    seed: int = 1
    candidates: int = 8


@dataclass(frozen=True, slots=True)
class MachineTrace:
    """One pass through the whole model: T tokens, L layers.

    Vectors of more than 64 numbers are shown as 64 means over equal parts, in order: that is n.
    """

    pieces: tuple[str, ...]
    ids: NDArray[np.int32]
    first: int  # index of the first token shown, in text + chosen
    seen: int  # tokens that the model sees: at most its context
    embedding: NDArray[np.float32]  # [T, n]: what enters the first layer
    attention: NDArray[np.float16]  # [L, query, key]: mean over the heads; earlier tokens hold the rest of a row
    norms: NDArray[np.float32]  # [L + 1, T]: length of the residual, behind the embedding and behind each layer
    mlp: NDArray[np.float32]  # [L, n]: activations of the last token
    strongest: NDArray[np.int32]  # [L]: its feature with the largest magnitude …
    strongest_values: NDArray[np.float32]  # [L]: … and that feature's activation
    features: int  # how many there are in each layer
    width: int  # numbers a vector really has
    final: NDArray[np.float32]  # [n]: the last token's vector behind the final norm
    lowest: float  # logit
    highest: float
    histogram: NDArray[np.int32]  # how many logits lie in each of 32 equal steps from the lowest to the highest
    candidates: Candidates


# --- Tokens in full -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplayMerges:
    """-> MergeSteps of the word in which a token stands, counted in the beginning of `paths`, or in the text."""

    text: str
    token: int
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeStep:
    pieces: tuple[str, ...]  # behind this merge
    merged: str  # the new piece; "" at the beginning
    rank: int  # of the merge: 0 was learned first; -1 at the beginning
    count: int  # how often the new piece's characters stand in the text


@dataclass(frozen=True, slots=True)
class MergeSteps:
    token: int
    steps: tuple[MergeStep, ...]  # none for tokenizers that do not merge


@dataclass(frozen=True, slots=True)
class CompareTokenizers:
    """-> TokenizerColumn: the open model's tokenizer, and three learned from the beginning of `paths`."""

    text: str
    english: str
    japanese: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenizerColumn:
    name: str  # "model", "characters", "bytes", "scripts"
    vocabulary: int
    count: int  # tokens of the text
    characters: int
    tokens: Tokens  # of the text's beginning
    english: int  # tokens of the sentence in English …
    japanese: int  # … and of the same in Japanese


@dataclass(frozen=True, slots=True)
class ListVocabulary:
    """-> VocabularyPage…: all tokens of the open model, counted in the beginning of `paths`, or in the text."""

    text: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VocabularyPage:
    start: int  # the ID of the first
    total: int
    pieces: tuple[str, ...]
    data: tuple[bytes, ...]
    kinds: tuple[str, ...]
    counts: NDArray[np.int64]
