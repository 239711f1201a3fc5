"""Documents, searching them and asking them: requests and what comes back.

The engine keeps one collection open. A passage is known by its index among the N passages of that
collection, which changes when documents do: CollectionInfo.version tells.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Arguments

SearchMode = Literal["vector", "keyword", "hybrid"]

# --- Collections ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCollection:
    """-> CollectionInfo. With `create`, a folder that holds none becomes one."""

    folder: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    folder: str
    version: int  # another one: indices of passages are no longer what they were
    documents: int
    skipped: int  # files that could not be read
    passages: int
    with_vectors: int  # of them; the others are found by keywords until they have theirs
    fitted: int  # passages that the embedder was fitted to; 0 if it is not fitted
    embedder: str  # "lsa", "model", "word2vec", "encoder"; "" while there is none
    embedder_folder: str  # of the model behind it, or ""
    embedder_step: int  # of its training, when these vectors were made; 0 if not known
    width: int  # numbers a vector; 0 while the embedder cannot be opened: asking says why
    index: str  # "exact", "approximate", "server"
    size: int  # of passages, in widths: a Japanese character counts for two
    overlap: int
    bytes: int  # on the disk


@dataclass(frozen=True, slots=True)
class AddDocuments:
    """-> IndexProgress…, CollectionInfo. Files and folders; without any, those added before are looked at again.

    Only what is new, changed or gone is touched. Cancelling keeps what was reported as done.
    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CutDocuments:
    """-> IndexProgress…, CollectionInfo: all documents in passages of another size."""

    size: int
    overlap: int


@dataclass(frozen=True, slots=True)
class ChooseEmbedder:
    """-> IndexProgress…, CollectionInfo: all vectors anew. "model" is the open model; "encoder" needs its folder."""

    embedder: Literal["lsa", "model", "word2vec", "encoder"]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class IndexProgress:
    stage: str  # a key under "progress.": "reading", "cutting", "fitting", "embedding", "linking"
    done: int
    total: int
    seconds_left: float | None  # None: not known yet
    name: str  # of the file just read, or ""


@dataclass(frozen=True, slots=True)
class RemoveDocuments:
    """-> CollectionInfo. The files stay where they are, and are left out from now on unless they are added by name."""

    documents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ListDocuments:
    """-> DocumentPage…, in the order of their paths; files that could not be read come behind the others."""


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    document: int  # its number; -1: not read
    path: str
    bytes: int
    characters: int
    passages: int
    reason: str = ""  # a key under "error." with its arguments: why it was not read
    arguments: Arguments | None = None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    start: int
    total: int
    entries: tuple[DocumentEntry, ...]


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """-> DocumentText: the document, or of a long one the part around `around`."""

    document: int
    around: int = 0  # a character


@dataclass(frozen=True, slots=True)
class DocumentText:
    document: int
    path: str
    text: str  # of at most 200,000 characters
    first: int  # where in the document it begins
    characters: int  # of the whole document
    passages: NDArray[np.int32]  # [n, 3]: index, start and end (characters of the document) of those in this part
    editable: bool  # a plain text that is here in whole


@dataclass(frozen=True, slots=True)
class EditDocument:
    """-> IndexProgress…, CollectionInfo: `text` becomes the file's, in the encoding that it has."""

    document: int
    text: str


# --- Searching ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Search:
    """-> SearchResult, ScoreRows…"""

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"


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
class ListPassages:
    """-> Passages, in the order asked for. Of their texts the first `most` characters."""

    indices: tuple[int, ...]
    most: int = 120


@dataclass(frozen=True, slots=True)
class Passages:
    version: int
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class CompareVectors:
    """-> VectorPair, for cos θ = A·B / (|A| |B|) worked through."""

    question: str
    index: int


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
class MapPassages:
    """-> PassageMap: vectors of the passages in their principal plane, with the question among them."""

    question: str = ""
    dims: int = 2
    most: int = 20_000  # of more passages, so many spread evenly


@dataclass(frozen=True, slots=True)
class PassageMap:
    version: int
    indices: NDArray[np.int32]  # [n]
    documents: NDArray[np.int32]  # [n]
    points: NDArray[np.float32]  # [n, dims]
    question: NDArray[np.float32]  # [dims]; [0] without a question
    explained: tuple[float, ...]  # share of the variance along each axis


# --- Asking ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """-> SearchResult, ScoreRows…, PromptBuilt, AnswerTokens…, Answered, AnswerAttention, then the same without
    sources: PromptBuilt, AnswerTokens…, Answered with `sourced` false.

    By the open model. Without one, or with one that cannot answer from a text, the best sentence is the answer.
    """

    question: str
    k: int = 5
    mode: SearchMode = "hybrid"
    tokens: int = 120  # of the answer, at most


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
class AnswerAttention:
    """How much each token of the answer looked at each part of the prompt: mean over layers and heads.

    Rows sum to 1: the sources in the order of the hits, then instructions and question, then the answer itself.
    """

    weights: NDArray[np.float32]  # [tokens of the answer, hits + 2]


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
