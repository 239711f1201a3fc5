"""A veil over values that are out of date: it dims them, and says what is being computed in their place."""

from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from gui.layout import timer
from gui.theme import GAP_L, GAP_S, LARGE
from gui.widgets.painted import Painted

WAIT_MS, FADE_MS = 60, 120  # until the veil begins to show, and from then to its full strength
WORDS_MS = 300  # until it says what is being computed: shorter computations would make the words flicker
BEAT_MS, ROUND_MS = 30, 2400  # between two steps of the moving line, and for one crossing
STRENGTH = 0.6  # of the veil; the values below keep the rest of their contrast


class Veil(Painted):
    """Covers its parent from `announce` to `lift`.

    A change within WAIT_MS is seen as immediate, so nothing is dimmed before. Then the veil grows with the square of
    the time: an answer within 120 ms replaces a picture that is paler by a seventh, which is not seen as a flicker,
    and no value that is out of date is shown at full contrast for longer.
    """

    dimmed = Signal(bool)  # whether the values are seen to be out of date

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._below = parent
        self.waiting = False  # True from `announce` to `lift`
        self._words: Callable[[], str] = str
        self._fraction: float | None = None
        self._begun = 0.0  # when the wait began, and when the last one ended, in seconds
        self._lifted = -1.0
        self._line, self._notice = _Line(self), _Notice(self)
        self._delay = timer(self, WAIT_MS, self.show, single_shot=True)
        self._beat = timer(self, BEAT_MS, self._move)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        parent.installEventFilter(self)
        self.hide()

    def announce(self, words: Callable[[], str]) -> None:
        """Begin to dim the parent and everything in it; `words` returns what is being computed."""
        self.report(words, None)
        if not self.waiting:
            self.waiting, now = True, monotonic()
            if now - self._lifted < WAIT_MS / 1000:  # lifted only to be lowered again
                self._begun = now - (WAIT_MS + FADE_MS) / 1000
                self.show()
            else:
                self._begun = now
                self._delay.start()
        elif self.isVisible():
            self._beat.start()  # it had been stopped by `halt`

    def report(self, words: Callable[[], str], fraction: float | None) -> None:
        """Show how far the computation is: in words, and as a fraction 0..1 if it is known."""
        self._words, self._fraction = words, fraction
        if self.isVisible():
            self._lay_out()

    def halt(self) -> None:
        """Keep what is out of date dimmed without a moving line, because its computation has failed."""
        if self.waiting:
            self._delay.stop()
            self.report(str, 0.0)
            self._begun = monotonic() - (WAIT_MS + FADE_MS) / 1000
            self.show()
            self._beat.stop()
            self.update()

    def lift(self) -> None:
        """Hide the veil: the values are new, or nothing is being computed any more."""
        if self.isVisible():
            self._lifted = monotonic()
        self.waiting = False
        self._delay.stop()
        self.hide()

    @property
    def strength(self) -> float:
        """How strongly the values are dimmed now: 0 not at all, STRENGTH at most."""
        grown = (1000 * (monotonic() - self._begun) - WAIT_MS) / FADE_MS
        return STRENGTH * min(1.0, max(0.0, grown)) ** 2

    def showEvent(self, event: QShowEvent) -> None:
        self.raise_()
        self.setGeometry(self._below.rect())
        self._lay_out()
        self._beat.start()
        self.dimmed.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        self._beat.stop()
        self.dimmed.emit(False)

    def _move(self) -> None:
        age = 1000 * (monotonic() - self._begun)
        if age < WAIT_MS + FADE_MS + 2 * BEAT_MS:  # later only the line moves: repainting what is below costs time
            self.update()
        self._line.move_to(age % ROUND_MS / ROUND_MS)
        if age >= WORDS_MS and self._notice.isHidden():
            self._lay_out()

    def _lay_out(self) -> None:
        """Place the line at the top and the words in the middle."""
        self._line.fraction = self._fraction
        self._line.setGeometry(0, 0, self.width(), self.theme.px(3))
        words = self._words() if monotonic() - self._begun >= WORDS_MS / 1000 else ""
        self._notice.set_words(words, self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._below.rect())
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def retranslate(self) -> None:
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, surface = QPainter(self), self.theme.color("surface")
        surface.setAlphaF(self.strength)
        painter.fillRect(event.rect(), surface)


class _Line(Painted):
    """The moving line. It is opaque, so that its steps do not repaint what is below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._place = 0.0
        self.fraction: float | None = None

    def move_to(self, place: float) -> None:
        self._place = place
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, width, height = QPainter(self), self.width(), self.height()
        painter.fillRect(self.rect(), self.theme.color("sunken"))
        done = width * (self.fraction or 0)
        painter.fillRect(QRectF(0, 0, done, height), self.theme.color("accent"))
        if self.fraction is None:
            length = width / 4
            painter.fillRect(
                QRectF((width + length) * self._place - length, 0, length, height), self.theme.color("accent")
            )
        else:  # a glint runs over the part that is still to do
            length = (width - done) / 6
            painter.fillRect(
                QRectF(done + (width - done - length) * self._place, 0, length, height), self.theme.color("border")
            )


class _Notice(Painted):
    """The words in the middle; opaque, as the line."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.words = ""

    def set_words(self, words: str, veil: QWidget) -> None:
        """Show words in the middle of the veil; "" hides them."""
        self.words = words
        self.setVisible(bool(words))
        metrics = QFontMetricsF(self.theme.font(LARGE))
        width = min(veil.width(), round(metrics.horizontalAdvance(words) + 2 * GAP_L))
        height = round(metrics.height() + 2 * GAP_S)
        self.setGeometry((veil.width() - width) // 2, (veil.height() - height) // 2, width, height)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.theme.color("surface"))
        painter.setPen(self.theme.color("border"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.setFont(self.theme.font(LARGE))
        painter.setPen(self.theme.color("text"))
        words = QFontMetricsF(painter.font()).elidedText(
            self.words, Qt.TextElideMode.ElideRight, self.width() - 2 * GAP_S
        )
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
