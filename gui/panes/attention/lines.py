"""One head's pattern as lines from each query to its keys; the thicker the line, the larger the weight."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

LEAST_WEIGHT = 0.04  # smaller weights are not drawn, because many faint lines would hide the others
MOST_QUERIES = 160  # in a longer text only the lines of the selected query are drawn


class AttentionLines(Painted):
    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.weights: NDArray[np.floating] = np.zeros((0, 0))
        self.pieces: tuple[str, ...] = ()
        self.row = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.restyle()

    def set_data(self, weights: NDArray[np.floating], pieces: tuple[str, ...], row: int) -> None:
        """Show `weights` [query, key]; `row` is the selected query."""
        self.weights, self.pieces, self.row = weights, pieces, row
        self._make_room()
        self.update()

    def _make_room(self) -> None:
        self.setMinimumHeight(round(len(self.pieces) * self.theme.px(18) + self.theme.px(28)))

    def restyle(self) -> None:
        self._make_room()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(360), self.theme.px(320))

    # --- Geometry --------------------------------------------------------------------------------

    def _top(self) -> float:
        return float(self.theme.px(26))

    def _step(self) -> float:
        room = (self.height() - self._top()) / max(1, len(self.pieces))
        return min(max(room, 1.0), float(self.theme.px(34)))

    def _y(self, index: float) -> float:
        return self._top() + (index + 0.5) * self._step()

    def _columns(self) -> tuple[float, float]:
        """Return the x at which the left tokens end and the right ones begin."""
        middle, half = self.width() / 2, min(self.width() * 0.22, self.theme.px(220))
        return middle - half, middle + half

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.pieces:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self._columns()
        self._paint_heads(painter, left, right)
        if len(self.pieces) <= MOST_QUERIES:
            self._paint_lines(painter, self._others(), self.theme.color("muted"), 0.3)
        self._paint_lines(painter, [self.row], self.theme.color("accent"), 1.0)
        shown = range(
            max(0, int((event.rect().top() - self._top()) / self._step()) - 1),
            min(len(self.pieces), int((event.rect().bottom() - self._top()) / self._step()) + 2),
        )
        for index in shown:
            self._paint_token(painter, index, left, right)

    def _others(self) -> list[int]:
        return [query for query in range(len(self.pieces)) if query != self.row]

    def _paint_lines(self, painter: QPainter, queries: list[int], color: QColor, strength: float) -> None:
        left, right = self._columns()
        for query in queries:
            for key in np.flatnonzero(self.weights[query] >= LEAST_WEIGHT).tolist():
                weight = float(self.weights[query, key])
                shade = QColor(color)
                shade.setAlphaF(strength * (0.3 + 0.7 * weight))
                painter.setPen(QPen(shade, 1.0 + 6.0 * weight * strength))
                painter.drawLine(QPointF(left + GAP_M, self._y(query)), QPointF(right - GAP_M, self._y(key)))

    def _paint_token(self, painter: QPainter, index: int, left: float, right: float) -> None:
        chosen = index == self.row
        share = float(self.weights[self.row, index]) if index <= self.row else 0.0
        height = self._step()
        painter.setFont(self.theme.font(NORMAL if height > self.theme.px(22) else SMALL, bold=chosen))
        metrics = QFontMetricsF(painter.font())
        piece = visible(self.pieces[index])
        side = QRectF(0, self._y(index) - height / 2, left, height)
        painter.setPen(self.theme.color("accent" if chosen else "text"))
        text = metrics.elidedText(piece, Qt.TextElideMode.ElideRight, left)
        painter.drawText(side, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(self.theme.color("text" if index <= self.row else "cut"))
        painter.setFont(self.theme.font(NORMAL if height > self.theme.px(22) else SMALL, bold=share > 0.2))
        words = f"{piece}   {percent(share)}" if share >= LEAST_WEIGHT else piece
        other = QRectF(right, side.top(), self.width() - right, height)
        painter.drawText(other, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_heads(self, painter: QPainter, left: float, right: float) -> None:
        painter.setFont(self.theme.font(SMALL))
        painter.setPen(self.theme.color("muted"))
        height = self._top()
        right_side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRectF(0, 0, left, height), right_side, t("pane.attention.lines.query"))
        painter.drawText(QRectF(right, 0, self.width() - right, height), 0, t("pane.attention.lines.key"))

    # --- Selection --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self._choose(int((event.position().y() - self._top()) // self._step()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in moves:
            self._choose(self.row + moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self.pieces):
            self.row_chosen.emit(row)
