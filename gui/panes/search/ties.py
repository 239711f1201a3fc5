"""The bands that lead from a passage to its place in the prompt and to the sentences that it supports; and its flight.

They are painted over the other widgets of the journey, between its columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEasingCurve, QPointF, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import GAP_M, NORMAL
from gui.widgets.painted import Painted

FLIGHT_MS = 550


@dataclass(frozen=True)
class Tie:
    """A band between the right side of one box and the left side of another."""

    start: QRectF
    end: QRectF
    color: QColor
    line: bool  # also a line in the middle: from a sentence to its source


@dataclass(frozen=True)
class Flight:
    """A passage on its way into the prompt."""

    start: QRectF
    end: QRectF
    color: QColor
    words: str


class Ties(Painted):
    def __init__(
        self, parent: QWidget, ties: Callable[[], Sequence[Tie]], flights: Callable[[], Sequence[Flight]]
    ) -> None:
        """`ties` and `flights` return them at their present places."""
        super().__init__(parent)
        self._ties, self._flights = ties, flights
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.motion = QVariantAnimation(self)
        self.motion.setStartValue(0.0)
        self.motion.setEndValue(1.0)
        self.motion.setDuration(FLIGHT_MS)
        self.motion.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self.motion.valueChanged.connect(lambda _: self.update())

    @property
    def is_flying(self) -> bool:
        return self.motion.state() == QVariantAnimation.State.Running

    def fly(self) -> None:
        """Move the passages into the prompt."""
        if self.isVisible():
            self.motion.stop()
            self.motion.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        grown = float(self.motion.currentValue()) if self.is_flying else 1.0
        for tie in self._ties():
            self._paint_tie(painter, tie, grown)
        if self.is_flying:
            for flight in self._flights():
                self._paint_flight(painter, flight, grown)

    def _paint_tie(self, painter: QPainter, tie: Tie, grown: float) -> None:
        start, end = tie.start, tie.end
        band = QPainterPath(start.topRight())
        _curve(band, start.topRight(), end.topLeft())
        band.lineTo(end.bottomLeft())
        _curve(band, end.bottomLeft(), start.bottomRight())
        ground = QColor(tie.color)
        ground.setAlphaF(0.16 * grown)
        painter.fillPath(band, ground)
        if tie.line:
            middle = QPainterPath(QPointF(start.right(), start.center().y()))
            _curve(middle, middle.currentPosition(), QPointF(end.left(), end.center().y()))
            painter.strokePath(middle, QPen(tie.color, self.theme.px(2)))

    def _paint_flight(self, painter: QPainter, flight: Flight, done: float) -> None:
        a, b = flight.start, flight.end
        edges = ((getattr(a, name)(), getattr(b, name)()) for name in ("left", "top", "width", "height"))
        box = QRectF(*(before + done * (after - before) for before, after in edges))
        painter.fillRect(box, self.theme.color("surface"))
        ground = QColor(flight.color)
        ground.setAlphaF(0.3)
        painter.fillRect(box, ground)
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("text"))
        words = QFontMetricsF(painter.font()).elidedText(flight.words, Qt.TextElideMode.ElideRight, box.width() - GAP_M)
        painter.drawText(box.adjusted(GAP_M, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)


def _curve(path: QPainterPath, start: QPointF, end: QPointF) -> None:
    """Continue a path to `end`, level at both ends."""
    middle = (start.x() + end.x()) / 2
    path.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)
