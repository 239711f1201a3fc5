"""How the vectors of the open model have turned since the pinned A: their ways on a map, and those that turned most."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.messages.embeddings import CompareVectors, TurnedVectors
from engine.messages.envelope import Ended
from gui.i18n import number, percent, t
from gui.layout import column, label, row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.embeddings.coloring import by_numbers
from gui.panes.embeddings.hover_label import HoverLabel
from gui.panes.embeddings.map_requests import LIVE_POINTS
from gui.panes.embeddings.projection import NamedRows
from gui.text import visible
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL
from gui.themed import Themed
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.legend import Entry, Legend
from gui.widgets.painted import Policy
from gui.widgets.scatter_plot import ScatterPlot

MOST = 8192  # vectors that are compared: the rotation of 49,152 takes 4 s on 2 cores, of these 1 s
LISTED, NAMED = 40, 10  # vectors that turned most
ROOM_FOR_LIST = 620  # pixels at zoom 1


class TurnedView(Themed, QWidget):
    changed = Signal()  # what is shown, or the selected row
    chosen = Signal(int)  # ID of a row

    def __init__(self) -> None:
        super().__init__()
        self.found: TurnedVectors | None = None
        self.other_tokens = False  # whether A has another tokenizer, so that nothing can be compared
        self.row: int | None = None  # ID of the selected one
        self._text: Sequence[int] = ()  # IDs of the tokens of the text
        self._listed: list[int] = []  # points
        self.plot, self.legend, self.list_title = ScatterPlot(), Legend(), label("content", wraps=True)
        self.plot.path_opacity = 0.7
        self.list = BarList(0.5, most=180.0, size_of_type=NORMAL, down=Policy.Expanding)
        self.side, left = QWidget(), column(self.legend, self.plot, spacing=GAP_S)
        stack(self.side, self.list_title, self.list, spacing=GAP_M).setStretch(1, 1)
        self.point = HoverLabel(self.plot, self.describe)
        across = in_a_row(left, self.side, spacing=GAP_L)
        across.setStretch(0, 5)
        across.setStretch(1, 2)
        self.setLayout(across)
        self.plot.clicked.connect(self._point_clicked)
        self.list.chosen.connect(lambda index: self._choose(self._listed[index]))
        self.retranslate()

    def ask(self, pane: Pane, dims: Literal[2, 3], wanted: tuple[int, ...]) -> None:
        """Ask for a comparison that contains the rows `wanted`, and show it."""
        most = LIVE_POINTS if pane.state.training else MOST
        pane.ask(CompareVectors(dims, most, wanted), self.set_found, ended=lambda end: self._ended(pane, end))

    def _ended(self, pane: Pane, end: Ended) -> None:
        if end.key == "error.other_tokens":  # the page says so
            pane.messages.withdraw(end.key)
            pane.settle("CompareVectors")
        if end.outcome == "failed":
            self.set_found(None, end.key == "error.other_tokens")

    def set_found(self, found: TurnedVectors | None, other_tokens: bool = False) -> None:
        """Show a comparison, or None: there is none."""
        before, self.found, self.other_tokens = self.found, found, other_tokens
        if found is None:
            self.changed.emit()
            return
        order = np.argsort(-found.degrees, kind="stable")[:LISTED].tolist()
        self._listed = order if found.degrees.max(initial=0.0) > 0 else []
        most = max(1.0, float(found.degrees.max(initial=0.0)))
        self.list.most = 180.0 if most > 90 else 90.0
        self.list.set_bars([self._bar(point) for point in self._listed])
        same = before is not None and before.names.pieces == found.names.pieces
        self._plot(fit=not same or before is None or before.now.shape != found.now.shape)
        self.changed.emit()

    def mark(self, row: int | None, text: Sequence[int]) -> None:
        """Show the ways of a text's tokens too, and highlight that of a row; a row that was clicked stays."""
        if row is None and self.row not in text:
            row = self.row
        if (row, tuple(text)) != (self.row, self._text):
            self.row, self._text = row, tuple(text)
            self._plot(fit=False)

    def _plot(self, fit: bool) -> None:
        """Plot all vectors as they are now, and of some of them a line to where they were in A."""
        found = self.found
        if found is None:
            return
        chosen = self.point_of(self.row)
        of_text = [point for row in self._text if (point := self.point_of(row)) is not None]
        moved = list(dict.fromkeys([*([] if chosen is None else [chosen]), *self._listed, *of_text]))
        names, kinds = found.names.pieces, found.names.kinds
        self.plot.set_names((*names, *("A" for _ in moved)), (*kinds, *("then" for _ in moved)))
        self.plot.set_points(np.concatenate([found.now, found.then[moved]]), fit)
        color = by_numbers(found.degrees)
        shares = np.zeros(len(names)) if color is None else color.shares
        self.plot.set_values(np.concatenate([shares, np.full(len(moved), np.nan)]))
        self.plot.set_paths([[len(names) + place, point] for place, point in enumerate(moved)])
        self.plot.set_lit([*moved, *range(len(names), len(names) + len(moved))])
        self.plot.set_marked([] if chosen is None else [chosen])
        self.plot.set_named([*([len(names)] if moved else []), *self._listed[:NAMED], *of_text])
        self.plot.set_explained(found.explained)
        scale = [] if color is None else [_scale(color.low, color.high)]
        self.legend.set_entries([*scale, Entry(t("pane.embeddings.turned.way"), self.theme.color("accent").name())])

    def point_of(self, row: int | None) -> int | None:
        """Return the point of a row, None if it is not shown."""
        if self.found is None or row is None:
            return None
        point = NamedRows(self.found.names).index_of(row)
        return None if point < 0 else point

    def search(self, text: str) -> None:
        """Dim all points but those whose names contain the text; without one, all without a line."""
        if text.strip():
            self.plot.set_lit(self._containing(text))
        else:
            self._plot(fit=False)

    def look_up(self, text: str) -> None:
        """Highlight the way of the shortest name that contains the text, or of the next one if it is highlighted."""
        found = self._containing(text)
        if found:
            now = self.point_of(self.row)
            self._choose(found[(found.index(now) + 1) % len(found)] if now in found else found[0])

    def _containing(self, text: str) -> list[int]:
        wanted = text.strip().lower()
        return NamedRows(self.found.names).containing(wanted) if self.found is not None and wanted else []

    def _point_clicked(self, point: int) -> None:
        if self.found is not None and point >= 0:
            count = len(self.found.names.ids)
            self._choose(point if point < count else self.plot.paths[point - count][1])

    def _choose(self, point: int) -> None:
        """Highlight the way of a point, and fly there."""
        assert self.found is not None
        row = int(self.found.names.ids[point])
        self.mark(row, self._text)
        self.plot.fly_to(self.plot.paths[0])
        self.chosen.emit(row)
        self.changed.emit()

    def describe(self, point: int) -> str:
        """Return a point in words: how far its vector has turned; "" for none."""
        if self.found is None or not 0 <= point < len(self.found.names.ids):
            return ""
        degrees = number(float(self.found.degrees[point]), 1)
        return t("pane.embeddings.turned.point", piece=visible(self.found.names.pieces[point]), degrees=degrees)

    def _bar(self, point: int) -> Bar:
        assert self.found is not None
        degrees = float(self.found.degrees[point])
        return Bar(visible(self.found.names.pieces[point]), degrees, f"{number(degrees, 1)}°", self.describe(point))

    def subtitle(self) -> str:
        """Return how many vectors are compared, and how much of their differences the axes show."""
        if self.found is None:
            return ""
        count, share = number(len(self.found.names.ids)), percent(sum(self.found.explained))
        return t("pane.embeddings.turned.subtitle", count=count, all=number(self.found.names.rows), share=share)

    def table(self) -> Table | None:
        """Return a row for each vector, the one that has turned most first."""
        if self.found is None:
            return None
        names, degrees = self.found.names, self.found.degrees
        order = np.argsort(-degrees, kind="stable").tolist()
        rows: list[tuple[object, ...]] = [(int(names.ids[i]), names.pieces[i], float(degrees[i])) for i in order]
        return Table(("id", "piece", "degrees"), rows)

    def adapt_layout(self, width: int, compact: bool) -> None:
        """Show the list where there is room."""
        self.side.setVisible(not compact and width > self.content.px(ROOM_FOR_LIST))
        self.legend.setVisible(not compact)

    def retranslate(self) -> None:
        self.list_title.setText(t("pane.embeddings.turned.list"))
        self.list.setAccessibleName(t("pane.embeddings.turned.list"))
        self.plot.setAccessibleName(t("pane.embeddings.turned.name"))
        self.plot.setToolTip(t("pane.embeddings.hands"))
        self._plot(fit=False)


def _scale(low: float, high: float) -> Entry:
    ends = {"low": f"{number(low, 1)}°", "high": f"{number(high, 1)}°"}
    return Entry(t("pane.embeddings.scale", name=t("pane.embeddings.turned.angle"), **ends), scale=True)
