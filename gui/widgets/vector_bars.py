"""A vector as bars; if it is a row of a matrix, such as a token's embedding, also its position there."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.i18n import number, t
from gui.theme import GAP_M, SMALL
from gui.widgets.painted import Painted, Policy

ROOM_FOR_GAPS = 3.0  # pixels of a bar from which there is a gap between two bars


class VectorBars(Painted):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Fixed)
        self.vector: NDArray[np.floating] = np.zeros(0)
        self.row = self.rows = 0

    def set_vector(self, vector: NDArray[np.floating], row: int = 0, rows: int = 0) -> None:
        """Show a vector. If `rows` > 0, it is row `row` of a matrix with that many rows."""
        self.vector, self.row, self.rows = vector, row, rows
        self.setAccessibleDescription(self._words())
        self.update()

    def _words(self) -> str:
        if not self.rows:
            return t("widget.vector.numbers", width=number(len(self.vector)))
        return t("widget.vector.row", row=number(self.row), rows=number(self.rows), width=number(len(self.vector)))

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(240), self.theme.px(84))

    def _bars(self) -> QRectF:
        left = self.theme.px(34) + GAP_M if self.rows else 0
        return QRectF(left, 0, self.width() - left, self.height() - self.theme.px(18))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self.vector):
            return
        painter = QPainter(self)
        box = self._bars()
        if self.rows:
            matrix = QRectF(0, 0, self.theme.px(34), box.height())
            painter.fillRect(matrix, self.theme.color("sunken"))
            lit = max(2.0, matrix.height() / self.rows)
            y = self.row / self.rows * (matrix.height() - lit)
            painter.fillRect(QRectF(0, y, matrix.width(), lit), self.theme.color("accent"))
        vector = np.where(np.isfinite(self.vector), self.vector, 0.0)
        most, middle = float(np.abs(vector).max()) or 1.0, box.center().y()
        width = box.width() / len(self.vector)
        positive, negative = self.theme.series_color(1), self.theme.series_color(0)
        for index, value in enumerate(vector.tolist()):
            height = value / most * box.height() / 2
            left, right = (int(box.left() + place * width) for place in (index, index + 1))  # whole pixels are seen
            wide = max(1, right - left - (width >= ROOM_FOR_GAPS))
            painter.fillRect(
                QRectF(left, middle - max(height, 0), wide, abs(height)), positive if value > 0 else negative
            )
        painter.setPen(self.theme.color("muted"))
        painter.setFont(self.theme.font(SMALL - 1))
        painter.drawText(0, self.height() - 3, self._words())

    def describe_at(self, point: QPoint) -> str:
        box = self._bars()
        index = math.floor((point.x() - box.left()) / max(box.width(), 1.0) * len(self.vector))
        return f"[{index + 1}] = {number(self.vector[index], 4)}" if 0 <= index < len(self.vector) else ""
