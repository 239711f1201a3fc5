"""How the attention of a token of the answer is divided among the sources, the instructions and the answer itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.i18n import percent
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted

GAP = 2  # pixels between two parts


@dataclass(frozen=True)
class Part:
    name: str
    share: float  # 0..1
    color: QColor
    mark: str = ""  # what is written into the part, with its share


class AttentionStrip(Painted):
    """The parts side by side; their widths are their shares."""

    chosen = Signal(int)  # index of a part

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=QSizePolicy.Policy.Fixed)
        self.parts: list[Part] = []

    def set_parts(self, parts: Sequence[Part]) -> None:
        self.parts = list(parts)
        self.setAccessibleDescription("; ".join(f"{part.name} {percent(part.share, 1)}" for part in parts))
        self.update()

    def sizeHint(self) -> QSize:
        height = QFontMetricsF(self.theme.font(NORMAL)).height() + 2 * GAP_S
        return QSize(self.theme.px(200), round(height))

    def boxes(self) -> list[QRectF]:
        boxes, x = list[QRectF](), 0.0
        for part in self.parts:
            width = part.share * self.width()
            boxes.append(QRectF(x, 0, max(0.0, width - GAP), self.height()))
            x += width
        return boxes

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.theme.font(NORMAL))
        metrics = QFontMetricsF(painter.font())
        for part, box in zip(self.parts, self.boxes(), strict=True):
            ground = QColor(part.color)
            ground.setAlphaF(0.35)
            painter.fillRect(box, ground)
            painter.setPen(self.theme.color("text"))
            for words in (f"{part.mark}  {percent(part.share)}".strip(), percent(part.share), part.mark):
                if words and metrics.horizontalAdvance(words) + GAP_M < box.width():
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
                    break

    def _at(self, point: QPoint) -> int:
        return next((i for i, box in enumerate(self.boxes()) if box.contains(point.toPointF())), -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._at(event.position().toPoint())
        if index >= 0:
            self.chosen.emit(index)

    def describe_at(self, point: QPoint) -> str:
        index = self._at(point)
        return f"{self.parts[index].name}   {percent(self.parts[index].share, 1)}" if index >= 0 else ""
