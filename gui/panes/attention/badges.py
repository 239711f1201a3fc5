"""Buttons that select, for each kind of head that has a name, the head with the highest score."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from engine.messages.attention import HEAD_KINDS
from gui.i18n import percent, t
from gui.text import tip
from gui.theme import GAP_S
from gui.themed import Themed

EDGES = 28  # pixels at zoom 1 around a button's label
ENOUGH = 0.4  # least share of a head's attention for a label
MOST_OF_ALL = 0.5  # greatest share of the heads that a kind may name


class HeadBadges(Themed, QWidget):
    chosen = Signal(int, int)  # layer, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scores: NDArray[np.floating] = np.zeros((len(HEAD_KINDS), 0, 0))
        self.buttons = [QPushButton() for _ in HEAD_KINDS]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GAP_S)
        for index, button in enumerate(self.buttons):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, kind=index: self.chosen.emit(*self._best(kind)))
            grid.addWidget(button, index // 2, index % 2)
        self.restyle()
        self.retranslate()

    def set_scores(self, scores: NDArray[np.floating]) -> None:
        """Show scores [kind, layer, head]: shares of the attention, in the order of HEAD_KINDS."""
        self.scores = scores
        self.retranslate()

    def badges(self) -> dict[tuple[int, int], tuple[str, str]]:
        """Return the label of each head that has one: a short name and a colour.

        A kind that would name most of the heads names none: it would say nothing, and hide the others.
        """
        rare = (self.scores >= ENOUGH).mean(axis=(1, 2)) <= MOST_OF_ALL
        scores = self.scores * rare[:, None, None]
        found = {}
        for layer, head in np.ndindex(scores.shape[1:]):
            kind = int(scores[:, layer, head].argmax())
            if scores[kind, layer, head] >= ENOUGH:
                found[layer, head] = (t(f"pane.attention.badges.short.{HEAD_KINDS[kind]}"), self.theme.series[kind])
        return found

    def retranslate(self) -> None:
        if not self.scores.size:
            return
        whole, brief = ([self._words(kind, length) for kind in HEAD_KINDS] for length in ("name", "short"))
        room = self.width() / 2 - self.theme.px(EDGES)
        fits = all(self.buttons[0].fontMetrics().horizontalAdvance(words) <= room for words in whole)
        for kind, button in enumerate(self.buttons):
            button.setText((whole if fits else brief)[kind])  # all in the same length
            layer, head = self._best(kind)
            place = t("pane.attention.mosaic.head", layer=layer + 1, head=head + 1)
            button.setToolTip(tip(f"{whole[kind]}\n{place}\n{t(f'pane.attention.badges.tip.{HEAD_KINDS[kind]}')}"))
            button.setAccessibleName(f"{whole[kind]}, {place}")

    def _words(self, kind: str, length: str) -> str:
        """Return a button's label, its name in full or "short", with the highest score."""
        share = float(self.scores[HEAD_KINDS.index(kind)].max())
        return t("pane.attention.badges.best", name=t(f"pane.attention.badges.{length}.{kind}"), percent=percent(share))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.retranslate()

    def restyle(self) -> None:
        for kind, button in enumerate(self.buttons):
            button.setStyleSheet(
                f"text-align: left; border-left: {self.theme.px(4)}px solid {self.theme.series[kind]};"
            )

    def _best(self, kind: int) -> tuple[int, int]:
        layer, head = np.unravel_index(int(self.scores[kind].argmax()), self.scores.shape[1:])
        return int(layer), int(head)
