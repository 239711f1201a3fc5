"""Points with names: coloured and shaped by kind, labels that keep out of each other's way."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.theme import GAP_S, LIGHT, SMALL, Theme
from gui.widgets.token_strip import visible

SHAPES = ("o", "s", "t", "d", "+", "x", "star", "h", "p")
MOST_LABELS = 40
LABELS_TRIED = 120  # of the points that matter most


class Scatter(QWidget):
    clicked = Signal(int)  # index of a point
    hovered = Signal(int)  # likewise, -1 for none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = LIGHT
        self.points: NDArray[np.floating] = np.zeros((0, 2))
        self.names: tuple[str, ...] = ()
        self.kinds: tuple[str, ...] = ()
        self.marked: list[int] = []
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.cloud = pg.ScatterPlotItem(pen=None)
        self.ring = pg.ScatterPlotItem(brush=None)
        self.plot.addItem(self.cloud)
        self.plot.addItem(self.ring)
        self._labels = [pg.TextItem(anchor=(0.5, 1.1)) for _ in range(MOST_LABELS)]
        for label in self._labels:
            label.hide()
            self.plot.addItem(label, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.plot.getViewBox().sigRangeChanged.connect(self._place_labels)
        self.plot.scene().sigMouseMoved.connect(lambda at: self.hovered.emit(self._nearest(at)))
        self.plot.scene().sigMouseClicked.connect(lambda event: self.clicked.emit(self._nearest(event.scenePos())))

    def set_points(self, points: NDArray[np.floating], names: tuple[str, ...], kinds: tuple[str, ...]) -> None:
        """Names in order of importance: of labels that would overlap the earlier one stays."""
        first = self.names != names
        self.points, self.names, self.kinds = points, names, kinds
        self._draw()
        if first:
            self.plot.autoRange(padding=0.08)

    def set_marked(self, marked: list[int]) -> None:
        """Points with a ring and a label of their own, whatever is near."""
        self.marked = marked
        self._draw_marks()

    def kinds_in_order(self) -> list[str]:
        return list(dict.fromkeys(self.kinds))

    def style_of(self, kind: str) -> tuple[str, str]:
        """Colour and shape of a kind."""
        index = self.kinds_in_order().index(kind)
        return self.theme.series[index % len(self.theme.series)], SHAPES[index % len(SHAPES)]

    def restyle(self, theme: Theme) -> None:
        self.theme = theme
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(theme.color("grid"))
            axis.setTextPen(theme.color("muted"))
            axis.setStyle(tickFont=theme.font(SMALL - 2), tickLength=0, showValues=False)
        self._draw()

    def set_axes(self, across: str, up: str) -> None:
        style = {"color": self.theme.muted, "font-size": f"{self.theme.px(SMALL - 1)}px"}
        self.plot.setLabel("bottom", across, **style)
        self.plot.setLabel("left", up, **style)

    def reset_view(self) -> None:
        self.plot.autoRange(padding=0.08)

    def _draw(self) -> None:
        if not len(self.points):
            self.cloud.clear()
            return
        styles = {kind: self.style_of(kind) for kind in self.kinds_in_order()}
        brushes = {kind: pg.mkBrush(color + "b0") for kind, (color, _) in styles.items()}
        self.cloud.setData(
            x=self.points[:, 0],
            y=self.points[:, 1],
            size=self.theme.px(6),
            brush=[brushes[kind] for kind in self.kinds],
            symbol=[styles[kind][1] for kind in self.kinds],
        )
        self._draw_marks()

    def _draw_marks(self) -> None:
        marks = [index for index in self.marked if index < len(self.points)]
        self.ring.setData(
            x=self.points[marks, 0] if marks else [],
            y=self.points[marks, 1] if marks else [],
            size=self.theme.px(13),
            pen=pg.mkPen(self.theme.color("accent"), width=2),
        )
        self._place_labels()

    def _place_labels(self, *_: object) -> None:
        """The marked points' names first, then the others' as long as there is room."""
        box = self.plot.getViewBox()
        metrics = QFontMetricsF(self.theme.font(SMALL))
        view = self.plot.sceneBoundingRect()
        taken: list[QRectF] = []
        labels = iter(self._labels)
        candidates = [
            i for i in dict.fromkeys([*self.marked, *range(min(len(self.names), LABELS_TRIED))]) if i < len(self.points)
        ]
        for index in candidates:
            at = box.mapViewToScene(QPointF(*map(float, self.points[index])))
            text = visible(self.names[index])
            width = metrics.horizontalAdvance(text) + 2 * GAP_S
            area = QRectF(at.x() - width / 2, at.y() - 1.6 * metrics.height(), width, metrics.height())
            if not view.contains(area) or any(area.intersects(other) for other in taken):
                continue
            label = next(labels, None)
            if label is None:
                break
            taken.append(area)
            label.setText(text, color=self.theme.color("accent" if index in self.marked else "text"))
            label.setFont(self.theme.font(SMALL, bold=index in self.marked))
            label.setPos(*map(float, self.points[index]))
            label.show()
        for label in labels:
            label.hide()

    def _nearest(self, at: QPointF) -> int:
        if not len(self.points) or not self.plot.sceneBoundingRect().contains(at):
            return -1
        box = self.plot.getViewBox()
        across, up = box.viewPixelSize()
        place = box.mapSceneToView(at)
        distance = np.hypot((self.points[:, 0] - place.x()) / across, (self.points[:, 1] - place.y()) / up)
        index = int(distance.argmin())
        return index if distance[index] < 12 else -1
