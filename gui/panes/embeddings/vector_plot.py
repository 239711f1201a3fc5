"""The plot of the Embeddings pane: regions, the words of the text, one chosen token and the tokens nearest to it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.messages.embeddings import EmbeddingNames, Region
from engine.messages.tokens import Tokens
from gui.i18n import number, t
from gui.panes.embeddings.coloring import Coloring, by_numbers, by_order, of_tokens
from gui.panes.embeddings.projection import AxisMap, LayerPaths, NamedRows, Projection, VectorMap
from gui.widgets.arrow import Link
from gui.widgets.legend import Entry
from gui.widgets.scatter_plot import ScatterPlot

# Kinds of things in a fixed order, so that each has the same colour in both languages.
THINGS = ("animal", "food", "place", "person", "city", "country", "work", "mood", "house", "weather")
LINKS = 6
NAMED = 2  # words that name a region
ENDS = 12  # words at each end of an axis that are named


class VectorPlot(ScatterPlot):
    def __init__(self) -> None:
        super().__init__()
        self._text: list[int] = []  # points of the text's tokens
        self._chosen = -1
        self._shown: Projection | None = None

    def show_projection(self, shown: Projection, before: Projection | None) -> None:
        """Plot what is shown. The view stays as the user has set it, if it suits that."""
        self._shown = shown
        if before is None or before.names != shown.names or before.kinds != shown.kinds:
            self.set_names(shown.names, shown.kinds, THINGS if THINGS[0] in shown.kinds else ())
            self._text, self._chosen = [], -1
        if type(before) is not type(shown):
            self._chosen = -1
            self.set_links([])
            self.set_lit(None)
        self.set_titles()
        if isinstance(shown, AxisMap):
            a, b = shown.words
            self.set_titles(t("pane.embeddings.axis.across", a=a, b=b), t("pane.embeddings.axis.up"))
        self.set_points(shown.points, fit=not shown.fits_view_of(before))
        self.set_named(shown.ends(ENDS) if isinstance(shown, AxisMap) else [])
        self.set_paths([])
        self.show_regions(shown.regions if isinstance(shown, VectorMap) else ())

    def show_regions(self, regions: Sequence[Region]) -> None:
        self.set_regions([(_name_of(region), region.centre) for region in regions])

    def mark_text(self, points: Sequence[int]) -> None:
        """Mark the tokens of the text."""
        self._text = [point for point in points if point >= 0]
        self._mark()

    def choose(self, point: int, near: Sequence[tuple[int, float]], fly: bool) -> None:
        """Mark one point, join it to those nearest to it by their cosines, and fly there if wanted."""
        self._chosen = point
        self._mark()
        joined = [(other, cosine) for other, cosine in near if other >= 0][:LINKS] if point >= 0 else []
        if self._lit is not None:
            self._lit[[other for other, _ in joined]] = True
        self.set_links([Link(point, other, number(cosine, 2)) for other, cosine in joined])
        self.set_named([other for other, _ in joined] or self.named)
        if fly and point >= 0:
            self.fly_to([point, *(other for other, _ in joined)])

    def containing(self, text: str) -> list[int]:
        """Return the points whose names contain a text that is searched for, the shortest names first."""
        wanted = text.strip().lower()
        return self._shown.containing(wanted) if isinstance(self._shown, NamedRows) and wanted else []

    def search(self, text: str) -> None:
        """Dim all points but those whose names contain the text."""
        self.set_lit(self.containing(text) if text.strip() else None)

    def _mark(self) -> None:
        self.set_marked(list(dict.fromkeys([point for point in (self._chosen, *self._text) if point >= 0])))

    # --- Colours ---------------------------------------------------------------------------------

    def coloring(self, shown: Projection | None, by: str, tokens: Tokens | None) -> Coloring | None:
        """Return the colours by a number; None if the points are coloured by kind, or nothing has this number."""
        if shown is None or isinstance(shown, LayerPaths) or by in ("kind", "loss"):
            return None
        rows = shown.rows
        if by == "order":
            return by_order(len(rows.ids))
        if by == "position":
            return None if tokens is None else self.coloring_of(rows, tokens.ids, np.arange(1.0, len(tokens.ids) + 1))
        return by_numbers(rows.values[by]) if by in rows.values else None

    def coloring_of(
        self, rows: EmbeddingNames, ids: NDArray[np.int32], numbers: NDArray[np.floating]
    ) -> Coloring | None:
        """Return the colours by a number that the tokens of a text have."""
        return by_numbers(of_tokens(rows, ids, numbers))

    def entries(self, color: Coloring | None, name: str) -> list[Entry]:
        """Return the legend: the kinds of points, or the scale of a number."""
        if color is None:
            return self.legend_entries(lambda kind: t(f"widget.token.kind.{kind}"))
        low, high = (number(end, 0 if abs(end) >= 100 or end == int(end) else 2) for end in (color.low, color.high))
        return [Entry(t("pane.embeddings.scale", name=name, low=low, high=high), scale=True)]


def _name_of(region: Region) -> str:
    return t(f"widget.token.kind.{region.kind}") if region.kind else " · ".join(region.pieces[:NAMED])
