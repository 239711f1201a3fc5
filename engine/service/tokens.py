"""Handlers of the Tokens pane."""

from collections.abc import Hashable
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeStep,
    MergeSteps,
    ReplayMerges,
    Split,
    Tokenize,
    TokenizerColumn,
    Tokens,
    Vocabulary,
)
from engine.model import bundled
from engine.service.answer import AFTER_OTHERS, Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.text.comparison import TRAINED
from engine.text.merges import MergeReplay
from engine.text.reading import read_all
from engine.text.tokenizer import Tokenizer
from engine.text.unigram import Unigram

SAMPLE = 1_000_000  # characters of the opened text in which tokens are counted
TRAINED_ON = 300_000  # characters for the tokenizers of the comparison
COMPARED = 2000  # characters whose tokens are sent
# Of TOKENIZERS: those that are trained in milliseconds, read in a second (SmolLM2's) and trained in one (Unigram).
CHEAPEST_FIRST = ("model", "characters", "utf8", "scripts", "bytes", "smollm2", "unigram")
DEAR = ("smollm2", "unigram")
SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
LONGEST_TEXT = 20_000  # characters of the shared text that are tokenized
MOST_TOKENS = 30_000  # most tokens of the shared text: an unknown character may be four


def tokenize(session: Session, request: Tokenize) -> Answer[Tokens]:
    yield _tokens(session.opened, request.text)


def _tokens(opened: OpenedModel, text: str) -> Tokens:
    """Tokenize the beginning of a text; cached, because several requests use the same text."""

    def cut() -> Tokens:
        tokens = opened.tokenizer.tokens(text[:LONGEST_TEXT])
        if len(tokens.ids) > MOST_TOKENS:
            tokens = opened.tokenizer.tokens(tokens.text[: tokens.starts[MOST_TOKENS]])
        return tokens

    return opened.cached("tokens", text, cut)


def replay_merges(session: Session, request: ReplayMerges) -> Answer[MergeSteps]:
    tokenizer = _tokenizer(session, request.tokenizer, request)
    yield None
    if tokenizer is None:
        return
    model = request.tokenizer == "model"
    tokens = _tokens(session.opened, request.text) if model else tokenizer.tokens(request.text[:COMPARED])
    if request.token >= len(tokens.ids):
        return
    if tokens.kinds[request.token] == "special":
        yield MergeSteps(request.token, tokens.pieces[request.token], request.token, ())
        return
    cache = session.opened if model else session
    merges, unigram = cache.cached(
        f"merges {request.tokenizer}",
        (request.paths, request.encoding),
        lambda: (MergeReplay(tokenizer), Unigram(tokenizer)),
    )
    yield None
    word = tokens.text, int(tokens.starts[request.token]), int(tokens.ends[request.token])
    sample = _sample(session, request.paths, request.encoding, request.text)
    steps = tuple(
        MergeStep(step.pieces, step.merged, step.place, step.rank, sample.count(step.merged) if step.merged else 0)
        for step in merges.steps(*word)
    )
    splits, span = unigram.splits(*word)
    start, end = merges.span(*word) if steps else span
    found = tuple(Split(pieces, score) for score, pieces in splits)
    first = int(np.searchsorted(tokens.starts, start))
    yield MergeSteps(request.token, tokens.text[start:end], first, steps, found)


def compare_tokenizers(session: Session, request: CompareTokenizers) -> Answer[TokenizerColumn]:
    for name in CHEAPEST_FIRST:
        if name in DEAR and not session.has(*_key(name, request)):
            yield AFTER_OTHERS
        tokenizer = _tokenizer(session, name, request)
        yield None
        if tokenizer is not None:
            yield _column(name, tokenizer, request)


def _tokenizer(session: Session, name: str, request: CompareTokenizers | ReplayMerges) -> Tokenizer | None:
    """Return a tokenizer by its name in TOKENIZERS; None for SmolLM2's if it is not there or is the open model's."""
    opened = session.opened.tokenizer
    if name == "model":
        return opened
    if name == "smollm2":
        found = session.cached(*_key(name, request), _smollm2)
        return None if found is None or found.same_as(opened) else found

    def train() -> Tokenizer:
        ours = "".join(path.read_text("utf-8") for path in sorted(SAMPLES.glob("*.txt")))
        return TRAINED[name](_sample(session, request.paths, request.encoding, "")[:TRAINED_ON] + ours)

    return session.cached(*_key(name, request), train)


def _key(name: str, request: CompareTokenizers | ReplayMerges) -> tuple[str, Hashable]:
    """Return the name in the cache, and what a trained tokenizer depends on."""
    return f"tokenizer {name}", None if name == "smollm2" else (request.paths, request.encoding)


def _smollm2() -> Tokenizer | None:
    try:
        return Tokenizer.load(bundled.find(bundled.NAME))
    except EngineError:
        return None  # it is not installed


def _column(name: str, tokenizer: Tokenizer, request: CompareTokenizers) -> TokenizerColumn:
    return TokenizerColumn(
        name=name,
        vocabulary=tokenizer.vocabulary,
        count=len(tokenizer.encode(request.text)),
        characters=len(request.text),
        tokens=tokenizer.tokens(request.text[:COMPARED]),
        english=len(tokenizer.encode(request.english)),
        japanese=len(tokenizer.encode(request.japanese)),
    )


def list_vocabulary(session: Session, request: ListVocabulary) -> Answer[Vocabulary]:
    tokenizer = session.opened.tokenizer
    text_ids = tokenizer.encode_array(_sample(session, request.paths, request.encoding, request.text))
    yield None
    ids = range(tokenizer.vocabulary)
    yield Vocabulary(
        pieces=tuple(map(tokenizer.piece, ids)),
        data=tuple(map(tokenizer.token_bytes, ids)),
        kinds=tokenizer.kinds,
        counts=np.bincount(text_ids, minlength=tokenizer.vocabulary),
    )


def _sample(session: Session, paths: tuple[str, ...], encoding: str, otherwise: str) -> str:
    """Return the beginning of the opened texts, read once, or `otherwise` if none is open."""
    if not paths:
        return otherwise
    return session.cached("sample", (paths, encoding), lambda: _beginning(paths, encoding))


def _beginning(paths: tuple[str, ...], encoding: str) -> str:
    parts, length = list[str](), 0
    for chunk in read_all(paths, encoding):
        parts.append(chunk[: SAMPLE - length])
        length += len(parts[-1])
        if length >= SAMPLE:
            break
    return "".join(parts)


HANDLERS: Handlers = {
    Tokenize: tokenize,
    ReplayMerges: replay_merges,
    CompareTokenizers: compare_tokenizers,
    ListVocabulary: list_vocabulary,
}
