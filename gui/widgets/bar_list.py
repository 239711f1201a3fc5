"""A list of names, each with a number and a bar, such as the attention to each source."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.theme import GAP_M, GAP_S, SMALL
from gui.widgets.painted import PaintedRows, Policy


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    figure: str  # the number as text
    words: str = ""  # description when hovering; by default name and number
    color: QColor | None = None  # by default one for each sign


class BarList(PaintedRows):
    """Bars grow from the left, or from the middle to both sides if there are negative values."""

    def __init__(
        self,
        share: float = 0.42,
        parent: QWidget | None = None,
        *,
        most: float = 0.0,
        size_of_type: int = SMALL,
        down: Policy = Policy.Preferred,
    ) -> None:
        """`share` of the width is for the names; `most` is the value of a full bar, by default the largest one."""
        super().__init__(parent, down=down)
        self.share, self.most, self.size_of_type = share, most, size_of_type
        self.bars: list[Bar] = []

    def set_bars(self, bars: Sequence[Bar]) -> None:
        if list(bars) == self.bars:
            return
        resized = len(bars) != len(self.bars)
        self.bars, self.current = list(bars), min(self.current, max(0, len(bars) - 1))
        self.setAccessibleDescription("; ".join(f"{bar.name} {bar.figure}" for bar in bars))
        if resized:
            self.updateGeometry()
        self.update()

    def row_height(self) -> float:
        return QFontMetricsF(self.theme.font(self.size_of_type)).height() + GAP_S

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(240), round(max(1, len(self.bars)) * self.row_height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), round(min(3, max(1, len(self.bars))) * self.row_height()))

    def row_count(self) -> int:
        """Return the number of rows that there is room for."""
        return min(len(self.bars), max(1, int((self.height() + 1) / self.row_height())))

    def row_of(self, index: int) -> QRectF:
        return QRectF(0, index * self.row_height(), self.width(), self.row_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.theme.font(self.size_of_type))
        metrics = QFontMetricsF(painter.font())
        figures = max((metrics.horizontalAdvance(bar.figure) for bar in self.bars), default=0.0) + GAP_M
        most = self.most or max((abs(bar.value) for bar in self.bars), default=0.0) or 1.0
        signed = any(bar.value < 0 for bar in self.bars)
        for index, bar in enumerate(self.bars[: self.row_count()]):
            row = self.row_of(index)
            if index == self.current and self.hasFocus():
                painter.fillRect(row, self.theme.color("accent_soft"))
            name = QRectF(row.left(), row.top(), row.width() * self.share - GAP_M, row.height())
            painter.setPen(self.theme.color("text"))
            words = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, name.width())
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, words)
            area = QRectF(name.right() + GAP_M, row.top() + GAP_S, 0, row.height() - 2 * GAP_S)
            area.setRight(row.right() - figures)
            painter.fillRect(self._box(area, bar.value / most, signed), bar.color or self._by_sign(bar.value, signed))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, bar.figure)

    def _box(self, area: QRectF, value: float, signed: bool) -> QRectF:
        """Return the box of a bar in `area`; `value` is -1..1."""
        zero = area.center().x() if signed else area.left()
        length = value * (area.width() / 2 if signed else area.width())
        return QRectF(min(zero, zero + length), area.top(), max(1.0, abs(length)), area.height())

    def _by_sign(self, value: float, signed: bool) -> QColor:
        """Return the colour for the sign of a value, the same as in VectorBars."""
        return self.theme.series_color(1 if signed and value > 0 else 0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.choose(int(event.position().y() // self.row_height()))

    def describe_at(self, point: QPoint) -> str:
        row = int(point.y() // self.row_height())
        if not 0 <= row < self.row_count():
            return ""
        bar = self.bars[row]
        return bar.words or f"{bar.name}  {bar.figure}"
