"""Names with a bar and a number each: how rare a word is, what a dimension adds, where a token looked."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import GAP_M, GAP_S, SMALL
from gui.themed import Themed


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    figure: str  # the number as it is written
    words: str = ""  # what hovering says
    color: QColor | None = None  # by the sign, unless named


class BarList(Themed, QWidget):
    """With numbers below zero the bars grow to both sides of a middle."""

    chosen = Signal(int)

    def __init__(self, share: float = 0.42, parent: QWidget | None = None) -> None:
        """`share` of the width is for the names."""
        super().__init__(parent)
        self.share = share
        self.bars: list[Bar] = []
        self.current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def set_bars(self, bars: list[Bar]) -> None:
        if bars == self.bars:
            return
        resized = len(bars) != len(self.bars)
        self.bars, self.current = bars, min(self.current, max(0, len(bars) - 1))
        self.setAccessibleDescription("; ".join(f"{bar.name} {bar.figure}" for bar in bars))
        if resized:
            self.updateGeometry()
        self.update()

    def restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def row_height(self) -> float:
        return QFontMetricsF(self.theme.font(SMALL)).height() + GAP_S

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(240), round(max(1, len(self.bars)) * self.row_height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), round(min(3, max(1, len(self.bars))) * self.row_height()))

    def shown(self) -> int:
        """How many there is room for."""
        return min(len(self.bars), max(1, int((self.height() + 1) / self.row_height())))

    def row_of(self, index: int) -> QRectF:
        return QRectF(0, index * self.row_height(), self.width(), self.row_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.theme.font(SMALL))
        metrics = QFontMetricsF(painter.font())
        figures = max((metrics.horizontalAdvance(bar.figure) for bar in self.bars), default=0.0) + GAP_M
        most = max((abs(bar.value) for bar in self.bars), default=0.0) or 1.0
        signed = any(bar.value < 0 for bar in self.bars)
        for index, bar in enumerate(self.bars[: self.shown()]):
            row = self.row_of(index)
            if index == self.current and self.hasFocus():
                painter.fillRect(row, self.theme.color("accent_soft"))
            name = QRectF(row.left(), row.top(), row.width() * self.share - GAP_M, row.height())
            painter.setPen(self.theme.color("text"))
            words = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, name.width())
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, words)
            area = QRectF(name.right() + GAP_M, row.top() + GAP_S, row.right() - figures, row.height() - 2 * GAP_S)
            area.setRight(row.right() - figures)
            painter.fillRect(self._bar(area, bar.value / most, signed), bar.color or self._by_sign(bar.value, signed))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, bar.figure)

    def _bar(self, area: QRectF, value: float, signed: bool) -> QRectF:
        """`value` is -1..1."""
        zero = area.center().x() if signed else area.left()
        length = value * (area.width() / 2 if signed else area.width())
        return QRectF(min(zero, zero + length), area.top(), max(1.0, abs(length)), area.height())

    def _by_sign(self, value: float, signed: bool) -> QColor:
        """As in VectorBars."""
        return self.theme.series_color(1 if signed and value > 0 else 0)

    # --- By hand ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self._choose(int(event.position().y() // self.row_height()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.bars:
            self.current = (self.current + (1 if event.key() == Qt.Key.Key_Down else -1)) % self.shown()
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.current)
        else:
            super().keyPressEvent(event)

    def _choose(self, index: int) -> None:
        if 0 <= index < self.shown():
            self.current = index
            self.update()
            self.chosen.emit(index)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = int(event.pos().y() // self.row_height())
            bar = self.bars[index] if 0 <= index < self.shown() else None
            QToolTip.showText(event.globalPos(), (bar.words or f"{bar.name}  {bar.figure}") if bar else "", self)
            return True
        return super().event(event)
