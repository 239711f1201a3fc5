"""Handlers for searching: passages near a question, their scores and vectors, and answers."""

import time
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
    PassageMap,
    Passages,
    Search,
    SearchResult,
    VectorPair,
)
from engine.pace import Pace
from engine.retrieval.analysis import question_terms
from engine.retrieval.asking import Asking, extracted
from engine.retrieval.collection import Collection, Found
from engine.retrieval.extracting import Extractor
from engine.retrieval.prompts import style_for
from engine.service.answer import Answer, Handlers
from engine.service.session import Session

REPORT_SECONDS = 0.05
MOST_TERMS = 200


def search(session: Session, request: Search) -> Answer[SearchResult]:
    yield _search(session.collection, request)[0]


def _search(collection: Collection, request: Search | Ask) -> tuple[SearchResult, Found]:
    question, begun = request.question, time.perf_counter()
    found = collection.search(question, request.k, request.mode)
    seconds, now = time.perf_counter() - begun, found.now
    extractor = Extractor(now.keywords)
    terms = tuple(dict.fromkeys(question_terms(question)))[:MOST_TERMS]
    known = now.keywords.vocabulary
    best = [extractor.best_sentence(question, hit.passage.text) for hit in found.hits]
    nearest = max(range(len(best)), key=lambda source: best[source][1], default=-1)
    result = SearchResult(
        question=question,
        version=now.version,
        terms=terms,
        weights=np.array([now.keywords.idf_V[known[t]] if t in known else 0.0 for t in terms], np.float32),
        vector=found.query_D,
        hits=tuple(replace(hit, best=span) for hit, (span, _) in zip(found.hits, best, strict=True)),
        index=now.index,
        seconds=seconds,
        cosines_N=found.cosines_N if len(found.cosines_N) else np.zeros_like(found.scores_N),
        keyword_N=found.keyword_N,
        scores_N=found.scores_N,
        nearest=nearest if nearest >= 0 and best[nearest][1] > 0 else -1,
    )
    return result, found


def list_passages(session: Session, request: ListPassages) -> Answer[Passages]:
    collection = session.collection
    now = collection.snapshot()
    known = [index for index in request.indices if 0 <= index < len(now.table.ids)]
    passages = [collection.passage(now, index) for index in known]
    yield Passages(now.version, tuple(replace(p, text=p.text[: request.most]) for p in passages))


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
    shown = shown[np.isfinite(now.vectors_ND[shown]).all(axis=1)]
    rows_ND = now.vectors_ND[shown]
    points, explained = principal_plane(rows_ND, request.dims)
    question = np.zeros(0, np.float32)
    if request.question.strip():
        question = _project(points, rows_ND, now.embed_question(request.question))
    documents = now.table.documents[shown].astype(np.int32)
    yield PassageMap(now.version, shown.astype(np.int32), documents, points, question, explained)


def _project(points_NP: Points, rows_ND: Points, vector_D: Points) -> Points:
    """Project a vector onto the plane of the rows: the axes are X'P / |P|², X centred, because P = X · axes."""
    mean_D = rows_ND.mean(axis=0)
    axes_DP = (rows_ND - mean_D).T @ points_NP / np.maximum((points_NP**2).sum(axis=0), 1e-12)
    return np.asarray((vector_D - mean_D) @ axes_DP, np.float32)


def ask(session: Session, request: Ask) -> Answer[AskReport]:
    """Answer a question. Tokens are collected into at most twenty reports a second."""
    result, found = _search(session.collection, request)
    yield result
    opened = session.opened_or_none
    extractor = Extractor(found.now.keywords)
    if opened is None:
        yield extracted(request.question, found.hits, extractor, "notice.answer_no_model")
        return
    able = opened.cached("can answer", opened.version, dict[str, bool])
    folder, size = opened.info.folder, opened.model.config.parameters()
    style = opened.cached("prompt style", folder, lambda: style_for(Path(folder), size))
    asking = Asking(opened.reader, opened.tokenizer, style, extractor, able)
    waiting, pace = list[AnswerToken](), Pace(REPORT_SECONDS)
    for event in asking.ask(request.question, found.hits, request.tokens):
        if session.opened_or_none is not opened:
            return  # another model has been opened
        if isinstance(event, AnswerTokens):
            waiting += event.tokens
            if not pace.due():
                yield None
                continue
            event, waiting = replace(event, tokens=tuple(waiting)), []
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
