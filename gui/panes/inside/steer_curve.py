"""How well the unsteered model would predict each text, by strength: where the curve rises, the text breaks."""

import math

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF

from engine.messages.steering import SteeredTexts
from gui.i18n import number, t
from gui.panes.inside.steer_sentence import breaks
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted, Policy

TICKS = (1, 2, 5, 10, 20, 50, 100, 1000, 10_000, 100_000, 1_000_000)


class SteerCurve(Painted):
    chosen = Signal(float)  # a strength

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.found: SteeredTexts | None = None
        self.strength = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, found: SteeredTexts | None, strength: float) -> None:
        self.found, self.strength = found, strength
        self.setAccessibleDescription(self.words(strength))
        self.update()

    def words(self, strength: float) -> str:
        """Return the figures of one strength."""
        found = self.found
        place = found.strengths.index(strength) if found is not None and strength in found.strengths else -1
        if found is None or not 0 <= place < len(found.perplexities):
            return ""
        key = "pane.inside.steer.point_broken" if breaks(found, place) else "pane.inside.steer.point"
        return t(key, at=number(strength, 1, signed=True), perplexity=number(found.perplexities[place], 1))

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(340), self.theme.px(240))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(180), self.theme.px(120))

    # --- Geometry --------------------------------------------------------------------------------

    def ticks(self) -> list[int]:
        """Return the marked perplexities, up to the first that no text exceeds."""
        values = [value for value in (self.found.perplexities if self.found else ()) if not math.isnan(value)]
        end = next((i for i, tick in enumerate(TICKS) if tick >= max(values, default=1.0)), len(TICKS) - 1)
        return list(TICKS[: max(end, 3) + 1])

    def area(self) -> QRectF:
        """Return the box of the curve."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left = max(metrics.horizontalAdvance(number(tick)) for tick in self.ticks()) + GAP_M
        top = 2.4 * metrics.height()
        return QRectF(
            left, top, self.width() - left - GAP_M - self.theme.px(8), self.height() - top - 2.4 * metrics.height()
        )

    def x_of(self, strength: float) -> float:
        first, last = self._ends()
        return self.area().left() + self.area().width() * (strength - first) / max(1e-9, last - first)

    def _ends(self) -> tuple[float, float]:
        strengths = self.found.strengths if self.found else (-1.0, 1.0)
        return strengths[0], strengths[-1]

    def y_of(self, perplexity: float) -> float:
        share = math.log(max(1.0, perplexity)) / math.log(self.ticks()[-1])
        return self.area().bottom() - self.area().height() * min(1.0, share)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        found = self.found
        if found is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(NORMAL))
        self._paint_axes(painter)
        area, x = self.area(), self.x_of(self.strength)
        painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        points = [
            (place, QPointF(self.x_of(strength), self.y_of(value)))
            for place, (strength, value) in enumerate(zip(found.strengths, found.perplexities, strict=False))
            if not math.isnan(value)
        ]
        painter.setPen(QPen(self.theme.series_color(0), self.theme.px(3)))
        painter.drawPolyline(QPolygonF([point for _, point in points]))
        for place, point in points:
            name = "bad" if breaks(found, place) else "surface"
            painter.setPen(QPen(self.theme.color("bad") if name == "bad" else self.theme.series_color(0), 2))
            painter.setBrush(self.theme.color(name))
            size = self.theme.px(7 if found.strengths[place] == self.strength else 5)
            painter.drawEllipse(point, size, size)

    def _paint_axes(self, painter: QPainter) -> None:
        metrics, area = QFontMetricsF(painter.font()), self.area()
        painter.setPen(self.theme.color("text"))
        title = metrics.elidedText(t("pane.inside.steer.curve"), Qt.TextElideMode.ElideRight, self.width())
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
            box = QRectF(0, y - metrics.height() / 2, area.left() - GAP_M, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number(tick))
        painter.setPen(self.theme.color("muted"))
        first, last = self._ends()
        for strength in range(math.ceil(first), math.floor(last) + 1):
            wide = metrics.horizontalAdvance("−00")
            box = QRectF(self.x_of(strength) - wide, area.bottom() + GAP_S, 2 * wide, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, number(strength, signed=bool(strength)))
        below = QRectF(area.left(), area.bottom() + GAP_S + metrics.height(), area.width(), metrics.height())
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, t("pane.inside.steer.strength"))

    # --- Choosing --------------------------------------------------------------------------------

    def nearest(self, x: float) -> float:
        """Return the strength whose point is nearest to this place."""
        return min(self.found.strengths if self.found else (0.0,), key=lambda strength: abs(self.x_of(strength) - x))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.found is not None:
            self.chosen.emit(self.nearest(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the previous or next strength by Left and Right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not step or self.found is None or self.strength not in self.found.strengths:
            super().keyPressEvent(event)
            return
        place = self.found.strengths.index(self.strength) + step
        self.chosen.emit(self.found.strengths[min(max(0, place), len(self.found.strengths) - 1)])

    def describe_at(self, point: QPoint) -> str:
        return self.words(self.nearest(point.x())) if self.found is not None else ""
