"""Tokens and how near they are, the nearest first; a click chooses one."""

from itertools import islice

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.messages.embeddings import NearTokens
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.themed import Themed


class NearList(Themed, QWidget):
    chosen = Signal(int)  # token ID

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.near: NearTokens | None = None
        self.current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_near(self, near: NearTokens | None) -> None:
        self.near, self.current = near, 0
        rows = zip(near.pieces, near.cosines, strict=True) if near else ()
        self.setAccessibleDescription(", ".join(f"{piece} {cosine:.2f}" for piece, cosine in rows))
        self.update()

    def restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(220), round(8 * self._row()))

    def _row(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height() + GAP_S

    def shown(self) -> int:
        """How many there is room for."""
        return min(len(self.near.ids), max(1, int(self.height() / self._row()))) if self.near else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.near is None:
            return
        painter = QPainter(self)
        number = self.theme.px(44)
        rows = zip(self.near.pieces, self.near.cosines.tolist(), strict=True)
        for index, (piece, cosine) in enumerate(islice(rows, self.shown())):
            box = QRectF(0, index * self._row(), self.width(), self._row())
            name = box.adjusted(GAP_S, 0, -0.5 * box.width(), 0)
            painter.setFont(self.theme.font(NORMAL, bold=index == self.current and self.hasFocus()))
            painter.setPen(self.theme.color("text"))
            metrics = QFontMetricsF(painter.font())
            text = metrics.elidedText(visible(piece), Qt.TextElideMode.ElideRight, name.width())
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, text)
            room = box.width() * 0.5 - number
            bar = QRectF(box.width() * 0.5, box.top() + GAP_S, room * max(0.0, cosine), box.height() - GAP_M)
            painter.fillRect(bar, self.theme.color("accent"))
            painter.setFont(self.theme.font(SMALL))
            painter.setPen(self.theme.color("muted"))
            right = QRectF(box.right() - number, box.top(), number, box.height())
            painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{cosine:.2f}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._choose(int(event.position().y() // self._row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = self.shown()
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and count:
            self.current = (self.current + (1 if event.key() == Qt.Key.Key_Down else -1)) % count
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.current)
        else:
            super().keyPressEvent(event)

    def _choose(self, index: int) -> None:
        if self.near is not None and 0 <= index < self.shown():
            self.chosen.emit(int(self.near.ids[index]))
