"""A veil over values that are out of date: it dims them, and says that new ones are being computed."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from gui.i18n import t
from gui.layout import timer
from gui.theme import GAP_L, GAP_S, LARGE
from gui.widgets.painted import Painted

DELAY_MS = 400  # shorter computations are not announced
BEAT_MS, ROUND = 60, 40  # milliseconds between two steps of the moving line, steps of one crossing
STRENGTH = 0.6  # of the veil; the values below keep the rest of their contrast


class Veil(Painted):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._below = parent
        self._delay = timer(self, DELAY_MS, self.show, single_shot=True)
        self._beat = timer(self, BEAT_MS, self._move)
        self._step = 0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def announce(self) -> None:
        """Show the veil after DELAY_MS, unless `lift` is called before; over the whole parent, and over its widgets."""
        if not self.isVisible():
            self._delay.start()

    def lift(self) -> None:
        """Hide the veil: the values are new, or nothing is being computed any more."""
        self._delay.stop()
        self.hide()

    def showEvent(self, event: QShowEvent) -> None:
        self.setGeometry(self._below.rect())
        self.raise_()
        self._beat.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._beat.stop()

    def _move(self) -> None:
        self._step = (self._step + 1) % ROUND
        self.setGeometry(self._below.rect())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, surface = QPainter(self), self.theme.color("surface")
        surface.setAlphaF(STRENGTH)
        painter.fillRect(self.rect(), surface)
        length = self.width() / 4
        line = QRectF((self.width() + length) * self._step / ROUND - length, 0, length, self.theme.px(3))
        painter.fillRect(line, self.theme.color("accent"))
        words = t("pane.computing")
        painter.setFont(self.theme.font(LARGE))
        metrics = QFontMetricsF(painter.font())
        box = QRectF(0, 0, metrics.horizontalAdvance(words) + 2 * GAP_L, metrics.height() + 2 * GAP_S)
        box.moveCenter(QRectF(self.rect()).center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("surface"))
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        painter.setPen(self.theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
