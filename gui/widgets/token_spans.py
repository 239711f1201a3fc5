"""Generated tokens as spans: special tokens as chips, and characters only once they are whole."""

from collections.abc import Sequence

from engine.messages.generation import GeneratedToken
from gui.i18n import number, percent, t
from gui.text import marked
from gui.widgets.coloured_text import NO_BREAK_SPACE, Span

REPLACED = "\ufffd"  # bytes that are no character, as they are decoded
END_OF_TEXT = ("endoftext", "end_of_text", "eos", "/s")  # in names of tokens that end a text rather than a turn


def token_words(token: GeneratedToken) -> str:
    """Return a token's probability and entropy in words."""
    share, entropy = percent(token.probability, 1), number(token.entropy, 2)
    return t("pane.generation.token", piece=marked(token.piece), id=token.id, percent=share, entropy=entropy)


def choice_words(token: GeneratedToken) -> str:
    """Return how a written token compares with the likeliest one, as a sentence; "" if its candidates are not known."""
    found = token.candidates
    if found is None:
        return ""
    if token.ends:
        return t("pane.generation.says.ended", piece=marked(token.piece), percent=percent(token.probability, 1))
    best = int(found.probabilities[0].argmax())
    words = {"piece": marked(token.piece), "percent": percent(token.probability, 1)}
    if int(found.ids[best]) == token.id:
        return t("pane.generation.says.wrote_best", **words)
    other = {"best": marked(found.pieces[best]), "most": percent(float(found.probabilities[0, best]), 1)}
    return t("pane.generation.says.wrote", **words, **other)


def chip_name(token: GeneratedToken) -> str:
    """Return the name of a special token: what it ends, or its piece."""
    if not token.ends:
        return token.piece
    ends_text = any(name in token.piece.casefold() for name in END_OF_TEXT)
    return t("pane.generation.chip.end_of_text" if ends_text else "pane.generation.chip.end_of_turn")


def spans_of(tokens: Sequence[GeneratedToken], values: Sequence[float | None], look: str = "") -> list[Span]:
    """Return a span for each token with its value; parts of a character have no width but the last, a grey box."""
    whole = [index for index, token in enumerate(tokens) if token.text or token.special]
    begun = whole[-1] + 1 if whole else 0  # the tokens from here on are parts of a character
    return [
        _span(token, value, look, is_half=begun < len(tokens) and index == len(tokens) - 1)
        for index, (token, value) in enumerate(zip(tokens, values, strict=True))
    ]


def _span(token: GeneratedToken, value: float | None, look: str, is_half: bool) -> Span:
    words = token_words(token)
    if token.special or (token.ends and not token.text):
        return Span("", value, words, look="chip", shown=f"{NO_BREAK_SPACE}{chip_name(token)}{NO_BREAK_SPACE}")
    if is_half or (token.text and not token.text.strip(REPLACED)):
        return Span(token.text, value, words, look="half", shown=NO_BREAK_SPACE * 2)
    return Span(token.text, value, words, look=look)
