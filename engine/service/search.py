"""What the Search pane asks for: passages near a question, the numbers behind them, and answers."""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.inspection.projection import Points, principal_plane
from engine.messages.search import (
    Answered,
    AnswerToken,
    AnswerTokens,
    Ask,
    AskReport,
    CompareVectors,
    ListPassages,
    MapPassages,
    Passage,
    PassageMap,
    Passages,
    ScoreRows,
    Search,
    SearchHit,
    SearchMode,
    SearchResult,
    VectorPair,
)
from engine.retrieval.analysis import question_terms
from engine.retrieval.asking import Asking, extracted
from engine.retrieval.collection import Collection, Found, Hit
from engine.retrieval.extracting import Extractor
from engine.service.answer import Answer, Handlers
from engine.service.session import Session

REPORT_SECONDS = 0.05
SCORES = 50_000  # passages a message
MOST_TERMS = 200


def search(session: Session, request: Search) -> Answer[SearchResult | ScoreRows]:
    yield from _search(session.collection, request.question, request.k, request.mode)


def _search(
    collection: Collection, question: str, k: int, mode: SearchMode
) -> Generator[SearchResult | ScoreRows, None, Found]:
    """Yields what `messages.Search` promises; returns what was found."""
    begun = time.perf_counter()
    found = collection.search(question, k, mode)
    seconds, now = time.perf_counter() - begun, found.now
    extractor = Extractor(now.keywords)
    asked = tuple(dict.fromkeys(question_terms(question)))[:MOST_TERMS]
    known = now.keywords.vocabulary
    yield SearchResult(
        question=question,
        version=now.version,
        terms=asked,
        weights=np.array([now.keywords.idf_V[known[t]] if t in known else 0.0 for t in asked], np.float32),
        vector=found.query_D,
        hits=tuple(_hit(hit, extractor.best_sentence(question, hit.text)[0]) for hit in found.hits),
        passages=len(now.table.ids),
        index=now.index,
        seconds=seconds,
    )
    yield from _scores(found)
    return found


def _hit(hit: Hit, best: tuple[int, int]) -> SearchHit:
    return SearchHit(_passage(hit), hit.score, hit.cosine, hit.keyword, best)


def _passage(hit: Hit) -> Passage:
    return Passage(hit.index, hit.document, hit.file, hit.chunk, hit.page, hit.heading, hit.start, hit.end, hit.text)


def _scores(found: Found) -> Iterator[ScoreRows]:
    for start in range(0, len(found.scores_N), SCORES):
        part = slice(start, start + SCORES)
        cosines = found.cosines_N[part] if len(found.cosines_N) else np.zeros_like(found.scores_N[part])
        yield ScoreRows(start, cosines, found.keyword_N[part], found.scores_N[part])


def list_passages(session: Session, request: ListPassages) -> Answer[Passages]:
    collection = session.collection
    now = collection.snapshot()
    known = [index for index in request.indices if 0 <= index < len(now.table.ids)]
    for start in range(0, max(1, len(known)), 500):
        passages = [collection.passage(now, index) for index in known[start : start + 500]]
        yield Passages(now.version, tuple(_shortened(_passage(p), request.most) for p in passages))


def _shortened(passage: Passage, most: int) -> Passage:
    return replace(passage, text=passage.text[:most])


def compare_vectors(session: Session, request: CompareVectors) -> Answer[VectorPair]:
    now = session.collection.snapshot()
    if now.embedder is None or not 0 <= request.index < len(now.table.ids):
        return
    question_D, passage_D = now.embed_question(request.question), now.vectors_ND[request.index]
    products_D = question_D * passage_D
    lengths = float(np.linalg.norm(question_D)), float(np.linalg.norm(passage_D))
    dot = float(products_D.sum())
    cosine = dot / max(lengths[0] * lengths[1], 1e-12)
    yield VectorPair(request.index, question_D, np.array(passage_D), products_D, dot, lengths, cosine)


def map_passages(session: Session, request: MapPassages) -> Answer[PassageMap]:
    now = session.collection.snapshot()
    if now.embedder is None or not len(now.table.ids):
        return
    N = len(now.table.ids)
    shown = np.arange(N) if request.most >= N else np.linspace(0, N - 1, request.most).astype(np.intp)
    rows_ND = now.vectors_ND[shown]
    points, explained = principal_plane(rows_ND, request.dims)
    asked = np.zeros(0, np.float32)
    if request.question.strip():
        asked = _onto(points, rows_ND, now.embed_question(request.question))
    documents = now.table.documents[shown].astype(np.int32)
    yield PassageMap(now.version, shown.astype(np.int32), documents, points, asked, explained)


def _onto(points_NP: Points, rows_ND: Points, vector_D: Points) -> Points:
    """Where a vector lies in the plane of the rows: the axes are X'P / |P|², X centred, because P = X · axes."""
    mean_D = rows_ND.mean(axis=0)
    axes_DP = (rows_ND - mean_D).T @ points_NP / np.maximum((points_NP**2).sum(axis=0), 1e-12)
    return np.asarray((vector_D - mean_D) @ axes_DP, np.float32)


def ask(session: Session, request: Ask) -> Answer[AskReport]:
    """See messages.Ask. The tokens are gathered, so that reports leave at most twenty times a second."""
    found = yield from _search(session.collection, request.question, request.k, request.mode)
    opened = session.opened_or_none
    extractor = Extractor(found.now.keywords)
    if opened is None:
        yield extracted(request.question, found.hits, extractor, "notice.answer_no_model")
        return
    asking = Asking(opened.reader, opened.tokenizer, Path(opened.info.folder), extractor, opened.answers)
    waiting, said = list[AnswerToken](), 0.0
    for event in asking.ask(request.question, found.hits, request.tokens):
        if session.opened_or_none is not opened:
            return  # another model is open now
        if isinstance(event, AnswerTokens):
            waiting += event.tokens
            if time.perf_counter() - said < REPORT_SECONDS:
                yield None
                continue
            event, waiting, said = replace(event, tokens=tuple(waiting)), [], time.perf_counter()
        elif isinstance(event, Answered) and waiting:
            yield AnswerTokens(event.sourced, tuple(waiting))
            waiting = []
        yield event


HANDLERS: Handlers = {
    Search: search,
    ListPassages: list_passages,
    CompareVectors: compare_vectors,
    MapPassages: map_passages,
    Ask: ask,
}
