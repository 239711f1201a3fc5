"""Replay byte-pair encoding: the merges of one word, in order.

Sennrich et al. 2016 (arXiv:1508.07909), Algorithm 1: of all neighbouring pairs that have a merge the one with
the lowest rank is merged, at its first place, until none is left.
"""

import itertools
import json
from dataclasses import dataclass
from operator import itemgetter

import tokenizers

from engine.text.foreign import printable, read_piece
from engine.text.tokenizer import Tokenizer

MOST_SYMBOLS = 80  # in longer words (some tokenizers take a whole text as one) only the token is replayed


@dataclass(frozen=True, slots=True)
class Merge:
    """The pieces after this merge, as shown on screen; rank -1 is the beginning."""

    pieces: tuple[str, ...]
    merged: str
    rank: int


class MergeReplay:
    """The merges of one tokenizer; none for tokenizers without merges, such as characters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        description = json.loads(tokenizer.to_json())
        model = description["model"]
        pairs = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in model.get("merges", ())]
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._vocabulary: dict[str, int] = model["vocab"] if pairs else {}
        self._description = description
        self._tokenizer = tokenizers.Tokenizer.from_str(tokenizer.to_json()) if pairs else None

    def steps(self, text: str, start: int, end: int) -> list[Merge]:
        """Return the merges of the word around characters [start, end); of a long word only those of the characters."""
        if self._tokenizer is None or start >= end:
            return []
        symbols = self._symbols(self._word(text, start, end))
        if len(symbols) > MOST_SYMBOLS:
            symbols = self._symbols(self._words(text[start:end])[0][0])[:MOST_SYMBOLS]
        return self.replay(symbols)

    def replay(self, symbols: list[str]) -> list[Merge]:
        """Return all merges from single symbols to the final pieces."""
        found = [Merge(tuple(map(self._show, symbols)), "", -1)]
        while True:
            ranked = ((self.ranks.get(pair), place) for place, pair in enumerate(itertools.pairwise(symbols)))
            best = min(((rank, place) for rank, place in ranked if rank is not None), default=None)
            if best is None:
                return found
            rank, place = best
            symbols = [*symbols[:place], symbols[place] + symbols[place + 1], *symbols[place + 2 :]]
            found.append(Merge(tuple(map(self._show, symbols)), self._show(symbols[place]), rank))

    def _show(self, piece: str) -> str:
        return printable(read_piece(self._description, piece))

    def _word(self, text: str, start: int, end: int) -> str:
        """Return the pre-tokenizer's word that overlaps most with [start, end)."""
        overlaps = [(min(end, last) - max(start, first), word) for word, (first, last) in self._words(text)]
        return max(overlaps, key=itemgetter(0), default=(0, ""))[1]

    def _words(self, text: str) -> list[tuple[str, tuple[int, int]]]:
        assert self._tokenizer is not None
        normalizer, cutter = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer
        cut = tokenizers.PreTokenizedString(text)
        if normalizer is not None:
            cut.normalize(normalizer.normalize)
        if cutter is not None:
            cutter.pre_tokenize(cut)
        return [(word, span) for word, span, _ in cut.get_splits("original", "char")]

    def _symbols(self, word: str) -> list[str]:
        """Return the characters of a word; unknown ones as their bytes."""
        symbols: list[str] = []
        for character in word:
            known = character in self._vocabulary
            symbols += [character] if known else [f"<0x{byte:02X}>" for byte in character.encode()]
        return symbols
