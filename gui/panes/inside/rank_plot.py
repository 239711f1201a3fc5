"""How far an answer has come: its rank after each layer, on a logarithmic axis, with the best at the top."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from gui.i18n import number, percent, t
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.widgets.painted import Painted, Policy

LARGEST_POINT = 6  # pixels at zoom 1: the radius of the selected layer's


class RankPlot(Painted):
    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.ranks: NDArray[np.int32] = np.zeros(0, np.int32)
        self.probabilities: NDArray[np.float32] = np.zeros(0, np.float32)
        self.pinned: NDArray[np.int32] | None = None  # the ranks in A
        self.title = ""
        self.current = 0

    def set_data(
        self,
        ranks: NDArray[np.int32],
        probabilities: NDArray[np.float32],
        title: str,
        current: int,
        pinned: NDArray[np.int32] | None = None,
    ) -> None:
        """Show the rank and probability of one token before the first layer and after each; `current` is a layer.

        `pinned` are the ranks in A, a second line.
        """
        self.ranks, self.probabilities, self.title, self.current = ranks, probabilities, title, current
        self.pinned = pinned
        self.setAccessibleDescription(title)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.theme.px(170))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(160), self.theme.px(150))

    # --- Geometry --------------------------------------------------------------------------------

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(NORMAL))

    def ticks(self) -> list[int]:
        """Return the marked ranks: the powers of ten up to the worst rank."""
        worst = max(int(ranks.max(initial=10)) for ranks in (self.ranks, self.pinned) if ranks is not None)
        return [10**power for power in range(math.ceil(math.log10(worst)) + 1)]

    def area(self) -> QRectF:
        """Return the box of the line."""
        metrics = self._metrics()
        left = max(map(metrics.horizontalAdvance, map(number, self.ticks()))) + GAP_M
        right = max(metrics.horizontalAdvance(str(len(self.ranks))) / 2, self.theme.px(LARGEST_POINT)) + GAP_S
        height = self.height() - 3.6 * metrics.height() - 2 * GAP_S
        return QRectF(left, 1.6 * metrics.height(), self.width() - left - right, height)

    def point(self, layer: int, ranks: NDArray[np.int32] | None = None) -> QPointF:
        """Return the place of the rank after a layer, by default that of the open model."""
        ranks = self.ranks if ranks is None else ranks
        area, most = self.area(), math.log10(self.ticks()[-1])
        x = area.left() + area.width() * layer / max(1, len(self.ranks) - 1)
        return QPointF(x, area.top() + area.height() * math.log10(max(1, int(ranks[layer]))) / most)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self.ranks):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(NORMAL))
        self._paint_axes(painter)
        if self.pinned is not None:
            painter.setPen(QPen(self.theme.series_color(1), self.theme.px(2), Qt.PenStyle.DashLine))
            painter.drawPolyline(QPolygonF([self.point(layer, self.pinned) for layer in range(len(self.pinned))]))
        points = [self.point(layer) for layer in range(len(self.ranks))]
        painter.setPen(QPen(self.theme.series_color(0), self.theme.px(3)))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(self.theme.series_color(0))
        for layer, point in enumerate(points):
            size = self.theme.px(LARGEST_POINT if layer == self.current else 3)
            painter.setBrush(self.theme.color("accent" if layer == self.current else "surface"))
            painter.drawEllipse(point, size, size)

    def _paint_axes(self, painter: QPainter) -> None:
        metrics, area, layers = self._metrics(), self.area(), len(self.ranks) - 1
        apart = area.height() / math.log10(self.ticks()[-1])
        every = max(1, math.ceil(metrics.height() / max(1.0, apart)))  # powers of ten
        for tick in self.ticks()[::every]:
            y = area.top() + area.height() * math.log10(tick) / math.log10(self.ticks()[-1])
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self.theme.color("muted"))
            box = QRectF(0, y - metrics.height() / 2, area.left() - GAP_M, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number(tick))
        wide = metrics.horizontalAdvance(f"{layers}0")
        room = max(1.0, area.width() / wide)  # labels side by side
        step = next((step for step in (1, 2, 5, 10, 20) if layers / step < room), 50)
        for layer in range(0, layers + 1, step):
            x = self.point(layer).x()
            box = QRectF(x - wide, area.bottom() + GAP_S, 2 * wide, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, str(layer))
        below = QRectF(area.left(), area.bottom() + GAP_S + metrics.height(), area.width(), metrics.height())
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, t("pane.inside.after_layer"))
        painter.setPen(self.theme.color("text"))
        title = metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, 0, self.width(), metrics.height()), 0, title)

    def describe_at(self, point: QPoint) -> str:
        area, layers = self.area(), len(self.ranks) - 1
        if layers < 1 or not area.left() - GAP_M <= point.x() <= area.right() + GAP_M:
            return ""
        layer = min(max(0, round((point.x() - area.left()) / area.width() * layers)), layers)
        words = {"layer": layer, "rank": number(int(self.ranks[layer]))}
        words["percent"] = percent(float(self.probabilities[layer]), 1)
        if self.pinned is None:
            return t("pane.inside.rank", **words)
        return t("pane.inside.minus.rank", **words, pinned=number(int(self.pinned[layer])))
