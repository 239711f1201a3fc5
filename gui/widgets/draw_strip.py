"""The draw of the next token: all probabilities end to end, and the random number as a needle on them."""

from PySide6.QtCore import QEasingCurve, QPoint, QPointF, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.messages.generation import Candidates
from gui.i18n import number, percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.painted import Painted, Policy

SPIN_MS, TURNS = 300, 2  # the needle crosses the strip so often before it stops
# Pixels at zoom 1: the room of the needle above the strip, the strip, and the least width of a segment with its word.
NEEDLE, STRIP, LOW_STRIP, LEAST_WORD = 14, 38, 22, 22
LEAST_LETTERS = 4  # of a shortened word, with its dots
TINT = 0.22  # opacity of the segments that were not drawn


class DrawStrip(Painted):
    def __init__(self, bars: CandidateBars, parent: QWidget | None = None) -> None:
        """Show a segment for each row of `bars`, and the other tokens as the rest."""
        super().__init__(parent, down=Policy.Fixed)
        self._bars = bars
        self.low = False  # whether there is only room for a low strip, without the line in words
        self._spin = QVariantAnimation(self, duration=SPIN_MS, startValue=0.0, endValue=1.0)
        self._spin.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._spin.valueChanged.connect(lambda _: self.update())
        self._from = self._draw = 0.0  # where the needle was, and where it is at rest

    @property
    def candidates(self) -> Candidates | None:
        return self._bars.candidates

    def show_draw(self, spin: bool = False) -> None:
        """Show the draw among the present candidates; with `spin` the needle turns a few times before it stops."""
        self._from, self._draw = self._draw, self.candidates.draw if self.candidates is not None else 0.0
        self._spin.stop()
        if spin and self.isVisible() and self._from != self._draw and not self.is_greedy:
            self._spin.start()
        self.setAccessibleDescription(self.words())
        self.update()

    def set_low(self, low: bool) -> None:
        if low != self.low:
            self.low = low
            self.updateGeometry()

    def retranslate(self) -> None:
        self.setAccessibleDescription(self.words())
        self.update()

    @property
    def is_greedy(self) -> bool:
        """True if the likeliest token is taken without a draw."""
        return self.candidates is not None and self.candidates.sampling.temperature == 0

    @property
    def needle(self) -> float:
        """The place of the needle on the strip, 0..1. At the end of its motion it is the random number of the draw."""
        if self._spin.state() != QVariantAnimation.State.Running:
            return self._draw
        return float((self._from + self._spin.currentValue() * (TURNS + self._draw - self._from)) % 1.0)

    def words(self) -> str:
        """Return the outcome of the draw as a sentence."""
        found = self.candidates
        if found is None:
            return ""
        piece = visible(found.pieces[found.drawn])
        if self.is_greedy:
            return t("pane.generation.candidates.greedy", piece=piece)
        return t("pane.generation.candidates.draw", draw=number(found.draw, 2), piece=piece)

    # --- Geometry --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        words = 0 if self.low else QFontMetricsF(self.theme.font(NORMAL)).height() + GAP_S
        height = self.theme.px(NEEDLE) + self.theme.px(LOW_STRIP if self.low else STRIP) + words
        return QSize(self.theme.px(300), round(height))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), self.sizeHint().height())

    def _strip(self) -> QRectF:
        top = self.theme.px(NEEDLE)
        return QRectF(0, top, self.width(), self.theme.px(LOW_STRIP if self.low else STRIP))

    def segment(self, index: int) -> QRectF:
        """Return the box of a candidate, whose width is its probability after the settings."""
        assert self.candidates is not None
        strip, share = self._strip(), float(self.candidates.probabilities[-1, index])
        left = strip.left() + self.candidates.starts[index] * strip.width()
        return QRectF(left, strip.top(), share * strip.width(), strip.height())

    def _segments(self) -> list[int]:
        """Return the candidates with a row that can be drawn."""
        found = self.candidates
        if found is None or len(found.starts) != len(found.ids):
            return []
        return [index for index in self._bars.indices() if found.probabilities[-1, index] > 0]

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        found = self.candidates
        if found is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self._strip(), self.theme.color("cut"))
        for index in self._segments():
            if index != found.drawn:
                self._paint_segment(painter, index)
        self._paint_rest(painter)
        if found.drawn in self._segments():
            self._paint_segment(painter, found.drawn)
            if self.is_greedy:
                self._paint_crown(painter, self.segment(found.drawn).center().x())
        if not self.is_greedy:
            self._paint_needle(painter)
        if not self.low:
            self._paint_words(painter)

    def _paint_segment(self, painter: QPainter, index: int) -> None:
        found = self.candidates
        assert found is not None
        box, is_drawn = self.segment(index), index == found.drawn
        color = QColor(self.theme.series_color(0))
        color.setAlphaF(1.0 if is_drawn else TINT)
        inner = QRectF(box)
        inner.setWidth(max(1.0, box.width() - 1))
        if not is_drawn:
            painter.fillRect(inner, self.theme.color("surface"))
        painter.fillRect(inner, color)
        if is_drawn:
            painter.setPen(QPen(self.theme.series_color(1), self.theme.px(2)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(inner)
        if box.width() >= self.theme.px(LEAST_WORD):
            words = visible(found.pieces[index])
            free = self._beside_needle(inner, words) if is_drawn else inner
            self._write(painter, free, words, "surface" if is_drawn else "text", is_drawn)

    def _beside_needle(self, box: QRectF, words: str) -> QRectF:
        """Return the larger part of the drawn segment beside the needle at rest, or all of it if the word needs it."""
        if self.is_greedy:
            return box
        x = self._strip().left() + self._draw * self._strip().width()
        left, right = QRectF(box), QRectF(box)
        left.setRight(x)
        right.setLeft(x)
        larger = max(left, right, key=QRectF.width)
        fits = QFontMetricsF(self._font(bold=True)).horizontalAdvance(words) <= larger.width() - 2 * GAP_S
        return larger if fits else box

    def _paint_rest(self, painter: QPainter) -> None:
        """Write how probable the tokens without a segment are together, where they have the most room."""
        segments = sorted((self.segment(index) for index in self._segments()), key=QRectF.left)
        strip = self._strip()
        ends = [strip.left(), *(x for segment in segments for x in (segment.left(), segment.right())), strip.right()]
        left, right = max(zip(ends[::2], ends[1::2], strict=True), key=lambda gap: gap[1] - gap[0])
        widest = QRectF(left, strip.top(), right - left, strip.height())
        if segments and widest.width() >= self.theme.px(4 * LEAST_WORD):
            _, share = self._bars.others()
            self._write(painter, widest, self.rest_words(share, widest.width()), "text")

    def rest_words(self, share: float, room: float) -> str:
        """Return the words for the other tokens: their name and share, or the share alone in less room."""
        whole = f"{t('pane.generation.candidates.others')} {percent(share, 1)}"
        fits = QFontMetricsF(self._font()).horizontalAdvance(whole) <= room - GAP_S
        return whole if fits else percent(share, 1)

    def _font(self, bold: bool = False) -> QFont:
        return self.theme.font(NORMAL if self.low else LARGE, bold=bold)

    def _write(self, painter: QPainter, box: QRectF, words: str, color: str, bold: bool = False) -> None:
        painter.setFont(self._font(bold))
        painter.setPen(self.theme.color(color))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(box.width() - GAP_S))
        if shown == words or len(shown) > LEAST_LETTERS:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)

    def _paint_needle(self, painter: QPainter) -> None:
        strip, size = self._strip(), self.theme.px(8)
        x = strip.left() + self.needle * strip.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.series_color(1))
        tip = QPointF(x, strip.top() + 1)
        painter.drawPolygon(QPolygonF([tip, tip + QPointF(-size, -1.6 * size), tip + QPointF(size, -1.6 * size)]))
        width = self.theme.px(2)
        painter.drawRect(QRectF(x - width / 2, strip.top(), width, strip.height()))

    def _paint_crown(self, painter: QPainter, x: float) -> None:
        """Paint a crown above the token that is taken without a draw."""
        unit, bottom = self.theme.px(5), self._strip().top() - 1
        corners = ((-2, 0), (2, 0), (2.4, -2.4), (1, -1.2), (0, -2.7), (-1, -1.2), (-2.4, -2.4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.series_color(4))
        painter.drawPolygon(QPolygonF([QPointF(x + a * unit, bottom + b * unit) for a, b in corners]))

    def _paint_words(self, painter: QPainter) -> None:
        """Write the outcome below the strip; a long token is shortened, the number is not."""
        box = QRectF(self.rect())
        box.setTop(self._strip().bottom() + GAP_S)
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("text"))
        words = painter.fontMetrics().elidedText(self.words(), Qt.TextElideMode.ElideRight, self.width() - GAP_M)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)

    def describe_at(self, point: QPoint) -> str:
        found = self.candidates
        for index in self._segments():
            if found is not None and self.segment(index).contains(QPointF(point)):
                return f"{visible(found.pieces[index])}   {percent(float(found.probabilities[-1, index]), 2)}"
        return self.words()
