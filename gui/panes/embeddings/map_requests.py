"""Asking for a map of vectors: its points as they move, the names of its regions, and what to show where it fails."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from engine.messages.embeddings import EmbeddingMap, EmbeddingNames, EmbeddingRegions, Project, VectorSource
from engine.messages.envelope import Ended
from engine.messages.status import Notice
from gui import i18n
from gui.pane import Pane
from gui.panes.embeddings.map_controls import MapControls
from gui.panes.embeddings.projection import VectorMap
from gui.panes.embeddings.sentence import WEAK_AXES

MOST, LIVE_POINTS = 50_000, 2000  # points; while the model is trained


class MapRequests(QObject):
    arrived = Signal(object)  # VectorMap: another one, or another state of a moving one
    named = Signal(object)  # VectorMap: the last one, with its regions
    ended = Signal()

    def __init__(self, pane: Pane, controls: MapControls) -> None:
        super().__init__(pane)
        self._pane, self._controls = pane, controls
        self.wanted: tuple[int, ...] = ()  # the tokens of the text that the map was asked to contain
        self.source_chosen = False  # by the user; else words are shown where the model's map shows little
        self.weak: float | None = None  # share of the model's map, because of which words are shown
        self._worked = "pca"  # the last method that gave a map
        self._names: EmbeddingNames | None = None
        self._map: VectorMap | None = None

    def ask(self, wanted: tuple[int, ...]) -> None:
        """Ask for the map of the current choices; it contains at least the rows `wanted`."""
        pane, controls = self._pane, self._controls
        pane.messages.withdraw("notice.rows_left_out")
        self.wanted = wanted
        live, source = pane.state.training, controls.vector_source
        most = LIVE_POINTS if live else MOST
        method, dims, language = controls.projection, controls.dimensions, i18n.language()
        request = Project(method, dims, most, source, language, wanted, regions=not live)
        pane.ask(request, lambda event: self._arrived(source, event), ended=self._ended)

    def forget(self) -> None:
        """Forget what was found in the model before."""
        self.weak, self._worked = None, "pca"

    def _arrived(self, source: VectorSource, event: EmbeddingNames | Notice | EmbeddingMap | EmbeddingRegions) -> None:
        if isinstance(event, Notice):
            self._pane.messages.show_notice(event)
        elif isinstance(event, EmbeddingNames):
            self._names = event
        elif isinstance(event, EmbeddingRegions) and self._map is not None:
            self.named.emit(replace(self._map, regions=event.regions))
        elif isinstance(event, EmbeddingMap) and self._names is not None and not self._begin_with_words(event):
            self._pane.settle("Project")  # t-SNE goes on, and shows its points as they move
            self._map = VectorMap(self._names, event, source)
            self.arrived.emit(self._map)

    def _begin_with_words(self, first: EmbeddingMap) -> bool:
        """Show the word vectors instead, if the model's map would show little and the user has chosen nothing yet."""
        controls, share = self._controls, sum(first.explained)
        of_model = controls.vector_source == "model" and not self._pane.state.training
        if self.source_chosen or not of_model or controls.is_iterative or share >= WEAK_AXES:
            return False
        controls.source.choose("word2vec")
        self.source_chosen, self.weak = False, share
        return True

    def _ended(self, end: Ended) -> None:
        """Show the last method's map again if t-SNE or UMAP has failed, for example because there are few rows."""
        method = self._controls.method
        if end.outcome == "failed" and self._controls.is_iterative:
            method.choose(self._worked if self._worked != method.current else "pca")
        elif end.outcome == "done":
            self._worked = method.current
        self.ended.emit()
