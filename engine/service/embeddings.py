"""Handlers of embeddings: maps, paths through the layers, nearest neighbours, analogies."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.inspection.aligning import turn
from engine.inspection.attention import batch_of
from engine.inspection.projection import Points, Shares, align_axes, principal_plane, token_paths, tsne, umap
from engine.inspection.regions import NAMING, Group, find_groups, grouped_by, is_compact
from engine.inspection.vector_files import read_vectors
from engine.inspection.vectors import (
    Floats,
    Found,
    analogy,
    analogy_plane,
    cosines,
    has_direction,
    nearest,
    word_vector,
)
from engine.messages.embeddings import (
    Analogy,
    CompareVectors,
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    EmbeddingRegions,
    FindAnalogy,
    FindTriples,
    LookUp,
    NearTokens,
    OpenVectors,
    OwnVectors,
    Project,
    ProjectOnAxis,
    Region,
    TokenRow,
    TracePaths,
    Triples,
    TurnedVectors,
    WordAxis,
)
from engine.messages.models import shortened
from engine.messages.status import Notice
from engine.model.tape import Tape
from engine.service.answer import AFTER_OTHERS, Answer, Handlers
from engine.service.attention import tokens_shown
from engine.service.session import OpenedModel, Session
from engine.service.vector_sources import OWN, Source, embedding_of, own_source, source_of

MOST = {"pca": 60_000, "tsne": 5000, "umap": 20_000}  # points
GROUPED = 8192  # words among which regions are found: frequent and evenly spaced ones, as on the map
# A piece is part of a word if a longer one that begins with it follows soon in the vocabulary: BPE has made the longer
# one of it, as " citizen" of " citiz", because it occurs in hardly any other word.
LATER = 3.0
IN_NAME = 3  # words that name a region
# Analogies A − B + C = D in words that most models know.
TRIPLES = {
    "en": (
        ("king", "man", "woman", "queen"),
        ("Paris", "France", "Japan", "Tokyo"),
        ("kitten", "cat", "dog", "puppy"),
        ("boy", "man", "woman", "girl"),
        ("walking", "walk", "swim", "swimming"),
        ("prince", "king", "queen", "princess"),
        ("Paris", "France", "Germany", "Berlin"),
        ("cats", "cat", "dog", "dogs"),
        ("Rome", "Italy", "England", "London"),
        ("bigger", "big", "small", "smaller"),
    ),
    "ja": (
        ("王", "男", "女", "女王"),
        ("東京", "日本", "フランス", "パリ"),
        ("少年", "男", "女", "少女"),
        ("子犬", "犬", "猫", "子猫"),
        ("王子", "王", "女王", "王女"),
        ("父", "男", "女", "母"),
    ),
}


def project(session: Session, request: Project) -> Answer[EmbeddingNames | Notice | EmbeddingMap | EmbeddingRegions]:
    source = source_of(session, request)
    ids = sample_of(source.shown, min(request.most, MOST[request.method]), request.wanted)
    rows = source.rows_VD[ids]
    usable = np.isfinite(rows).all(axis=1) if request.method == "pca" else has_direction(rows)
    left_out, ids = [source.piece(i) for i in ids[~usable].tolist()], ids[usable]
    if left_out:
        yield Notice("notice.rows_left_out", {"count": len(left_out), "names": shortened(left_out)})
    names, rows = _names(source, ids), source.rows_VD[ids]
    yield names
    opened = session.opened if request.source == "model" else None
    for points, explained, fraction in _maps(opened, request, rows):
        yield EmbeddingMap(points, explained, fraction)
        if fraction >= 1.0 and request.regions:
            yield AFTER_OTHERS
            yield EmbeddingRegions(tuple(_regions(names, rows, points, request.source == "word2vec")))


def _names(source: Source, ids: NDArray[np.int32]) -> EmbeddingNames:
    pieces, kinds = (tuple(map(of, ids.tolist())) for of in (source.piece, source.kind))
    rows_ND = source.rows_VD[ids]
    with np.errstate(all="ignore"):
        values = {"norm": np.sqrt(np.einsum("nd,nd->n", rows_ND, rows_ND))}
    values |= {name: column[ids] for name, column in source.values.items() if name not in values}
    return EmbeddingNames(ids, pieces, kinds, len(source.shown), values)


def _regions(names: EmbeddingNames, rows: Floats, points: Points, by_kind: bool) -> list[Region]:
    """Return the named regions of a map, the largest first: of things of one kind, or of words of similar vectors."""
    words = sample_of(np.array(_words(names.pieces), np.int32), GROUPED, ())
    if not len(words):
        return []
    rows, points = rows[words], points[words]
    if by_kind:
        groups = grouped_by([names.kinds[i] for i in words.tolist()], rows)
    else:
        groups = {str(n): group for n, group in enumerate(find_groups(rows))}
    found = []
    for kind, group in groups.items():
        if is_compact(group.members, points):
            centre = np.median(points[group.members], axis=0).astype(np.float32)
            pieces = _name_of(group, [names.pieces[i] for i in words[group.members[:NAMING]].tolist()], words)
            found.append(Region(pieces, kind if by_kind else "", centre, len(group.members), group.cosine))
    return sorted(found, key=lambda region: -region.members)


def _name_of(group: Group, typical: list[str], words: NDArray[np.int32]) -> tuple[str, ...]:
    """Return the most frequent of a group's most typical words, which differ by more than capitals."""
    by_frequency = [typical[i] for i in np.argsort(words[group.members[:NAMING]], kind="stable").tolist()]
    return tuple({word.strip().lower(): word.strip() for word in reversed(by_frequency)}.values())[::-1][:IN_NAME]


def _words(pieces: Sequence[str]) -> list[int]:
    """Return which pieces are words: of at least three letters, after a space if there are such ones."""
    letters = [i for i, piece in enumerate(pieces) if (word := piece.strip()).isalpha() and _is_long(word)]
    if not any(pieces[i].startswith(" ") for i in letters):
        return letters
    spaced = [i for i in letters if pieces[i].startswith(" ") or not pieces[i].strip().isascii()]
    first: dict[str, int] = {}  # for each beginning of a piece the first longer piece that begins so
    for i in spaced:
        for end in range(3, len(pieces[i])):
            first.setdefault(pieces[i][:end], i)
    return [i for i in spaced if first.get(pieces[i], np.inf) > LATER * i]


def _is_long(word: str) -> bool:
    return len(word) > 2 or not word.isascii()


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
            points, explained = _aligned(opened, "map", points, explained)
        yield points, explained, 1.0
        return
    moving = tsne(rows) if request.method == "tsne" else umap(rows, request.dims)
    for points, fraction in moving:
        yield points, (), fraction


def _aligned(opened: OpenedModel, name: str, points: Points, explained: Shares) -> tuple[Points, Shares]:
    """Return the points with their axes in the order and the directions of the map before of this name."""
    before = opened.cached(name, points.shape, lambda: points)
    points, explained = align_axes(points, explained, before)
    opened.replace(name, points.shape, points)
    return points, explained


def compare_vectors(session: Session, request: CompareVectors) -> Answer[TurnedVectors]:
    opened, pinned = session.side(pinned=False), session.side(pinned=True)
    if not opened.tokenizer.same_as(pinned.tokenizer):
        raise EngineError("error.other_tokens")
    source = embedding_of(opened)
    ids = sample_of(source.shown, request.most, request.wanted)
    now, then = source.rows_VD, embedding_of(pinned).rows_VD
    ids = ids[has_direction(now[ids]) & has_direction(then[ids])]
    turned = turn(now[ids], then[ids])
    both = np.concatenate([np.pad(now[ids], ((0, 0), (0, turned.then_ND.shape[1] - now.shape[1]))), turned.then_ND])
    points, explained = _aligned(opened, "turned", *principal_plane(both, request.dims))
    halves = points[: len(ids)], points[len(ids) :]
    yield TurnedVectors(_names(source, ids), *halves, explained, turned.degrees_N, turned.chance, both.shape[1])


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
    source = source_of(session, request)
    rows = source.rows_VD
    if not 0 <= request.id < len(rows):
        raise EngineError("error.ids", ids=request.id, most=len(rows) - 1)
    vector = rows[request.id].copy()
    near = _near(source, nearest(rows, vector, request.count, {request.id, *source.excluded}))
    yield TokenRow(request.id, source.piece(request.id), len(rows), vector, near)


def find_analogy(session: Session, request: FindAnalogy) -> Answer[Analogy]:
    source = source_of(session, request)
    words = (request.a, request.b, request.c)
    if not all(word.strip() for word in words):
        raise EngineError("error.analogy_empty")
    a, b, c = asked = (source.asked(request.a), source.asked(request.b), source.asked(request.c))
    for word, rows in zip(words, asked, strict=True):
        if not has_direction(source.rows_VD[list(rows.ids)]).all():
            raise EngineError("error.no_direction", word=word.strip())
    found = analogy(source.rows_VD, list(a.ids), list(b.ids), list(c.ids), request.count, source.excluded)
    a_D, b_D, c_D = (word_vector(source.rows_VD, word.ids) for word in asked)
    plane = analogy_plane(a_D, b_D, c_D, source.rows_VD[found[0]])
    yield Analogy(asked, _near(source, found), plane, *source.rows_VD.shape)


def find_triples(session: Session, request: FindTriples) -> Answer[Triples]:
    """Answer with the first of TRIPLES of which each word is one row, and D is the nearest to A − B + C."""
    source, works, tried = source_of(session, request), list[tuple[str, str, str, str]](), 0
    first, then = ("en", "ja") if request.language == "en" else ("ja", "en")
    for triple in (*TRIPLES[first], *TRIPLES[then]):
        rows = [source.find(word) for word in triple]
        if all(len(row) == 1 and has_direction(source.rows_VD[list(row)]).all() for row in rows):
            tried += 1
            a, b, c, d = rows
            ids, _ = analogy(source.rows_VD, list(a), list(b), list(c), 1, source.excluded)
            if len(ids) and source.piece(int(ids[0])).strip().lower() == source.piece(d[0]).strip().lower():
                works.append(triple)
            yield None
        if len(works) == request.count:
            break
    yield Triples(tuple(works), tried)


def project_on_axis(session: Session, request: ProjectOnAxis) -> Answer[WordAxis]:
    source = source_of(session, request)
    a, b = source.asked(request.a), source.asked(request.b)
    rows = source.rows_VD
    way_D = word_vector(rows, b.ids) - word_vector(rows, a.ids)
    if not has_direction(way_D) or set(a.ids) == set(b.ids):
        raise EngineError("error.axis_none", a=request.a.strip(), b=request.b.strip())
    ids = source.shown[has_direction(rows[source.shown])]
    along = cosines(rows[ids], way_D)
    yield WordAxis(_names(source, ids), along, (a, b))


def open_vectors(session: Session, request: OpenVectors) -> Answer[OwnVectors]:
    read = yield from read_vectors(Path(request.path), Path(request.labels) if request.labels else None)
    session.replace(OWN, None, own_source(read))
    yield OwnVectors(request.path, *read.rows_VD.shape)


def _near(source: Source, found: Found) -> NearTokens:
    ids, near = found
    return NearTokens(ids.astype(np.int32), tuple(map(source.piece, ids.tolist())), near.astype(np.float32))


HANDLERS: Handlers = {
    Project: project,
    CompareVectors: compare_vectors,
    TracePaths: trace_paths,
    LookUp: look_up,
    FindAnalogy: find_analogy,
    FindTriples: find_triples,
    ProjectOnAxis: project_on_axis,
    OpenVectors: open_vectors,
}
