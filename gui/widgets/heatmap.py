"""A matrix of shares as a picture: tokens on both axes, hovering tells the exact value. Painted."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.colormaps import image_of
from gui.i18n import t
from gui.theme import GAP_M, GAP_S, LIGHT, SMALL, Theme
from gui.widgets.token_strip import visible

LABEL_SHARE = 0.28  # of the width, at most, for the tokens at the side


def shares_image(weights: NDArray[np.floating]) -> QImage:
    """A causal matrix [query, key] as an image; what no query may see is left transparent."""
    rows, columns = weights.shape
    pixels = np.zeros((rows, columns, 4), np.uint8)
    pixels[..., :3] = image_of(weights)
    pixels[..., 3] = np.tril(np.full((rows, columns), 255, np.uint8), columns - rows)
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()


class Heatmap(QWidget):
    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = LIGHT
        self.pieces: tuple[str, ...] = ()
        self.weights: NDArray[np.floating] = np.zeros((0, 0))
        self.row: int | None = None
        self._image = QImage()
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_data(self, weights: NDArray[np.floating], pieces: tuple[str, ...], row: int | None) -> None:
        """`weights` [query, key], each row summing to 1; `row` is the query that is looked at."""
        self.weights, self.pieces, self.row = weights.astype(np.float32), pieces, row
        self._image = shares_image(self.weights)
        self.setAccessibleDescription(self.describe(row) if row is not None and row < len(pieces) else "")
        self.update()

    def restyle(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(360), self.theme.px(320))

    # --- Geometry --------------------------------------------------------------------------------

    def _matrix(self) -> QRectF:
        """Where the cells are: square ones, with room for the tokens at the left and above."""
        metrics = QFontMetricsF(self.theme.font(SMALL))
        widest = max((metrics.horizontalAdvance(visible(p)) for p in self.pieces), default=0.0)
        left = min(widest, self.width() * LABEL_SHARE) + GAP_M
        top = min(widest, self.height() * LABEL_SHARE) * 0.8 + GAP_M
        side = max(10.0, min(self.width() - left - GAP_M, self.height() - top - metrics.height() - GAP_S))
        return QRectF(left, top, side, side)

    def _cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        box, count = self._matrix(), len(self.pieces)
        if not count or not box.contains(x, y):
            return None
        cell = box.width() / count
        query, key = int((y - box.top()) / cell), int((x - box.left()) / cell)
        return (query, key) if 0 <= key <= query < count else None

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.pieces:
            return
        painter = QPainter(self)
        box, count = self._matrix(), len(self.pieces)
        painter.drawImage(box, self._image)
        cell = box.width() / count
        if cell > 8:  # thin gaps make single cells countable
            painter.setPen(QPen(self.theme.color("surface"), 1))
            for i in range(count + 1):
                painter.drawLine(
                    round(box.left() + i * cell),
                    round(box.top()),
                    round(box.left() + i * cell),
                    round(box.bottom()),
                )
                painter.drawLine(
                    round(box.left()),
                    round(box.top() + i * cell),
                    round(box.right()),
                    round(box.top() + i * cell),
                )
        self._paint_labels(painter, box, cell)
        self._paint_scale(painter, box)
        if self.row is not None and self.row < count:
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(box.left(), box.top() + self.row * cell, (self.row + 1) * cell, cell))

    def _paint_labels(self, painter: QPainter, box: QRectF, cell: float) -> None:
        font = self.theme.font(SMALL)
        metrics = QFontMetricsF(font)
        every = max(1, int(np.ceil(metrics.height() * 0.9 / cell)))
        for index in range(0, len(self.pieces), every):
            chosen = index == self.row
            painter.setFont(self.theme.font(SMALL, bold=chosen))
            painter.setPen(self.theme.color("accent" if chosen else "muted"))
            room = box.left() - GAP_M
            text = metrics.elidedText(visible(self.pieces[index]), Qt.TextElideMode.ElideRight, room)
            middle = (index + 0.5) * cell
            side = QRectF(0, box.top() + middle - metrics.height() / 2, room, metrics.height())
            painter.drawText(side, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            painter.save()
            painter.translate(box.left() + middle, box.top() - GAP_S)
            painter.rotate(-55)
            painter.drawText(0, round(metrics.ascent() / 3), text)
            painter.restore()

    def _paint_scale(self, painter: QPainter, box: QRectF) -> None:
        """0 to 100 per cent, in the corner that no query can see."""
        width, height = box.width() * 0.3, self.theme.px(8)
        bar = QRectF(box.right() - width, box.top() + height, width, height)
        ramp = image_of(np.linspace(0, 1, 64)[None])
        painter.drawImage(bar, QImage(ramp.tobytes(), 64, 1, 192, QImage.Format.Format_RGB888).copy())
        painter.setFont(self.theme.font(SMALL - 2))
        painter.setPen(self.theme.color("muted"))
        below = QRectF(bar.left(), bar.bottom() + 2, width, 2 * height)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, "0 %")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, "100 %")

    # --- In words, and choosing ------------------------------------------------------------------

    def describe(self, query: int, key: int | None = None) -> str:
        """それ → 動物 94 %: one cell, or the strongest of a row."""
        key = int(self.weights[query].argmax()) if key is None else key
        share = f"{float(self.weights[query, key]) * 100:.1f}"
        return t(
            "widget.heatmap.cell",
            query=visible(self.pieces[query]),
            key=visible(self.pieces[key]),
            percent=share,
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box = self._matrix()
        row = int((event.position().y() - box.top()) / (box.height() / max(1, len(self.pieces))))
        if 0 <= row < len(self.pieces) and event.position().y() >= box.top():
            self.row_chosen.emit(row)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._cell_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), self.describe(*cell) if cell else "", self)
            return True
        return super().event(event)
