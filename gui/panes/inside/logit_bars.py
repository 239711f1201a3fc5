"""The parts of a logit as bars that add up to it, however few there is room for."""

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent

from engine.messages.inside import LogitParts
from gui.changes import part_words
from gui.i18n import t
from gui.theme import NORMAL
from gui.widgets.bar_list import Bar, BarList

MOST_PARTS = 12  # that are shown one by one


class LogitBars(BarList):
    """As many of the largest parts as have room, and below them always the others together and the whole logit."""

    def __init__(self) -> None:
        super().__init__(size_of_type=NORMAL)
        self._parts: LogitParts | None = None

    def set_parts(self, parts: LogitParts | None) -> None:
        self._parts = parts
        self._fill()

    def _fill(self) -> None:
        rows = int((self.height() + 1) / self.row_height())
        most = min(MOST_PARTS, max(1, rows - 2))
        self.set_bars([] if self._parts is None else bars_of(self._parts, most))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), round((MOST_PARTS + 2) * self.row_height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), round(3 * self.row_height()))


def bars_of(parts: LogitParts, most: int = MOST_PARTS) -> list[Bar]:
    """Return the `most` parts with the largest amounts, one bar for all others, and the logit that all add up to."""
    heads = [
        (part_words(layer, head), float(parts.heads[layer, head])) for layer, head in np.ndindex(parts.heads.shape)
    ]
    mlps = [(part_words(layer, None), float(value)) for layer, value in enumerate(parts.mlps)]
    named = [(t("pane.inside.embedding"), parts.embedding), (t("pane.inside.biases"), parts.biases), *heads, *mlps]
    named.sort(key=lambda part: -abs(part[1]))
    others = sum(value for _, value in named[most:])
    shown = [Bar(name, value, f"{value:+.2f}") for name, value in named[:most] if value]
    rest = t("pane.inside.others", count=max(0, len(named) - most))
    return [
        *shown,
        Bar(rest, others, f"{others:+.2f}"),
        Bar(t("pane.inside.total"), parts.total, f"{parts.total:+.2f}"),
    ]
