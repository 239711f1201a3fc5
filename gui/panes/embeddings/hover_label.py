"""The words for the point under the mouse, at the foot of its plot."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from gui.layout import row, stack
from gui.theme import GAP_S
from gui.themed import Themed
from gui.widgets.scatter_plot import ScatterPlot


class HoverLabel(Themed, QLabel):
    """Lies over the plot, because a row of its own would mostly be empty."""

    def __init__(self, plot: ScatterPlot, describe: Callable[[int], str]) -> None:
        """`describe` returns the words for a point, "" for none."""
        super().__init__()
        self._describe = describe
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "content")
        stack(plot, 1, row(self, 1))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setMinimumSize(1, 1)  # the plot decides how wide it is, not the words
        self.hide()
        self.restyle()
        plot.hovered.connect(self._hovered)

    def _hovered(self, point: int) -> None:
        words = self._describe(point)
        self.setText(words)
        self.setVisible(bool(words))

    def restyle(self) -> None:
        self.setStyleSheet(f"background: {self.theme.surface}; padding: {GAP_S}px;")
