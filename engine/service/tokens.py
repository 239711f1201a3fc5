"""What the Tokens pane asks for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeStep,
    MergeSteps,
    ReplayMerges,
    Tokenize,
    TokenizerColumn,
    Tokens,
    VocabularyPage,
)
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.text.comparison import rivals
from engine.text.merges import MergeReplay
from engine.text.reading import read_all
from engine.text.tokenizer import Tokenizer

SAMPLE = 1_000_000  # characters of the opened text that are counted
TAUGHT = 300_000  # characters that the tokenizers of the comparison learn from
COMPARED = 2000  # characters whose tokens are sent
PAGE = 5000  # tokens of a vocabulary a message
SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
LONGEST_TEXT = 20_000  # characters of the shared text that are cut into tokens
MOST_TOKENS = 30_000  # of it: characters that a model never saw are up to four each


def replay_merges(session: Session, request: ReplayMerges) -> Answer[MergeSteps]:
    opened = session.opened
    tokens = opened.tokenizer.tokens(request.text)
    if request.token >= len(tokens.ids):
        return
    replay = opened.cached("merges", None, lambda: MergeReplay(opened.tokenizer))
    yield None
    start, end = int(tokens.starts[request.token]), int(tokens.ends[request.token])
    sample = _sample(session, request.paths, request.text)
    steps = [
        MergeStep(step.pieces, step.merged, step.rank, sample.count(step.merged) if step.merged else 0)
        for step in replay.steps(tokens.text, start, end)
    ]
    yield MergeSteps(request.token, tuple(steps))


def compare_tokenizers(session: Session, request: CompareTokenizers) -> Answer[TokenizerColumn]:
    """The open model's first, then those learned from the opened text and from Nakami's own samples."""

    def train() -> dict[str, Tokenizer]:
        ours = "".join(path.read_text("utf-8") for path in sorted(SAMPLES.glob("*.txt")))
        return rivals(_sample(session, request.paths, "")[:TAUGHT] + ours)

    others = session.cached("rivals", request.paths, train)
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


def list_vocabulary(session: Session, request: ListVocabulary) -> Answer[VocabularyPage]:
    opened = session.opened
    counts = _counts(opened, _sample(session, request.paths, request.text))
    yield None
    total = opened.tokenizer.vocabulary
    for start in range(0, total, PAGE):
        ids = range(start, min(start + PAGE, total))
        yield VocabularyPage(
            start=start,
            total=total,
            pieces=tuple(map(opened.tokenizer.piece, ids)),
            data=tuple(map(opened.tokenizer.token_bytes, ids)),
            kinds=tuple(map(opened.tokenizer.kind_of, ids)),
            counts=counts[start : start + PAGE],
        )


def _counts(opened: OpenedModel, text: str) -> NDArray[np.int64]:
    """How often each token stands in the text."""
    return np.bincount(opened.tokenizer.encode_array(text), minlength=opened.tokenizer.vocabulary)


def _sample(session: Session, paths: tuple[str, ...], otherwise: str) -> str:
    """The beginning of the opened texts, read once; without any, another text."""
    if not paths:
        return otherwise
    return session.cached("sample", paths, lambda: _beginning(paths))


def _beginning(paths: tuple[str, ...]) -> str:
    parts, length = list[str](), 0
    for chunk in read_all(paths):
        parts.append(chunk[: SAMPLE - length])
        length += len(parts[-1])
        if length >= SAMPLE:
            break
    return "".join(parts)


def tokenize(session: Session, request: Tokenize) -> Answer[Tokens]:
    tokenizer = session.opened.tokenizer
    tokens = tokenizer.tokens(request.text[:LONGEST_TEXT])
    if len(tokens.ids) > MOST_TOKENS:
        tokens = tokenizer.tokens(tokens.text[: tokens.starts[MOST_TOKENS]])
    yield tokens


HANDLERS: Handlers = {
    Tokenize: tokenize,
    ReplayMerges: replay_merges,
    CompareTokenizers: compare_tokenizers,
    ListVocabulary: list_vocabulary,
}
