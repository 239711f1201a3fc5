"""What the Embeddings pane asks for."""

from collections.abc import Iterator

import numpy as np
import torch

from engine import messages as m
from engine.errors import EngineError
from engine.inspection.projection import Points, Shares, held_still, principal_plane, token_paths, tsne, umap
from engine.inspection.vectors import Floats, Found, analogy, nearest
from engine.model.tape import Tape
from engine.service.attention import tokens_shown
from engine.service.process import Answer
from engine.service.session import OpenedModel, Session

BYTES = 256  # the first tokens are single bytes: hardly ever met, they lie where they began
PAGE = 8000  # names a message
MOST = {"pca": 60_000, "tsne": 6000, "umap": 20_000}


def project(session: Session, request: m.Project) -> Answer:
    opened = session.opened
    first = min(BYTES, opened.tokenizer.vocabulary - 1)
    count = min(request.most, MOST[request.method], opened.tokenizer.vocabulary - first)
    ids = np.arange(first, first + count, dtype=np.int32)
    for start in range(0, count, PAGE):
        page = ids[start : start + PAGE]
        pieces = tuple(map(opened.tokenizer.piece, page.tolist()))
        yield m.EmbeddingNames(start, page, pieces, tuple(map(opened.tokenizer.kind_of, page.tolist())))
    rows = _rows(opened)[first : first + count]
    for points, explained, fraction in _maps(opened, request, rows):
        yield m.EmbeddingMap(points, explained, fraction)


def _maps(opened: OpenedModel, request: m.Project, rows: Floats) -> Iterator[tuple[Points, Shares, float]]:
    if request.method == "pca":
        points, explained = principal_plane(rows, request.dims)
        if opened.points is not None and opened.points.shape == points.shape:
            points, explained = held_still(points, explained, opened.points)
        opened.points = points
        yield points, explained, 1.0
        return
    moving = tsne(rows) if request.method == "tsne" else umap(rows, request.dims)
    for points, fraction in moving:
        yield points, (), fraction


def trace_paths(session: Session, request: m.TracePaths) -> Answer:
    opened = session.opened
    ids, first = tokens_shown(opened, request.text, request.most)
    if not ids:
        return
    last = opened.model.config.n_layers - 1
    names = [f"blocks.{i}.residual.before" for i in range(last + 1)] + [f"blocks.{last}.residual.after"]
    tape = Tape(names)
    opened.model.record(torch.tensor([ids], device=opened.model.head.weight.device), tape)
    states = np.stack([tape[name][0].float().cpu().numpy() for name in names])
    points, explained = token_paths(states, request.dims)
    pieces = tuple(map(opened.tokenizer.piece, ids))
    yield m.EmbeddingPaths(pieces, first, tuple(map(opened.tokenizer.kind_of, ids)), points, explained)


def look_up(session: Session, request: m.LookUp) -> Answer:
    opened, rows = session.opened, _rows(session.opened)
    if not 0 <= request.id < len(rows):
        raise EngineError("error.ids", ids=request.id, most=len(rows) - 1)
    vector = rows[request.id].copy()
    near = _near(opened, nearest(rows, vector, request.count, {request.id, *_bytes(opened)}))
    yield m.TokenRow(request.id, opened.tokenizer.piece(request.id), len(rows), vector, near)


def find_analogy(session: Session, request: m.FindAnalogy) -> Answer:
    opened = session.opened
    words = tuple(_word(opened, word) for word in (request.a, request.b, request.c))
    if not all(words):
        raise EngineError("error.analogy_empty")
    a, b, c = (list(word) for word in words)
    yield _near(opened, analogy(_rows(opened), a, b, c, request.count, _bytes(opened)), words)


def _bytes(opened: OpenedModel) -> range:
    """Single bytes are nobody's neighbours."""
    return range(BYTES if opened.tokenizer.kind != "foreign" else 0)


def _word(opened: OpenedModel, word: str) -> tuple[int, ...]:
    """Its tokens, as it stands behind a space if that makes fewer: most words were met so."""
    word = word.strip()
    kind_of, encode = opened.tokenizer.kind_of, opened.tokenizer.encode
    ways = [tuple(i for i in encode(text) if kind_of(i) not in ("special", "space")) for text in (word, f" {word}")]
    return min(ways, key=len) if word else ()


def _near(opened: OpenedModel, found: Found, asked: tuple[tuple[int, ...], ...] = ()) -> m.NearTokens:
    ids, cosines = found
    pieces = tuple(map(opened.tokenizer.piece, ids.tolist()))
    return m.NearTokens(ids.astype(np.int32), pieces, cosines.astype(np.float32), asked)


def _rows(opened: OpenedModel) -> Floats:
    """The matrix, without the rows that pad it."""
    rows: Floats = opened.model.embedding.weight.detach()[: opened.tokenizer.vocabulary].float().cpu().numpy()
    return rows
