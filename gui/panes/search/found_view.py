"""How the passages were found: the question's words, its vector, all passages with their scores, and their map."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QSplitter, QStackedWidget, QWidget

from engine.messages.documents import CollectionInfo
from gui import layout
from gui.i18n import number, t
from gui.panes.search.cosine_formula import CosineFormula
from gui.panes.search.passage_plot import PassagePlot
from gui.panes.search.passage_table import PassageTable
from gui.panes.search.retrieval import Retrieval
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.segmented_control import SegmentedControl
from gui.widgets.vector_bars import VectorBars

VIEWS = ("table", "map", "cosine", "words", "vector")
TALL = 520  # height in pixels at zoom 1, from which the computation of a cosine is shown below the passages, too
STRONGEST = 12  # largest components of the question's vector, which are also listed
FEW = 50  # passages that span so few dimensions that the cosines fitted to them say little

TableRows = tuple[tuple[str, ...], list[tuple[object, ...]]]


class FoundView(Themed, QWidget):
    word_vectors_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info: CollectionInfo | None = None
        self.asked = Retrieval()
        self._searched: object = None  # the SearchResult whose terms, vector and scores are shown
        self.view = SegmentedControl(VIEWS)
        self.view.changed.connect(lambda _: self._show_view())
        self.terms_caption, self.terms = layout.label("muted", wraps=True), BarList(0.3)
        self.vector_caption, self.bars, self.strongest = layout.label("muted", wraps=True), VectorBars(), BarList(0.3)
        self.bars.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.table, self.plot, self.formula = PassageTable(), PassagePlot(), CosineFormula()
        self.score, self.few = layout.label("muted", wraps=True), layout.label("warning", wraps=True)
        self.word_vectors, self.hover = QPushButton(), layout.label("muted")
        self.word_vectors.clicked.connect(self.word_vectors_wanted)
        self.describe("")
        self._lay_out()
        self.retranslate()

    def _lay_out(self) -> None:
        self.ranking = QStackedWidget()
        for widget in (self.table, self.plot):
            self.ranking.addWidget(widget)
        self.ranked, self.computed = QWidget(), QWidget()
        layout.stack(self.ranked, self.score, self.ranking, self.hover, spacing=GAP_M).setStretch(1, 1)
        self.remark = QWidget()
        self.remark.setLayout(layout.row(self.few, self.word_vectors, spacing=GAP_M))
        layout.stack(self.computed, self.remark, self.formula, spacing=GAP_M).setStretch(1, 1)
        passages = QSplitter(Qt.Orientation.Vertical)
        passages.setChildrenCollapsible(False)
        passages.addWidget(self.ranked)
        passages.addWidget(self.computed)
        passages.setSizes([500, 500])  # shares, not pixels
        words, vector = QWidget(), QWidget()
        layout.stack(words, self.terms_caption, self.terms, 1, spacing=GAP_M)
        layout.stack(vector, self.vector_caption, self.bars, self.strongest, spacing=GAP_M).setStretch(1, 1)
        self.pages = QStackedWidget()
        for page in (passages, words, vector):
            self.pages.addWidget(page)
        layout.stack(self, layout.row(self.view, 1), self.pages, spacing=GAP_M).setStretch(1, 1)

    # --- What is shown ---------------------------------------------------------------------------

    @property
    def map_shown(self) -> bool:
        return self.isVisible() and self.view.current == "map"

    def _show_view(self) -> None:
        view = self.view.current
        self.pages.setCurrentIndex({"words": 1, "vector": 2}.get(view, 0))
        self.ranking.setCurrentIndex(int(view == "map"))
        self.score.setVisible(view != "map")
        self.ranked.setVisible(view != "cosine")
        self.computed.setVisible(view == "cosine" or self.height() > self.theme.px(TALL))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_view()

    def show_asked(self, asked: Retrieval, info: CollectionInfo | None) -> None:
        self.asked, self.info = asked, info
        if asked.result is not self._searched or asked.result is None:
            self._show_search()
        self._show_captions()

    def _show_search(self) -> None:
        self._searched = result = self.asked.result
        none = np.zeros(0, np.float32)
        self.table.set_scores(*(result.cosines_N, result.keyword_N, result.scores_N) if result else (none, none, none))
        vector = result.vector if result else none
        self.bars.set_vector(vector)
        order = abs(vector).argsort()[::-1][:STRONGEST].tolist()
        self.strongest.set_bars([Bar(f"[{d + 1}]", float(vector[d]), number(vector[d], 4, signed=True)) for d in order])

    def _show_captions(self) -> None:
        result, info = self.asked.result, self.info
        pairs = zip(result.terms, result.weights.tolist(), strict=True) if result else ()
        nowhere = t("pane.search.nowhere")
        self.terms.set_bars([Bar(term, idf, number(idf, 2) if idf else nowhere) for term, idf in pairs])
        self.terms_caption.setText(t("pane.search.terms") if result else t("pane.search.ask_first"))
        made = info.embedder if info is not None and result is not None and len(result.vector) else "none"
        width = number(len(result.vector)) if result else "0"
        words = t(f"pane.search.vector.{made or 'none'}", width=width) if result else t("pane.search.ask_first")
        self.vector_caption.setText(words)
        is_few = info is not None and info.embedder == "lsa" and 0 < info.fitted <= FEW
        self.remark.setVisible(is_few)
        if info is not None:
            self.few.setText(t("pane.search.few", count=info.fitted, width=number(info.width)))

    def describe(self, words: str) -> None:
        """Show the description of the passage under the mouse; "" if there is none."""
        self.hover.setText(words or " ")  # never empty, so that the map keeps its height

    def set_mode(self, mode: str) -> None:
        """Explain the scores of a mode of search."""
        self.score.setText(t(f"pane.search.score.{mode}"))

    def table_rows(self) -> TableRows | None:
        """Return the numbers of the view that is shown."""
        result = self.asked.result
        if result is None:
            return None
        if self.view.current == "words":
            return ("term", "idf"), list(zip(result.terms, result.weights.tolist(), strict=True))
        if self.view.current == "vector":
            return ("dimension", "value"), list(enumerate(result.vector.tolist(), start=1))
        return self.table.header(), self.table.table_rows()

    def retranslate(self) -> None:
        self.view.set_labels({view: t(f"pane.search.view.{view}") for view in VIEWS}, t("pane.search.view_name"))
        self.word_vectors.setText(t("pane.search.use_word_vectors"))
        for widget, key in ((self.terms, "terms"), (self.bars, "view.vector"), (self.strongest, "view.vector")):
            widget.setAccessibleName(t(f"pane.search.{key}"))
        self._show_captions()
