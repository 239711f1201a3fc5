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
    """The pieces after this merge, as shown on screen, and the place of the new one; rank -1 is the beginning."""

    pieces: tuple[str, ...]
    merged: str
    rank: int
    place: int


class MergeReplay:
    """The merges of one tokenizer; none for tokenizers without merges, such as characters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        description = json.loads(tokenizer.to_json())
        model = description["model"]
        pairs = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in model.get("merges", ())]
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._vocabulary: dict[str, int] = model["vocab"] if pairs else {}
        self._description = description
        self._words = Words(tokenizer) if pairs else None

    def steps(self, text: str, start: int, end: int) -> list[Merge]:
        """Return the merges of the word around characters [start, end); of a long word only those of the characters."""
        return self.replay(self._symbols_at(text, start, end)[0])

    def span(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Return the characters [start, end) of the text that the pieces of `steps` are."""
        return self._symbols_at(text, start, end)[1]

    def _symbols_at(self, text: str, start: int, end: int) -> tuple[list[str], tuple[int, int]]:
        if self._words is None or start >= end:
            return [], (start, end)
        word, span = self._words.at(text, start, end)
        symbols = self._symbols(word)
        if len(symbols) <= MOST_SYMBOLS:
            return symbols, span
        return self._symbols(self._words.of(text[start:end])[0][0])[:MOST_SYMBOLS], (start, end)

    def replay(self, symbols: list[str]) -> list[Merge]:
        """Return all merges from single symbols to the final pieces."""
        if not symbols:
            return []
        found = [Merge(tuple(map(self._show, symbols)), "", -1, -1)]
        while True:
            ranked = ((self.ranks.get(pair), place) for place, pair in enumerate(itertools.pairwise(symbols)))
            best = min(((rank, place) for rank, place in ranked if rank is not None), default=None)
            if best is None:
                return found
            rank, place = best
            symbols = [*symbols[:place], symbols[place] + symbols[place + 1], *symbols[place + 2 :]]
            found.append(Merge(tuple(map(self._show, symbols)), self._show(symbols[place]), rank, place))

    def _show(self, piece: str) -> str:
        return printable(read_piece(self._description, piece))

    def _symbols(self, word: str) -> list[str]:
        """Return the characters of a word; unknown ones as their bytes."""
        symbols: list[str] = []
        for character in word:
            known = character in self._vocabulary
            symbols += [character] if known else [f"<0x{byte:02X}>" for byte in character.encode()]
        return symbols


class Words:
    """The words into which a tokenizer cuts a text before it splits each of them into tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        made = tokenizers.Tokenizer.from_str(tokenizer.to_json())
        self._normalizer, self._cutter = made.normalizer, made.pre_tokenizer

    def of(self, text: str) -> list[tuple[str, tuple[int, int]]]:
        """Return each word, as the tokenizer spells it, and its characters [start, end) of the text."""
        cut = tokenizers.PreTokenizedString(text)
        if self._normalizer is not None:
            cut.normalize(self._normalizer.normalize)
        if self._cutter is not None:
            self._cutter.pre_tokenize(cut)
        return [(word, span) for word, span, _ in cut.get_splits("original", "char")]

    def at(self, text: str, start: int, end: int) -> tuple[str, tuple[int, int]]:
        """Return the word that overlaps most with characters [start, end), and its own characters."""
        overlaps = [
            (min(end, last) - max(start, first), (word, (first, last))) for word, (first, last) in self.of(text)
        ]
        return max(overlaps, key=itemgetter(0), default=(0, ("", (start, end))))[1]
