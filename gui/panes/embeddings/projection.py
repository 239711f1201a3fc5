"""What the Embeddings pane plots: a map of vectors, an axis between two words, or the paths through the layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.embeddings import EmbeddingMap, EmbeddingNames, EmbeddingPaths, Region, VectorSource, WordAxis
from gui.i18n import number, percent, t
from gui.pane import Table
from gui.text import visible


@dataclass(frozen=True, eq=False)
class NamedRows:
    """Points that are rows of a matrix of vectors. The IDs of the rows rise from point to point."""

    rows: EmbeddingNames

    @property
    def names(self) -> Sequence[str]:
        return self.rows.pieces

    @property
    def kinds(self) -> Sequence[str]:
        return self.rows.kinds

    def index_of(self, row: int) -> int:
        """Return the point of the row with this ID, -1 if it has none."""
        index = int(np.searchsorted(self.rows.ids, row))
        return index if index < len(self.rows.ids) and self.rows.ids[index] == row else -1

    def row_named(self, name: str) -> int | None:
        """Return the ID of the first row with this name."""
        return int(self.rows.ids[self.names.index(name)]) if name in self.names else None

    def containing(self, text: str) -> list[int]:
        """Return the points whose names contain a text: the word itself first, after a space, then shorter ones."""
        found = [index for index, name in enumerate(self.names) if text in name.lower()]

        def order(index: int) -> tuple[bool, int, bool]:
            name = self.names[index]
            return name.strip() != text, len(name.strip()), name == name.strip()

        return sorted(found, key=order)

    def row_table(self, columns: dict[str, NDArray[np.float32]]) -> Table:
        """Return the rows with these columns of numbers."""
        cells = (self.rows.ids.tolist(), self.names, self.kinds, *(column.tolist() for column in columns.values()))
        return Table(("id", "piece", "kind", *columns), list(zip(*cells, strict=True)))


@dataclass(frozen=True, eq=False)
class VectorMap(NamedRows):
    """A map of the rows."""

    map: EmbeddingMap
    source: VectorSource = "model"
    regions: tuple[Region, ...] = ()

    @property
    def points(self) -> NDArray[np.float32]:
        return self.map.points

    @property
    def explained(self) -> Sequence[float]:
        return self.map.explained

    @property
    def is_sample(self) -> bool:
        """True if there are more rows than points."""
        return self.rows.rows > len(self.rows.ids)

    def subtitle(self, method: str, is_moving: bool) -> str:
        """Return the method, how many points there are, and how far the map is; `is_moving`: its steps come next."""
        fraction, count = 0.0 if is_moving else self.map.fraction, number(len(self.points))
        if self.is_sample:
            count = t("pane.embeddings.sample", shown=count, all=number(self.rows.rows))
        key = "pane.embeddings.subtitle" if fraction >= 1.0 else "pane.embeddings.subtitle_moving"
        return t(key, method=method, tokens=count, percent=percent(fraction))

    def fits_view_of(self, before: "Projection | None") -> bool:
        """Return whether the view of `before` suits this map: both are PCA of the same rows, in the same dimensions."""
        return (
            isinstance(before, VectorMap)
            and bool(self.explained and before.explained)
            and self.names == before.names
            and self.points.shape == before.points.shape
        )

    def describe(self, index: int) -> str:
        """Return the words for one point: its name, its ID and where it is."""
        piece, row = visible(self.names[index]), int(self.rows.ids[index])
        return t("pane.embeddings.point", piece=piece, id=row, place=_place(self.points[index]))

    def table(self) -> Table:
        return self.row_table({f"axis_{n}": along for n, along in enumerate(self.points.T, 1)})


@dataclass(frozen=True, eq=False)
class AxisMap(NamedRows):
    """All rows on the axis between two words: to the right the cosine with B − A, upwards how frequent they are."""

    axis: WordAxis
    words: tuple[str, ...]  # A and B as they were typed
    source: VectorSource = "model"
    is_sample = False
    explained: Sequence[float] = ()

    @property
    def points(self) -> NDArray[np.float32]:
        """Points within -1..1 and -0.35..0.35: the most frequent at the top, by the logarithm of their place."""
        place = np.log1p(np.arange(len(self.rows.ids), dtype=np.float32))
        up = 0.35 - 0.7 * place / max(float(place[-1]), 1.0) if len(place) else place
        most = max(float(np.abs(self.axis.cosines).max(initial=0.0)), 1e-6)
        return np.stack([self.axis.cosines / most, up], axis=1).astype(np.float32)

    def fits_view_of(self, before: "Projection | None") -> bool:
        return False

    def ends(self, count: int) -> list[int]:
        """Return the points that are furthest to the right and to the left, without those of the two words."""
        asked = {row for word in self.axis.asked for row in word.ids}
        order = [i for i in np.argsort(self.axis.cosines).tolist() if int(self.rows.ids[i]) not in asked]
        pairs = zip(reversed(order), order, strict=True)
        return list(dict.fromkeys(index for pair in list(pairs)[:count] for index in pair))

    def describe(self, index: int) -> str:
        a, b = self.words
        cosine = number(float(self.axis.cosines[index]), 2)
        return t("pane.embeddings.axis.point", piece=visible(self.names[index]), a=a, b=b, cosine=cosine)

    def table(self) -> Table:
        return self.row_table({"cosine": self.axis.cosines})


class LayerPaths:
    """The residual stream of each token after each layer: the points of the last layer first, named by their tokens."""

    def __init__(self, paths: EmbeddingPaths) -> None:
        self.paths = paths
        self.layers, self.tokens, dims = paths.points.shape
        self.points: NDArray[np.float32] = paths.points[::-1].reshape(self.layers * self.tokens, dims)
        unnamed = [""] * (self.tokens * (self.layers - 2))
        begins = [t("pane.embeddings.begin")] * (self.tokens if self.layers > 1 else 0)
        self.names: Sequence[str] = (*paths.pieces, *unnamed, *begins)
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


Projection = VectorMap | AxisMap | LayerPaths


def _place(point: NDArray[np.float32]) -> str:
    return ", ".join(number(x, 2) for x in point.tolist())
