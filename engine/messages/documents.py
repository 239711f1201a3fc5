"""Documents: the open collection, what is in it, and changing it.

The engine keeps one collection open.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Arguments, Request


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
class OpenCollection(Request[CollectionInfo]):
    """-> CollectionInfo. With `create`, a folder that holds none becomes one."""

    folder: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class IndexProgress:
    stage: str  # a key under "progress.": "reading", "cutting", "fitting", "embedding", "linking"
    done: int
    total: int
    seconds_left: float | None  # None: not known yet
    name: str  # of the file just read, or ""


@dataclass(frozen=True, slots=True)
class AddDocuments(Request[IndexProgress | CollectionInfo]):
    """-> IndexProgress…, CollectionInfo. Files and folders; without any, those added before are looked at again.

    Only what is new, changed or gone is touched. Cancelling keeps what was reported as done.
    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CutDocuments(Request[IndexProgress | CollectionInfo]):
    """-> IndexProgress…, CollectionInfo: all documents in passages of another size."""

    size: int
    overlap: int


@dataclass(frozen=True, slots=True)
class ChooseEmbedder(Request[IndexProgress | CollectionInfo]):
    """-> IndexProgress…, CollectionInfo: all vectors anew. "model" is the open model; "encoder" needs its folder."""

    embedder: Literal["lsa", "model", "word2vec", "encoder"]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class RemoveDocuments(Request[CollectionInfo]):
    """-> CollectionInfo. The files stay where they are, and are left out from now on unless they are added by name."""

    documents: tuple[int, ...]


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
class ListDocuments(Request[DocumentPage]):
    """-> DocumentPage…, in the order of their paths; files that could not be read come behind the others."""


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
class ReadDocument(Request[DocumentText]):
    """-> DocumentText: the document, or of a long one the part around `around`."""

    document: int
    around: int = 0  # a character


@dataclass(frozen=True, slots=True)
class EditDocument(Request[IndexProgress | CollectionInfo]):
    """-> IndexProgress…, CollectionInfo: `text` becomes the file's, in the encoding that it has."""

    document: int
    text: str
