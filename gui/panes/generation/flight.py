"""A token that moves from the candidates to its place in the text."""

from PySide6.QtCore import QEasingCurve, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.theme import GAP_S
from gui.widgets.painted import Painted

FLIGHT_MS = 250


class Flight(Painted):
    """Covers a widget, lets the mouse through, and is visible only while a token moves."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over, self._words, self._size = over, "", 0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._way = QVariantAnimation(self, duration=FLIGHT_MS)
        self._way.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._way.valueChanged.connect(lambda _: self.update())
        self._way.finished.connect(self.hide)
        self.hide()

    def fly(self, words: str, start: QRectF, end: QRectF, size: int) -> None:
        """Move `words`, in type of `size` pixels at zoom 1, between two boxes of the widget below."""
        self._way.stop()
        self._words, self._size = words, size
        self._way.setStartValue(start)
        self._way.setEndValue(end)
        self.setGeometry(self._over.rect())
        self.raise_()
        self.show()
        self._way.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        box = self._way.currentValue()
        if not isinstance(box, QRectF):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(self._size, bold=True))
        box = QRectF(box)
        box.setWidth(painter.fontMetrics().horizontalAdvance(self._words) + 2 * GAP_S)
        painter.setPen(self.theme.color("accent"))
        painter.setBrush(self.theme.color("accent_soft"))
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._words)
