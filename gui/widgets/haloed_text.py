"""Text with a halo, which is legible on any picture, and that finds its place among other texts."""

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPaintEngine, QPainter, QPainterPath, QPen, QPixmap

from gui.theme import GAP_S

MOST_KEPT = 1000


@dataclass
class HaloedText:
    """Paints texts where there is room for them; a later text gives way to all earlier ones.

    The painted texts are kept, since a plot paints the same names again in each picture.
    """

    room: QRectF
    taken: list[QRectF] = field(default_factory=list)
    pictures: dict[tuple[str, str, int, int, float], QPixmap] = field(default_factory=dict)

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
        self.taken.append(box.adjusted(-GAP_S, 0, GAP_S, 0))
        if painter.paintEngine().type() == QPaintEngine.Type.SVG:
            _paint_haloed(painter, text, box.topLeft(), font, color, halo)
        else:
            edge = QPointF(_edge(font), _edge(font))
            painter.drawPixmap((box.topLeft() - edge).toPoint(), self._picture(painter, text, box, font, color, halo))
        return True

    def _picture(self, painter: QPainter, text: str, box: QRectF, font: QFont, color: QColor, halo: QColor) -> QPixmap:
        ratio = painter.device().devicePixelRatioF()
        key = (text, font.key(), color.rgba(), halo.rgba(), ratio)
        if key not in self.pictures:
            if len(self.pictures) > MOST_KEPT:
                self.pictures.clear()
            size = QSizeF(box.width() + 2 * _edge(font), box.height() + 2 * _edge(font)) * ratio
            picture = QPixmap(size.toSize())
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            inner = QPainter(picture)
            inner.setRenderHint(QPainter.RenderHint.Antialiasing)
            _paint_haloed(inner, text, QPointF(_edge(font), _edge(font)), font, color, halo)
            inner.end()
            self.pictures[key] = picture
        return self.pictures[key]


def _edge(font: QFont) -> int:
    """Return the width of the halo on each side, in pixels."""
    return max(2, font.pixelSize() // 8)


def _paint_haloed(painter: QPainter, text: str, corner: QPointF, font: QFont, color: QColor, halo: QColor) -> None:
    path = QPainterPath()
    path.addText(corner + QPointF(0, QFontMetricsF(font).ascent()), font, text)
    style = (Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, QPen(halo, 2 * _edge(font), *style))
    painter.fillPath(path, color)
