"""What the Embeddings pane draws: a map of vectors, or the paths of tokens through the layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.embeddings import EmbeddingMap, EmbeddingNames, EmbeddingPaths
from gui.i18n import number, t
from gui.pane import Table
from gui.text import visible


@dataclass(frozen=True, eq=False)
class VectorMap:
    """A map of the rows of a matrix of vectors. The IDs of the rows rise from point to point."""

    rows: EmbeddingNames
    map: EmbeddingMap

    @property
    def points(self) -> NDArray[np.float32]:
        return self.map.points

    @property
    def names(self) -> Sequence[str]:
        return self.rows.pieces

    @property
    def kinds(self) -> Sequence[str]:
        return self.rows.kinds

    @property
    def explained(self) -> Sequence[float]:
        return self.map.explained

    @property
    def is_sample(self) -> bool:
        """True if there are more rows than points."""
        return self.rows.rows > len(self.rows.ids)

    def fits_view_of(self, before: "Projection | None") -> bool:
        """Return whether the view of `before` suits this map: both are PCA of the same rows, in the same dimensions."""
        return (
            isinstance(before, VectorMap)
            and bool(self.explained and before.explained)
            and self.names == before.names
            and self.points.shape == before.points.shape
        )

    def index_of(self, row: int) -> int:
        """Return the point of the row with this ID, -1 if it has none."""
        index = int(np.searchsorted(self.rows.ids, row))
        return index if index < len(self.rows.ids) and self.rows.ids[index] == row else -1

    def row_named(self, name: str) -> int | None:
        """Return the ID of the first row with this name."""
        return int(self.rows.ids[self.names.index(name)]) if name in self.names else None

    def containing(self, text: str) -> list[int]:
        """Return the points whose names contain a text, the shortest names first."""
        found = [index for index, name in enumerate(self.names) if text in name.lower()]
        return sorted(found, key=lambda index: len(self.names[index]))

    def describe(self, index: int) -> str:
        """Return the words for one point: its name, its ID and where it is."""
        piece, row = visible(self.names[index]), int(self.rows.ids[index])
        return t("pane.embeddings.point", piece=piece, id=row, place=_place(self.points[index]))

    def table(self) -> Table:
        columns = (self.rows.ids.tolist(), self.names, self.kinds, *self.points.T.tolist())
        axes = tuple(f"axis_{n}" for n in range(1, self.points.shape[1] + 1))
        return Table(("id", "piece", "kind", *axes), list(zip(*columns, strict=True)))


class LayerPaths:
    """The residual stream of each token after each layer: the points of the last layer first, which have names."""

    def __init__(self, paths: EmbeddingPaths) -> None:
        self.paths = paths
        self.layers, self.tokens, dims = paths.points.shape
        self.points: NDArray[np.float32] = paths.points[::-1].reshape(self.layers * self.tokens, dims)
        self.names: Sequence[str] = (*paths.pieces, *[""] * (self.tokens * (self.layers - 1)))
        self.kinds: Sequence[str] = paths.kinds * self.layers
        self.explained: Sequence[float] = paths.explained

    def fits_view_of(self, before: "Projection | None") -> bool:
        return isinstance(before, LayerPaths) and self.paths.points.shape == before.paths.points.shape

    def token_at(self, index: int) -> int:
        """Return the token of a point, as an index into the whole text."""
        return self.paths.first + index % self.tokens

    def point_of(self, token: int | None) -> int | None:
        """Return the last layer's point of a token of the text, by default of the last; None if it is not shown."""
        index = self.tokens - 1 if token is None else token - self.paths.first
        return index if 0 <= index < self.tokens else None

    def lines(self, first: int | None) -> list[list[int]]:
        """Return each token's points from layer to layer, those of the last layer's point `first` first."""
        order = sorted(range(self.tokens), key=lambda token: token != first)
        return [[layer * self.tokens + token for layer in range(self.layers)] for token in order]

    def describe(self, index: int) -> str:
        """Return the words for one point: its token, its layer and where it is."""
        piece, layer = visible(self.paths.pieces[index % self.tokens]), self.layers - 1 - index // self.tokens
        return t("pane.embeddings.after_layer", piece=piece, layer=layer, place=_place(self.points[index]))


Projection = VectorMap | LayerPaths


def _place(point: NDArray[np.float32]) -> str:
    return ", ".join(number(x, 2) for x in point.tolist())
