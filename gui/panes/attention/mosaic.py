"""All attention heads at once, layers down and heads across. One is selected; a deep model scrolls."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    QWheelEvent,
)
from PySide6.QtWidgets import QScrollBar, QWidget

from gui.colormaps import root_colors
from gui.i18n import t
from gui.theme import GAP_M, GAP_S, SMALL
from gui.widgets.painted import Painted, Policy

LEAST, SMALLEST = 28, 16  # pixels at zoom 1 of a head's square: before the mosaic scrolls; before a layer is wrapped
ROOM_FOR_NUMBERS = 150  # pixels at zoom 1 of the mosaic's width
PAGE = 5  # layers that Page Up and Page Down move


@dataclass(frozen=True)
class Grid:
    """The place of each head: layers below one another, in blocks side by side."""

    layers: int
    heads: int
    down: int  # layers in a block
    across: int  # heads in a row; a layer with more has several rows
    side: float  # of a head's square, in pixels
    left: float  # width of the layers' numbers in each block
    top: float  # height of the heads' numbers

    @property
    def layer_height(self) -> float:
        return math.ceil(self.heads / self.across) * self.side

    @property
    def block_width(self) -> float:
        return self.left + self.across * self.side + GAP_S

    @property
    def height(self) -> float:
        return self.top + min(self.layers, self.down) * self.layer_height

    def cell(self, layer: int, head: int) -> QRectF:
        block, row = divmod(layer, self.down)
        line, column = divmod(head, self.across)
        x = block * self.block_width + self.left + column * self.side
        return QRectF(x, self.top + row * self.layer_height + line * self.side, self.side, self.side)

    def at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the layer and head at a point."""
        block, x = divmod(point.x(), self.block_width)
        row, y = divmod(point.y() - self.top, self.layer_height)
        column, line = int((x - self.left) // self.side), int(y // self.side)
        layer, head = int(block) * self.down + int(row), line * self.across + column
        inside = 0 <= row < self.down and 0 <= column < self.across and layer < self.layers and head < self.heads
        return (layer, head) if inside else None


def grid_for(
    layers: int, heads: int, size: tuple[float, float], numbers: tuple[float, float], least: float, smallest: float
) -> Grid:
    """Return the grid with the largest squares in this width and height; if they are below `least`, a higher grid.

    `numbers` are the width and height that the numbers of layers and heads need.
    """
    (width, height), (left, top) = size, numbers

    def side(blocks: int, across: int) -> float:
        return (width / blocks - left - GAP_S) / across

    def fits(blocks: int) -> float:
        return min(side(blocks, heads), (height - top) / math.ceil(layers / blocks))

    blocks = max(range(1, layers + 1), key=fits)
    if fits(blocks) >= least:
        return Grid(layers, heads, math.ceil(layers / blocks), heads, fits(blocks), left, top)
    blocks = max((blocks for blocks in range(1, layers + 1) if side(blocks, heads) >= least), default=1)
    lines = next((lines for lines in range(1, heads) if side(1, math.ceil(heads / lines)) >= smallest), heads)
    across = math.ceil(heads / lines)
    return Grid(layers, heads, math.ceil(layers / blocks), across, max(1.0, side(blocks, across)), left, top)


class Mosaic(Painted):
    chosen = Signal(int, int)  # layer, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.layer = self.head = 0
        self._images: list[list[QImage]] = []
        self._badges: dict[tuple[int, int], tuple[str, str]] = {}
        self.grid = Grid(1, 1, 1, 1, 1.0, 0.0, 0.0)  # the places of the heads, before scrolling
        self.bar = QScrollBar(Qt.Orientation.Vertical, self)
        self.bar.valueChanged.connect(lambda: self.update())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_weights(self, weights: Sequence[NDArray[np.floating]]) -> None:
        """Show patterns, [head, query, key] for each layer, coloured by square roots so that small weights show."""
        resized = [len(layer) for layer in weights] != [len(row) for row in self._images]
        self._images = [_images(layer) for layer in weights]
        if resized:
            self._lay_out()
        self.update()

    def set_badges(self, badges: dict[tuple[int, int], tuple[str, str]]) -> None:
        """Label heads whose behaviour has a name: (layer, head) -> short name, colour."""
        self._badges = badges
        self.update()

    def set_current(self, layer: int, head: int) -> None:
        """Select a head, and scroll so that it is seen."""
        moved = (layer, head) != (self.layer, self.head)
        self.layer, self.head = layer, head
        self.setAccessibleDescription(t("pane.attention.mosaic.head", layer=layer + 1, head=head + 1))
        if moved:
            self._scroll_to_current()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(200))

    # --- Geometry --------------------------------------------------------------------------------

    def _best_grid(self) -> Grid:
        layers, heads = len(self._images), len(self._images[0])
        numbers = (0.0, 0.0)
        if self.width() > self.theme.px(ROOM_FOR_NUMBERS):
            metrics = self._metrics()
            numbers = metrics.horizontalAdvance(str(layers)) + GAP_M, metrics.height()
        limits = self.theme.px(LEAST), self.theme.px(SMALLEST)
        found = grid_for(layers, heads, (self.width(), self.height()), numbers, *limits)
        if found.height <= self.height() + 1:
            return found
        width = self.width() - self.bar.sizeHint().width() - GAP_S
        return grid_for(layers, heads, (width, self.height()), numbers, *limits)

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(SMALL - 1))

    def _cell(self, layer: int, head: int) -> QRectF:
        """Return where a head is painted."""
        cell = self.grid.cell(layer, head).translated(0, -self.bar.value())
        gap = min(float(GAP_S), cell.width() / 8)
        return cell.adjusted(gap, gap, -gap, -gap)

    def _lay_out(self) -> None:
        width = self.bar.sizeHint().width()
        self.bar.setGeometry(self.width() - width, 0, width, self.height())
        if self._images:
            self.grid = self._best_grid()
        hidden = max(0, math.ceil(self.grid.height - self.height() - 1)) if self._images else 0
        self.bar.setRange(0, hidden)
        self.bar.setPageStep(self.height())
        self.bar.setSingleStep(self.theme.px(LEAST))
        self.bar.setVisible(hidden > 0)
        self._scroll_to_current()

    def _scroll_to_current(self) -> None:
        if self.layer < len(self._images) and self.head < len(self._images[0]):
            grid = self.grid
            cell = grid.cell(self.layer, self.head)
            lowest, highest = math.ceil(cell.bottom()) - self.height() + GAP_S, math.floor(cell.top() - grid.top)
            self.bar.setValue(min(max(self.bar.value(), lowest), highest))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._images:
            return
        painter, grid = QPainter(self), self.grid
        painter.setClipRect(QRectF(0, grid.top, self.width(), self.height()))
        # Smooth only where a pixel contains several values; large cells keep sharp edges.
        crowded = self._images[0][0].width() > self._cell(0, 0).width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, crowded)
        for layer, row in enumerate(self._images):
            if self._cell(layer, 0).top() > self.height() or self._cell(layer, len(row) - 1).bottom() < 0:
                continue
            for head, image in enumerate(row):
                painter.drawImage(self._cell(layer, head), image)
        for place, (words, color) in self._badges.items():
            if place[0] < len(self._images) and place[1] < len(self._images[0]):
                self._paint_badge(painter, self._cell(*place), words, color)
        if self.layer < len(self._images) and self.head < len(self._images[0]):
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            cell = self._cell(self.layer, self.head)
            painter.drawRoundedRect(cell.adjusted(-3, -3, 3, 3) if cell.width() > 20 else cell, 3, 3)
        painter.setClipping(False)
        if grid.top:
            self._paint_numbers(painter, grid)

    def _paint_numbers(self, painter: QPainter, grid: Grid) -> None:
        """Paint the numbers of the layers, and above the numbers of the heads; only some where they would overlap."""
        metrics = self._metrics()
        every = math.ceil(metrics.height() / grid.layer_height)
        for layer in range(len(self._images)):
            cell = grid.cell(layer, 0).translated(0, -self.bar.value())
            if (layer % grid.down) % every == 0 and grid.top <= cell.center().y() <= self.height():
                box = QRectF(cell.left() - grid.left, cell.top(), grid.left - GAP_S, grid.layer_height)
                self._paint_number(painter, box, layer + 1, layer == self.layer, Qt.AlignmentFlag.AlignRight)
        if grid.across < grid.heads:
            return
        every = math.ceil((metrics.horizontalAdvance(str(grid.heads)) + GAP_S) / grid.side)
        for block in range(math.ceil(grid.layers / grid.down)):
            for head in range(0, grid.heads, every):
                cell = grid.cell(block * grid.down, head)
                box = QRectF(cell.left() - GAP_M, 0, cell.width() + 2 * GAP_M, grid.top)
                here = head == self.head and block == self.layer // grid.down
                self._paint_number(painter, box, head + 1, here, Qt.AlignmentFlag.AlignHCenter)

    def _paint_number(self, painter: QPainter, box: QRectF, number: int, chosen: bool, side: Qt.AlignmentFlag) -> None:
        painter.setFont(self.theme.font(SMALL - 1, bold=chosen))
        painter.setPen(self.theme.color("accent" if chosen else "muted"))
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, str(number))

    def _paint_badge(self, painter: QPainter, cell: QRectF, words: str, color: str) -> None:
        """Paint a label into the masked corner, or a dot where there is no room for words."""
        painter.setFont(self.theme.font(SMALL - 2))
        metrics = QFontMetricsF(painter.font())
        width = metrics.horizontalAdvance(words) + 2 * GAP_S
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        if width > cell.width() * 0.8:
            size = min(float(self.theme.px(8)), cell.width() / 3)
            painter.drawEllipse(QRectF(cell.right() - size, cell.top(), size, size))
            return
        box = QRectF(cell.right() - width, cell.top(), width, metrics.height())
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(self.theme.color("surface"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    # --- Selection and description ---------------------------------------------------------------

    def _head_at(self, point: QPointF) -> tuple[int, int] | None:
        if not self._images or point.y() < self.grid.top:
            return None
        return self.grid.at(point + QPointF(0, self.bar.value()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        found = self._head_at(event.position())
        if found is not None:
            self.chosen.emit(*found)

    def describe_at(self, point: QPoint) -> str:
        found = self._head_at(QPointF(point))
        if found is None:
            return ""
        words = t("pane.attention.mosaic.head", layer=found[0] + 1, head=found[1] + 1)
        return f"{words}, {self._badges[found][0]}" if found in self._badges else words

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.bar.event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_PageUp: (-PAGE, 0),
            Qt.Key.Key_PageDown: (PAGE, 0),
            Qt.Key.Key_Home: (-len(self._images), 0),
            Qt.Key.Key_End: (len(self._images), 0),
        }
        if not self._images or event.key() not in moves:
            super().keyPressEvent(event)
            return
        down, across = moves[Qt.Key(event.key())]
        layer = min(max(self.layer + down, 0), len(self._images) - 1)
        head = min(max(self.head + across, 0), len(self._images[0]) - 1)
        self.chosen.emit(layer, head)


def _images(weights_HTT: NDArray[np.floating]) -> list[QImage]:
    """Return an image of each head in which the masked cells are transparent."""
    _, rows, columns = weights_HTT.shape
    colors = root_colors()[weights_HTT.astype(np.float16, order="C", copy=False).view(np.uint16)]
    colors *= np.tri(rows, columns, dtype=np.uint32)
    kind = QImage.Format.Format_ARGB32_Premultiplied
    return [QImage(head.data, columns, rows, 4 * columns, kind).copy() for head in colors]
