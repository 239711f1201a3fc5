"""Spans of tokens: give every character of a text to a token, unless the tokenizer drops it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int32]  # [tokens, 2]: the characters [start, end) of each token


def fill_gaps(spans: Spans, text: str, spell: Callable[[str], Spans]) -> None:
    """Extend spans, in place, over the characters between them that belong to a token.

    `spell` returns the spans of the normalised text's bytes. A character that the normaliser composes with the one
    before it or removes, such as a combining mark, belongs to the token before it; a space that no token contains
    belongs to the token after it. At the ends of the text they belong to the only token beside them. Any other
    character without a token is dropped by the tokenizer, for example an unknown one if there is no token for unknown
    characters; it belongs to no token. A token without characters, such as <s>, gets an empty span after the token
    before it.
    """
    length = len(text)
    new_starts = np.arange(length + 1, dtype=np.int32)
    new_ends = new_starts.copy()
    gaps = _gaps(spans, length)
    is_kept = np.ones(length, bool)
    if any(not text[start:end].isspace() for start, end in gaps):
        is_kept = _covered(spell(text), length)
    for start, end in gaps:
        left, right = start, end
        while start and left < end and not is_kept[left]:
            left += 1
        while right > left and (not is_kept[right - 1] or text[right - 1].isspace()):
            right -= 1
        new_ends[start], new_starts[end] = (end if left == right and end == length else left), right
    starts, ends = spans[:, 0], spans[:, 1]
    has_text = starts < ends
    starts[has_text], ends[has_text] = new_starts[starts[has_text]], new_ends[ends[has_text]]
    before = np.maximum.accumulate(np.where(has_text, ends, 0))
    starts[~has_text] = ends[~has_text] = before[~has_text]


def _covered(spans: Spans, length: int) -> NDArray[np.bool_]:
    """Return which of the characters are within a span."""
    depth = np.zeros(length + 1, np.int32)
    np.add.at(depth, spans[:, 0], 1)
    np.add.at(depth, spans[:, 1], -1)
    return depth.cumsum()[:-1] > 0


def _gaps(spans: Spans, length: int) -> list[tuple[int, int]]:
    """Return the runs of characters that are within no span."""
    edges = np.flatnonzero(np.diff(_covered(spans, length), prepend=True, append=True))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
