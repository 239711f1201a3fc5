"""Searching documents, and answering questions from them.

A passage is known by its index among the N passages of the collection, which changes when documents do:
CollectionInfo.version tells.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request

SearchMode = Literal["vector", "keyword", "hybrid"]


@dataclass(frozen=True, slots=True)
class Passage:
    index: int
    document: int
    path: str
    chunk: int  # its place in its document
    page: int  # from 1; 0 in files without pages
    heading: str
    start: int  # characters of the document
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    passage: Passage
    score: float  # by which it was ranked
    cosine: float
    keyword: float  # BM25
    best: tuple[int, int]  # the sentence nearest to the question: characters of passage.text


@dataclass(frozen=True, slots=True)
class SearchResult:
    question: str
    version: int
    terms: tuple[str, ...]  # what keyword search looked for …
    weights: NDArray[np.float32]  # … the rarity (inverse document frequency) of each; 0: it stands nowhere
    vector: NDArray[np.float32]  # [width], of length 1; [0] while there are no vectors
    hits: tuple[SearchHit, ...]  # best first
    passages: int  # N
    index: str  # what found the nearest: "exact", "approximate", "server"
    seconds: float


@dataclass(frozen=True, slots=True)
class ScoreRows:
    """Of passages start, start + 1, …: one number each. Every passage's, not only the hits'.

    Cosines are NaN where an approximate index did not look.
    """

    start: int
    cosines: NDArray[np.float32]
    keyword: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Search(Request[SearchResult | ScoreRows]):
    """-> SearchResult, ScoreRows…"""

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"


@dataclass(frozen=True, slots=True)
class Passages:
    version: int
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class ListPassages(Request[Passages]):
    """-> Passages, in the order asked for. Of their texts the first `most` characters."""

    indices: tuple[int, ...]
    most: int = 120


@dataclass(frozen=True, slots=True)
class VectorPair:
    index: int
    question: NDArray[np.float32]  # A
    passage: NDArray[np.float32]  # B
    products: NDArray[np.float32]  # each number of A times the same of B: their sum is A·B
    dot: float
    lengths: tuple[float, float]
    cosine: float


@dataclass(frozen=True, slots=True)
class CompareVectors(Request[VectorPair]):
    """-> VectorPair, for cos θ = A·B / (|A| |B|) worked through."""

    question: str
    index: int


@dataclass(frozen=True, slots=True)
class PassageMap:
    version: int
    indices: NDArray[np.int32]  # [n]
    documents: NDArray[np.int32]  # [n]
    points: NDArray[np.float32]  # [n, dims]
    question: NDArray[np.float32]  # [dims]; [0] without a question
    explained: tuple[float, ...]  # share of the variance along each axis


@dataclass(frozen=True, slots=True)
class MapPassages(Request[PassageMap]):
    """-> PassageMap: vectors of the passages in their principal plane, with the question among them."""

    question: str = ""
    dims: int = 2
    most: int = 20_000  # of more passages, so many spread evenly


@dataclass(frozen=True, slots=True)
class PromptPart:
    start: int  # characters of the prompt
    end: int
    source: int  # the hit it comes from, counted from 0; -1: instructions and the question


@dataclass(frozen=True, slots=True)
class LeftOut:
    source: int  # a hit that is not in the prompt, or not in whole
    characters: int  # of it that are missing
    whole: bool  # none of it is there


@dataclass(frozen=True, slots=True)
class PromptBuilt:
    sourced: bool
    text: str
    parts: tuple[PromptPart, ...]
    tokens: int
    context: int  # tokens that the model sees, prompt and answer together
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class AnswerToken:
    id: int
    piece: str
    text: str  # what it adds to the answer
    probability: float


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    sourced: bool
    tokens: tuple[AnswerToken, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    start: int  # characters of the answer
    end: int
    source: int  # the hit that says so
    source_start: int  # characters of that passage's text
    source_end: int


@dataclass(frozen=True, slots=True)
class Answered:
    """`kind`: "written" by the model; "extracted", the best sentence of the passages, because `reason` says why.

    `reason` is a key under "notice." or "".
    """

    sourced: bool
    kind: Literal["written", "extracted"]
    text: str
    citations: tuple[Citation, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AnswerAttention:
    """How much each token of the answer looked at each part of the prompt: mean over layers and heads.

    Rows sum to 1: the sources in the order of the hits, then instructions and question, then the answer itself.
    """

    weights: NDArray[np.float32]  # [tokens of the answer, hits + 2]


AskReport = SearchResult | ScoreRows | PromptBuilt | AnswerTokens | Answered | AnswerAttention


@dataclass(frozen=True, slots=True)
class Ask(Request[AskReport]):
    """-> SearchResult, ScoreRows…, PromptBuilt, AnswerTokens…, Answered, AnswerAttention, then the same without
    sources: PromptBuilt, AnswerTokens…, Answered with `sourced` false.

    By the open model. Without one, or with one that cannot answer from a text, the best sentence is the answer.
    """

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"
    tokens: int = 120  # of the answer, at most
