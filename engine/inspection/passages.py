"""Passages of a text, spread evenly over it."""

from collections.abc import Callable

import numpy as np

CHARACTERS = 8  # of a text for each token that is wanted: enough in nearly all texts


def passages(text: str, count: int, length: int, encode: Callable[[str], list[int]]) -> list[list[int]]:
    """Return at most `count` passages of `length` tokens that begin at the start of a line, if one is near.

    A shorter text is one passage of all its tokens, if they are at least two.
    """
    characters = CHARACTERS * length
    starts = np.linspace(0, max(0, len(text) - characters), count).astype(int) if len(text) > characters else [0]
    found, text = [], text.rstrip()
    for start in dict.fromkeys(_line_start(text, int(start), characters) for start in starts):
        ids = encode(text[start : start + characters])[:length]
        if len(ids) == length or (len(starts) == 1 and len(ids) > 1):
            found.append(ids)
    return found


def _line_start(text: str, place: int, far: int) -> int:
    """Return the start of the line at a place, so that no passage begins within a word, unless it is far away."""
    return text.rfind("\n", 0, place) + 1 if place - text.rfind("\n", 0, place) < far else place
