"""A part of a picture that grows into the pane which it opens, so that one sees where the pane belongs."""

from PySide6.QtCore import QEasingCurve, QRect, Qt, QVariantAnimation
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from gui.widgets.painted import Painted

DURATION_MS = 260
LAST_OPACITY = 0.2  # of the enlarged part, when the pane replaces it


class Growth(Painted):
    """Covers `over` with what was there before, in which a part grows to its final place; then deletes itself.

    The pane is shown below from the beginning, and computes meanwhile. `start` and `end` are in coordinates of `over`.
    """

    def __init__(self, over: QWidget, before: QPixmap, start: QRect, end: QRect) -> None:
        super().__init__(over)
        self._before, self._end = before, end
        ratio = before.devicePixelRatio()
        corner, size = start.topLeft() * ratio, start.size() * ratio
        self._part = before.copy(QRect(corner, size))
        self.place = start  # of the part, now
        self._done = 0.0
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # nothing below it is repainted
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(over.rect())
        self._motion = QVariantAnimation(self, startValue=start, endValue=end, duration=DURATION_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._motion.valueChanged.connect(self._move)
        self._motion.finished.connect(self._finish)
        self.show()
        self.raise_()
        self._motion.start()

    def _move(self, place: QRect) -> None:
        self.place, self._done = place, self._motion.currentTime() / DURATION_MS
        self.update()

    def _finish(self) -> None:
        self.hide()
        self.deleteLater()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(0, 0, self._before)
        painter.fillRect(self.place, self.theme.color("surface"))
        painter.setOpacity(1 - (1 - LAST_OPACITY) * self._done)
        painter.drawPixmap(self.place, self._part)
        painter.setOpacity(1)
        painter.setPen(QPen(self.theme.color("accent"), 2))
        painter.drawRect(self.place)
