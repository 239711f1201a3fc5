"""The surprisal of each token of a text as bars, and the entropy of the prediction as a line."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from gui.colormaps import color_of
from gui.i18n import number, t
from gui.panes.generation.units import UNITS
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted, Policy

Floats = NDArray[np.float64]
TICK_BITS = (1, 2, 4, 5, 10, 20, 50)  # distances between ticks
MOST_NAMES = 60  # tokens; of a longer text the axis shows their numbers
MOST_FIT = 0.6  # of the names must have room; the others are shortened


class ScoreCurve(Painted):
    chosen = Signal(int)  # index of a token

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.surprisals: Floats = np.zeros(0)  # in bits, NaN where there is none
        self.entropies: Floats = np.zeros(0)
        self.pieces: Sequence[str] = ()
        self.words: Sequence[str] = ()  # description of each token
        self.current: int | None = None
        self.title = ""
        self.unit, self.most_bits = "bits", 1.0  # most_bits: surprisal with the last colour of the scale
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_scores(self, surprisals: Floats, entropies: Floats, pieces: Sequence[str], words: Sequence[str]) -> None:
        self.surprisals, self.entropies, self.pieces, self.words = surprisals, entropies, pieces, words
        self.update()

    def set_current(self, current: int | None) -> None:
        self.current = current
        known = current is not None and current < len(self.words)
        self.setAccessibleDescription(self.words[current] if known and current is not None else "")
        self.update()

    def set_unit(self, unit: str, most_bits: float, title: str) -> None:
        """Set the unit of the vertical axis, the surprisal with the last colour in bits, and the axis's name."""
        self.unit, self.most_bits, self.title = unit, most_bits, title
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.theme.px(150))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), self.theme.px(80))

    # --- Geometry --------------------------------------------------------------------------------

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(NORMAL))

    def highest(self) -> float:
        """Return the upper end of the vertical axis in bits."""
        values = np.concatenate([self.surprisals, self.entropies])
        return max(1.0, 1.05 * float(np.nanmax(values))) if np.isfinite(values).any() else 1.0

    def ticks(self) -> list[int]:
        """Return the marked surprisals in bits."""
        line = self._metrics().height()
        room = max(1, int((self.height() - 3 * line) / (1.4 * line)))
        step = next((s for s in TICK_BITS if self.highest() / s <= room), 100)
        return list(range(0, int(self.highest()) + 1, step))

    def area(self) -> QRectF:
        """Return the rectangle of the bars."""
        metrics = self._metrics()
        left = max(metrics.horizontalAdvance(UNITS[self.unit](tick)) for tick in self.ticks()) + GAP_M
        return QRectF(
            left,
            1.5 * metrics.height() + GAP_S,
            self.width() - left - GAP_M,
            self.height() - 3.5 * metrics.height() - GAP_M,
        )

    def _x(self, index: float) -> float:
        area = self.area()
        return area.left() + area.width() * index / max(1, len(self.surprisals))

    def index_at(self, x: float) -> int | None:
        area, count = self.area(), len(self.surprisals)
        index = math.floor((x - area.left()) / max(1.0, area.width()) * count)
        return index if 0 <= index < count else None

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self.surprisals):
            return
        painter = QPainter(self)
        painter.setFont(self.theme.font(NORMAL))
        area = self.area()
        height = area.height() / self.highest()
        self._paint_axis(painter, area, height)
        if self.current is not None and self.current < len(self.surprisals):
            left, right = self._x(self.current), self._x(self.current + 1)
            painter.fillRect(
                QRectF(left, area.top(), max(2.0, right - left), area.height()), self.theme.color("accent_soft")
            )
        self._paint_bars(painter, area, height)
        self._paint_line(painter, area, height)
        self._paint_names(painter, area)

    def _paint_axis(self, painter: QPainter, area: QRectF, height: float) -> None:
        line = self._metrics().height()
        for tick in self.ticks():
            y = area.bottom() - tick * height
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self.theme.color("muted"))
            box = QRectF(0, y - line / 2, area.left() - GAP_S, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, UNITS[self.unit](tick))
        title = QRectF(0, 0, self.width(), line)
        painter.drawText(title, Qt.AlignmentFlag.AlignLeft, self.title)

    def _columns(self, area: QRectF) -> tuple[Floats, Floats, float]:
        """Return the highest surprisal and mean entropy of each column, and a column's width, at least one pixel."""
        count = len(self.surprisals)
        each = max(1, math.ceil(count / max(1.0, area.width())))
        starts = np.arange(0, count, each)
        sums = np.add.reduceat(np.nan_to_num(self.entropies), starts)
        known = np.add.reduceat(np.isfinite(self.entropies).astype(float), starts)
        entropies = np.divide(sums, known, out=np.full(len(starts), np.nan), where=known > 0)
        return np.fmax.reduceat(self.surprisals, starts), entropies, area.width() * each / count

    def _paint_bars(self, painter: QPainter, area: QRectF, height: float) -> None:
        surprisals, _, width = self._columns(area)
        gap = 1.0 if width >= 4 else 0.0
        for index, bits in enumerate(surprisals.tolist()):
            if math.isfinite(bits):
                x, top = area.left() + index * width + gap / 2, area.bottom() - bits * height
                bar = QRectF(x, top, max(1.0, width - gap), max(1.0, bits * height))
                painter.fillRect(bar, color_of(bits / self.most_bits))

    def _paint_line(self, painter: QPainter, area: QRectF, height: float) -> None:
        _, entropies, width = self._columns(area)
        points = [
            QPointF(area.left() + (index + 0.5) * width, area.bottom() - bits * height)
            for index, bits in enumerate(entropies.tolist())
            if math.isfinite(bits)
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.theme.series_color(1), self.theme.px(2)))
        painter.drawPolyline(QPolygonF(points))
        if width >= 6:
            painter.setBrush(self.theme.series_color(1))
            for point in points:
                painter.drawEllipse(point, self.theme.px(2), self.theme.px(2))

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        """Paint the tokens below their bars if most have room, else some of their numbers; and the axis's name."""
        metrics, width, count = self._metrics(), area.width() / len(self.surprisals), len(self.surprisals)
        painter.setPen(self.theme.color("muted"))
        center, top = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, area.bottom() + GAP_S
        names = list(map(visible, self.pieces)) if count <= MOST_NAMES else []
        fitting = sum(metrics.horizontalAdvance(name) < width for name in names)
        fit = bool(names) and fitting >= MOST_FIT * count
        step = 1 if fit else _round_step(count * self.theme.px(60) / max(1.0, area.width()))
        for index in range(0 if fit else step - 1, count, step):
            name = metrics.elidedText(names[index], Qt.TextElideMode.ElideRight, width) if fit else number(index + 1)
            half = max(width, metrics.horizontalAdvance(name)) / 2
            box = QRectF(self._x(index + 0.5) - half, top, 2 * half, metrics.height())
            painter.drawText(box, center, name)
        below = QRectF(area.left(), top + metrics.height(), area.width(), metrics.height() + GAP_S)
        painter.drawText(below, center, t("pane.generation.score.axis.tokens"))

    # --- Selection ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        index = self.index_at(event.position().x())
        if index is not None:
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        last = len(self.surprisals) - 1
        if step and last >= 0:
            self.chosen.emit(min(max((last + 1 if self.current is None else self.current) + step, 0), last))
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        index = self.index_at(point.x())
        return self.words[index] if index is not None and index < len(self.words) else ""


def _round_step(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … that is at least `least`."""
    power = 10 ** max(0, math.floor(math.log10(max(1.0, least))))
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least))
