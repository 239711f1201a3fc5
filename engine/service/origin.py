"""Handlers of origin: the passages of the training text that a span of words may come from."""

import math
import re
from collections.abc import Generator, Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.inspection import origin
from engine.inspection.near_states import States, cosines, mean_states
from engine.inspection.scoring import mean_loss
from engine.messages.origin import (
    FindNear,
    FindOrigin,
    FoundRun,
    NearPassage,
    NearPassages,
    Origin,
    Place,
    Source,
    WriteWithout,
    WrittenWithout,
)
from engine.messages.status import Progress
from engine.model.opening import finish
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.service.training_text import reported, training_text

PLACES = 3  # of each run that are shown
AROUND = 90  # characters before and after
PART_AT_START, PART_AT_END = re.compile("^[A-Za-z]+(?=[^A-Za-z])"), re.compile("(?<=[^A-Za-z])[A-Za-z]+$")
PASSAGE, SHORTEST = 160, 12  # characters of a passage whose states are compared
PREDICTED = 16  # passages at most whose loss is measured
OPERATIONS, LEAST, MOST = 1.5e12, 2_000, 40_000  # for comparing states, and their tokens


@dataclass(frozen=True, slots=True)
class Searched:
    key: Hashable  # that of the text
    source: Source
    index: origin.TextIndex


def find_origin(session: Session, request: FindOrigin) -> Answer[Progress | Origin]:
    searched = yield from searched_text(session, request.paths, request.encoding)
    yield _origin(searched, request.span)


def searched_text(session: Session, paths: tuple[str, ...], encoding: str) -> Generator[Progress, None, Searched]:
    """Return the index of the open model's text, or that of `paths`. Raises as training_text."""
    found = yield from training_text(session, paths, encoding)
    kept: Searched | None = session.cached("origin", found.key, lambda: None)
    if kept is None:
        index = yield from reported("progress.origin_index", origin.build_index(found.text))
        kept = Searched(found.key, found.source, index)
        session.replace("origin", found.key, kept)
    return kept


def _origin(searched: Searched, span: str) -> Origin:
    index, spans = searched.index, [match.span() for match in origin.WORDS.finditer(span)][: origin.LONGEST]
    runs = origin.longest_runs(index, [span[start:end] for start, end in spans])
    chance = origin.chance(index, span)
    found = [
        FoundRun(
            start=spans[run.first][0],
            end=spans[run.first + run.length - 1][1],
            words=run.length,
            count=run.count,
            places=tuple(_place(index.text, start, end) for start, end in index.places(run, PLACES)),
        )
        for run in origin.maximal(runs)
    ]
    return Origin(
        span=span,
        source=searched.source,
        words=len(runs),
        longest=max((run.length for run in runs), default=0),
        chance=chance,
        covered=origin.covered(runs, chance + 1),
        verdict=origin.judge(runs, chance),
        runs=tuple(found),
    )


def _place(text: str, start: int, end: int) -> Place:
    """Return a place with what is around it, without the parts of words at its outer ends."""
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    if start > AROUND and text[start - AROUND - 1 : start - AROUND + 1].isalpha():
        before = PART_AT_START.sub("", before)
    if text[end + AROUND - 1 : end + AROUND + 1].isalpha() and end + AROUND < len(text):
        after = PART_AT_END.sub("", after)
    return Place(before, text[start:end], after, start)


def find_near(session: Session, request: FindNear) -> Answer[Progress | NearPassages]:
    """Compare the span's state with those of passages spread evenly over the text. Raises as its message says."""
    opened = session.opened
    searched = yield from searched_text(session, request.paths, request.encoding)
    words = set(origin.words_of(request.span))
    ids = opened.ids_of(request.span)[: opened.model.config.context]
    if not ids:
        raise EngineError("error.word_empty")
    own = finish(mean_states(opened.model, [ids], opened.changes))
    key = (searched.key, opened.version)
    kept: _Passages | None = opened.cached("near", key, lambda: None)
    if kept is None:
        spans, texts = _passages(opened, searched.index.text)
        steps = mean_states(opened.model, texts, opened.changes)
        # A training step would run at a `yield`:
        states = finish(steps) if opened.info.training else (yield from reported("progress.origin_near", steps))
        some = texts[:: -(-len(texts) // PREDICTED)] if texts else []
        kept = _Passages(spans, states, mean_loss(opened.model, some, opened.changes))
        opened.replace("near", key, kept)
    near_N, agreement = cosines(kept.states, own)
    passages: dict[str, NearPassage] = {}  # a sentence that is repeated counts once
    for index in np.argsort(-near_N, kind="stable").tolist():
        start, end = kept.spans[index]
        text = searched.index.text[start:end].strip()
        if text not in passages:
            have = origin.words_of(text)
            shared = sum(word in words for word in have) / max(1, len(have))
            passages[text] = NearPassage(text, start, float(near_N[index]), shared)
        if len(passages) == request.most:
            break
    usual = float(np.quantile(near_N, 0.99)) if len(near_N) else 0.0
    near, guessing = tuple(passages.values()), math.log(opened.tokenizer.vocabulary)
    yield NearPassages(request.span, near, len(kept.spans), kept.states.layer, usual, agreement, kept.loss, guessing)


@dataclass(frozen=True, slots=True, eq=False)
class _Passages:
    """Passages of the text, as its characters [start, end), their states, and the model's loss on some of them."""

    spans: list[tuple[int, int]]
    states: States
    loss: float


def _passages(opened: OpenedModel, text: str) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """Return passages spread evenly over a text, as characters and as tokens, as many as take some seconds."""
    spans = [
        (first, min(first + PASSAGE, end))
        for start, end in origin.sentences(text)
        for first in range(start, end, PASSAGE)
        if len(text[first : min(first + PASSAGE, end)].strip()) >= SHORTEST
    ]
    most_tokens = LEAST if opened.info.training else MOST  # training waits until all are read
    tokens = int(np.clip(OPERATIONS / (2 * opened.info.parameters), LEAST, most_tokens))
    most = max(1, tokens * 3 // PASSAGE)  # about three characters a token
    if len(spans) > most:
        spans = [spans[index] for index in np.linspace(0, len(spans) - 1, most).astype(int).tolist()]
    texts = [opened.tokenizer.encode(text[start:end].strip()) for start, end in spans]
    return spans, texts


def write_without(session: Session, request: WriteWithout) -> Answer[Progress | WrittenWithout]:
    """Write the text without the sentences of a span. Raises as its message says."""
    searched = yield from searched_text(session, request.paths, request.encoding)
    index, words = searched.index, origin.words_of(request.span)[: origin.LONGEST]
    chance = origin.chance(index, request.span)
    runs = [run for run in origin.maximal(origin.longest_runs(index, words)) if run.length > chance]
    if not runs:
        raise EngineError("error.nothing_to_remove")
    path, kept = Path(request.into), 0
    try:
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            for part in origin.without(index, runs):
                kept += file.write(part)
    except OSError as error:
        raise not_written(path, error) from error
    yield WrittenWithout(str(path), len(index.text) - kept)


HANDLERS: Handlers = {FindOrigin: find_origin, FindNear: find_near, WriteWithout: write_without}
