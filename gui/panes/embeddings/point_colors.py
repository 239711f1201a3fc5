"""The colours of the points: by their kind, or by a chosen number."""

from PySide6.QtCore import QObject

from engine.messages.scoring import ScoredTokens, ScoreText
from engine.messages.status import Progress
from gui.pane import Pane
from gui.panes.embeddings.coloring import Coloring
from gui.panes.embeddings.map_controls import MapControls
from gui.panes.embeddings.projection import AxisMap, Projection, VectorMap
from gui.panes.embeddings.vector_plot import VectorPlot
from gui.widgets.legend import Legend


class PointColors(QObject):
    def __init__(self, pane: Pane, controls: MapControls, plot: VectorPlot, legend: Legend) -> None:
        super().__init__(pane)
        self._pane, self._controls, self._plot, self._legend = pane, controls, plot, legend
        self._shown: Projection | None = None

    def show(self, shown: Projection | None) -> None:
        """Colour the points by the chosen number. The loss of the text's tokens is asked for first."""
        self._shown = shown
        state, chosen = self._pane.state, self._controls.chosen_color
        if chosen == "loss" and state.text and self._controls.vector_source == "model":
            self._pane.ask(ScoreText(state.text), self._scored)
        self._show_color(self._plot.coloring(shown, chosen, state.tokens))

    def _scored(self, scores: Progress | ScoredTokens) -> None:
        shown = self._shown if self._controls.chosen_color == "loss" else None
        if isinstance(scores, ScoredTokens) and isinstance(shown, (VectorMap, AxisMap)):
            self._show_color(self._plot.coloring_of(shown.rows, scores.ids, scores.surprisals))

    def _show_color(self, color: Coloring | None) -> None:
        self._plot.set_values(None if color is None else color.shares)
        self._legend.set_entries(self._plot.entries(color, self._controls.color.currentText()))
