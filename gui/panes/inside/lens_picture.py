"""The logit lens as a table: a row for each layer, a column for each token, in each cell the token it would predict."""

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, qGray

from engine.messages.inside import LensGrid
from gui.colormaps import share_color
from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.widgets.legend import paint_share_scale, share_scale_size
from gui.widgets.painted import Painted, Policy

NARROWEST, ROOM_FOR_SCALE = 74, 200  # pixels at zoom 1 of a column, and of the height
FEW, SMALLEST = 9, 11  # rows of a small model, and the least type in them
TYPE = 0.68  # of a row's height: the type in it
LIGHT = 140  # luma, 0..255, from which a colour has black type on it


class LensPicture(Painted):
    chosen = Signal(int, int)  # row (0 is the embedding) and column

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.grid: LensGrid | None = None
        self.row, self.column = 0, 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, grid: LensGrid | None, row: int, column: int) -> None:
        """Show a grid, in which this cell is selected."""
        self.grid, self.row, self.column = grid, row, column
        self.setAccessibleDescription("" if grid is None else self.describe(row, column))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(560), self.theme.px(420))

    # --- Geometry --------------------------------------------------------------------------------

    def area(self) -> QRectF:
        """Return the box of the cells."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left = max(map(metrics.horizontalAdvance, (self._name(0), t("pane.inside.layer")))) + GAP_M
        scale = share_scale_size(self.theme).height() + GAP_M if self._has_scale() else 0.0
        height = self.height() - 2 * metrics.height() - scale - GAP_M
        return QRectF(left, metrics.height() + GAP_S, self.width() - left, height)

    def _has_scale(self) -> bool:
        """Return whether there is room for the scale of colours below the cells."""
        return self.height() >= self.theme.px(ROOM_FOR_SCALE)

    def columns(self) -> range:
        """Return the tokens that there is room for, with the selected one among them."""
        if self.grid is None:
            return range(0)
        count = len(self.grid.pieces)
        room = max(1, int(self.area().width() / self.theme.px(NARROWEST)))
        start = min(max(0, self.column - room // 2), max(0, count - room))
        return range(start, min(count, start + room))

    def rows(self) -> list[int]:
        """Return the rows whose words can be read: every one, or every second, third …, up to the last layer.

        The embedding and the selected row are always among them. Of a model of few layers all are shown, in a type
        that may be smaller.
        """
        count = 1 if self.grid is None else len(self.grid.ids)
        least = SMALLEST if count <= FEW else NORMAL
        room = max(2, int(self.area().height() * TYPE / self.theme.px(least)))
        step = next((step for step in range(1, count) if (count - 2) // step + 2 <= room), max(1, count - 1))
        return sorted({0, self.row, *range(count - 1, 0, -step)})

    def cell(self, row: int, column: int) -> QRectF:
        """Return the box of a cell in one of `rows`."""
        area, rows, columns = self.area(), self.rows(), self.columns()
        width, height = area.width() / len(columns), area.height() / len(rows)
        top = area.top() + rows.index(row) * height
        return QRectF(area.left() + (column - columns.start) * width, top, width, height)

    def cell_at(self, point: QPoint) -> tuple[int, int] | None:
        area, columns = self.area(), self.columns()
        if self.grid is None or not area.contains(point.toPointF()):
            return None
        rows = self.rows()
        index = int((point.y() - area.top()) / area.height() * len(rows))
        column = columns.start + int((point.x() - area.left()) / area.width() * len(columns))
        return rows[min(index, len(rows) - 1)], min(column, columns.stop - 1)

    def _name(self, row: int) -> str:
        return str(row) if row else t("pane.inside.embedding")

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.grid is None:
            return
        painter = QPainter(self)
        for row in self.rows():
            for column in self.columns():
                self._paint_cell(painter, self.grid, row, column)
        painter.setPen(QPen(self.theme.color("accent"), self.theme.px(3)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.cell(self.row, self.column))
        self._paint_layers(painter)
        self._paint_tokens(painter, self.grid)

    def _paint_cell(self, painter: QPainter, grid: LensGrid, row: int, column: int) -> None:
        box, color = self.cell(row, column), self.color_of(grid, row, column)
        painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), color)
        painter.setPen(QColor("black" if qGray(color.rgb()) >= LIGHT else "white"))
        inner, words = box.adjusted(GAP_S, 0, -GAP_S, 0), self.words_of(grid, row, column)
        painter.setFont(self._font_for(words, inner))
        words = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, words)

    def _font_for(self, words: str, box: QRectF) -> QFont:
        """Return a font of the row's height; a smaller one for words that would be wider than the box."""
        font = self.theme.font(LARGE)
        font.setPixelSize(min(font.pixelSize(), max(1, int(TYPE * box.height()))))
        width = QFontMetricsF(font).horizontalAdvance(words)
        if width > box.width():
            least = min(font.pixelSize(), self.theme.px(SMALL))
            font.setPixelSize(max(least, int(font.pixelSize() * box.width() / width)))
        return font

    def color_of(self, grid: LensGrid, row: int, column: int) -> QColor:
        """Return the colour of a cell."""
        return share_color(float(grid.probabilities[row, column, 0]))

    def words_of(self, grid: LensGrid, row: int, column: int) -> str:
        """Return what is written in a cell."""
        return visible(grid.names[int(grid.ids[row, column, 0])])

    def title(self) -> str:
        """Return what the cells are."""
        return t("pane.inside.next")

    def paint_scale(self, painter: QPainter, box: QRectF) -> str:
        """Paint the scale of colours at the top of a box, and return what it measures."""
        paint_share_scale(painter, box, self.theme)
        return t("pane.inside.colour")

    def _paint_layers(self, painter: QPainter) -> None:
        """Paint the names of the rows."""
        painter.setFont(self.theme.font(NORMAL))
        metrics, area = QFontMetricsF(painter.font()), self.area()
        for row in self.rows():
            painter.setPen(self.theme.color("accent" if row == self.row else "muted"))
            box = self.cell(row, self.columns().start)
            room = QRectF(0, box.center().y() - metrics.height() / 2, area.left() - GAP_M, metrics.height())
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._name(row))
        painter.setPen(self.theme.color("muted"))
        painter.drawText(
            QRectF(0, 0, area.left() - GAP_M, metrics.height()), Qt.AlignmentFlag.AlignRight, t("pane.inside.layer")
        )
        painter.drawText(QRectF(area.left(), 0, area.width(), metrics.height()), 0, self.title())

    def _paint_tokens(self, painter: QPainter, grid: LensGrid) -> None:
        """Paint the text below the columns, and the scale of colours below it if there is room."""
        metrics, area = QFontMetricsF(self.theme.font(NORMAL)), self.area()
        for column in self.columns():
            chosen = column == self.column
            painter.setFont(self.theme.font(NORMAL, bold=chosen))
            painter.setPen(self.theme.color("accent" if chosen else "text"))
            box = self.cell(0, column)
            room = QRectF(box.left(), area.bottom() + GAP_S, box.width(), metrics.height())
            piece = QFontMetricsF(painter.font()).elidedText(
                visible(grid.pieces[column]), Qt.TextElideMode.ElideRight, room.width()
            )
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, piece)
        if self._has_scale():
            self._paint_scale(painter)

    def _paint_scale(self, painter: QPainter) -> None:
        size, area = share_scale_size(self.theme), self.area()
        corner = QRectF(area.left(), self.height() - size.height(), size.width(), size.height())
        measured = self.paint_scale(painter, corner)
        painter.setFont(self.theme.font(SMALL))
        painter.setPen(self.theme.color("muted"))
        beside = corner.adjusted(corner.width() + GAP_M, 0, self.width(), 0)
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, measured)

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, row: int, column: int) -> str:
        """Return a cell in words."""
        grid = self.grid
        if grid is None:
            return ""
        return t(
            "pane.inside.cell" if row else "pane.inside.cell_embedding",
            layer=row,
            token=visible(grid.pieces[column]),
            next=visible(grid.names[int(grid.ids[row, column, 0])]),
            percent=percent(float(grid.probabilities[row, column, 0]), 1),
        )

    def describe_at(self, point: QPoint) -> str:
        cell = self.cell_at(point)
        return "" if cell is None else self.describe(*cell)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        cell = self.cell_at(event.position().toPoint())
        if cell is not None:
            self.chosen.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        if self.grid is None or Qt.Key(event.key()) not in steps:
            super().keyPressEvent(event)
            return
        down, across = steps[Qt.Key(event.key())]
        row = min(max(0, self.row + down), len(self.grid.ids) - 1)
        self.chosen.emit(row, min(max(0, self.column + across), len(self.grid.pieces) - 1))
