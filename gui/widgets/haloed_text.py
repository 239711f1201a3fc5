"""Text with a halo, which is legible on any picture, and that finds its place among other texts."""

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen


@dataclass
class HaloedText:
    """Paints texts where there is room for them; a later text gives way to all earlier ones.

    The outlines of the letters are kept, since a plot paints the same names again in each picture.
    """

    room: QRectF
    taken: list[QRectF] = field(default_factory=list)
    outlines: dict[tuple[str, str], QPainterPath] = field(default_factory=dict)

    def begin(self, room: QRectF) -> None:
        """Begin a picture in this box, in which no place is taken."""
        self.room, self.taken = room, []

    def box(self, text: str, centre: QPointF, font: QFont) -> QRectF:
        """Return the box of a text around `centre`, moved into the picture where it would be cut."""
        metrics = QFontMetricsF(font)
        size, room = metrics.size(0, text), self.room
        x = max(room.left(), min(centre.x() - size.width() / 2, room.right() - size.width()))
        y = max(room.top(), min(centre.y() - size.height() / 2, room.bottom() - size.height()))
        return QRectF(x, y, size.width(), size.height())

    def fits(self, box: QRectF) -> bool:
        return self.room.contains(box) and not any(box.intersects(other) for other in self.taken)

    def paint(self, painter: QPainter, text: str, centre: QPointF, font: QFont, color: QColor, halo: QColor) -> bool:
        """Paint the text around `centre`, or inside the edge, if there is room, and return whether there is."""
        box = self.box(text, centre, font)
        if not self.fits(box):
            return False
        self.taken.append(box)
        path = self._outline(text, font).translated(box.left(), box.top() + QFontMetricsF(font).ascent())
        width = max(3.0, font.pixelSize() / 5)
        style = (Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, QPen(halo, width, *style))
        painter.fillPath(path, color)
        return True

    def _outline(self, text: str, font: QFont) -> QPainterPath:
        key = (text, font.key())
        if key not in self.outlines:
            if len(self.outlines) > 2000:
                self.outlines.clear()
            path = QPainterPath()
            path.addText(0, 0, font, text)
            self.outlines[key] = path
        return self.outlines[key]
