"""All passages in the principal plane of their vectors, with the question and lines to the nearest of them."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.messages.search import PassageMap
from gui import layout
from gui.i18n import t
from gui.theme import GAP_S
from gui.themed import Themed
from gui.widgets.legend import Legend
from gui.widgets.scatter_plot import ScatterPlot


class PassagePlot(Themed, QWidget):
    selected = Signal(int)  # index of a passage
    hovered = Signal(int)  # the same, or -1

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map: PassageMap | None = None
        self._question = ""
        self._is_fitted = False  # whether the map's version has been in view
        self._marked: tuple[Sequence[int], int] = ((), -1)
        self._indices: list[int] = []  # of the passage at each point; -1: the question
        self.plot, self.legend = ScatterPlot(), Legend()
        self.plot.clicked.connect(lambda point: self.selected.emit(self._passage(point)))
        self.plot.hovered.connect(lambda point: self.hovered.emit(self._passage(point)))
        layout.stack(self, self.legend, self.plot, spacing=GAP_S).setStretch(1, 1)
        self.restyle()
        self.retranslate()

    def is_of(self, question: str, version: int) -> bool:
        """Return whether the map was computed for this question and version of the collection."""
        return self.map is not None and (self._question, self.map.version) == (question, version)

    def clear(self) -> None:
        self.map, self._indices = None, []
        self.plot.set_names([], [])
        self.plot.set_points(np.zeros((0, 2), np.float32), fit=False)

    def set_map(self, shown: PassageMap, question: str) -> None:
        """Take a map computed for a question. `mark` shows it."""
        self._is_fitted = self.map is not None and self.map.version == shown.version
        self.map, self._question = shown, question

    def mark(self, hits: Sequence[int], selected: int) -> None:
        """Show the map, and name the passages `hits` by their numbers, best first."""
        shown, self._marked = self.map, (hits, selected)
        if shown is None:
            return
        place = {int(index): row for row, index in enumerate(shown.indices.tolist())}
        near = [index for index in hits if index in place]
        taken = set(near)
        far = [index for index in shown.indices.tolist() if index not in taken]
        asked = len(shown.question) > 0
        self._indices = [-1] * asked + near + far
        rows = shown.points[[place[index] for index in near + far]]
        points = np.concatenate([shown.question[None, :], rows]) if asked else rows
        numbers = [str(hits.index(index) + 1) for index in near]
        kinds = ["question"] * asked + ["near"] * len(near) + ["far"] * len(far)
        self.plot.set_names([t("pane.search.passages.kind.question")] * asked + numbers + [""] * len(far), kinds)
        self.plot.set_points(points, fit=not self._is_fitted)
        self._is_fitted = True
        self.plot.set_paths([[0, 1 + source] for source in range(len(near))] if asked else [])
        chosen = [self._indices.index(selected)] if selected in self._indices else []
        self.plot.set_marked([*range(len(near) + asked), *chosen])
        self._show_legend()

    def _passage(self, point: int) -> int:
        return self._indices[point] if 0 <= point < len(self._indices) else -1

    def _show_legend(self) -> None:
        self.legend.set_entries(self.plot.legend_entries(lambda kind: t(f"pane.search.passages.kind.{kind}")))
        self.plot.set_explained(self.map.explained if self.map else ())

    def retranslate(self) -> None:
        self.plot.setAccessibleName(t("pane.search.passages.map"))
        self.plot.setToolTip(t("pane.search.passages.hands"))
        self.mark(*self._marked)
        self._show_legend()

    def restyle(self) -> None:
        self._show_legend()
