"""How well a model predicts a text, in several forms."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF

from gui.i18n import number
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted, Policy

TICKS = (1, 2, 5, 10, 20, 50, 100, 1000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Point:
    """One form: its label on the axis, its perplexity, NaN while it is not known, and its description."""

    label: str
    perplexity: float
    broken: bool = False
    words: str = ""


class PerplexityPlot(Painted):
    """A curve over evenly spaced points, of which one may be current."""

    chosen = Signal(int)  # the index of a point

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.points: tuple[Point, ...] = ()
        self.current: int | None = None
        self.title = self.below = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, points: tuple[Point, ...], current: int | None, title: str, below: str) -> None:
        """Show the points; `title` stands above the plot and `below` names its axis."""
        self.points, self.current, self.title, self.below = points, current, title, below
        self.setAccessibleDescription("\n".join(point.words for point in points if point.words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(340), self.theme.px(240))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(180), self.theme.px(120))

    # --- Geometry --------------------------------------------------------------------------------

    def ticks(self) -> list[int]:
        """Return the marked perplexities, up to the first that no point exceeds."""
        values = [point.perplexity for point in self.points if not math.isnan(point.perplexity)]
        end = next((i for i, tick in enumerate(TICKS) if tick >= max(values, default=1.0)), len(TICKS) - 1)
        return list(TICKS[: max(end, 3) + 1])

    def area(self) -> QRectF:
        """Return the box of the curve."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left = max(metrics.horizontalAdvance(number(tick)) for tick in self.ticks()) + GAP_M + self.theme.px(8)
        top = 2.4 * metrics.height()
        return QRectF(
            left, top, self.width() - left - GAP_M - self.theme.px(8), self.height() - top - 2.4 * metrics.height()
        )

    def x_of(self, index: int) -> float:
        return self.area().left() + self.area().width() * index / max(1, len(self.points) - 1)

    def y_of(self, perplexity: float) -> float:
        share = math.log(max(1.0, perplexity)) / math.log(self.ticks()[-1])
        return self.area().bottom() - self.area().height() * min(1.0, share)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(NORMAL))
        self._paint_axes(painter)
        if self.current is not None:
            area, x = self.area(), self.x_of(self.current)
            painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        known = [index for index, point in enumerate(self.points) if not math.isnan(point.perplexity)]
        places = [QPointF(self.x_of(index), self.y_of(self.points[index].perplexity)) for index in known]
        painter.setPen(QPen(self.theme.series_color(0), self.theme.px(3)))
        painter.drawPolyline(QPolygonF(places))
        for index, place in zip(known, places, strict=True):
            color = self.theme.color("bad") if self.points[index].broken else self.theme.series_color(0)
            painter.setPen(QPen(color, self.theme.px(2)))
            painter.setBrush(color if self.points[index].broken else self.theme.color("surface"))
            size = self.theme.px(7 if index == self.current else 5)
            painter.drawEllipse(place, size, size)

    def _paint_axes(self, painter: QPainter) -> None:
        metrics, area = QFontMetricsF(painter.font()), self.area()
        painter.setPen(self.theme.color("text"))
        title = metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, 0, self.width(), metrics.height()), 0, title)
        lowest = self.height()
        for tick in self.ticks():
            y = self.y_of(tick)
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            if y > lowest - metrics.height():
                continue
            lowest = round(y)
            painter.setPen(self.theme.color("muted"))
            box = QRectF(0, y - metrics.height() / 2, area.left() - GAP_M - self.theme.px(8), metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number(tick))
        painter.setPen(self.theme.color("muted"))
        for index, point in enumerate(self.points):
            wide = metrics.horizontalAdvance(point.label) + GAP_M
            box = QRectF(self.x_of(index) - wide / 2, area.bottom() + GAP_S, wide, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, point.label)
        below = QRectF(area.left(), area.bottom() + GAP_S + metrics.height(), area.width(), metrics.height())
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.below)

    # --- Choosing --------------------------------------------------------------------------------

    def nearest(self, x: float) -> int:
        """Return the index of the point that is nearest to this place."""
        return min(range(len(self.points)), key=lambda index: abs(self.x_of(index) - x))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.points:
            self.chosen.emit(self.nearest(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the previous or next point by Left and Right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self.current is not None:
            self.chosen.emit(min(max(0, self.current + step), len(self.points) - 1))
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        return self.points[self.nearest(point.x())].words if self.points else ""
