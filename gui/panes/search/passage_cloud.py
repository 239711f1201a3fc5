"""All passages in the plane in which they differ most, the question among them, lines to the nearest."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from engine.messages.search import PassageMap
from gui.i18n import t
from gui.theme import GAP_S
from gui.themed import Themed
from gui.widgets.cloud import Cloud

KINDS = ("question", "near", "far")


class PassageCloud(Themed, QWidget):
    selected = Signal(int)  # index of a passage
    hovered = Signal(int)  # the same, or -1

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map: PassageMap | None = None
        self._indices: list[int] = []  # of the passage behind each point; -1: the question
        self.cloud, self.legend = Cloud(), QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.cloud.clicked.connect(lambda point: self.selected.emit(self._passage(point)))
        self.cloud.hovered.connect(lambda point: self.hovered.emit(self._passage(point)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_S)
        column.addWidget(self.legend)
        column.addWidget(self.cloud, 1)
        self.restyle()
        self.retranslate()

    def set_map(self, shown: PassageMap | None, hits: list[int], selected: int) -> None:
        """`hits` are indices of passages, best first: they are named by their numbers."""
        fit = shown is not None and (self.map is None or shown.version != self.map.version)
        self.map = shown
        if shown is None:
            self._indices = []
            self.cloud.set_names([], [])
            self.cloud.set_points(np.zeros((0, 2), np.float32), fit=False)
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
        self.cloud.set_names([t("pane.search.passages.kind.question")] * asked + numbers + [""] * len(far), kinds)
        self.cloud.set_points(points, fit)
        self.cloud.set_paths([[0, 1 + source] for source in range(len(near))] if asked else [])
        chosen = [self._indices.index(selected)] if selected in self._indices else []
        self.cloud.set_marked([*range(len(near) + asked), *chosen])
        self._show_words()

    def _passage(self, point: int) -> int:
        return self._indices[point] if 0 <= point < len(self._indices) else -1

    def _show_words(self) -> None:
        parts = []
        for kind in self.cloud.kinds_in_order():
            color, shape = self.cloud.style_of(kind)
            parts.append(f"<span style='color: {color}'>{shape}</span> {t(f'pane.search.passages.kind.{kind}')}")
        self.legend.setText(" &nbsp; ".join(parts))
        self.cloud.set_explained(self.map.explained if self.map else ())

    def retranslate(self) -> None:
        self.cloud.setAccessibleName(t("pane.search.passages.map"))
        self.cloud.setToolTip(t("pane.search.passages.hands"))
        self._show_words()

    def restyle(self) -> None:
        self._show_words()
