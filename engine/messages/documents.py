"""The open collection of documents: its content, and changes of it. The engine keeps one collection open."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Arguments, Request


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    folder: str
    version: int  # a new version invalidates the indices of passages
    documents: int
    skipped: int  # files that could not be read
    uncounted: int  # documents that keyword search does not find until SplitDocuments has counted their terms again
    passages: int
    with_vectors: int  # passages that have a vector; until then the others are found by keywords only
    fitted: int  # passages that the embedder was fitted to; 0 if it needs no fitting
    embedder: str  # "lsa", "minilm", "model", "word2vec", "encoder"; "" while there is none
    embedder_folder: str  # folder of the model that makes the vectors, or ""
    embedder_step: int  # training step of that model when these vectors were made; 0: unknown
    width: int  # components of a vector; 0 if the embedder cannot be opened: a search raises the reason
    index: str  # "exact", "approximate", "server"
    size: int  # size of passages, in widths: a Japanese character counts as two
    overlap: int  # overlap of neighbouring passages, in widths
    bytes: int  # size on disk


@dataclass(frozen=True, slots=True)
class OpenCollection(Request[CollectionInfo]):
    """Open a collection; with `create`, make one if the folder contains none."""

    folder: str
    create: bool = False


@dataclass(frozen=True, slots=True)
class IndexProgress:
    stage: str  # a key under "progress.": "reading", "cutting", "fitting", "embedding", "linking"
    done: int
    total: int
    seconds_left: float | None  # None: not known yet
    name: str = ""  # name of the file just read


@dataclass(frozen=True, slots=True)
class AddDocuments(Request[IndexProgress | CollectionInfo]):
    """Add files and folders; without paths, bring those added before up to date.

    Only new, changed and deleted files are processed. Cancelling keeps what was reported as done.
    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitDocuments(Request[IndexProgress | CollectionInfo]):
    """Split all documents into passages of another size."""

    size: int
    overlap: int


@dataclass(frozen=True, slots=True)
class ChooseEmbedder(Request[IndexProgress | CollectionInfo]):
    """Recompute all vectors. "model" is the open model; "encoder" needs its folder, "minilm" an extra."""

    embedder: Literal["lsa", "minilm", "model", "word2vec", "encoder"]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class RemoveDocuments(Request[CollectionInfo]):
    """Remove documents from the collection but keep their files, which updates skip until they are added by name."""

    documents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document of the collection, or a file that could not be read."""

    document: int  # ID; -1 if the file was not read
    path: str
    bytes: int
    characters: int
    passages: int
    reason: str = ""  # why it was not read: a key under "error.", with its arguments
    arguments: Arguments | None = None
    encoding: str = ""  # name of a Python codec; "" for formats that are not plain text, such as PDF
    certain: bool = True  # False if the bytes fit several encodings about equally well
    replaced: int = 0  # places with invalid bytes; each reads as U+FFFD


@dataclass(frozen=True, slots=True)
class ListDocuments(Request[list[DocumentEntry]]):
    """List the documents in the order of their paths, then the files that could not be read."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    document: int
    path: str
    text: str  # at most 200,000 characters
    first: int  # offset of `text` in the document
    characters: int  # length of the whole document
    passages: NDArray[np.int32]  # [n, 3]: index, start and end (characters of the document) of those in this part
    editable: bool  # a plain text file, `text` is all of it, and every byte could be read
    encoding: str = ""  # these three as in DocumentEntry
    certain: bool = True
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class ReadDocument(Request[DocumentText]):
    """Read a document; of a long one, the part around a character."""

    document: int
    around: int = 0


@dataclass(frozen=True, slots=True)
class ChooseEncoding(Request[IndexProgress | CollectionInfo]):
    """Read a document again in `encoding`, also at later updates; "" detects it again.

    Raises EngineError: error.document_gone, error.encoding_unknown, error.not_text (the format has no encoding to
    choose).
    """

    document: int
    encoding: str


@dataclass(frozen=True, slots=True)
class EditDocument(Request[IndexProgress | CollectionInfo]):
    """Overwrite the document's file with `text`, keeping its encoding."""

    document: int
    text: str
