"""Handlers of the Tokens pane."""

from pathlib import Path

import numpy as np

from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeStep,
    MergeSteps,
    ReplayMerges,
    Tokenize,
    TokenizerColumn,
    Tokens,
    Vocabulary,
)
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.text.comparison import tokenizers_to_compare
from engine.text.merges import MergeReplay
from engine.text.reading import read_all
from engine.text.tokenizer import Tokenizer

SAMPLE = 1_000_000  # characters of the opened text in which tokens are counted
TRAINED_ON = 300_000  # characters for the tokenizers of the comparison
COMPARED = 2000  # characters whose tokens are sent
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
    opened = session.opened
    tokens = _tokens(opened, request.text)
    if request.token >= len(tokens.ids):
        return
    replay = opened.cached("merges", None, lambda: MergeReplay(opened.tokenizer))
    yield None
    start, end = int(tokens.starts[request.token]), int(tokens.ends[request.token])
    sample = _sample(session, request.paths, request.encoding, request.text)
    steps = [
        MergeStep(step.pieces, step.merged, step.rank, sample.count(step.merged) if step.merged else 0)
        for step in replay.steps(tokens.text, start, end)
    ]
    yield MergeSteps(request.token, tuple(steps))


def compare_tokenizers(session: Session, request: CompareTokenizers) -> Answer[TokenizerColumn]:
    """Yield the open model's column, then those of tokenizers trained on the opened text and Nakami's samples."""

    def train() -> dict[str, Tokenizer]:
        ours = "".join(path.read_text("utf-8") for path in sorted(SAMPLES.glob("*.txt")))
        return tokenizers_to_compare(_sample(session, request.paths, request.encoding, "")[:TRAINED_ON] + ours)

    others = session.cached("compared", (request.paths, request.encoding), train)
    yield None
    for name, tokenizer in ({"model": session.opened.tokenizer} | others).items():
        yield _column(name, tokenizer, request)


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
