"""Two prompts above one another, and below them a grid of layers and tokens: how much of the answer comes over."""

import math

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    qGray,
)
from PySide6.QtWidgets import QApplication

from gui.colormaps import diverging, diverging_image
from gui.i18n import number, percent, t
from gui.panes.inside.patch_grid import PatchGrid
from gui.text import marked, word
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

NARROWEST, WIDEST = 52, 190  # pixels at zoom 1 of a column
LIGHT = 140  # luma, 0..255, from which a colour has black type on it
LEAST_NUMBER = 0.05  # effects from which a number is painted in the cell
CENTER, RIGHT = Qt.AlignmentFlag.AlignCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PatchPicture(Painted):
    chosen = Signal(int, int)  # row and column of a cell
    place_chosen = Signal(int)  # a token of the prompts
    applied = Signal(int, int)  # a cell that was put into the second prompt

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.grid: PatchGrid | None = None
        self.row, self.column = 0, 0
        self._pressed: QPoint | None = None
        self._dragged: QPoint | None = None  # where the cell is that is being dragged
        self._hovered: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, grid: PatchGrid | None, row: int, column: int) -> None:
        """Show a grid, in which this cell is selected."""
        self.grid, self.row, self.column = grid, row, column
        self.setAccessibleDescription(self.describe(row, column))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(560), self.theme.px(380))

    # --- Geometry --------------------------------------------------------------------------------

    def _large(self) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(LARGE if self.height() >= self.theme.px(300) else NORMAL))

    def _line(self) -> float:
        """Return the height of a prompt."""
        return self._large().height() + GAP_M

    def _labels(self) -> float:
        """Return the width of what is left of the cells."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        names = (f"{t('pane.inside.layer')} 1", t("pane.inside.patch.from"), t("pane.inside.patch.into"))
        return max(map(metrics.horizontalAdvance, names)) + GAP_M

    def _answers(self) -> float:
        """Return the width of what is right of the prompts."""
        metrics = QFontMetricsF(self.theme.font(NORMAL, bold=True))
        return max((metrics.horizontalAdvance(self._answer(i)) for i in range(2)), default=0.0) + GAP_M

    def _answer(self, prompt: int) -> str:
        assert self.grid is not None
        share = float(self.grid.pair.probabilities[prompt, prompt])
        return f"→ {word(self.grid.pair.answers[prompt])} {percent(share)}"

    def area(self) -> QRectF:
        """Return the box of the cells."""
        metrics = QFontMetricsF(self.theme.font(SMALL))
        top, left = 2 * self._line() + GAP_M, self._labels()
        if self.grid is not None and self.grid.request.part == "z":
            top += metrics.height()
        width = max(1.0, self.width() - left - self._answers())
        columns = self._column_count()
        width = min(width, max(1, columns) * self.theme.px(WIDEST))
        return QRectF(left, top, width, max(1.0, self.height() - top - 2 * metrics.height() - 2 * GAP_M))

    def _column_count(self) -> int:
        return 0 if self.grid is None else max(map(len, self.grid.pair.pieces), default=0)

    def columns(self) -> range:
        """Return the tokens that there is room for, with the selected one among them."""
        return self._seen(self._column_count(), self._place())

    def _seen(self, count: int, current: int) -> range:
        room = max(1, int(self.area().width() / self.theme.px(NARROWEST)))
        start = min(max(0, current - room // 2), max(0, count - room))
        return range(start, min(count, start + room))

    def _place(self) -> int:
        if self.grid is None:
            return 0
        return self.grid.place if self.grid.request.part == "z" else self.column

    def _cells(self) -> range:
        """Return the columns of cells that there is room for: tokens, or heads."""
        if self.grid is None or not self.grid.effects.size:
            return range(0)
        return self._seen(self.grid.effects.shape[1], self.column)

    def token(self, prompt: int, place: int) -> QRectF:
        """Return the box of a token of the first or second prompt."""
        area, columns = self.area(), self.columns()
        width = area.width() / max(1, len(columns))
        return QRectF(area.left() + (place - columns.start) * width, prompt * self._line(), width, self._line())

    def cell(self, row: int, column: int) -> QRectF:
        """Return the box of a cell."""
        area, columns = self.area(), self._cells()
        width, height = area.width() / max(1, len(columns)), area.height() / self._row_count()
        return QRectF(area.left() + (column - columns.start) * width, area.top() + row * height, width, height)

    def cell_at(self, point: QPoint) -> tuple[int, int] | None:
        area, columns = self.area(), self._cells()
        if not columns or not area.contains(point.toPointF()):
            return None
        row = int((point.y() - area.top()) / area.height() * self._row_count())
        column = columns.start + int((point.x() - area.left()) / area.width() * len(columns))
        return min(row, self._row_count() - 1), min(column, columns.stop - 1)

    def token_at(self, point: QPoint) -> int | None:
        area, columns = self.area(), self.columns()
        if not columns or not area.left() <= point.x() < area.right() or point.y() >= 2 * self._line():
            return None
        return columns.start + int((point.x() - area.left()) / area.width() * len(columns))

    def _row_count(self) -> int:
        return 1 if self.grid is None else max(1, len(self.grid.effects))

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.grid is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for prompt in range(2):
            self._paint_prompt(painter, self.grid, prompt)
        for row in range(len(self.grid.effects)):
            for column in self._cells():
                self._paint_cell(painter, self.cell(row, column), float(self.grid.effects[row, column]), row, column)
        if self.grid.effects.size:
            painter.setPen(QPen(self.theme.color("accent"), self.theme.px(3)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell(self.row, self.column))
            self._paint_layers(painter)
            self._paint_heads(painter)
            self._paint_scale(painter)
        if self._dragged is not None:
            self._paint_dragged(painter, self._dragged)

    def _paint_prompt(self, painter: QPainter, grid: PatchGrid, prompt: int) -> None:
        pieces, large, place = grid.pair.pieces[prompt], self._large().height(), self._place()
        label = QRectF(0, prompt * self._line(), self._labels() - GAP_M, self._line())
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("muted"))
        painter.drawText(label, RIGHT, t(f"pane.inside.patch.{('from', 'into')[prompt]}"))
        target = prompt == 1 and self._dragged is not None
        for index in self.columns():
            box = self.token(prompt, index).adjusted(1, 2, -1, -2)
            if index >= len(pieces):
                continue
            differs = index in grid.differing
            chosen = index == place and bool(grid.effects.size)
            background = "accent_soft" if differs or (target and index == place) else "sunken"
            painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)) if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color(background))
            painter.drawRoundedRect(box, 4, 4)
            size = LARGE if large > QFontMetricsF(self.theme.font(NORMAL)).height() else NORMAL
            painter.setFont(self._fitting(marked(pieces[index]), box.width() - GAP_S, size, differs))
            painter.setPen(self.theme.color("accent" if differs else "text"))
            metrics = QFontMetricsF(painter.font())
            text = metrics.elidedText(marked(pieces[index]), Qt.TextElideMode.ElideRight, box.width() - GAP_S)
            painter.drawText(box, CENTER, text)
        painter.setFont(self.theme.font(NORMAL, bold=True))
        painter.setPen(self.theme.color("text"))
        answer = QRectF(self.area().right() + GAP_M, label.top(), self.width(), self._line())
        painter.drawText(answer, Qt.AlignmentFlag.AlignVCenter, self._answer(prompt))

    def _fitting(self, text: str, width: float, size: int, bold: bool) -> QFont:
        """Return the largest font, down to SMALL, in which a text fits."""
        while size > SMALL and QFontMetricsF(self.theme.font(size, bold)).horizontalAdvance(text) > width:
            size -= 1
        return self.theme.font(size, bold)

    def _paint_cell(self, painter: QPainter, box: QRectF, effect: float, row: int, column: int) -> None:
        if math.isnan(effect):
            painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), QColor(self.theme.sunken))
            return
        color = effect_color(effect)
        painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), color)
        wanted = (row, column) in (self._hovered, (self.row, self.column)) or abs(effect) >= LEAST_NUMBER
        painter.setFont(self.theme.font(min(NORMAL, max(8, int(0.66 * box.height() / self.theme.zoom)))))
        metrics = QFontMetricsF(painter.font())
        text = number(effect, 2)
        if wanted and metrics.height() <= box.height() + 3 and metrics.horizontalAdvance(text) <= box.width():
            painter.setPen(QColor("black" if qGray(color.rgb()) >= LIGHT else "white"))
            painter.drawText(box, CENTER, text)

    def _paint_layers(self, painter: QPainter) -> None:
        """Paint as many numbers of layers as there is room for, always those of the first, last and chosen one."""
        painter.setFont(self.theme.font(NORMAL))
        metrics, area, last = QFontMetricsF(painter.font()), self.area(), self._row_count() - 1
        every = max(1, math.ceil(metrics.height() / (area.height() / (last + 1))))
        always = {0, last, self.row}
        for row in range(last + 1):
            crowded = any(abs(row - other) < every for other in (always if row not in always else {self.row}) - {row})
            if not crowded and (row in always or row % every == 0):
                painter.setPen(self.theme.color("accent" if row == self.row else "muted"))
                middle = self.cell(row, self._cells().start).center().y()
                room = QRectF(0, middle - metrics.height() / 2, area.left() - GAP_M, metrics.height())
                painter.drawText(room, RIGHT, f"{t('pane.inside.layer')} 1" if not row and last > 8 else str(row + 1))

    def _paint_heads(self, painter: QPainter) -> None:
        if self.grid is None or self.grid.request.part != "z":
            return
        painter.setFont(self.theme.font(SMALL))
        painter.setPen(self.theme.color("muted"))
        height = QFontMetricsF(painter.font()).height()
        for column in self._cells():
            box = self.cell(0, column)
            painter.drawText(
                QRectF(box.left(), self.area().top() - height, box.width(), height),
                CENTER,
                t("pane.inside.patch.head", head=column + 1),
            )

    def _paint_scale(self, painter: QPainter) -> None:
        painter.setFont(self.theme.font(SMALL))
        metrics, area = QFontMetricsF(painter.font()), self.area()
        bar = QRectF(area.left(), area.bottom() + GAP_M, min(area.width() / 2, self.theme.px(180)), self.theme.px(10))
        pixels = diverging().tobytes()
        painter.drawImage(bar, QImage(pixels, 256, 1, 768, QImage.Format.Format_RGB888))
        painter.setPen(self.theme.color("muted"))
        for value in (-1, 0, 1):
            x = bar.center().x() + value * bar.width() / 2
            tick = QRectF(x - 40, bar.bottom() + 2, 80, metrics.height())
            painter.drawText(tick, CENTER, str(value).replace("-", "−"))
        words = QRectF(bar.right() + 2 * GAP_M, bar.center().y() - metrics.height() / 2, self.width(), metrics.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, t("pane.inside.patch.scale"))

    def _paint_dragged(self, painter: QPainter, point: QPoint) -> None:
        """Paint the cell under the mouse, and where it may be put."""
        if self.grid is None:
            return
        box = self.cell(self.row, self.column)
        box.moveCenter(point.toPointF())
        painter.setOpacity(0.85)
        painter.fillRect(box, effect_color(float(self.grid.effects[self.row, self.column])))
        painter.setOpacity(1.0)
        painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2), Qt.PenStyle.DashLine))
        target = self.token(1, self._place())
        painter.drawLine(QPointF(box.center()), target.center())
        painter.drawRect(target)

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, row: int, column: int) -> str:
        """Return a cell in words."""
        grid = self.grid
        if grid is None or not (row < len(grid.effects) and column < grid.effects.shape[1]):
            return ""
        effect, part = float(grid.effects[row, column]), grid.request.part
        if math.isnan(effect):
            return t("pane.inside.patch.waiting")
        words = {
            "layer": row + 1,
            "part": t(f"pane.inside.patch.part.{part}"),
            "source": marked(grid.pair.pieces[0][self._describes(column)]),
            "answer": word(grid.pair.answers[0]),
            "effect": number(effect, 2),
        }
        if part == "z":
            return t("pane.inside.patch.cell_head", **words, head=column + 1)
        return t("pane.inside.patch.cell", **words)

    def _describes(self, column: int) -> int:
        assert self.grid is not None
        return self.grid.place if self.grid.request.part == "z" else column

    def describe_at(self, point: QPoint) -> str:
        cell = self.cell_at(point)
        return "" if cell is None else self.describe(*cell)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        point = event.position().toPoint()
        cell, token = self.cell_at(point), self.token_at(point)
        if cell is not None:
            self._pressed = point
            self.chosen.emit(*cell)
        elif token is not None:
            self.place_chosen.emit(token)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        far = QApplication.startDragDistance()
        if self._pressed is not None and (self._dragged or (point - self._pressed).manhattanLength() >= far):
            self._dragged = point
        self._hovered = self.cell_at(point)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        point, dragged = event.position().toPoint(), self._dragged is not None
        self._pressed = self._dragged = None
        self.update()
        if dragged and self._line() <= point.y() < 2 * self._line() + GAP_M:
            self.applied.emit(self.row, self.column)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.cell_at(event.position().toPoint()) is not None:
            self._pressed = None
            self.applied.emit(self.row, self.column)

    def leaveEvent(self, event: object) -> None:
        self._hovered = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        key = Qt.Key(event.key())
        if self.grid is None or not self.grid.effects.size:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.applied.emit(self.row, self.column)
        elif key == Qt.Key.Key_Escape and self._dragged is not None:
            self._pressed = self._dragged = None
            self.update()
        elif key in moves:
            rows, columns = self.grid.effects.shape
            down, across = moves[key]
            self.chosen.emit(min(max(0, self.row + down), rows - 1), min(max(0, self.column + across), columns - 1))
        else:
            super().keyPressEvent(event)


def effect_color(effect: float) -> QColor:
    """Return the colour of an effect on the scale from -1 to 1."""
    red, green, blue = diverging_image(np.array([min(1.0, max(-1.0, effect))]))[0].tolist()
    return QColor(red, green, blue)
