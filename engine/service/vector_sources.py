"""The matrices of vectors that the Embeddings pane shows: the open model's, the built-in words', those of a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.history.word2vec import BUILTIN, Word2Vec
from engine.inspection.vector_files import VectorFile
from engine.inspection.vectors import Floats
from engine.messages.embeddings import AskedWord, VectorSource
from engine.service.session import OpenedModel, Session
from engine.text.scripts import kind_of
from engine.text.world.examples import kinds
from engine.text.world.facts import Language

OWN = "own vectors"  # name in the session's cache


class OfSource(Protocol):
    """A request that names a source of vectors."""

    @property
    def source(self) -> VectorSource: ...
    @property
    def language(self) -> str: ...


@dataclass(frozen=True)
class Source:
    """A matrix of vectors [V, D], and the names of its rows."""

    rows_VD: Floats
    shown: NDArray[np.int32]  # the rows that are points on the map, in order of importance
    piece: Callable[[int], str]
    kind: Callable[[int], str]
    find: Callable[[str], tuple[int, ...]]  # the rows of a word; () if it has none
    excluded: Sequence[int] = ()  # rows that are not offered as neighbours
    values: dict[str, Floats] = field(default_factory=dict)  # further numbers of each row

    def asked(self, word: str) -> AskedWord:
        """Return the rows of a word. Raises EngineError: error.word_empty, error.word_unknown."""
        if not word.strip():
            raise EngineError("error.word_empty")
        rows = self.find(word)
        if not rows:
            raise EngineError("error.word_unknown", word=word.strip())
        return AskedWord(rows, tuple(map(self.piece, rows)))


def source_of(session: Session, request: OfSource) -> Source:
    """Return the vectors that a request names. Raises EngineError error.no_model, error.vectors_none."""
    if request.source == "word2vec":
        return _word_vectors(_word2vec(session), "en" if request.language == "en" else "ja")
    if request.source == "own":
        own: Source | None = session.cached(OWN, None, lambda: None)
        if own is None:
            raise EngineError("error.vectors_none")
        return own
    return embedding_of(session.opened)


def own_source(file: VectorFile) -> Source:
    """Return the vectors of a file as a source."""
    row_of = {name.strip().lower(): row for row, name in reversed(list(enumerate(file.names)))}
    row_of |= {name.strip(): row for row, name in reversed(list(enumerate(file.names)))}

    def find(word: str) -> tuple[int, ...]:
        row = row_of.get(word.strip(), row_of.get(word.strip().lower()))
        return () if row is None else (row,)

    shown = np.arange(len(file.names), dtype=np.int32)
    return Source(
        file.rows_VD, shown, file.names.__getitem__, lambda i: kind_of(file.names[i]), find, values=file.values
    )


def _word2vec(session: Session) -> Word2Vec:
    """Return the word vectors that come with Nakami, read when they are first needed. Raises as Word2Vec.load."""
    return session.cached("word2vec", None, lambda: Word2Vec.load(BUILTIN))


def embedding_of(opened: OpenedModel) -> Source:
    """Return the rows of a model's embedding matrix as a source."""
    tokenizer = opened.tokenizer
    weight = opened.model.embedding.weight.detach()[: tokenizer.vocabulary]  # without the rows that pad it
    shown, excluded = opened.cached("shown rows", len(weight), lambda: _shown_rows(tokenizer.kinds[: len(weight)]))
    return Source(
        rows_VD=weight.float().cpu().numpy(),
        shown=shown,
        piece=tokenizer.piece,
        kind=tokenizer.kinds.__getitem__,
        find=lambda word: tokens_of(opened, word),
        excluded=excluded,
    )


def _shown_rows(kinds: Sequence[str]) -> tuple[NDArray[np.int32], list[int]]:
    """Return the IDs of the tokens on the map, and those of all others.

    Bytes are rare in training, so that their vectors are hardly trained; special tokens are no text.
    """
    hidden = [i for i, kind in enumerate(kinds) if kind in ("byte", "special")]
    if len(hidden) == len(kinds):
        hidden = []
    return np.delete(np.arange(len(kinds), dtype=np.int32), hidden), hidden


def _word_vectors(words: Word2Vec, language: Language) -> Source:
    """Show the words of one language that name a kind of thing, such as an animal; leave out all others."""
    kind_of = {word: kind for kind, found in kinds(language).items() for word in found}
    shown = [i for i, word in enumerate(words.words) if word in kind_of]

    def find(word: str) -> tuple[int, ...]:
        index = words.index(word)
        return () if index is None else (index,)

    return Source(
        rows_VD=words.vectors_VD,
        shown=np.array(shown, np.int32),
        piece=words.words.__getitem__,
        kind=lambda i: kind_of.get(words.words[i], "other"),
        find=find,
        excluded=[i for i, word in enumerate(words.words) if word not in kind_of],
    )


def tokens_of(opened: OpenedModel, word: str) -> tuple[int, ...]:
    """Return a word's tokens: those after a space, as most words of a text are, unless that makes more of them."""
    word = word.strip()
    kind_of, encode = opened.tokenizer.kind_of, opened.tokenizer.encode
    ways = [tuple(i for i in encode(text) if kind_of(i) not in ("special", "space")) for text in (f" {word}", word)]
    return min(ways, key=len) if word else ()
