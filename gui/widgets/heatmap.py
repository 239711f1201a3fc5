"""An attention pattern as a heatmap with tokens on both axes; hovering shows the exact value."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from gui.colormaps import root_colors
from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.legend import paint_share_scale, share_scale_size
from gui.widgets.painted import Painted, Policy

SLANT = 55  # degrees by which the tokens above are rotated
LABEL_SHARE = 0.28  # of the width and height, at most, for the tokens
ROOM_FOR_TITLES = 300  # pixels at zoom 1 of width and height, from which the axes have titles


def shares_image(weights: NDArray[np.floating]) -> QImage:
    """Return a causal matrix [query, key] as an image in which the masked cells are transparent, coloured as shares."""
    rows, columns = weights.shape
    pixels = np.tril(root_colors()[weights.astype(np.float16).view(np.uint16)], columns - rows)
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()


class Heatmap(Painted):
    row_chosen = Signal(int)
    key_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.pieces: tuple[str, ...] = ()
        self.weights: NDArray[np.floating] = np.zeros((0, 0))
        self.row: int | None = None
        self.key: int | None = None
        self._image = QImage()
        self._widest: tuple[object, float] = (None, 0.0)  # the width of the widest token, and what it depends on
        self._view = QRectF()  # the part of the matrix that is shown, in cells; empty = all
        self._drag: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(
        self, weights: NDArray[np.floating], pieces: tuple[str, ...], row: int | None, key: int | None = None
    ) -> None:
        """Show `weights` [query, key], each row summing to 1.

        `row` is the selected query and `key` the selected key, by default the one with the query's largest weight.
        """
        if len(pieces) != len(self.pieces):
            self._view = QRectF()
        self.weights, self.pieces = weights.astype(np.float32), pieces
        self.row = row if row is not None and row < len(pieces) else None
        self.key = int(self.weights[self.row].argmax()) if key is None and self.row is not None else key
        self._image = self.image(self.weights)
        self.setAccessibleDescription(self.describe(self.row) if self.row is not None else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(360), self.theme.px(320))

    # --- Geometry --------------------------------------------------------------------------------

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(NORMAL, bold=True))

    def _widest_token(self, metrics: QFontMetricsF) -> float:
        """Return the width of the widest token; it is measured once, because another head has the same tokens."""
        key = self.pieces, self.theme.px(NORMAL)
        if self._widest[0] != key:
            self._widest = key, max((metrics.horizontalAdvance(visible(p)) for p in self.pieces), default=0.0)
        return self._widest[1]

    def _title_room(self) -> float:
        """Return the height of an axis title; 0 in a small picture, which has none."""
        small = min(self.width(), self.height()) < self.theme.px(ROOM_FOR_TITLES)
        return 0.0 if small else self._metrics().height()

    def _matrix(self) -> QRectF:
        """Return the box of the cells, which are square, with room for titles and tokens at the left and above."""
        metrics, title = self._metrics(), self._title_room()
        widest = self._widest_token(metrics)
        left = title + min(widest, self.width() * LABEL_SHARE) + GAP_M
        slant = math.radians(SLANT)
        top = min(widest * math.sin(slant), self.height() * LABEL_SHARE) + metrics.ascent() * math.cos(slant)
        top += title + max(GAP_M, _gap(metrics) + GAP_S)
        overhang = metrics.height() if len(self.pieces) > 1 else 0.0  # of the last slanted token
        side = max(10.0, min(self.width() - left - overhang, self.height() - top - metrics.height() / 2))
        return QRectF(left, top, side, side)

    def _shown(self) -> QRectF:
        """Return the part of the matrix that is shown, in cells: x are keys, y queries."""
        return QRectF(0, 0, len(self.pieces), len(self.pieces)) if self._view.isEmpty() else self._view

    def _cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        box, shown = self._matrix(), self._shown()
        if not self.pieces or not box.contains(x, y):
            return None
        cell = box.width() / shown.width()
        query, key = int((y - box.top()) / cell + shown.top()), int((x - box.left()) / cell + shown.left())
        return (query, key) if 0 <= key <= query < len(self.pieces) else None

    # --- Painting --------------------------------------------------------------------------------

    def image(self, weights: NDArray[np.floating]) -> QImage:
        """Return the cells as an image, in which the masked ones are transparent."""
        return shares_image(weights)

    def paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """Paint the scale of colours at the top of a box."""
        paint_share_scale(painter, box, self.theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.pieces:
            return
        painter = QPainter(self)
        box, shown = self._matrix(), self._shown()
        cell = box.width() / shown.width()
        painter.drawImage(box, self._image, shown)
        painter.save()
        painter.setClipRect(box)
        if cell > 8:  # thin gaps make single cells countable
            self._paint_gaps(painter, box, shown, cell)
        self._paint_selection(painter, box, shown, cell)
        painter.restore()
        self._paint_titles(painter, box)
        self._paint_labels(painter, box, shown, cell)
        if self._view.isEmpty():
            scale = self.scale_box()
            if QRectF(self.rect()).contains(scale):
                self.paint_scale(painter, scale)

    def _paint_selection(self, painter: QPainter, box: QRectF, shown: QRectF, cell: float) -> None:
        """Paint a frame around the selected row, and a finer one around the selected column."""
        corner = box.topLeft() - shown.topLeft() * cell
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.key is not None:
            painter.setPen(QPen(self.theme.color("accent"), 1, Qt.PenStyle.DotLine))
            column = QRectF(self.key * cell, self.key * cell, cell, (len(self.pieces) - self.key) * cell)
            painter.drawRect(column.translated(corner))
        if self.row is not None:
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.drawRect(QRectF(0, self.row * cell, (self.row + 1) * cell, cell).translated(corner))

    def _paint_titles(self, painter: QPainter, box: QRectF) -> None:
        room = self._title_room()
        if not room:
            return
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("muted"))
        metrics = self._metrics()
        key, width = t("widget.heatmap.key"), self.width() - box.left()
        elided = metrics.elidedText(key, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRectF(box.left(), 0, width, room), Qt.AlignmentFlag.AlignLeft, elided)
        painter.save()
        painter.translate(0, box.bottom())
        painter.rotate(-90)
        query = metrics.elidedText(t("widget.heatmap.query"), Qt.TextElideMode.ElideRight, box.height())
        painter.drawText(QRectF(0, 0, box.height(), room), Qt.AlignmentFlag.AlignRight, query)
        painter.restore()

    def _paint_gaps(self, painter: QPainter, box: QRectF, shown: QRectF, cell: float) -> None:
        painter.setPen(QPen(self.theme.color("surface"), 1))
        for column in range(int(shown.left()), int(shown.right()) + 2):
            x = round(box.left() + (column - shown.left()) * cell)
            painter.drawLine(x, round(box.top()), x, round(box.bottom()))
        for row in range(int(shown.top()), int(shown.bottom()) + 2):
            y = round(box.top() + (row - shown.top()) * cell)
            painter.drawLine(round(box.left()), y, round(box.right()), y)

    def _paint_labels(self, painter: QPainter, box: QRectF, shown: QRectF, cell: float) -> None:
        """Paint the tokens at the left and above, where they would overlap the selected query and key."""
        bold, title = self._metrics(), self._title_room()
        styles = self._label_style(chosen=False), self._label_style(chosen=True)
        every = max(1, int(np.ceil(bold.height() * 0.9 / cell)))

        def style(chosen: bool, index: int, room: float) -> str:
            """Set font and colour of a token, and return it as it fits."""
            font, color, metrics = styles[chosen]
            painter.setFont(font)
            painter.setPen(color)
            return metrics.elidedText(visible(self.pieces[index]), Qt.TextElideMode.ElideRight, room)

        room = QRectF(title, 0, box.left() - GAP_M - title, bold.height())
        for index in labelled_tokens(len(self.pieces), every, self.row):
            if shown.top() <= index + 0.5 < shown.bottom():
                room.moveTop(box.top() + (index + 0.5 - shown.top()) * cell - bold.height() / 2)
                text = style(index == self.row, index, room.width())
                painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        slant = math.radians(SLANT)
        above = (box.top() - title - _gap(bold) - bold.ascent() * math.cos(slant)) / math.sin(slant)
        for index in labelled_tokens(len(self.pieces), every, self.key):
            if shown.left() <= index + 0.5 < shown.right():
                text = style(index in (self.row, self.key), index, above)
                painter.save()
                painter.translate(box.left() + (index + 0.5 - shown.left()) * cell, box.top() - _gap(bold))
                painter.rotate(-SLANT)
                painter.drawText(0, round(bold.ascent() / 3), text)
                painter.restore()

    def _label_style(self, chosen: bool) -> tuple[QFont, QColor, QFontMetricsF]:
        font = self.theme.font(NORMAL, bold=chosen)
        return font, self.theme.color("accent" if chosen else "muted"), QFontMetricsF(font)

    def scale_box(self) -> QRectF:
        """Return the box of the scale of colours: in the masked corner, or else to the right of the matrix."""
        box, size = self._matrix(), share_scale_size(self.theme)
        corner = QRectF(box.right() - size.width(), box.top() + self.theme.px(8), size.width(), size.height())
        cell = box.width() / len(self.pieces)
        beside = math.floor((corner.bottom() - box.top()) / cell) + 1  # cells of the last row beside the scale
        if box.left() + beside * cell > corner.left():
            corner.moveLeft(box.right() + self.theme.px(GAP_M))
        return corner

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, query: int, key: int | None = None) -> str:
        """Return the description of a cell, by default of the row's largest weight: それ → 動物 94 %."""
        key = int(self.weights[query].argmax()) if key is None else key
        return t(
            "widget.heatmap.cell",
            query=visible(self.pieces[query]),
            key=visible(self.pieces[key]),
            percent=percent(float(self.weights[query, key]), 1),
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self._drag = event.position()
        box, shown = self._matrix(), self._shown()
        row = int((event.position().y() - box.top()) / box.height() * shown.height() + shown.top())
        if 0 <= row < len(self.pieces) and box.top() <= event.position().y() <= box.bottom():
            self.row_chosen.emit(row)
        cell = self._cell_at(event.position().x(), event.position().y())
        if cell is not None:
            self.key_chosen.emit(cell[1])

    # --- Zoom: wheel or + and -, drag to move, double click or 0 to show all ------------------------

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom in by `factor`; the cell at `at` (default: the centre) stays in place."""
        box, shown, count = self._matrix(), self._shown(), len(self.pieces)
        if not count:
            return
        at = box.center() if at is None else at
        across, down = (at.x() - box.left()) / box.width(), (at.y() - box.top()) / box.height()
        side = max(4.0, shown.width() / factor)
        if side >= count:
            self._view = QRectF()
        else:
            left = shown.left() + across * (shown.width() - side)
            top = shown.top() + down * (shown.height() - side)
            self._view = _within(QRectF(left, top, side, side), count)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(1.25 if event.angleDelta().y() > 0 else 0.8, event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and event.buttons() and not self._view.isEmpty():
            cell = self._matrix().width() / self._view.width()
            moved = (event.position() - self._drag) / cell
            self._view = _within(self._view.translated(-moved.x(), -moved.y()), len(self.pieces))
            self._drag = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._view = QRectF()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = len(self.pieces) - 1 if self.row is None else self.row
        moves = {Qt.Key.Key_Up: row - 1, Qt.Key.Key_Down: row + 1}
        if event.text() in ("+", "-"):
            self.zoom(1.25 if event.text() == "+" else 0.8)
        elif event.text() == "0":
            self.zoom(0.0001)
        elif 0 <= moves.get(Qt.Key(event.key()), -1) < len(self.pieces):
            self.row_chosen.emit(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        cell = self._cell_at(point.x(), point.y())
        return self.describe(*cell) if cell else ""


def _within(view: QRectF, count: int) -> QRectF:
    """Return the view, moved so that it is inside the `count` × `count` cells."""
    left = min(max(0.0, view.left()), count - view.width())
    top = min(max(0.0, view.top()), count - view.height())
    return QRectF(left, top, view.width(), view.height())


def labelled_tokens(count: int, every: int, chosen: int | None) -> list[int]:
    """Return the tokens that have a label: the chosen one, and every n-th that does not overlap it."""
    others = [index for index in range(0, count, every) if chosen is None or abs(index - chosen) >= every]
    return others if chosen is None else [chosen, *others]


def _gap(metrics: QFontMetricsF) -> float:
    """Return the distance between the slanted words and the cells, with space for descenders."""
    return max(float(GAP_S), (metrics.ascent() / 3 + metrics.descent()) * math.cos(math.radians(SLANT)))
