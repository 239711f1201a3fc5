"""The reference losses of a plot as named floors: bands, their names, and flags where the curve crosses them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from gui.curve import Floats
from gui.theme import NORMAL, Theme

NAMES = ("uniform", "unigram", "bigram")  # of the floors, the highest first
PAD, DOT = 6, 5  # pixels at zoom 1: around words, and the radius of a crossing
LEAST_FLAG = 120  # pixels at zoom 1: a flag with less room for its words is left out
TINTS = (10, 24, 44)  # opacity of the bands below the floors, 0..255

Line = tuple[Floats, Floats]  # x and y of its points, ordered by x


@dataclass(frozen=True)
class Floor:
    """A reference loss in pixels of the plot: its height, where the curve crosses it, and words for both."""

    words: str
    y: float
    crossing: float | None = None  # x of the first point of the curve below it
    flag: str = ""  # what the model wrote there


@dataclass(frozen=True)
class Placed:
    """The boxes in which a floor's name and its flag are painted; None for one that has no room."""

    floor: Floor
    name: QRectF | None
    flag: QRectF | None


def first_below(values: Floats, floor: float) -> int | None:
    """Return the index of the first value below the floor; None if there is none. NaN is not below."""
    below = np.flatnonzero(values < floor)
    return int(below[0]) if len(below) else None


def hits(rect: QRectF, x: Floats, y: Floats) -> bool:
    """Return whether a line through these points, ordered by x, passes through the rectangle."""
    if not len(x) or x[-1] < rect.left() or x[0] > rect.right():
        return False
    across = np.arange(max(rect.left(), x[0]), min(rect.right(), x[-1]) + 2.0, 2.0)
    height = np.interp(across, x, y)
    low, high = np.minimum(height[:-1], height[1:]), np.maximum(height[:-1], height[1:])
    return bool(((low < rect.bottom()) & (high > rect.top())).any())


class Placing:
    """Places the words of floors where they cover neither the curve nor a marker nor other words.

    A falling curve leaves room above a floor to the right of its crossing, and below the floor to the left of it.
    All lengths are pixels of `box`; `px` converts those at zoom 1, and `measure` returns the width of words.
    """

    def __init__(self, box: QRectF, curve: Line, markers: Line, measure: Callable[[str], float], theme: Theme) -> None:
        self.box, self.curve, self.markers, self.measure, self.px = box, curve, markers, measure, theme.px
        self.height = word_height(theme)
        self._taken: list[QRectF] = []

    def place(self, floor: Floor) -> Placed:
        name = flag = None
        for row, is_right in self._rows(floor):
            name = self._at_end(row, floor.words, is_right)
            if name is not None:
                room = row.adjusted(0, 0, -name.width(), 0) if is_right else row.adjusted(name.width(), 0, 0, 0)
                flag = self._at_end(room, floor.flag, not is_right, self.px(LEAST_FLAG)) if floor.flag else None
                break
        return Placed(floor, name, flag)

    def _rows(self, floor: Floor) -> list[tuple[QRectF, bool]]:
        """Return the rows beside the line, the best first, and whether the name is at the right end."""
        box, gap = self.box, self.px(2 * DOT)
        end = box.right() if floor.crossing is None else floor.crossing
        right = QRectF(end + gap, floor.y - self.height, max(0.0, box.right() - end - gap), self.height)
        left = QRectF(box.left(), floor.y, max(0.0, end - gap - box.left()), self.height)
        above = QRectF(box.left(), floor.y - self.height, box.width(), self.height)
        best = sorted(((right, True), (left, False)), key=lambda each: -each[0].width())
        return [*best, (above, True), (above, False)]

    def _at_end(self, row: QRectF, words: str, is_right: bool, least: float = math.inf) -> QRectF | None:
        """Return a place for words at one end of a row; words longer than `least` may be cut there."""
        needed = self.measure(words) + 2 * self.px(PAD) + 1
        widest = min(needed, row.width())
        for width in (widest, 0.75 * widest, 0.5 * widest, least):
            rect = QRectF(row.right() - width if is_right else row.left(), row.top(), width, row.height())
            if min(needed, least) <= width <= row.width() and self._is_free(rect):
                self._taken.append(rect)
                return rect
        return None

    def _is_free(self, rect: QRectF) -> bool:
        inside = self.box.adjusted(-1, -1, 1, 1).contains(rect)
        marked = any(rect.contains(x, y) for x, y in zip(*self.markers, strict=True))
        return inside and not marked and not hits(rect, *self.curve) and not any(map(rect.intersects, self._taken))


def word_height(theme: Theme) -> float:
    """Return the height of a row of words, in pixels."""
    return QFontMetricsF(theme.font(NORMAL)).height() + theme.px(PAD)


class FloorLayer(QGraphicsItem):
    """Paints floors in the box of a plot: the bands below the curves, or names and flags above them."""

    def __init__(self, view: pg.ViewBox, bands: bool) -> None:
        super().__init__(view)
        self._view, self._bands = view, bands
        self.setZValue(-10 if bands else 10)
        self.placed: list[Placed] = []
        self.notice = ""  # in place of curves
        self.theme: Theme | None = None

    def boundingRect(self) -> QRectF:
        rect: QRectF = self._view.rect()
        return rect

    def show_floors(self, placed: list[Placed], notice: str, theme: Theme) -> None:
        self.prepareGeometryChange()
        self.placed, self.notice, self.theme = placed, notice, theme
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self.theme is None:
            return
        if self._bands:
            self._paint_bands(painter, self.theme)
        else:
            self._paint_words(painter, self.theme)

    def _paint_bands(self, painter: QPainter, theme: Theme) -> None:
        rect = self.boundingRect()
        bottoms = [each.floor.y for each in self.placed[1:]] + [rect.bottom()]
        for each, bottom, tint in zip(self.placed, bottoms, TINTS[-len(self.placed) :], strict=False):
            color = theme.color("accent")
            color.setAlpha(tint)
            painter.fillRect(QRectF(rect.left(), each.floor.y, rect.width(), bottom - each.floor.y), color)
            painter.setPen(QPen(theme.color("muted"), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(rect.left(), each.floor.y), QPointF(rect.right(), each.floor.y))

    def _paint_words(self, painter: QPainter, theme: Theme) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = theme.font(NORMAL)
        painter.setFont(font)
        if self.notice:
            painter.setPen(theme.color("muted"))
            painter.drawText(self.boundingRect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.notice)
        pad = theme.px(PAD)
        for each in self.placed:
            floor = each.floor
            if floor.crossing is not None:
                self._paint_crossing(painter, theme, QPointF(floor.crossing, floor.y), each.flag)
            for rect, words, color in ((each.name, floor.words, "muted"), (each.flag, floor.flag, "text")):
                if rect is None:
                    continue
                painter.setPen(theme.color(color))
                room = rect.adjusted(pad, 0, -pad, 0)
                shown = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, room.width() + 1)
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_crossing(self, painter: QPainter, theme: Theme, at: QPointF, flag: QRectF | None) -> None:
        radius, color = theme.px(DOT), theme.color("accent")
        painter.setPen(QPen(color, theme.px(2)))
        if flag is not None:
            painter.drawLine(at, QPointF(at.x(), flag.center().y()))
            end = flag.left() if flag.left() > at.x() else flag.right()
            painter.drawLine(QPointF(at.x(), flag.center().y()), QPointF(end, flag.center().y()))
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(at, radius, radius)
