"""Tokens that share characters: a character of several tokens is drawn once."""

from engine.messages.tokens import Tokens
from gui.text import BYTES, visible

MOST_PARTS = 8  # tokens in one group


def groups_of(tokens: Tokens, most: int = MOST_PARTS) -> list[list[int]]:
    """Return the tokens in groups that share characters; most groups are one token, none is over `most`."""
    groups: list[list[int]] = []
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    for index in range(len(starts)):
        shares = index > 0 and starts[index - 1] <= starts[index] < ends[index - 1]
        if shares and len(groups[-1]) < most:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def text_of(tokens: Tokens, group: list[int]) -> str:
    """Return the piece of a token; the characters of a group of several tokens, or of a token of bytes."""
    first, last = group[0], group[-1]
    piece, characters = tokens.pieces[first], tokens.text[tokens.starts[first] : tokens.ends[last]]
    return characters if characters and (first != last or BYTES.fullmatch(piece)) else piece


def bytes_of(tokens: Tokens, index: int) -> str:
    """Return the bytes of a token that is no whole character, such as "E5 90", and "" for other tokens."""
    piece = tokens.pieces[index]
    return piece[3:-1].replace("><0x", " ") if BYTES.fullmatch(piece) else ""


def shown(text: str) -> tuple[str, str]:
    """Return a piece as it is shown: the sign of white space, alone or before a word, which is small, and the rest."""
    seen = visible(text)
    if text.isspace():
        return seen, ""
    return (seen[0], seen[1:]) if text.startswith(" ") and len(text) > 1 and seen[0] == "␣" else ("", seen)
