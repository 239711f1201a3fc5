"""Handlers of embeddings: maps, paths through the layers, nearest neighbours, analogies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.history.word2vec import BUILTIN, Word2Vec
from engine.inspection.attention import batch_of
from engine.inspection.projection import Points, Shares, align_axes, principal_plane, token_paths, tsne, umap
from engine.inspection.vectors import Floats, Found, analogy, has_direction, nearest
from engine.messages.embeddings import (
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    LookUp,
    NearTokens,
    Project,
    TokenRow,
    TracePaths,
)
from engine.messages.models import shortened
from engine.messages.status import Notice
from engine.model.tape import Tape
from engine.service.answer import Answer, Handlers
from engine.service.attention import tokens_shown
from engine.service.session import OpenedModel, Session
from engine.text.world.examples import kinds
from engine.text.world.facts import Language

MOST = {"pca": 60_000, "tsne": 5000, "umap": 20_000}  # points


@dataclass(frozen=True)
class Source:
    """A matrix of vectors [V, D], and the names of its rows."""

    rows_VD: Floats
    shown: NDArray[np.int32]  # the rows that are points on the map, in order of importance
    piece: Callable[[int], str]
    kind: Callable[[int], str]
    find: Callable[[str], tuple[int, ...]]  # the rows of a word; () if it has none
    excluded: Sequence[int] = ()  # rows that are not offered as neighbours


def _source(session: Session, request: Project | LookUp | FindAnalogy) -> Source:
    if request.source == "word2vec":
        return _word_vectors(_word2vec(session), "en" if request.language == "en" else "ja")
    return _embedding(session.opened)


def _word2vec(session: Session) -> Word2Vec:
    """Return the word vectors that come with Nakami, read when they are first needed. Raises as Word2Vec.load."""
    return session.cached("word2vec", None, lambda: Word2Vec.load(BUILTIN))


def _embedding(opened: OpenedModel) -> Source:
    tokenizer = opened.tokenizer
    weight = opened.model.embedding.weight.detach()[: tokenizer.vocabulary]  # without the rows that pad it
    shown, excluded = opened.cached("shown rows", len(weight), lambda: _shown_rows(tokenizer.kinds[: len(weight)]))
    return Source(
        rows_VD=weight.float().cpu().numpy(),
        shown=shown,
        piece=tokenizer.piece,
        kind=tokenizer.kinds.__getitem__,
        find=lambda word: _tokens_of(opened, word),
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


def project(session: Session, request: Project) -> Answer[EmbeddingNames | Notice | EmbeddingMap]:
    source = _source(session, request)
    ids = sample_of(source.shown, min(request.most, MOST[request.method]), request.wanted)
    rows = source.rows_VD[ids]
    usable = np.isfinite(rows).all(axis=1) if request.method == "pca" else has_direction(rows)
    left_out, ids = [source.piece(i) for i in ids[~usable].tolist()], ids[usable]
    if left_out:
        yield Notice("notice.rows_left_out", {"count": len(left_out), "names": shortened(left_out)})
    pieces, kinds = (tuple(map(of, ids.tolist())) for of in (source.piece, source.kind))
    yield EmbeddingNames(ids, pieces, kinds, len(source.shown))
    opened = session.opened if request.source == "model" else None
    for points, explained, fraction in _maps(opened, request, source.rows_VD[ids]):
        yield EmbeddingMap(points, explained, fraction)


def sample_of(ids: NDArray[np.int32], most: int, wanted: Sequence[int]) -> NDArray[np.int32]:
    """Return at most `most` of the IDs, in rising order, and those that are wanted; see Project."""
    if len(ids) <= most:
        return ids
    first = most // 2
    places = np.linspace(first, len(ids) - 1, most - first).astype(np.intp)
    chosen = np.isin(ids, np.array(wanted, np.int32))
    chosen[:first] = chosen[places] = True
    return ids[chosen]


def _maps(opened: OpenedModel | None, request: Project, rows: Floats) -> Iterator[tuple[Points, Shares, float]]:
    """Yield maps of the rows; while a model trains, the axes of each are aligned with those of the previous one."""
    if request.method == "pca":
        points, explained = principal_plane(rows, request.dims)
        if opened is not None:
            points, explained = align_axes(points, explained, opened.cached("map", points.shape, lambda: points))
            opened.replace("map", points.shape, points)
        yield points, explained, 1.0
        return
    moving = tsne(rows) if request.method == "tsne" else umap(rows, request.dims)
    for points, fraction in moving:
        yield points, (), fraction


def trace_paths(session: Session, request: TracePaths) -> Answer[EmbeddingPaths]:
    opened = session.opened
    ids, first = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    last = opened.model.config.n_layers - 1
    names = [f"blocks.{i}.resid_pre" for i in range(last + 1)] + [f"blocks.{last}.resid_post"]
    tape = Tape(names, changes=opened.changes)
    opened.model.record(batch_of(opened.model, ids), tape)
    states = np.stack([tape[name][0].float().cpu().numpy() for name in names])
    points, explained = token_paths(states, request.dims)
    pieces = tuple(map(opened.tokenizer.piece, ids))
    yield EmbeddingPaths(pieces, first, tuple(map(opened.tokenizer.kind_of, ids)), points, explained)


def look_up(session: Session, request: LookUp) -> Answer[TokenRow]:
    source = _source(session, request)
    rows = source.rows_VD
    if not 0 <= request.id < len(rows):
        raise EngineError("error.ids", ids=request.id, most=len(rows) - 1)
    vector = rows[request.id].copy()
    near = _near(source, nearest(rows, vector, request.count, {request.id, *source.excluded}))
    yield TokenRow(request.id, source.piece(request.id), len(rows), vector, near)


def find_analogy(session: Session, request: FindAnalogy) -> Answer[NearTokens]:
    source = _source(session, request)
    asked = (request.a, request.b, request.c)
    if not all(word.strip() for word in asked):
        raise EngineError("error.analogy_empty")
    words = tuple(source.find(word) for word in asked)
    for word, rows in zip(asked, words, strict=True):
        if not rows:
            raise EngineError("error.word_unknown", word=word.strip())
        if not has_direction(source.rows_VD[list(rows)]).all():
            raise EngineError("error.no_direction", word=word.strip())
    a, b, c = (list(word) for word in words)
    yield _near(source, analogy(source.rows_VD, a, b, c, request.count, source.excluded), words)


def _tokens_of(opened: OpenedModel, word: str) -> tuple[int, ...]:
    """Return a word's tokens: those after a space, as most words of a text are, unless that makes more of them."""
    word = word.strip()
    kind_of, encode = opened.tokenizer.kind_of, opened.tokenizer.encode
    ways = [tuple(i for i in encode(text) if kind_of(i) not in ("special", "space")) for text in (f" {word}", word)]
    return min(ways, key=len) if word else ()


def _near(source: Source, found: Found, asked: tuple[tuple[int, ...], ...] = ()) -> NearTokens:
    ids, cosines = found
    return NearTokens(ids.astype(np.int32), tuple(map(source.piece, ids.tolist())), cosines.astype(np.float32), asked)


HANDLERS: Handlers = {
    Project: project,
    TracePaths: trace_paths,
    LookUp: look_up,
    FindAnalogy: find_analogy,
}
