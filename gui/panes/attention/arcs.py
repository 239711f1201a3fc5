"""The text on one line, with arcs from the selected word to the words that it looks at, as thick as their shares."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QEvent, QPoint, QPointF, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from gui.colormaps import share_color
from gui.i18n import t
from gui.panes.attention.line import Place, placed, tokens_in_room
from gui.panes.attention.sentence import share, strongest
from gui.text import word
from gui.theme import GAP_M, GAP_S, HUGE, LARGE, NORMAL
from gui.widgets.painted import Painted, Policy

SIZES = (44, 36, HUGE, 24, LARGE)  # of the type: the first in which the text fits
LEAST = 0.01  # smaller shares have no arc
MOST_ARCS = 24  # the strongest
THICKEST = 18  # pixels at zoom 1 of an arc of 100 %
NAMED = 3  # arcs with their percentage
BEND_MS = 250
MORE = "…"


class AttentionArcs(Painted):
    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.weights: NDArray[np.floating] = np.zeros((0, 0), np.float32)
        self.pieces: tuple[str, ...] = ()
        self.row = 0
        self.hovered: int | None = None
        self.type_size = LARGE  # of the type
        self.line_height = self.top = 0.0  # of the words; their upper edge
        self.places: list[Place] = []
        self._before: tuple[float, NDArray[np.floating]] | None = None  # the arcs before the motion: foot and weights
        self._motion = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=BEND_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.InOutQuad)
        self._motion.valueChanged.connect(lambda: self.update())
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, weights: NDArray[np.floating], pieces: tuple[str, ...], row: int) -> None:
        """Show row `row` of `weights` [query, key]; arcs of the same text bend to their new places."""
        same = pieces == self.pieces and bool(pieces)
        foot, before = self._now() if same else (0.0, np.zeros(0))
        if not same:
            self.hovered = None
        self.weights, self.pieces, self.row = weights.astype(np.float32), pieces, row
        self._lay_out()
        self._bend(foot, before) if same else self._motion.stop()
        self.setAccessibleDescription(self._described())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(220))

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def _described(self) -> str:
        """Return the word whose arcs are shown and its largest shares, in words."""
        if not self.pieces:
            return ""
        keys = [f"{word(self.pieces[key])} {share(float(self.weights[self.source, key]))}" for key in self._named()]
        return t("pane.attention.arcs.says", query=word(self.pieces[self.source]), keys=", ".join(keys))

    # --- The row that is shown, and the motion to it -------------------------------------------------

    @property
    def source(self) -> int:
        """The word whose arcs are shown: the one under the mouse, else the selected one."""
        return self.row if self.hovered is None else self.hovered

    def _named(self) -> list[int]:
        """Return the keys whose percentages are written."""
        keys = strongest(self.weights, self.source, NAMED)
        return [key for key in keys if self.weights[self.source, key] >= LEAST]

    def _bend(self, foot: float, before: NDArray[np.floating]) -> None:
        self._before = foot, before
        self._motion.stop()
        if self.isVisible():
            self._motion.start()

    def _now(self) -> tuple[float, NDArray[np.floating]]:
        """Return the foot of the arcs, x in pixels, and the weights that they have at this moment."""
        foot, weights = self._x(self.source), self.weights[self.source]
        if self._motion.state() != QVariantAnimation.State.Running or self._before is None:
            return foot, weights
        way, (foot_before, before) = float(self._motion.currentValue()), self._before
        return foot_before + way * (foot - foot_before), before + np.float32(way) * (weights - before)

    # --- Geometry --------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.places = []
        if not self.pieces:
            return
        words, room = [word(piece) for piece in self.pieces], self.width() - 2 * self.theme.px(GAP_M)
        for size in SIZES:
            metrics = QFontMetricsF(self.theme.font(size, bold=True))
            widths = [metrics.horizontalAdvance(each) for each in words]
            spaces = [self._space(metrics, index) for index in range(len(words))]
            self.type_size, needed = size, sum(widths) + sum(spaces[1:])
            if needed <= room and metrics.height() <= self.height() / 4:
                break
        gap = metrics.horizontalAdvance(f" {MORE} ")
        shown = list(range(len(words)))
        if needed > room:
            both = [width + space for width, space in zip(widths, spaces, strict=True)]
            shown = tokens_in_room(both, self.row, strongest(self.weights, self.row, NAMED), room, gap)
        self.line_height = metrics.height()
        below = self.theme.px(8 + GAP_S) + 2 * QFontMetricsF(self.theme.font(NORMAL, bold=True)).height()
        self.top = max(0.0, self.height() - self.line_height - below)  # below are colours and two rows of percentages
        places = placed(widths, spaces, shown, gap)
        start = max(float(self.theme.px(GAP_M)), (self.width() - places[-1].x - places[-1].width) / 2)
        self.places = [Place(p.first, p.last, p.x + start, p.width, p.left_out) for p in places]

    def _space(self, metrics: QFontMetricsF, index: int) -> float:
        """Return the gap before a token, in pixels: that of a space, or a small one between two tokens of one word."""
        apart = float(self.theme.px(6))
        return max(apart, metrics.horizontalAdvance(" ")) if self.pieces[index][:1].isspace() else apart

    def _place(self, token: int) -> Place:
        return next(place for place in self.places if place.first <= token <= place.last)

    def _x(self, token: int) -> float:
        return self._place(token).middle

    def _token_at(self, point: QPointF) -> int | None:
        inside = self.top - GAP_M <= point.y()
        found = [p for p in self.places if not p.left_out and p.x - GAP_S <= point.x() <= p.x + p.width + GAP_S]
        return found[0].first if found and inside else None

    # --- Painting --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.places:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        foot, weights = self._now()
        for key in np.argsort(weights)[-MOST_ARCS:].tolist():  # the strongest above the others
            if weights[key] >= LEAST:
                self._paint_arc(painter, foot, self._x(key), float(weights[key]))
        for place in self.places:
            self._paint_word(painter, place, weights)
        self._paint_percentages(painter)

    def _paint_arc(self, painter: QPainter, start: float, end: float, weight: float) -> None:
        bottom = self.top
        room, far = bottom - self.theme.px(THICKEST) / 2, abs(end - start)
        widest = self.places[-1].middle - self.places[0].middle
        height = min(room * (far / max(1.0, widest)) ** 0.5, far)
        if far < self.theme.px(2):  # of a word to itself
            height, end = min(room, float(self.theme.px(44))), start
        aside = max(self.theme.px(22), 1.8 * weight * self.theme.px(THICKEST)) * max(0.0, 1 - far / self.theme.px(40))
        path = QPainterPath(QPointF(start - aside / 3, bottom))
        peak = bottom - height * 4 / 3
        path.cubicTo(QPointF(start - aside, peak), QPointF(end + aside, peak), QPointF(end + aside / 3, bottom))
        color = self.theme.color("accent")
        color.setAlphaF(0.35 + 0.65 * min(1.0, weight))
        width = max(1.0, weight * self.theme.px(THICKEST))
        painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawPath(path)

    def _paint_word(self, painter: QPainter, place: Place, weights: NDArray[np.floating]) -> None:
        """Paint a word on one line with the others, and below it the colour of its share."""
        top, height, token = self.top, self.line_height, place.first
        box = QRectF(place.x, top, place.width, height)
        painter.setFont(self.theme.font(self.type_size, bold=token == self.source and not place.left_out))
        around, color = box.adjusted(-GAP_S, 0, GAP_S, 0), "text" if token <= self.source else "faint"
        if place.left_out:
            color = "muted"
        elif token == self.source:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("accent"))
            painter.drawRoundedRect(around, 4, 4)
            color = "on_accent"
        elif token == self.row:
            painter.setPen(QPen(self.theme.color("accent"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(around, 4, 4)
        painter.setPen(self.theme.color(color))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, MORE if place.left_out else word(self.pieces[token]))
        if token <= self.source and not place.left_out:
            strip = QRectF(place.x, box.bottom() + GAP_S / 2, place.width, self.theme.px(8))
            painter.fillRect(strip, share_color(float(weights[token])))

    def _paint_percentages(self, painter: QPainter) -> None:
        """Paint the largest shares below their words, in the first row where none is yet."""
        painter.setFont(self.theme.font(NORMAL, bold=True))
        painter.setPen(self.theme.color("text"))
        metrics = QFontMetricsF(painter.font())
        taken: list[QRectF] = []
        for key in self._named():
            place, value = self._place(key), share(float(self.weights[self.source, key]))
            words = f"{word(self.pieces[key])} {value}" if place.left_out else value
            width = metrics.horizontalAdvance(words) + GAP_S
            left = min(max(0.0, place.middle - width / 2), self.width() - width)
            box = QRectF(left, self.top + self.line_height + self.theme.px(8 + GAP_S), width, metrics.height())
            if any(box.intersects(other) for other in taken):
                box.translate(0, metrics.height())
            if not any(box.intersects(other) for other in taken):
                taken.append(box)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    # --- Hovering, selecting, describing -----------------------------------------------------------------

    def _hover(self, token: int | None) -> None:
        if token != self.hovered and self.places:
            now = self._now()
            self.hovered = token
            self._bend(*now)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._token_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        token = self._token_at(event.position())
        if token is not None:
            self.row_chosen.emit(token)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self.pieces) - 1
        moves = {
            Qt.Key.Key_Left: self.row - 1,
            Qt.Key.Key_Right: self.row + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if 0 <= moves.get(Qt.Key(event.key()), -1) <= last:
            self._hover(None)
            self.row_chosen.emit(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        return self._described() if self._token_at(QPointF(point)) == self.source else ""
