"""The candidates for the next token: their probability in the model and after the settings or in A, on one axis."""

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from engine.messages.generation import STAGES, Candidates
from gui.i18n import number, percent, t
from gui.text import visible
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

MOST_ROWS = 10
ENOUGH_ROWS = 7  # with room for fewer large ones, the rows are of normal size
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
STRETCHES = (100, 50, 20, 10, 5, 2)  # by which the axis can be stretched
NARROW_LABEL, NARROW_BAR = 0.3, 60  # the widest label, as a share of the width; pixels at zoom 1 of the shortest axis
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Columns(NamedTuple):
    """The horizontal places: where labels end, the axis, and the right ends of the columns of numbers."""

    label: float
    axis: tuple[float, float]
    figures: tuple[float, ...]
    figure: float  # width of a column of numbers


def difference_words(difference: float) -> str:
    """Return the difference of two probabilities in percentage points, with an arrow up or down."""
    points = round(100 * difference, 1)
    return f"{'▲' if points > 0 else '▼'} {number(abs(points), 1)}" if points else "="


class CandidateBars(Painted):
    """Rows of a token, its bars and its numbers; the last row has the sum of all other tokens.

    The thin bar is what the settings leave, or what the model pinned as A gives while that is shown instead.
    Up, Down and Return choose a token. Z, or a click on the factor, stretches the axis if all bars are short.
    """

    chosen = Signal(int)  # a token's ID

    def __init__(self, parent: QWidget | None = None, *, draws: bool = True) -> None:
        """`draws`: whether the probabilities after the settings are shown, besides the model's own."""
        super().__init__(parent, down=Policy.Expanding)
        self.draws = draws
        self.candidates: Candidates | None = None
        self.pinned: NDArray[np.float32] | None = None  # the probability of each in A
        self.current = -1  # the row selected by keyboard
        self.stretched = False  # whether the axis may be shorter than 0 to 100 %
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.retranslate()

    def set_candidates(self, candidates: Candidates | None, pinned: NDArray[np.float32] | None = None) -> None:
        """Show candidates; `pinned` is the probability of each in A, and is shown with the difference from it."""
        self.candidates, self.pinned = candidates, pinned
        self.current = min(self.current, self.rows() - 1)
        self.setAccessibleDescription(self.describe(0) if candidates is not None else "")
        self.update()

    def retranslate(self) -> None:
        self.set_candidates(self.candidates, self.pinned)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), round(self._frame() + (MOST_ROWS + 1) * self._height_of(NORMAL)))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(190), round(self._frame() + 4 * self._height_of(NORMAL)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.current = min(self.current, self.rows() - 1)

    # --- What is shown ---------------------------------------------------------------------------

    def rows(self) -> int:
        """Return the number of candidates that there is room for."""
        if self.candidates is None:
            return 0
        room = int((self.height() - self._frame()) / self._row_height()) - 1  # one row for the other tokens
        return max(1, min(len(self.candidates.ids), MOST_ROWS, room))

    def indices(self) -> list[int]:
        """Return the candidate of each row: the likeliest ones, and the drawn one in any case."""
        found = self.candidates
        if found is None:
            return []
        shown = list(range(self.rows()))
        if self.draws and found.drawn not in shown:
            shown[-1] = found.drawn
        return shown

    def others(self) -> tuple[float, float]:
        """Return the probability of all tokens without a row: in the model, and after the settings."""
        assert self.candidates is not None
        left = 1.0 - self.candidates.probabilities[:, self.indices()].sum(axis=1)
        return max(0.0, float(left[0])), max(0.0, float(left[-1]))

    def factor(self) -> int:
        """Return by how much the axis can be stretched, 1 if it is used already."""
        if self.candidates is None:
            return 1
        highest = max(float(self.candidates.probabilities[[0, -1] if self.draws else [0]].max()), 1e-9)
        if self.pinned is not None:
            highest = max(float(self.candidates.probabilities[0].max()), float(self.pinned.max()), 1e-9)
        return next((factor for factor in STRETCHES if factor * highest <= 1), 1)

    def stretch(self) -> None:
        """Stretch the axis, or show it from 0 to 100 % again."""
        self.stretched = not self.stretched
        self.update()

    def place_of(self, token_id: int) -> QRectF | None:
        """Return the box of a token's label, None if it has no row."""
        found = self.candidates
        for row, index in enumerate(self.indices()):
            if found is not None and int(found.ids[index]) == token_id:
                return QRectF(0, self._top_of(row), self._columns().label, self._row_height())
        return None

    # --- Geometry --------------------------------------------------------------------------------

    def _height_of(self, size: int) -> float:
        return round(QFontMetricsF(self.theme.font(size)).height() + GAP_S)

    def _size(self) -> int:
        """Return the type size of the rows."""
        return LARGE if self.height() >= self._frame() + (ENOUGH_ROWS + 1) * self._height_of(LARGE) else NORMAL

    def _row_height(self) -> float:
        """Return the height of a row; there is more room if it is there."""
        least = self._height_of(self._size())
        count = min(len(self.candidates.ids), MOST_ROWS) + 1 if self.candidates is not None else MOST_ROWS + 1
        return max(least, min(1.6 * least, (self.height() - self._frame()) / count))

    def _frame(self) -> float:
        """Return the height of the line above the rows, and of the axis below them."""
        return self._height_of(NORMAL) + self._height_of(SMALL)

    def _top_of(self, row: int) -> float:
        return self._height_of(NORMAL) + row * self._row_height()

    def _heads(self) -> dict[str, int]:
        """Return the columns of numbers, each with its colour: all, or where that is too narrow only the last ones."""
        columns = {"model": 0, "left": 4} if self.draws else {"model": 0}
        if self.pinned is not None:
            columns = {"model": 0, "a": 1, "points": 7}
        figure = QFontMetricsF(self.theme.font(self._size())).horizontalAdvance(percent(1, 1)) + GAP_L
        room = self.width() * (1 - NARROW_LABEL) - self.theme.px(NARROW_BAR)
        fit = max(1, min(len(columns), int(room / figure)))
        return dict(list(columns.items())[-fit:])

    def _columns(self) -> _Columns:
        bold, heads = QFontMetricsF(self.theme.font(self._size(), bold=True)), QFontMetricsF(self.theme.font(NORMAL))
        pieces = [visible(self.candidates.pieces[index]) for index in self.indices()] if self.candidates else []
        widest = max(map(bold.horizontalAdvance, [*pieces, t("pane.generation.candidates.others")]))
        label = min(widest, self.width() * NARROW_LABEL) + GAP_M
        count, words = len(self._heads()), (t(f"pane.generation.candidates.key.{key}") for key in self._heads())
        number = QFontMetricsF(self.theme.font(self._size())).horizontalAdvance(percent(1, 1)) + GAP_M
        room = (self.width() - label - self.theme.px(NARROW_BAR)) / count
        figure = max(number, min(room, max(map(heads.horizontalAdvance, words)) + GAP_L))
        end = max(label + 1, self.width() - count * figure - GAP_M)
        ends = tuple(self.width() - (count - 1 - column) * figure for column in range(count))
        return _Columns(label, (label, end), ends, figure)

    def _head_words(self, place: int) -> str:
        return t(f"pane.generation.candidates.key.{list(self._heads())[place]}")

    def _head(self, place: int, columns: _Columns) -> QRectF:
        """Return the box of the name of a column of numbers, which may reach over the axis if it is the only one."""
        widest = columns.figure
        if len(columns.figures) == 1:
            words = QFontMetricsF(self.theme.font(NORMAL)).horizontalAdvance(self._head_words(place))
            widest = max(widest, min(words, self.width() - columns.label / 2))
        return QRectF(columns.figures[place] - widest, 0, widest, self._height_of(NORMAL))

    def _tag(self) -> QRectF:
        """Return the box of the factor by which the axis is, or can be, stretched; empty if it cannot.

        It begins with the axis, or where that is too narrow with the widget.
        """
        if self.factor() == 1:
            return QRectF()
        metrics, columns = QFontMetricsF(self.theme.font(NORMAL)), self._columns()
        width = metrics.horizontalAdvance(self._tag_words()) + 2 * GAP_M
        left = columns.axis[0] if columns.axis[0] + width <= self._head(0, columns).left() else 0.0
        return QRectF(left, 0, width, metrics.height())

    def _tag_words(self) -> str:
        return f"× {self.factor()}"

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.candidates is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        columns = self._columns()
        self._paint_frame(painter, columns)
        for row in range(self.rows()):
            self._paint_row(painter, row, columns)
        self._paint_others(painter, columns)

    def _paint_frame(self, painter: QPainter, columns: _Columns) -> None:
        """Paint the names of the columns, the axis and its ticks."""
        height = self._height_of(NORMAL)
        painter.setFont(self.theme.font(NORMAL))
        metrics = painter.fontMetrics()
        for place, color in enumerate(self._heads().values()):
            box, head = self._head(place, columns), self._head_words(place)
            words = metrics.elidedText(head, Qt.TextElideMode.ElideRight, ceil(box.width()))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(box, RIGHT, words)
            width = min(box.width(), metrics.horizontalAdvance(words))
            painter.fillRect(QRectF(box.right() - width, height - 3, width, 3), self.theme.series_color(color))
        if not self._tag().isEmpty():
            painter.setPen(QPen(self.theme.color("accent"), 1))
            painter.setBrush(self.theme.color("accent" if self.stretched else "surface"))
            painter.drawRoundedRect(self._tag().adjusted(0.5, 0.5, -0.5, -0.5), GAP_S, GAP_S)
            painter.setPen(self.theme.color("on_accent" if self.stretched else "accent"))
            painter.drawText(self._tag(), Qt.AlignmentFlag.AlignCenter, self._tag_words())
        self._paint_axis(painter, columns)

    def _paint_axis(self, painter: QPainter, columns: _Columns) -> None:
        left, right = columns.axis
        top, bottom = self._top_of(0), self._top_of(self.rows() + 1)
        painter.setFont(self.theme.font(SMALL))
        whole = 1.0 / self._scale()
        for tick in TICKS:
            x = left + tick * (right - left)
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(QPointF(x, top), QPointF(x, bottom))
            words = percent(tick * whole, 0 if whole >= 0.5 else 1 if whole > 0.02 else 2)
            width = painter.fontMetrics().horizontalAdvance(words)
            if right - left > (7 if tick in (0.25, 0.75) else 3 if tick == 0.5 else 1) * width:
                box = QRectF(max(0.0, x - width / 2), bottom, width, self._height_of(SMALL))
                painter.setPen(self.theme.color("muted"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _scale(self) -> int:
        return self.factor() if self.stretched else 1

    def _paint_row(self, painter: QPainter, row: int, columns: _Columns) -> None:
        found, index = self.candidates, self.indices()[row]
        assert found is not None
        model, left = float(found.probabilities[0, index]), float(found.probabilities[-1, index])
        line = QRectF(0, self._top_of(row), self.width(), self._row_height())
        if row == self.current and self.hasFocus():
            painter.fillRect(line, self.theme.color("accent_soft"))
        is_drawn, is_cut = self.draws and index == found.drawn, self.draws and left <= 0 and self.pinned is None
        painter.setPen(self.theme.color("muted" if is_cut else "text"))
        painter.setFont(self.theme.font(self._size(), bold=is_drawn))
        box = QRectF(0, line.top(), columns.label - GAP_M, line.height())
        self._write(painter, box, visible(found.pieces[index]))
        color = self.theme.color("cut") if is_cut else self.theme.series_color(0)
        self._paint_bar(painter, line, columns, model, color)
        then = left if self.pinned is None else float(self.pinned[index])
        self._paint_second(painter, line, columns, then)
        self._paint_figures(painter, line, columns, model, then)

    def _paint_second(self, painter: QPainter, line: QRectF, columns: _Columns, share: float) -> None:
        """Paint the thin bar: the probability after the settings, or in A."""
        if self.draws or self.pinned is not None:
            color = self.theme.series_color(4 if self.pinned is None else 1)
            self._paint_bar(painter, line, columns, share, color, thin=True)

    def _paint_others(self, painter: QPainter, columns: _Columns) -> None:
        """Paint the row of all tokens that have none."""
        line = QRectF(0, self._top_of(self.rows()), self.width(), self._row_height())
        model, then = self.others()
        if self.pinned is not None:
            then = max(0.0, 1.0 - float(self.pinned[self.indices()].sum()))
        painter.setPen(self.theme.color("muted"))
        painter.setFont(self.theme.font(self._size()))
        box = QRectF(0, line.top(), columns.label - GAP_M, line.height())
        self._write(painter, box, t("pane.generation.candidates.others"))
        self._paint_bar(painter, line, columns, model, self.theme.color("faint"))
        self._paint_second(painter, line, columns, then)
        self._paint_figures(painter, line, columns, model, then)

    def _write(self, painter: QPainter, box: QRectF, words: str) -> None:
        shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, ceil(box.width()))
        painter.drawText(box, RIGHT, shown)

    def _paint_bar(
        self, painter: QPainter, line: QRectF, columns: _Columns, share: float, color: QColor, thin: bool = False
    ) -> None:
        left, right = columns.axis
        length = min(1.0, share * self._scale()) * (right - left)
        thick, slim = 0.46 * line.height(), 0.16 * line.height()
        top = line.top() + (line.height() - thick - slim) / 2 + (thick if thin else 0)
        if share > 0:
            painter.fillRect(QRectF(left, top, max(1.0, length), slim if thin else thick), color)

    def _paint_figures(self, painter: QPainter, line: QRectF, columns: _Columns, model: float, then: float) -> None:
        words = {key: percent(share, 1) if share > 0 else "–" for key, share in (("model", model), ("left", then))}
        words |= {"a": words["left"], "points": difference_words(model - then)}
        painter.setFont(self.theme.font(self._size()))
        painter.setPen(self.theme.color("text"))
        for key, end in zip(self._heads(), columns.figures, strict=True):
            painter.drawText(QRectF(end - columns.figure, line.top(), columns.figure, line.height()), RIGHT, words[key])

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, row: int) -> str:
        """Return the probability of a row's candidate after each stage, in words."""
        found = self.candidates
        assert found is not None
        index = self.indices()[row]
        values = found.probabilities[:, index]
        lines = [t("pane.generation.candidates.token", piece=visible(found.pieces[index]), id=int(found.ids[index]))]
        if self.pinned is not None:
            shares = {"now": percent(values[0], 2), "then": percent(float(self.pinned[index]), 2)}
            return "\n".join([*lines, t("pane.generation.minus.candidate", **shares)])
        if not self.draws:
            rank = index + 1
            return "\n".join([*lines, t("pane.generation.candidates.own", rank=rank, percent=percent(values[0], 2))])
        for stage, value in zip(STAGES, values, strict=True):
            if value <= 0:
                lines.append(t("pane.generation.candidates.cut", stage=t(f"pane.generation.candidates.stage.{stage}")))
                break
            lines.append(f"{t(f'pane.generation.candidates.stage.{stage}')}: {percent(value, 2)}")
        return "\n".join(lines)

    def _row_at(self, y: float) -> int | None:
        row = int((y - self._top_of(0)) // self._row_height())
        return row if 0 <= row < self.rows() else None

    def _choose(self, row: int) -> None:
        if self.candidates is not None:
            self.chosen.emit(int(self.candidates.ids[self.indices()[row]]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        row = self._row_at(event.position().y())
        if self._tag().contains(event.position()):
            self.stretch()
        elif row is not None:
            self.current = row
            self._choose(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.candidates is not None and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self.current = min(max(self.current + step, 0), self.rows() - 1)
            self.setAccessibleDescription(self.describe(self.current))
            self.update()
        elif self.candidates is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current >= 0:
            self._choose(self.current)
        elif event.key() == Qt.Key.Key_Z and not event.modifiers():
            self.stretch()
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        if self._tag().contains(QPointF(point)):
            return t("pane.generation.candidates.stretch")
        row = self._row_at(point.y())
        return self.describe(row) if row is not None else ""
