"""All attention heads at once: a column for each layer, or those that look most at one token, best first.

Up to MANY heads, each is its whole pattern. Above, each is only the selected row as a bar code: a cell for each key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from gui.colormaps import root_colors
from gui.i18n import number, t
from gui.panes.attention.sentence import share
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

MANY = 64  # heads above which each is a bar code
TURNED = 1.5  # how much larger the cells have to be with heads across, for layers to go down
ROOM_FOR_NUMBERS = 150  # pixels at zoom 1 of the width
EVERY = 5  # of the numbers, where there is no room for all
STRIP = 16  # pixels at zoom 1 of the height of a bar code in the sorted grid

Head = tuple[int, int]  # layer, head


@dataclass(frozen=True)
class Cells:
    """Equal cells in columns and rows; `left` and `top` is the room for their numbers, in pixels."""

    columns: int
    rows: int
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0

    def box(self, column: int, row: int) -> QRectF:
        return QRectF(self.left + column * self.width, self.top + row * self.height, self.width, self.height)

    def at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the column and row at a point."""
        column, row = (point.x() - self.left) // self.width, (point.y() - self.top) // self.height
        inside = 0 <= column < self.columns and 0 <= row < self.rows
        return (int(column), int(row)) if inside else None


def cells_for(columns: int, rows: int, size: tuple[float, float], numbers: tuple[float, float], square: bool) -> Cells:
    """Return the cells that fill a box of this width and height; `square` ones are as large as its smaller side."""
    width, height = max(1.0, size[0] - numbers[0]) / columns, max(1.0, size[1] - numbers[1]) / rows
    if square:
        width = height = min(width, height)
    return Cells(columns, rows, width, height, *numbers)


class Mosaic(Painted):
    chosen = Signal(int, int)  # layer, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.layer = self.head = self.row = 0
        self.key: int | None = None  # the heads are sorted by their weights from `row` to it; None: by layer
        self.pooled = False
        self.weights: list[NDArray[np.float16]] = []
        self._shape = 0, 0  # layers and heads
        self._changed: dict[Head, float] = {}  # the factors of changed heads
        self._given: Sequence[NDArray[np.floating]] = self.weights  # as `set_weights` received them
        self.cells = Cells(1, 1, 1.0, 1.0)
        self.turned = False  # whether heads are columns and layers rows
        self._slots: dict[Head, tuple[int, int]] = {}  # the column and row of each head
        self._heads: dict[tuple[int, int], Head] = {}
        self._images: dict[Head, QImage] = {}  # whole patterns
        self._codes: dict[Head, QImage] = {}  # bar codes, of the selected row and the size of the cells
        self._boxes: dict[Head, QRectF] = {}
        self._badges: dict[Head, tuple[str, str]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_weights(
        self, weights: Sequence[NDArray[np.floating]], row: int = -1, key: int | None = None, pooled: bool = False
    ) -> None:
        """Show patterns, [head, query, key] for each layer; `row` is the selected query, -1 the last.

        With a `key`, only the heads with the largest weights from `row` to it are shown, largest first. Those of a
        `pooled` pattern are the largest of several tokens.
        """
        self.pooled = pooled
        if weights is not self._given:
            self._given = weights
            self.weights = [layer.astype(np.float16, order="C", copy=False) for layer in weights]
            self._images = {}
        self.row = row % max(1, self.weights[0].shape[1]) if self.weights else 0
        sorts, self.key = not (key is None and self.key is None), key
        shape = len(self.weights), sum(map(len, self.weights))
        if sorts or shape != self._shape:
            self._shape = shape
            self._lay_out()
        else:
            self._colour()
        self.update()

    def set_badges(self, badges: dict[Head, tuple[str, str]]) -> None:
        """Label heads whose behaviour has a name: (layer, head) -> short name, colour."""
        self._badges = badges
        self.update()

    def set_changed(self, factors: dict[Head, float]) -> None:
        """Mark heads whose output is changed: a cross for one that is off, a ring for one that is scaled."""
        self._changed = factors
        self.update()

    def set_current(self, layer: int, head: int) -> None:
        self.layer, self.head = layer, head
        self.setAccessibleDescription(self._describe((layer, head)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(240), self.theme.px(200))

    @property
    def are_bar_codes(self) -> bool:
        return bool(self.weights) and (self.key is not None or len(self.weights) * len(self.weights[0]) > MANY)

    def weight(self, head: Head) -> float:
        """Return a head's weight from the selected row to the key by which the heads are sorted."""
        return float(self.weights[head[0]][head[1], self.row, self.key or 0])

    def _share(self, head: Head) -> str:
        return f"{'≤ ' if self.pooled else ''}{share(self.weight(head))}"

    # --- Geometry --------------------------------------------------------------------------------

    def _metrics(self, size: int = SMALL) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(size))

    def _lay_out(self) -> None:
        self._slots = {}
        if self.weights and len(self.weights[0]):
            self._sort_by_weight() if self.key is not None else self._sort_by_layer()
        self._heads = {slot: head for head, slot in self._slots.items()}
        self._boxes = {head: self._box(*slot) for head, slot in self._slots.items()}
        self._colour()

    def _colour(self) -> None:
        self._codes = self._bar_codes() if self.are_bar_codes and self._boxes else {}

    def _sort_by_layer(self) -> None:
        layers, heads = len(self.weights), len(self.weights[0])
        size, numbers = (self.width() - 2.0, self.height() - 2.0), (0.0, 0.0)
        if self.width() > self.theme.px(ROOM_FOR_NUMBERS):
            metrics = self._metrics()
            numbers = metrics.horizontalAdvance(str(max(heads, layers))) + GAP_M, metrics.height() + GAP_S
        square = not self.are_bar_codes
        self.cells = cells_for(layers, heads, size, numbers, square)
        turned = cells_for(heads, layers, size, numbers, square)
        self.turned = min(turned.width, turned.height) > TURNED * min(self.cells.width, self.cells.height)
        self.cells = turned if self.turned else self.cells
        self._slots = {head: head[::-1] if self.turned else head for head in np.ndindex(layers, heads)}

    def _sort_by_weight(self) -> None:
        """Place as many heads as fit, each with its name and its weight above its bar code."""
        metrics = self._metrics(NORMAL)
        widest = self._name((98, 98)) + f"  ≤ {share(1.0)}  "
        width, height = metrics.horizontalAdvance(widest), metrics.height() + self.theme.px(STRIP) + 3 * GAP_S
        columns, rows = max(1, int(self.width() // width)), max(1, int(self.height() // height))
        rows = min(rows, -(-len(self.weights) * len(self.weights[0]) // columns))
        self.cells = cells_for(columns, rows, (self.width(), self.height()), (0.0, 0.0), False)
        heads = sorted(np.ndindex(len(self.weights), len(self.weights[0])), key=lambda head: -self.weight(head))
        best = islice(heads, columns * rows)
        self._slots = {head: divmod(place, columns)[::-1] for place, head in enumerate(best)}

    def _box(self, column: int, row: int) -> QRectF:
        """Return the box of a head, with a gap around it."""
        cell = self.cells.box(column, row)
        gap = min(float(GAP_S), cell.width() / 8, cell.height() / 8)
        return cell.adjusted(gap, gap, -gap, -gap)

    def _strip(self, cell: QRectF) -> QRectF:
        """Return the place of a bar code in its box: below the name, where the heads are sorted."""
        if self.key is None:
            return cell
        top = cell.top() + self._metrics(NORMAL).height()
        height = min(cell.bottom() - top - GAP_S, float(self.theme.px(4 * STRIP)))
        return QRectF(cell.left() + GAP_S, top, cell.width() - 2 * GAP_S, height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for head, box in self._boxes.items():
            if self.key is not None:
                self._paint_name(painter, box, head)
            if self._codes:
                painter.drawImage(self._strip(box), self._codes[head])
            else:
                image = self._pattern(head)
                # Smooth only where a pixel contains several values; large cells keep sharp edges.
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.width() > box.width())
                painter.drawImage(box, image)
        for place, (words, color) in self._badges.items():
            if place in self._slots and self.key is None:
                self._paint_badge(painter, self._boxes[place], words, color)
        for head in self._changed.keys() & self._boxes.keys():
            self._paint_change(painter, self._boxes[head], self._changed[head])
        if (self.layer, self.head) in self._slots:
            painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._boxes[self.layer, self.head].adjusted(-2, -2, 2, 2), 2, 2)
        if self.cells.top:
            self._paint_numbers(painter)

    def _paint_change(self, painter: QPainter, box: QRectF, factor: float) -> None:
        side = min(box.width(), box.height(), self.theme.px(14))
        corner = QRectF(box.right() - side, box.top(), side, side)
        painter.fillRect(corner, self.theme.color("surface"))
        painter.setPen(QPen(self.theme.color("bad"), max(1.0, side / 7)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inner = corner.adjusted(side / 4, side / 4, -side / 4, -side / 4)
        if factor:
            painter.drawEllipse(inner)
        else:
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())

    def _pattern(self, head: Head) -> QImage:
        """Return a head's whole pattern as an image in which the masked cells are transparent."""
        if head not in self._images:
            weights = self.weights[head[0]][head[1]]
            self._images[head] = _image(root_colors()[weights.view(np.uint16)] * _visible(*weights.shape))
        return self._images[head]

    def _bar_codes(self) -> dict[Head, QImage]:
        """Return the selected row of each head, along the longer side; a pixel of several keys shows the largest."""
        strip = self._strip(next(iter(self._boxes.values())))
        across = strip.width() >= strip.height()
        pixels, keys = max(1, int(max(strip.width(), strip.height()))), self.row + 1
        rows = [layer[:, self.row, :keys] for layer in self.weights]
        if keys > pixels:
            begins = np.arange(pixels) * keys // pixels
            rows = [np.maximum.reduceat(row, begins, axis=1) for row in rows]
        colors = [root_colors()[np.ascontiguousarray(row).view(np.uint16)] for row in rows]
        shape = (1, -1) if across else (-1, 1)
        return {(layer, head): _image(colors[layer][head].reshape(shape)) for layer, head in self._boxes}

    def _name(self, head: Head) -> str:
        return t("pane.attention.mosaic.short", layer=head[0] + 1, head=head[1] + 1)

    def _paint_name(self, painter: QPainter, cell: QRectF, head: Head) -> None:
        """Paint a head's name and weight at the top of its box."""
        chosen = head == (self.layer, self.head)
        painter.setFont(self.theme.font(NORMAL, bold=chosen))
        painter.setPen(self.theme.color("accent" if chosen else "text"))
        words = cell.adjusted(GAP_S, 0, -GAP_S, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, self._name(head))
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, self._share(head))

    def _paint_numbers(self, painter: QPainter) -> None:
        """Paint the numbers of the columns above and of the rows at the left; where there is no room, every fifth."""
        metrics, cells = self._metrics(), self.cells
        column, row = self._slots.get((self.layer, self.head), (-1, -1))
        widest = metrics.horizontalAdvance(f"{cells.columns} ")
        for index in _numbered(cells.columns, column, widest / cells.width):
            box = cells.box(index, 0)
            at = QRectF(box.center().x() - widest, 0, 2 * widest, cells.top - GAP_S)
            self._paint_number(painter, at, index + 1, index == column, Qt.AlignmentFlag.AlignHCenter)
        for index in _numbered(cells.rows, row, metrics.height() / cells.height):
            box = cells.box(0, index)
            at = QRectF(0, box.center().y() - metrics.height() / 2, cells.left - GAP_S, metrics.height())
            self._paint_number(painter, at, index + 1, index == row, Qt.AlignmentFlag.AlignRight)

    def _paint_number(self, painter: QPainter, box: QRectF, number: int, chosen: bool, side: Qt.AlignmentFlag) -> None:
        painter.setFont(self.theme.font(SMALL, bold=chosen))
        painter.setPen(self.theme.color("accent" if chosen else "muted"))
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, str(number))

    def _paint_badge(self, painter: QPainter, cell: QRectF, words: str, color: str) -> None:
        """Paint a label into the masked corner, or a line below where there is no room for words."""
        painter.setFont(self.theme.font(SMALL))
        metrics = QFontMetricsF(painter.font())
        width = metrics.horizontalAdvance(words) + 2 * GAP_S
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        if width > cell.width() * 0.7 or self.are_bar_codes:
            height = min(float(self.theme.px(4)), cell.height() / 4)
            painter.drawRect(QRectF(cell.left(), cell.bottom() - height, cell.width(), height))
            return
        box = QRectF(cell.right() - width, cell.top(), width, metrics.height())
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(self.theme.color("surface"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    # --- Selection and description ---------------------------------------------------------------

    def _head_at(self, point: QPointF) -> Head | None:
        slot = self.cells.at(point)
        return self._heads.get(slot) if slot is not None else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        found = self._head_at(event.position())
        if found is not None:
            self.chosen.emit(*found)

    def describe_at(self, point: QPoint) -> str:
        found = self._head_at(QPointF(point))
        return "" if found is None else self._describe(found)

    def _describe(self, head: Head) -> str:
        words = t("pane.attention.mosaic.head", layer=head[0] + 1, head=head[1] + 1)
        if head in self._changed:
            factor = number(self._changed[head], 2)
            words = t("pane.attention.mosaic.changed", head=words, factor=factor)
        if self.key is not None and head in self._slots:
            return f"{words}, {self._share(head)}"
        return f"{words}, {self._badges[head][0]}" if head in self._badges else words

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
            Qt.Key.Key_Home: (-self.cells.columns, 0),
            Qt.Key.Key_End: (self.cells.columns, 0),
        }
        if not self._slots or event.key() not in moves:
            super().keyPressEvent(event)
            return
        across, down = moves[Qt.Key(event.key())]
        column, row = self._slots.get((self.layer, self.head), (0, 0))
        column = min(max(column + across, 0), self.cells.columns - 1)
        row = min(max(row + down, 0), self.cells.rows - 1)
        if (column, row) in self._heads:
            self.chosen.emit(*self._heads[column, row])


def _numbered(count: int, chosen: int, needed: float) -> list[int]:
    """Return the columns or rows with a number: all, or every fifth (1, 5, 10, …), and always the chosen one.

    `needed` is the size of a number, in cells.
    """
    if needed <= 1:
        return list(range(count))
    every = EVERY * int(np.ceil(needed / EVERY))
    others = [*([0] if every - 1 >= needed else []), *range(every - 1, count, every)]
    apart = [index for index in others if chosen < 0 or abs(index - chosen) >= needed]
    return apart if chosen < 0 else [chosen, *apart]


@lru_cache(4)
def _visible(rows: int, columns: int) -> NDArray[np.uint32]:
    """Return 1 for the cells that are not masked, else 0."""
    return np.tri(rows, columns, dtype=np.uint32)


def _image(colors: NDArray[np.uint32]) -> QImage:
    """Return colours [row, column], 0xAARRGGBB, as an image."""
    rows, columns = colors.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(np.ascontiguousarray(colors).data, columns, rows, 4 * columns, kind).copy()
