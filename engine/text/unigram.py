"""The best ways to split a word by a Unigram tokenizer.

A Unigram language model gives each piece a score, ln of its probability, and splits a word into the pieces whose
scores have the greatest sum (Kudo 2018, arXiv:1804.10959, §3.2).
"""

import heapq
import json
from operator import itemgetter

from engine.text.foreign import printable, read_piece
from engine.text.merges import MOST_SYMBOLS, Words
from engine.text.tokenizer import Tokenizer

UNKNOWN_PENALTY = 10.0  # of an unknown character, below the lowest score, as in sentencepiece and `tokenizers`

Splits = list[tuple[float, tuple[str, ...]]]  # the scores of splits, and their pieces


class Unigram:
    """The pieces of one tokenizer and their scores; none for tokenizers of other kinds."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._description = json.loads(tokenizer.to_json())
        model = self._description["model"]
        is_unigram = model.get("type") == "Unigram"
        self.scores: dict[str, float] = dict(map(tuple, model["vocab"])) if is_unigram else {}
        self._longest = max(map(len, self.scores), default=0)
        self._unknown = min(self.scores.values(), default=0.0) - UNKNOWN_PENALTY
        self._words = Words(tokenizer) if is_unigram else None

    def splits(self, text: str, start: int, end: int, most: int = 4) -> tuple[Splits, tuple[int, int]]:
        """Return the best splits of the word around characters [start, end), and the word's own characters.

        A word of more than MOST_SYMBOLS characters, such as a long text without spaces, is not split: only its
        characters [start, end) are.
        """
        if self._words is None or start >= end:
            return [], (start, end)
        word, span = self._words.at(text, start, end)
        if len(word) > MOST_SYMBOLS:
            word, span = self._words.of(text[start:end])[0][0][:MOST_SYMBOLS], (start, end)
        return self.best(word, most), span

    def best(self, word: str, most: int) -> Splits:
        """Return the splits with the greatest sums of scores, at most `most`, the best first."""
        until: list[Splits] = [[(0.0, ())]]  # the best splits of the word's first 0, 1, 2 … characters
        for end in range(1, len(word) + 1):
            found: Splits = []
            for start in range(max(0, end - self._longest), end):
                piece = word[start:end]
                score = self.scores.get(piece, self._unknown if end - start == 1 else None)
                if score is not None:
                    found += [(before + score, (*pieces, piece)) for before, pieces in until[start]]
            until.append(heapq.nlargest(most, found, itemgetter(0)))
        return [(score, tuple(map(self._show, pieces))) for score, pieces in until[-1]]

    def _show(self, piece: str) -> str:
        return printable(read_piece(self._description, piece))
