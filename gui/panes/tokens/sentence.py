"""The sentences of the Tokens pane, computed from what it shows."""

import numpy as np

from engine.messages.tokens import Tokens, Vocabulary
from gui.i18n import number, percent, t
from gui.text import visible
from gui.widgets.token_groups import groups_of, text_of


def of_split(tokens: Tokens) -> str:
    """Return what is special in how a text is split: a character of several tokens, or the longest token."""
    count, characters = len(tokens.ids), len(tokens.text)
    if not count or not characters:
        return ""
    figures = {"tokens": number(count), "characters": number(characters)}
    if count == 1:
        return t("pane.tokens.says.one", piece=visible(tokens.pieces[0]), **figures)
    widest = max(groups_of(tokens, most=count), key=len)
    if len(widest) > 1:
        words = {"text": visible(text_of(tokens, widest)), "parts": number(len(widest))}
        if characters == 1:
            return t("pane.tokens.says.alone", **words)
        return t("pane.tokens.says.bytes", **words, **figures)
    place = longest(tokens)
    length = int(tokens.ends[place] - tokens.starts[place])
    if length <= 1:
        return t("pane.tokens.says.single" if characters == count else "pane.tokens.says.plain", **figures)
    return t(
        "pane.tokens.says.longest",
        piece=visible(tokens.pieces[place]),
        length=number(length),
        **figures,
    )


def longest(tokens: Tokens) -> int:
    """Return the index of the token of the most characters, the first of several; special ones come last."""
    is_special = np.array([kind == "special" for kind in tokens.kinds])
    return int(np.argmax(np.where(is_special, -1, tokens.ends - tokens.starts)))


def of_vocabulary(vocabulary: Vocabulary) -> str:
    """Return how many of the tokens occur in the text, and which is the most frequent."""
    counts, every = vocabulary.counts, len(vocabulary.pieces)
    if not len(counts) or not counts.any():
        return ""
    first, used = int(np.argmax(counts)), int(np.count_nonzero(counts))
    return t(
        "pane.tokens.says.vocabulary",
        used=number(used),
        all=number(every),
        share=percent(used / every, 1),
        piece=visible(vocabulary.pieces[first]),
        count=int(counts[first]),
    )


def of_frequencies(vocabulary: Vocabulary) -> str:
    """Return how often the first and the tenth token occur, beside what Zipf's law predicts of the tenth."""
    counts = np.sort(vocabulary.counts)[::-1]
    if not len(counts) or not counts.any():
        return ""
    first = visible(vocabulary.pieces[int(np.argmax(vocabulary.counts))])
    if counts[0] == 1:
        return t("pane.tokens.says.once", kinds=number(int(np.count_nonzero(counts))))
    if np.count_nonzero(counts) < 10 or counts[0] < 20:
        return t("pane.tokens.says.few", piece=first, count=int(counts[0]), kinds=number(int(np.count_nonzero(counts))))
    return t(
        "pane.tokens.says.zipf",
        piece=first,
        most=number(int(counts[0])),
        tenth=number(int(counts[9])),
        law=number(round(int(counts[0]) / 10)),
    )


def of_context(tokens: int, context: int) -> str:
    """Return how much of a model's context a text fills, or how often it would fill it."""
    if not tokens or not context:
        return ""
    figures = {"tokens": number(tokens), "context": number(context)}
    if tokens <= context:
        return t("pane.tokens.says.fits", share=percent(tokens / context, 1), **figures)
    times = number(tokens / context, 1 if tokens < 10 * context else 0)
    return t("pane.tokens.says.too_long", times=times, **figures)
