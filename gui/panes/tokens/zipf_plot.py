"""The count of each token in a text against its rank, on two logarithmic axes, with the names of some."""

from math import log10

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QWidget

from gui.i18n import number, t
from gui.layout import stack
from gui.theme import NORMAL
from gui.themed import Themed

NAMED = (0, 1, 3, 9, 29, 99, 299, 999, 2999)  # ranks, from 0, whose tokens are named: evenly spaced on the axis


class ZipfPlot(Themed, QWidget):
    hovered = Signal(int)  # rank from 0, -1 for none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)  # in falling order
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setLogMode(x=True, y=True)
        self.points = self.plot.plot([], [], pen=None, symbol="o", symbolSize=7)
        self.line = self.plot.plot([], [])
        self.names = [pg.TextItem(anchor=(0, 1)) for _ in NAMED]
        for name in self.names:
            self.plot.addItem(name)
        stack(self, self.plot)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.restyle()
        self.retranslate()

    def set_counts(self, counts: NDArray[np.int64], pieces: list[str]) -> None:
        """Show the counts of the tokens that occur, in falling order, and the pieces of those with a rank in NAMED."""
        self.counts = counts
        ranks = np.arange(1, len(counts) + 1)
        self.points.setData(ranks, counts)
        most = float(counts[0]) if len(counts) else 1.0
        # Zipf's law: the n-th occurs 1/n times as often as the first, a straight line on these axes.
        self.line.setData([1, max(1.0, most)], [most, 1])
        for name, rank, piece in zip(self.names, NAMED, [*pieces, *[""] * len(NAMED)], strict=False):
            name.setText(piece)
            if piece:
                name.setPos(log10(rank + 1), log10(counts[rank]))
        self.plot.autoRange(padding=0.05)

    def restyle(self) -> None:
        theme = self.content
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        powers = [(power, number(10**power)) for power in range(10)]  # labels between them would lie on one another
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setTicks([powers])
            axis.setPen(theme.color("grid"))
            axis.setTextPen(theme.color("muted"))
            axis.setStyle(tickFont=theme.font(NORMAL))
        for name in self.names:
            name.setFont(theme.font(NORMAL))
            name.setColor(theme.color("text"))
        self.points.setSymbolBrush(theme.color("accent"))
        self.points.setSymbolPen(None)
        self.line.setPen(pg.mkPen(theme.color("muted"), width=2, style=Qt.PenStyle.DashLine))
        self.retranslate()

    def retranslate(self) -> None:
        style = {"color": self.theme.muted, "font-size": f"{self.content.px(NORMAL)}px"}
        self.plot.setLabel("bottom", t("pane.tokens.zipf.rank"), **style)
        self.plot.setLabel("left", t("pane.tokens.zipf.count"), **style)
        self.plot.setAccessibleName(t("pane.tokens.zipf.name"))

    def _moved(self, at: QPointF) -> None:
        x = self.plot.getViewBox().mapSceneToView(at).x()
        rank = round(10**x) - 1 if -1 < x < 9 else -1
        self.hovered.emit(rank if 0 <= rank < len(self.counts) else -1)
