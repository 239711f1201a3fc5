"""Painting tokens as chips: rounded boxes with the piece, and its ID below."""

from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from gui.text import visible
from gui.theme import GAP_M, GAP_S, Theme


@dataclass(frozen=True)
class ChipStyle:
    """The style of one row of chips. Sizes of type and `edge` are in pixels at zoom 1."""

    theme: Theme
    piece: int
    number: int = 0  # size of the ID; 0 for chips without one
    edge: int = 0  # space above the piece and below the ID

    @property
    def number_height(self) -> float:
        """Height of the row with the ID."""
        return QFontMetricsF(self.theme.font(self.number)).height() + self.edge if self.number else 0.0

    @property
    def height(self) -> float:
        """Height of a chip."""
        return QFontMetricsF(self.theme.font(self.piece)).height() + self.number_height + self.edge

    def width(self, piece: str, number: str = "") -> float:
        """Return the width of a chip, in whole pixels: an edge between two pixels would be blurred."""
        widths = [QFontMetricsF(self.theme.font(self.piece)).horizontalAdvance(visible(piece))]
        if self.number:
            widths.append(QFontMetricsF(self.theme.font(self.number)).horizontalAdvance(number))
        return ceil(max(widths)) + 2.0 * GAP_M

    def paint(
        self,
        painter: QPainter,
        box: QRectF,
        piece: str,
        number: str = "",
        chosen: bool = False,
        foot: QColor | None = None,
    ) -> None:
        """Paint a chip into `box`; highlight a chosen one. `foot` is the colour of a line at its lower edge."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent" if chosen else "sunken"))
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        if foot is not None:
            painter.fillRect(QRectF(box.left() + GAP_S, box.bottom() - 3, box.width() - 2 * GAP_S, 3), foot)
        painter.setFont(self.theme.font(self.piece))
        painter.setPen(self.theme.color("on_accent" if chosen else "text"))
        upper = box.adjusted(0, self.edge, 0, -self.number_height)
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, visible(piece))
        if self.number:
            painter.setFont(self.theme.font(self.number))
            painter.setPen(self.theme.color("on_accent" if chosen else "muted"))
            lower = QRectF(box.left(), box.bottom() - self.number_height, box.width(), self.number_height - self.edge)
            painter.drawText(lower, Qt.AlignmentFlag.AlignCenter, number)
