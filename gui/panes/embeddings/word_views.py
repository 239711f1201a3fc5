"""The two pictures of words that the user types: an analogy A − B + C, and an axis from A to B."""

from PySide6.QtCore import QObject, Signal

from engine.messages.embeddings import (
    Analogy,
    FindAnalogy,
    FindTriples,
    LookUp,
    ProjectOnAxis,
    Triples,
    VectorSource,
    WordAxis,
)
from engine.messages.envelope import Ended
from gui import i18n
from gui.i18n import t
from gui.pane import Pane
from gui.panes.embeddings.analogy_view import AnalogyView
from gui.panes.embeddings.projection import AxisMap
from gui.panes.embeddings.vector_details import VectorDetails
from gui.panes.embeddings.word_fields import WordFields


class WordViews(QObject):
    """Asks for both pictures; shows the analogy itself, and gives the axis to the pane, which plots it."""

    analogy_wanted = Signal()  # the words of an analogy were entered
    axis_wanted = Signal()
    analogy_shown = Signal()
    axis_found = Signal(object)  # AxisMap
    failed = Signal()

    def __init__(self, pane: Pane, details: VectorDetails) -> None:
        super().__init__(pane)
        self._pane, self._details = pane, details
        self.picture = AnalogyView()
        self.analogy = WordFields("analogy", ("", "−", "+"))
        self.axis = WordFields("axis", ("", "→"))
        self.analogy.wanted.connect(self.analogy_wanted)
        self.axis.wanted.connect(self.axis_wanted)

    def clear(self) -> None:
        """Show no analogy, because the vectors are others; the words stay."""
        self.picture.clear()
        self.analogy.set_examples([])

    def ask_examples(self, source: VectorSource) -> None:
        """Ask for analogies that come out; if no words are entered, the first of them is shown."""
        request = FindTriples(source=source, language=i18n.language())
        self._pane.ask(request, lambda triples: self._triples_arrived(source, triples))

    def _triples_arrived(self, source: VectorSource, triples: Triples) -> None:
        self.analogy.set_examples(triples.words)
        if not any(self.analogy.words):
            default = [t(f"pane.embeddings.analogy.word_{name}") for name in "abc"]
            self.analogy.set_words(triples.words[0] if triples.words else default)
            self.ask_analogy(source)

    def ask_analogy(self, source: VectorSource) -> None:
        words = self.analogy.words
        a, b, c = words
        self._pane.messages.clear()
        request = FindAnalogy(a, b, c, source=source, language=i18n.language())
        self._pane.ask(request, lambda found: self._analogy_arrived(source, words, found), ended=self._ended)

    def _analogy_arrived(self, source: VectorSource, words: tuple[str, ...], found: Analogy) -> None:
        self.picture.set_analogy(words, found)
        self.analogy.set_asked(found.asked)
        self._details.show_analogy(words, found)
        self.analogy_shown.emit()
        if len(found.near.ids):
            request = LookUp(int(found.near.ids[0]), source=source, language=i18n.language())
            self._pane.ask(request, self._details.show_numbers, slot="found")

    def ask_axis(self, source: VectorSource) -> None:
        if not any(self.axis.words):
            self.axis.set_words([t(f"pane.embeddings.axis.word_{name}") for name in "ab"])
        words = self.axis.words
        a, b = words
        self._pane.messages.clear()
        request = ProjectOnAxis(a, b, source, i18n.language())
        self._pane.ask(request, lambda axis: self._axis_arrived(source, words, axis), ended=self._ended)

    def _axis_arrived(self, source: VectorSource, words: tuple[str, ...], axis: WordAxis) -> None:
        self.axis.set_asked(axis.asked)
        self.axis_found.emit(AxisMap(axis.names, axis, words, source))

    def _ended(self, end: Ended) -> None:
        """Show no picture of other words than those in the fields."""
        if end.outcome == "failed":
            self.picture.clear()
            self.failed.emit()
