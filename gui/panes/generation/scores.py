"""The scores of a text received so far, as arrays in bits."""

import numpy as np

from engine.messages.scoring import ScoredTokens
from gui.panes.generation.units import LN2


class TextScores:
    """One entry a token; the first token has surprisal and entropy NaN and rank 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.total = -1  # tokens of the whole text, -1 until it is known
        self.ids, self.ranks = np.zeros(0, np.int32), np.zeros(0, np.int32)
        self.surprisals, self.entropies = np.zeros(0), np.zeros(0)  # bits
        self.pieces: list[str] = []
        self.texts: list[str] = []

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_complete(self) -> bool:
        return len(self) == self.total

    @property
    def mean_bits(self) -> float:
        """The mean surprisal, at least two tokens given; perplexity is 2 to the power of it."""
        return float(np.nanmean(self.surprisals))

    def add(self, part: ScoredTokens) -> None:
        self.ids = np.concatenate([self.ids, part.ids])
        self.ranks = np.concatenate([self.ranks, part.ranks])
        self.surprisals = np.concatenate([self.surprisals, part.surprisals / LN2])
        self.entropies = np.concatenate([self.entropies, part.entropies / LN2])
        self.pieces += part.pieces
        self.texts += part.texts
        self.total = part.total
