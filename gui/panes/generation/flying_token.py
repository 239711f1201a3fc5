"""A token that moves from the candidates to its place in the text."""

from PySide6.QtCore import QEasingCurve, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.theme import GAP_S
from gui.widgets.painted import Painted

FLIGHT_MS = 250


class FlyingToken(Painted):
    """Covers a widget, lets the mouse through, and is visible only while a token moves."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over, self._words, self._size, self._box = over, "", 1, QRectF()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._way = QVariantAnimation(self, duration=FLIGHT_MS)
        self._way.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._way.valueChanged.connect(self._moved)
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
        self._box = start
        self.show()
        self._way.start()

    def _moved(self) -> None:
        """Repaint where the token was and where it is; the widget below need not be painted whole."""
        before, self._box = self._box, self._place()
        self.update(before.united(self._box).toAlignedRect().adjusted(-2, -2, 2, 2))

    def _place(self) -> QRectF:
        """Return the box of the token now, as wide as its words."""
        value = self._way.currentValue()
        box = QRectF(value) if isinstance(value, QRectF) else QRectF()
        metrics = QFontMetricsF(self.theme.font(self._size, bold=True))
        box.setWidth(metrics.horizontalAdvance(self._words) + 2 * GAP_S)
        return box

    def paintEvent(self, event: QPaintEvent) -> None:
        box, painter = self._box, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(self._size, bold=True))
        painter.setPen(self.theme.color("accent"))
        painter.setBrush(self.theme.color("accent_soft"))
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._words)
