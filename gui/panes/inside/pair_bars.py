"""Two columns of shares on one fixed axis from 0 to 100 %: before and after a change of the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted, Policy

NAMES = 0.3  # share of the width for the names


@dataclass(frozen=True)
class Pair:
    name: str
    before: float  # 0..1
    after: float
    figure: str  # both numbers as text
    words: str = ""  # description when hovering; by default name and numbers


class PairBars(Painted):
    """A row for each name: the upper bar is before, the lower and brighter one after."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Preferred)
        self.pairs: list[Pair] = []

    def set_pairs(self, pairs: Sequence[Pair]) -> None:
        resized = len(pairs) != len(self.pairs)
        self.pairs = list(pairs)
        self.setAccessibleDescription("; ".join(f"{pair.name} {pair.figure}" for pair in pairs))
        if resized:
            self.updateGeometry()
        self.update()

    def row_height(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height() + GAP_S

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), round(max(1, len(self.pairs)) * self.row_height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(160), round(min(3, max(1, len(self.pairs))) * self.row_height()))

    def row_count(self) -> int:
        """Return the number of rows that there is room for."""
        return min(len(self.pairs), max(1, int((self.height() + 1) / self.row_height())))

    def bar(self, row: int, share: float, lower: bool) -> QRectF:
        """Return the box of a bar."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        figures = max((metrics.horizontalAdvance(pair.figure) for pair in self.pairs), default=0.0) + GAP_M
        left, height = self.width() * NAMES, self.row_height()
        room = max(0.0, self.width() - left - figures)
        thick = (height - 2 * GAP_S) / 2
        top = row * height + GAP_S + (thick if lower else 0.0)
        return QRectF(left, top, max(1.0, room * min(1.0, share)), thick)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.theme.font(NORMAL))
        metrics = QFontMetricsF(painter.font())
        for row, pair in enumerate(self.pairs[: self.row_count()]):
            line = QRectF(0, row * self.row_height(), self.width(), self.row_height())
            painter.setPen(self.theme.color("text"))
            name = line.adjusted(0, 0, -line.width() * (1 - NAMES) - GAP_M, 0)
            words = metrics.elidedText(pair.name, Qt.TextElideMode.ElideRight, name.width())
            painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, words)
            painter.fillRect(self.bar(row, pair.before, lower=False), self.theme.color("cut"))
            painter.fillRect(self.bar(row, pair.after, lower=True), self.theme.series_color(0))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, pair.figure)

    def describe_at(self, point: QPoint) -> str:
        row = int(point.y() // self.row_height())
        if not 0 <= row < self.row_count():
            return ""
        pair = self.pairs[row]
        return pair.words or f"{pair.name}  {pair.figure}"
