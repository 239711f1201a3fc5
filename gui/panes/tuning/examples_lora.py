"""What is trained, to scale: all of a matrix, or two thin ones whose product is added to it."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent

from gui.i18n import number, percent, t
from gui.theme import GAP_L, GAP_M, NORMAL
from gui.widgets.painted import Painted, Policy


class LoraPicture(Painted):
    """W [out, in], and beside it B [out, r] and A [r, in] in the same scale; what is trained is tinted."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.rows, self.columns, self.rank, self.trained, self.whole = 0, 0, 0, 0, 0

    def set_shape(self, rows: int, columns: int, rank: int, trained: int, whole: int) -> None:
        """Show one adapted matrix; rank 0 trains it whole. `trained` of `whole` are all numbers of the model."""
        self.rows, self.columns, self.rank, self.trained, self.whole = rows, columns, rank, trained, whole
        self.setAccessibleDescription(self.words())
        self.update()

    def words(self) -> str:
        if not self.whole:
            return ""
        share = percent(self.trained / self.whole, 1 if self.trained < 0.1 * self.whole else 0)
        return t("pane.tuning.examples.trained", trained=number(self.trained), whole=number(self.whole), share=share)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(240), self.theme.px(150))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), self.theme.px(70))

    def boxes(self) -> dict[str, QRectF]:
        """Return the place of each matrix by its name, all in one scale."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        room = QRectF(0, metrics.height() + GAP_M, self.width(), self.height() - 4 * metrics.height() - 3 * GAP_M)
        if not self.rows or room.height() < GAP_L:
            return {}
        sign = 2 * metrics.horizontalAdvance("+ ")
        across = 2 * self.columns + self.rank if self.rank else self.columns
        least = float(self.theme.px(2))
        beside = 2 * sign + least if self.rank else 0.0
        scale = min(room.height() / self.rows, max(1.0, room.width() - beside) / across)
        whole = QRectF(0, room.top(), self.columns * scale, self.rows * scale)
        if not self.rank:
            return {"W": whole}
        thin = max(least, self.rank * scale)
        down = QRectF(whole.right() + sign, whole.top(), thin, whole.height())
        return {"W": whole, "B": down, "A": QRectF(down.right() + sign, whole.top(), whole.width(), thin)}

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, boxes = QPainter(self), self.boxes()
        painter.setFont(self.theme.font(NORMAL))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(self.theme.color("text"))
        below = QRectF(0, self.height() - 2 * metrics.height(), self.width(), 2 * metrics.height())
        painter.drawText(below, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignBottom, self.words())
        trained, frozen = self.theme.series_color(1), self.theme.color("cut")
        for name, box in boxes.items():
            painter.fillRect(box, trained if name != "W" or not self.rank else frozen)
            shape = {"W": (self.rows, self.columns), "B": (self.rows, self.rank), "A": (self.rank, self.columns)}[name]
            label = f"{name}  {number(shape[0])} × {number(shape[1])}"
            wide = metrics.horizontalAdvance(label)
            left = min(box.left(), max(0.0, self.width() - wide))
            painter.setPen(self.theme.color("text"))
            if name != "B" and (name == "W" or left > boxes["W"].left() + wide + GAP_M):
                painter.drawText(QPointF(left, metrics.ascent()), label)
            elif name == "B":
                painter.drawText(QPointF(min(left, self.width() - wide), box.bottom() + metrics.height()), label)
        if "B" in boxes:
            painter.setPen(self.theme.color("muted"))
            for sign, name in (("+", "B"), ("·", "A")):
                middle = boxes["W"].center().y()
                advance = metrics.horizontalAdvance("+ ")
                painter.drawText(QPointF(boxes[name].left() - 1.5 * advance, middle), sign)
