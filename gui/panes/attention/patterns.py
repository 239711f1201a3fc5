"""The attention patterns of all heads of a model, for one text."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.messages.attention import AttentionSteps


@dataclass(frozen=True, eq=False)
class Patterns:
    """[head, query, key] for each layer, of the last tokens of a text. Patterns of long texts are max-pooled."""

    text: str
    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    layers: list[NDArray[np.float16]]

    @property
    def are_pooled(self) -> bool:
        return self.layers[0].shape[-1] < len(self.pieces)

    def of_head(self, layer: int, head: int) -> NDArray[np.float16]:
        """Return one head's pattern [query, key]; a pooled one is enlarged."""
        pattern = self.layers[layer][head]
        if not self.are_pooled:
            return pattern
        size = -(-len(self.pieces) // len(pattern))
        return pattern.repeat(size, axis=0).repeat(size, axis=1)[: len(self.pieces), : len(self.pieces)]

    def within(self, layer: int, head: int) -> tuple[int, int]:
        """Return the nearest layer and head that the model has."""
        return min(layer, len(self.layers) - 1), min(head, len(self.layers[0]) - 1)

    def row_of(self, token: int | None) -> int:
        """Return the row of a token of the text; without a token, or if it is not shown, the last row."""
        last = len(self.pieces) - 1
        row = last if token is None else token - self.first
        return row if 0 <= row <= last else last

    def strongest_head(self, row: int, key: int) -> tuple[int, int]:
        """Return the layer and head with the largest weight from a row to a key."""
        weights_LH = np.stack([layer[:, row, key] for layer in self.layers])
        layer, head = np.unravel_index(int(weights_LH.argmax()), weights_LH.shape)
        return int(layer), int(head)


@dataclass(frozen=True, eq=False)
class Shown:
    """What the pane shows: one row of one head, and all that belongs to the same text, model and moment."""

    patterns: Patterns
    layer: int
    head: int
    row: int
    weights: NDArray[np.floating]  # [query, key] of the head, exact
    steps: AttentionSteps | None = None  # to the row; while they are shown
    pinned: Patterns | None = None  # those of A; while the difference from them is shown

    @property
    def pieces(self) -> tuple[str, ...]:
        return self.patterns.pieces

    @property
    def pooling(self) -> int:
        """How many tokens of the text are one row of the patterns."""
        return -(-len(self.pieces) // self.patterns.layers[0].shape[-1])


ROUNDING = 0.005  # between shares of two ways of computing the same row, in half precision


def with_steps(shown: Shown, steps: AttentionSteps) -> Shown:
    """Return what is shown with the steps to its row, so that each share is one number in all pictures.

    The shares are those of the pattern. In a model that is being trained the steps may be of a later moment; then they
    are those of the steps.
    """
    row, weights = shown.row, shown.weights.copy()
    exact = steps.weights.copy()
    if np.allclose(weights[row, : row + 1], exact[shown.head], atol=ROUNDING):
        exact[shown.head] = weights[row, : row + 1]
    weights[row, : row + 1] = exact[shown.head]
    return replace(shown, weights=weights, steps=replace(steps, weights=exact))
