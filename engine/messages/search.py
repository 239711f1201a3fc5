"""Searching documents, and answering questions from them.

A passage is identified by its index among the N passages of the collection. Indices are valid for one
`CollectionInfo.version`.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request

SearchMode = Literal["vector", "keyword", "hybrid"]


@dataclass(frozen=True, slots=True)
class Passage:
    index: int
    document: int
    path: str
    place: int  # number within its document, from 0
    page: int  # page number from 1; 0 in files without pages
    heading: str
    start: int  # characters of the document
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    passage: Passage
    score: float  # score by which hits are ranked
    cosine: float
    keyword: float  # BM25
    best: tuple[int, int] = (0, 0)  # the sentence nearest to the question: characters of passage.text


@dataclass(frozen=True, slots=True)
class SearchResult:
    question: str
    version: int
    terms: tuple[str, ...]  # terms that keyword search looked for
    weights: NDArray[np.float32]  # inverse document frequency of each term; 0: it does not occur
    vector: NDArray[np.float32]  # vector of the question: [width], of length 1; [0] while there are no vectors
    hits: tuple[SearchHit, ...]  # best first
    index: str  # search for the nearest vectors: "exact", "approximate", "server"
    seconds: float
    cosines_N: NDArray[np.float32]  # cosine with every passage; NaN if an approximate index did not compare it
    keyword_N: NDArray[np.float32]  # BM25
    scores_N: NDArray[np.float32]  # scores by which passages are ranked
    nearest: int = -1  # index of the hit with the sentence nearest to the question; -1: none shares a word with it


@dataclass(frozen=True, slots=True)
class Search(Request[SearchResult]):
    """Find the k passages that fit a question best."""

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"


@dataclass(frozen=True, slots=True)
class Passages:
    version: int
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class ListPassages(Request[Passages]):
    """List passages in the order of `indices`, with the first `most` characters of their texts."""

    indices: tuple[int, ...]
    most: int = 120


@dataclass(frozen=True, slots=True)
class VectorPair:
    index: int
    question: NDArray[np.float32]  # A
    passage: NDArray[np.float32]  # B
    products: NDArray[np.float32]  # A_i · B_i; their sum is A·B
    dot: float
    lengths: tuple[float, float]
    cosine: float


@dataclass(frozen=True, slots=True)
class CompareVectors(Request[VectorPair]):
    """Compare the vectors of a question and a passage: cos θ = A·B / (|A| |B|)."""

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
    """Project the vectors of the passages, and that of the question, onto the passages' principal plane."""

    question: str = ""
    dims: int = 2
    most: int = 20_000  # most passages; of more, an evenly spaced subset


@dataclass(frozen=True, slots=True)
class PromptPart:
    start: int  # characters of the prompt
    end: int
    source: int  # index of the hit that the part is taken from; -1: instructions and the question


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A hit that is not in the prompt, or only in part."""

    source: int
    characters: int  # number of missing characters
    whole: bool  # all of it is missing
    reason: Literal["far", "count", "room"] = "room"  # its score is low; the model takes no more; the prompt is full


@dataclass(frozen=True, slots=True)
class PromptBuilt:
    sourced: bool
    text: str
    parts: tuple[PromptPart, ...]
    tokens: int
    context: int  # tokens that the model attends to, prompt and answer together
    left_out: tuple[LeftOut, ...]
    nearest: float = 0.0  # share of the best hit's score that the other passages need


@dataclass(frozen=True, slots=True)
class AnswerToken:
    id: int
    piece: str
    text: str  # text that the token adds to the answer
    probability: float


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    sourced: bool
    tokens: tuple[AnswerToken, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """A sentence of the answer, and the sentence of a hit that supports it."""

    start: int  # characters of the answer
    end: int
    source: int  # index of the hit
    source_start: int  # characters of that passage's text
    source_end: int


@dataclass(frozen=True, slots=True)
class Answered:
    sourced: bool
    kind: Literal["written", "extracted"]  # written by the model, or the best sentence of the passages
    text: str
    citations: tuple[Citation, ...]
    reason: str = ""  # why it was extracted: a key under "notice."
    unsaid: tuple[tuple[int, int], ...] = ()  # the sentences of the text that no hit states


@dataclass(frozen=True, slots=True)
class AnswerAttention:
    """Attention of each token of the answer to each part of the prompt: the mean over layers and heads.

    Columns: the sources in the order of the hits, then instructions and question, then the answer itself. Rows
    sum to 1.
    """

    weights: NDArray[np.float32]  # [tokens of the answer, hits + 2]


AskReport = SearchResult | PromptBuilt | AnswerTokens | Answered | AnswerAttention


@dataclass(frozen=True, slots=True)
class Ask(Request[AskReport]):
    """Answer a question with the open model, from the passages found and then without them.

    Answers: SearchResult, PromptBuilt, AnswerTokens…, Answered, AnswerAttention; then PromptBuilt, AnswerTokens…,
    Answered with `sourced` false. Without a model that can answer from a text, the answer is the best sentence;
    where no passage was found, it is empty, with a reason.
    """

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"
    tokens: int = 120  # most tokens of the answer


@dataclass(frozen=True)
class AnswerRecord:
    """What has been received of one answer."""

    prompt: PromptBuilt | None = None
    tokens: tuple[AnswerToken, ...] = ()
    answered: Answered | None = None

    def after(self, report: PromptBuilt | AnswerTokens | Answered) -> "AnswerRecord":
        """Return the record with one more report."""
        if isinstance(report, PromptBuilt):
            return replace(self, prompt=report)
        if isinstance(report, AnswerTokens):
            return replace(self, tokens=self.tokens + report.tokens)
        return replace(self, answered=report)


@dataclass(frozen=True)
class AskRecord:
    """What has been received of the reports of one `Ask`."""

    result: SearchResult | None = None
    sourced: AnswerRecord = field(default_factory=AnswerRecord)
    unsourced: AnswerRecord = field(default_factory=AnswerRecord)
    attention: NDArray[np.float32] | None = None  # [tokens of the answer, hits + 2]

    def after(self, report: AskReport) -> Self:
        """Return the record with one more report."""
        if isinstance(report, SearchResult):
            return replace(self, result=report)
        if isinstance(report, AnswerAttention):
            return replace(self, attention=report.weights)
        if report.sourced:
            return replace(self, sourced=self.sourced.after(report))
        return replace(self, unsourced=self.unsourced.after(report))
