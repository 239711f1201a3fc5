"""The faders of a model as one grid: a row for each layer, a column for each head, and one for the MLPs."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
    qGray,
)

from gui.changes import Place, part_words
from gui.colormaps import share_color
from gui.i18n import number, t
from gui.panes.inside.faders import MOST, STEP, stepped
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.legend import paint_share_scale, share_scale_size
from gui.widgets.painted import Painted, Policy

DRAG = 90  # pixels at zoom 1 that move a fader by 1
LIGHT = 140  # luma, 0..255, from which a colour has black lines on it
Falls = NDArray[np.float64]


class FaderGrid(Painted):
    moved = Signal(object, float)  # Place, its new factor
    chosen = Signal(object)  # Place
    menu_wanted = Signal(object, QPoint)  # Place, where on the screen

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.layers = self.heads = 0
        self.factors: dict[Place, float] = {}
        self.effects: Falls | None = None  # [layer, H + 1], 0..1, NaN where it is not known yet
        self.effects_name = ""
        self.current: Place = (0, 0)
        self._drag: tuple[float, float] | None = None  # the height and the factor at which it began
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(
        self, layers: int, heads: int, factors: Mapping[Place, float], effects: Falls | None, effects_name: str
    ) -> None:
        """Show a model's faders. `effects` colour the parts, on the scale of shares; their name is the scale's."""
        self.layers, self.heads, self.factors = layers, heads, dict(factors)
        self.effects, self.effects_name = effects, effects_name
        if not (self.current[0] < layers and (self.current[1] or 0) < heads):
            self.current = (0, 0)
        self.setAccessibleDescription(self.describe(self.current))
        self.update()

    def set_current(self, place: Place) -> None:
        self.current = place
        self.setAccessibleDescription(self.describe(place))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(520), self.theme.px(420))

    # --- Geometry --------------------------------------------------------------------------------

    def area(self) -> QRectF:
        """Return the box of the faders."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left = metrics.horizontalAdvance(t("pane.inside.layer")) + GAP_M
        below = share_scale_size(self.theme).height() + GAP_M if self.effects is not None else 0.0
        top = metrics.height() + GAP_S
        return QRectF(left, top, self.width() - left, self.height() - top - below)

    def cell(self, place: Place) -> QRectF:
        """Return the box of a fader; the MLP's column has a gap before it."""
        area, (layer, head) = self.area(), place
        width, height = area.width() / (self.heads + 1.25), area.height() / max(1, self.layers)
        column = self.heads + 0.25 if head is None else head
        return QRectF(area.left() + column * width, area.top() + layer * height, width, height).adjusted(1, 1, -1, -1)

    def place_at(self, point: QPoint) -> Place | None:
        area = self.area()
        if not self.layers or not area.contains(point.toPointF()):
            return None
        layer = min(self.layers - 1, int((point.y() - area.top()) / area.height() * self.layers))
        column = (point.x() - area.left()) / area.width() * (self.heads + 1.25)
        if self.heads <= column < self.heads + 0.25:
            return None
        return layer, None if column >= self.heads else int(column)

    def factor(self, place: Place) -> float:
        return self.factors.get(place, 1.0)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.layers:
            return
        painter = QPainter(self)
        for layer in range(self.layers):
            for head in (*range(self.heads), None):
                self._paint_fader(painter, (layer, head))
        painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.cell(self.current))
        self._paint_names(painter)
        if self.effects is not None:
            self._paint_scale(painter)

    def _paint_fader(self, painter: QPainter, place: Place) -> None:
        """Paint a box in the colour of the part's effect, and the knob at the height of its factor; off is a cross."""
        box, factor = self.cell(place), self.factor(place)
        ground = self._ground(place)
        painter.fillRect(box, ground)
        ink = QColor("black" if qGray(ground.rgb()) >= LIGHT else "white")
        thick = max(1.5, min(self.theme.px(4), box.height() / 7))
        changed = place in self.factors
        if factor == 0:
            painter.setPen(QPen(ink, thick))
            inner = box.adjusted(box.width() * 0.2, box.height() * 0.15, -box.width() * 0.2, -box.height() * 0.15)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
            return
        y = box.bottom() - thick / 2 - (box.height() - thick) * factor / MOST
        if changed:
            tint = self.theme.color("accent")
            tint.setAlphaF(0.45)
            painter.fillRect(QRectF(box.left(), y, box.width(), box.bottom() - y), tint)
        quiet = QColor(ink)
        quiet.setAlphaF(0.55)
        painter.setPen(QPen(ink if changed else quiet, thick if changed else max(1.5, thick / 2)))
        painter.drawLine(QPointF(box.left() + box.width() * 0.25, y), QPointF(box.right() - box.width() * 0.25, y))
        self._paint_factor(painter, box, factor, ink if changed else None)

    def _paint_factor(self, painter: QPainter, box: QRectF, factor: float, ink: QColor | None) -> None:
        """Paint the factor of a changed part as a number, if there is room beside the knob."""
        painter.setFont(self.theme.font(SMALL))
        words, metrics = number(factor, 2).rstrip("0").rstrip("."), QFontMetricsF(painter.font())
        fits = box.height() >= 2.2 * metrics.height() and box.width() > metrics.horizontalAdvance(words)
        if ink is not None and fits:
            painter.setPen(ink)
            end = Qt.AlignmentFlag.AlignTop if factor < MOST / 2 else Qt.AlignmentFlag.AlignBottom
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | end, words)

    def _ground(self, place: Place) -> QColor:
        layer, head = place
        if self.effects is not None:
            effect = float(self.effects[layer, self.heads if head is None else head])
            if math.isfinite(effect):
                return share_color(effect)
        return self.theme.color("sunken")

    def _paint_names(self, painter: QPainter) -> None:
        painter.setFont(self.theme.font(NORMAL))
        metrics, area = QFontMetricsF(painter.font()), self.area()
        every = max(1, math.ceil(metrics.height() / (area.height() / self.layers)))
        for layer in range(self.layers):
            if (layer % every == 0 and abs(layer - self.current[0]) >= every) or layer == self.current[0]:
                painter.setPen(self.theme.color("accent" if layer == self.current[0] else "muted"))
                middle = self.cell((layer, 0)).center().y()
                room = QRectF(0, middle - metrics.height() / 2, area.left() - GAP_M, metrics.height())
                painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(layer + 1))
        painter.setPen(self.theme.color("muted"))
        top = QRectF(0, 0, area.left() - GAP_M, metrics.height())
        painter.drawText(top, Qt.AlignmentFlag.AlignRight, t("pane.inside.layer"))
        wide = metrics.horizontalAdvance(f" {self.heads} ")
        step = max(1, math.ceil(wide / max(1.0, self.cell((0, 0)).width())))
        for head in (*range(0, self.heads, step), None):
            painter.setPen(self.theme.color("accent" if head == self.current[1] else "muted"))
            box = self.cell((0, head))
            words = t("pane.inside.desk.mlp") if head is None else t("pane.inside.desk.head", head=head + 1)
            if head is not None and metrics.horizontalAdvance(words) > box.width() * step:
                words = str(head + 1)
            room = QRectF(box.center().x() - 200, 0, 400, metrics.height())
            if room.center().x() + metrics.horizontalAdvance(words) / 2 > self.width():
                room.moveRight(self.width() + 200 - metrics.horizontalAdvance(words) / 2)
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter, words)

    def _paint_scale(self, painter: QPainter) -> None:
        size = share_scale_size(self.theme)
        corner = QRectF(self.area().left(), self.height() - size.height(), size.width(), size.height())
        paint_share_scale(painter, corner, self.theme)
        painter.setPen(self.theme.color("muted"))
        beside = corner.adjusted(corner.width() + GAP_M, 0, self.width(), 0)
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, self.effects_name)

    # --- Words -----------------------------------------------------------------------------------

    def describe(self, place: Place) -> str:
        """Return a part and its factor in words."""
        if not self.layers:
            return ""
        factor = self.factor(place)
        state = t("pane.inside.desk.off") if factor == 0 else number(factor, 2)
        return t("pane.inside.desk.fader", part=part_words(*place), factor=state)

    def describe_at(self, point: QPoint) -> str:
        place = self.place_at(point)
        return "" if place is None else self.describe(place)

    # --- Mouse and keyboard ----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        place = self.place_at(event.position().toPoint())
        if place is None:
            return
        self._choose(place)
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position().y(), self.factor(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            start, factor = self._drag
            self._move(factor + (start - event.position().y()) / self.theme.px(DRAG))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.place_at(event.position().toPoint()) == self.current:
            self._move(1.0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if place is not None and event.angleDelta().y():
            self._choose(place)
            self._move(self.factor(place) + 2 * STEP * event.angleDelta().y() / 120)
            event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        place = self.place_at(event.pos()) if by_mouse else self.current
        if place is not None:
            where = event.globalPos() if by_mouse else self.mapToGlobal(self.cell(place).center().toPoint())
            self.menu_wanted.emit(place, where)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, columns = Qt.Key(event.key()), self.heads + 1
        layer, head = self.current
        column = self.heads if head is None else head
        ways = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        changes = {Qt.Key.Key_Plus: 2 * STEP, Qt.Key.Key_PageUp: 2 * STEP, Qt.Key.Key_Minus: -2 * STEP,
                   Qt.Key.Key_PageDown: -2 * STEP}  # fmt: skip
        if not self.layers:
            super().keyPressEvent(event)
        elif key in ways:
            down, across = ways[key]
            column = min(max(0, column + across), columns - 1)
            self._choose((min(max(0, layer + down), self.layers - 1), None if column == self.heads else column))
        elif key in changes:
            self._move(self.factor(self.current) + changes[key])
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._move(1.0 if self.factor(self.current) != 1 else 0.0)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_0):
            self._move(0.0)
        elif key == Qt.Key.Key_1:
            self._move(1.0)
        else:
            super().keyPressEvent(event)

    def _choose(self, place: Place) -> None:
        if place != self.current:
            self.set_current(place)
            self.chosen.emit(place)

    def _move(self, factor: float) -> None:
        factor = stepped(factor)
        if factor != self.factor(self.current):
            self.factors[self.current] = factor
            self.set_current(self.current)
            self.moved.emit(self.current, factor)
