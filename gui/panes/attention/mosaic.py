"""All attention heads at once: layers down, heads across; one is selected."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.colormaps import root_colors
from gui.i18n import t
from gui.theme import GAP_S, SMALL
from gui.widgets.painted import Painted, Policy


class Mosaic(Painted):
    chosen = Signal(int, int)  # layer, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.layer = self.head = 0
        self._images: list[list[QImage]] = []
        self._badges: dict[tuple[int, int], tuple[str, str]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_weights(self, weights: Sequence[NDArray[np.floating]]) -> None:
        """Show patterns, [head, query, key] for each layer, coloured by square roots so that small weights show."""
        self._images = [_images(layer) for layer in weights]
        self.update()

    def set_badges(self, badges: dict[tuple[int, int], tuple[str, str]]) -> None:
        """Label heads whose behaviour has a name: (layer, head) -> short name, colour."""
        self._badges = badges
        self.update()

    def set_current(self, layer: int, head: int) -> None:
        self.layer, self.head = layer, head
        self.setAccessibleDescription(t("pane.attention.mosaic.head", layer=layer + 1, head=head + 1))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(200))

    def _cell(self, layer: int, head: int) -> QRectF:
        layers, heads = len(self._images), len(self._images[0])
        side = min(self.width() / heads, self.height() / layers)
        gap = min(float(GAP_S), side / 6)  # so that a hundred heads in a small tile are not hidden by gaps
        return QRectF(head * side, layer * side, side, side).adjusted(gap, gap, -gap, -gap)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._images:
            return
        painter = QPainter(self)
        # Smooth only where a pixel contains several values; large cells keep sharp edges.
        crowded = self._images[0][0].width() > self._cell(0, 0).width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, crowded)
        for layer, row in enumerate(self._images):
            for head, image in enumerate(row):
                painter.drawImage(self._cell(layer, head), image)
        for place, (words, color) in self._badges.items():
            if place[0] < len(self._images) and place[1] < len(self._images[0]):
                self._paint_badge(painter, self._cell(*place), words, color)
        if self.layer < len(self._images) and self.head < len(self._images[0]):
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._cell(self.layer, self.head).adjusted(-3, -3, 3, 3), 3, 3)

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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        for layer, row in enumerate(self._images):
            for head in range(len(row)):
                if self._cell(layer, head).contains(event.position()):
                    self.chosen.emit(layer, head)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
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
