"""An attention pattern as a heatmap with tokens on both axes; hovering shows the exact value."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
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

from gui.colormaps import image_of
from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, SMALL
from gui.widgets.painted import Painted, Policy

SLANT = 55  # degrees by which the tokens above are rotated
LABEL_SHARE = 0.28  # of the width, at most, for the tokens at the side


def shares_image(weights: NDArray[np.floating]) -> QImage:
    """Return a causal matrix [query, key] as an image in which the masked cells are transparent."""
    rows, columns = weights.shape
    pixels = np.zeros((rows, columns, 4), np.uint8)
    pixels[..., :3] = image_of(weights)
    pixels[..., 3] = np.tril(np.full((rows, columns), 255, np.uint8), columns - rows)
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()


class Heatmap(Painted):
    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.pieces: tuple[str, ...] = ()
        self.weights: NDArray[np.floating] = np.zeros((0, 0))
        self.row: int | None = None
        self._image = QImage()
        self._view = QRectF()  # the part of the matrix that is shown, in cells; empty = all
        self._drag: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, weights: NDArray[np.floating], pieces: tuple[str, ...], row: int | None) -> None:
        """Show `weights` [query, key], each row summing to 1; `row` is the selected query."""
        if len(pieces) != len(self.pieces):
            self._view = QRectF()
        self.weights, self.pieces, self.row = weights.astype(np.float32), pieces, row
        self._image = shares_image(self.weights)
        self.setAccessibleDescription(self.describe(row) if row is not None and row < len(pieces) else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(360), self.theme.px(320))

    # --- Geometry --------------------------------------------------------------------------------

    def _matrix(self) -> QRectF:
        """Return the box of the cells, which are square, with room for the tokens at the left and above."""
        metrics = QFontMetricsF(self.theme.font(SMALL))
        widest = max((metrics.horizontalAdvance(visible(p)) for p in self.pieces), default=0.0)
        left = min(widest, self.width() * LABEL_SHARE) + GAP_M
        slant = math.radians(SLANT)
        top = min(widest * math.sin(slant), self.height() * LABEL_SHARE * 0.8) + metrics.ascent() * math.cos(slant)
        top += max(GAP_M, _gap(metrics) + GAP_S)
        side = max(10.0, min(self.width() - left - GAP_M, self.height() - top - metrics.height() - GAP_S))
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
        if self.row is not None and self.row < len(self.pieces):
            painter.setPen(QPen(self.theme.color("accent"), 2))
            left, top = box.left() - shown.left() * cell, box.top() + (self.row - shown.top()) * cell
            painter.drawRect(QRectF(left, top, (self.row + 1) * cell, cell))
        painter.restore()
        self._paint_labels(painter, box, shown, cell)
        if self._view.isEmpty():
            self._paint_scale(painter, box)

    def _paint_gaps(self, painter: QPainter, box: QRectF, shown: QRectF, cell: float) -> None:
        painter.setPen(QPen(self.theme.color("surface"), 1))
        for column in range(int(shown.left()), int(shown.right()) + 2):
            x = round(box.left() + (column - shown.left()) * cell)
            painter.drawLine(x, round(box.top()), x, round(box.bottom()))
        for row in range(int(shown.top()), int(shown.bottom()) + 2):
            y = round(box.top() + (row - shown.top()) * cell)
            painter.drawLine(round(box.left()), y, round(box.right()), y)

    def _paint_labels(self, painter: QPainter, box: QRectF, shown: QRectF, cell: float) -> None:
        """Paint the tokens at the left and above, where they would overlap the selected query and its strongest key."""
        metrics = QFontMetricsF(self.theme.font(SMALL))
        every = max(1, int(np.ceil(metrics.height() * 0.9 / cell)))
        query = self.row if self.row is not None and self.row < len(self.pieces) else None
        key = None if query is None else int(self.weights[query].argmax())
        for index in labelled_tokens(len(self.pieces), every, query):
            if shown.top() <= index + 0.5 < shown.bottom():
                self._set_label_style(painter, index == query)
                y = box.top() + (index + 0.5 - shown.top()) * cell
                room = QRectF(0, y - metrics.height() / 2, box.left() - GAP_M, metrics.height())
                text = metrics.elidedText(visible(self.pieces[index]), Qt.TextElideMode.ElideRight, room.width())
                painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        slant = math.radians(SLANT)
        above = (box.top() - _gap(metrics) - metrics.ascent() * math.cos(slant)) / math.sin(slant)
        for index in labelled_tokens(len(self.pieces), every, key):
            if shown.left() <= index + 0.5 < shown.right():
                self._set_label_style(painter, index in (query, key))
                painter.save()
                painter.translate(box.left() + (index + 0.5 - shown.left()) * cell, box.top() - _gap(metrics))
                painter.rotate(-SLANT)
                text = metrics.elidedText(visible(self.pieces[index]), Qt.TextElideMode.ElideRight, above)
                painter.drawText(0, round(metrics.ascent() / 3), text)
                painter.restore()

    def _set_label_style(self, painter: QPainter, chosen: bool) -> None:
        painter.setFont(self.theme.font(SMALL, bold=chosen))
        painter.setPen(self.theme.color("accent" if chosen else "muted"))

    def _paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """Paint the scale of colours, 0 to 100 %, into the masked corner."""
        painter.setFont(self.theme.font(SMALL - 2))
        metrics = QFontMetricsF(painter.font())
        width, height = (
            max(box.width() * 0.3, metrics.horizontalAdvance(f"{percent(0)} {percent(1)}")),
            self.theme.px(8),
        )
        bar = QRectF(box.right() - width, box.top() + height, width, height)
        below = QRectF(bar.left(), bar.bottom() + 2, width, metrics.height())
        if box.width() - width < below.bottom() - box.top():
            return  # in a small picture it would cover cells
        ramp = image_of(np.linspace(0, 1, 64)[None])
        painter.drawImage(bar, QImage(ramp.tobytes(), 64, 1, 192, QImage.Format.Format_RGB888).copy())
        painter.setPen(self.theme.color("muted"))
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, percent(0))
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, percent(1))

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
