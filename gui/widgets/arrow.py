"""Lines and arrows between two places of a picture."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF


@dataclass(frozen=True)
class Link:
    """A line between two points, with words in its middle."""

    begin: int
    end: int
    words: str


def paint_arrow(
    painter: QPainter, start: QPointF, tip: QPointF, color: QColor, head: float, gap: float = 0.0, width: float = 2.5
) -> None:
    """Paint an arrow that ends `gap` pixels before `tip`, for example at the ring around it."""
    way = tip - start
    length = float(np.hypot(way.x(), way.y()))
    if length <= gap:
        return
    tip = tip - way / length * gap
    along = -way / length * head
    side = QPointF(-along.y(), along.x()) * 0.5
    painter.setPen(QPen(color, width))
    painter.drawLine(start, tip)
    painter.drawPolyline(QPolygonF([tip + along + side, tip, tip + along - side]))
