"""Buttons that select, for each kind of head that has a name, the head with the highest score."""

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from engine.messages.attention import HEAD_KINDS, HeadScores
from gui.i18n import percent, t
from gui.layout import row
from gui.text import tip
from gui.theme import GAP_S, SMALL
from gui.themed import Themed

EDGES = 28  # pixels at zoom 1 around a button's label
ENOUGH = 0.4  # least share of a head's attention for a label
MOST_OF_ALL = 0.5  # greatest share of the heads that a kind may name


class HeadBadges(Themed, QWidget):
    chosen = Signal(int, int)  # layer, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scores = np.zeros((len(HEAD_KINDS), 0, 0), np.float32)
        self.even = np.zeros(len(HEAD_KINDS), np.float32)
        self.buttons = [QPushButton() for _ in HEAD_KINDS]
        self.setLayout(row(*self.buttons, spacing=GAP_S))
        for index, button in enumerate(self.buttons):
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, kind=index: self.chosen.emit(*self._best(kind)))
        self.restyle()
        self.retranslate()

    def set_scores(self, found: HeadScores) -> None:
        """Show the highest score of each kind, beside that of attention spread evenly."""
        self.scores, self.even = found.scores, found.even
        self.retranslate()
        self.restyle()

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
        whole, brief = ([self._words(kind, length) for kind in range(len(HEAD_KINDS))] for length in ("best", "brief"))
        room = self.width() / len(HEAD_KINDS) - self.theme.px(EDGES)
        metrics = QFontMetrics(self.content.font(SMALL))
        fits = all(metrics.horizontalAdvance(line) <= room for words in whole for line in words.split("\n"))
        for kind, button in enumerate(self.buttons):
            button.setText((whole if fits else brief)[kind])  # all in the same length
            explained = t(f"pane.attention.badges.tip.{HEAD_KINDS[kind]}")
            button.setToolTip(tip(f"{whole[kind]}\n{explained} {t('pane.attention.badges.tip.measured')}"))
            button.setAccessibleName(whole[kind].replace("\n", " "))

    def _words(self, kind: int, length: str) -> str:
        """Return a button's label in two lines: the kind, and the best head with its score; "best" or "brief"."""
        layer, head = self._best(kind)
        key = length if self._is_enough(kind) else f"none_{length}"
        return t(
            f"pane.attention.badges.{key}",
            name=t(f"pane.attention.badges.{'short' if length == 'brief' else 'name'}.{HEAD_KINDS[kind]}"),
            layer=layer + 1,
            head=head + 1,
            percent=percent(float(self.scores[kind].max())),
            even=percent(float(self.even[kind])),
        )

    def _is_enough(self, kind: int) -> bool:
        return bool(self.scores.size and self.scores[kind].max() >= ENOUGH)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.retranslate()

    def restyle(self) -> None:
        for kind, button in enumerate(self.buttons):
            found = self._is_enough(kind)
            color, edge = (self.theme.text, self.theme.series[kind]) if found else (self.theme.muted, self.theme.cut)
            button.setStyleSheet(
                f"text-align: left; font-size: {self.content.px(SMALL)}px; color: {color};"
                f"border-left: {self.theme.px(4)}px solid {edge};"
            )
        self.retranslate()

    def _best(self, kind: int) -> tuple[int, int]:
        layer, head = np.unravel_index(int(self.scores[kind].argmax()), self.scores.shape[1:])
        return int(layer), int(head)
