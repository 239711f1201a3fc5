"""The Search pane's widgets: question, steps, the view of one step, and the documents beside it."""

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from engine.messages.documents import CollectionInfo
from gui import layout
from gui.i18n import number, t
from gui.panes.search.answer_view import AnswerView
from gui.panes.search.citation_table import CitationTable
from gui.panes.search.cosine_formula import CosineFormula
from gui.panes.search.document_list import DocumentList
from gui.panes.search.document_reader import DocumentReader
from gui.panes.search.embedder_button import EmbedderButton
from gui.panes.search.passage_plot import PassagePlot
from gui.panes.search.passage_table import PassageTable
from gui.panes.search.prompt_view import PromptView
from gui.panes.search.retrieval import STEPS, Retrieval
from gui.panes.search.retrieval_strip import RetrievalStrip
from gui.panes.search.work_bar import WorkBar
from gui.theme import GAP_L, GAP_M, GAP_S, Theme
from gui.themed import Themed
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.empty_page import EmptyPage
from gui.widgets.labelled_slider import LabelledSlider
from gui.widgets.segmented_control import SegmentedControl
from gui.widgets.vector_bars import VectorBars

VIEWS = ("table", "map")
MODES = ("hybrid", "vector", "keyword")
COUNTS, TAKEN = tuple(range(1, 21)), 5
PASSAGE_SIZES = (100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000)
STATES = ("waiting", "running", "done", "left_out")
WIDE, TALL = 760, 330  # width from which the documents are beside the steps, height from which everything is shown
NARROW, LOW = 360, 120  # width below which the button of collections is hidden, height below which the steps are
UNBOUNDED = (1 << 24) - 1  # Qt's largest width
STRONGEST = 12  # largest components of the question's vector, which are also listed

TableRows = tuple[tuple[str, ...], list[tuple[object, ...]]]


class SearchPage(Themed, QWidget):
    """The widgets of the Search pane. The page shows results and sends no requests."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info: CollectionInfo | None = None
        self.asked = Retrieval()
        self._searched: object = None  # the SearchResult whose terms, vector and scores are shown
        self._roomy = True
        self.question, self.ask_button = QLineEdit(), QPushButton()
        self.question.setClearButtonEnabled(True)
        self.documents_button, self.collection_button = QPushButton(), QToolButton()
        self.documents_button.setCheckable(True)
        self.collection_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.collection_menu = QMenu(self.collection_button)
        self.collection_button.setMenu(self.collection_menu)
        self.ask_button.setProperty("primary", True)
        self.documents_button.toggled.connect(lambda _: self._show_sides())
        self.strip, self.work_bar, self.empty = RetrievalStrip(STEPS), WorkBar(), EmptyPage()
        self.files_button, self.folder_button = self.empty.add_button(), self.empty.add_button()
        self.mode, self.passages_view = SegmentedControl(MODES), SegmentedControl(VIEWS)
        self.count = LabelledSlider(COUNTS, number)
        self.passage_size = LabelledSlider(PASSAGE_SIZES, number)
        self.count.set_value(TAKEN)
        self.embedder, self.words, self.remake = EmbedderButton(), layout.label("muted", wraps=True), QPushButton()
        self._make_views()
        self._lay_out()
        self.retranslate()

    # --- Building --------------------------------------------------------------------------------

    def _make_views(self) -> None:
        self.terms_caption, self.terms = layout.label("muted", wraps=True), BarList(0.3)
        self.vector_caption = layout.label("muted", wraps=True)
        self.bars, self.strongest = VectorBars(), BarList(0.3)
        self.bars.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.table, self.plot, self.formula = PassageTable(), PassagePlot(), CosineFormula()
        self.hover = layout.label("muted")
        self.describe("")
        self.prompt, self.answer, self.citations = PromptView(), AnswerView(), CitationTable()
        self.documents, self.reader = DocumentList(), DocumentReader()
        self.ranking = QStackedWidget()
        left = _column(layout.row(self.passages_view, 1), self.ranking, self.hover, grows=1)
        for widget in (self.table, self.plot):
            self.ranking.addWidget(widget)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self.formula)
        self.split.setSizes([550, 450])  # shares, not pixels
        self.views = QStackedWidget()
        question = _column(self.terms_caption, self.terms, 1)
        vector = _column(self.vector_caption, self.bars, self.strongest, grows=1)
        for view in (question, vector, self.split, self.prompt, self.answer, self.citations):
            self.views.addWidget(view)
        self.strip.choose("answer")

    def _lay_out(self) -> None:
        head = layout.row(self.question, self.ask_button, self.documents_button, self.collection_button, spacing=GAP_M)
        head.setStretch(0, 1)
        self.side = QStackedWidget()
        self.side.addWidget(self.documents)
        self.side.addWidget(self.reader)
        middle = layout.row(self.views, self.side, spacing=GAP_L)
        middle.setStretch(0, 1)
        self._controls = layout.row(self.mode, self.count, self.passage_size, spacing=GAP_L)
        self._controls.setStretch(1, 1)
        self._controls.setStretch(2, 1)
        vectors = layout.row(self.embedder, self.words, self.remake, spacing=GAP_M)
        vectors.setStretch(1, 1)
        self.foot, self.work = QWidget(), QWidget()
        layout.stack(self.foot, self._controls, vectors, spacing=GAP_S)
        self.work.setObjectName("work")
        layout.stack(self.work, head, self.work_bar, self.strip, middle, self.foot, spacing=GAP_M).setStretch(3, 1)
        whole = layout.stack(self, self.empty, self.work)
        whole.setStretch(0, 1)
        whole.setStretch(1, 1)

    # --- Room ------------------------------------------------------------------------------------

    def adapt_layout(self, theme: Theme, width: int, height: int) -> None:
        """Adapt to the size: a small tile shows the steps and one view; a button shows the documents instead."""
        self._roomy = width > theme.px(WIDE)
        self.collection_button.setVisible(width > theme.px(NARROW))
        self.strip.setVisible(height > theme.px(LOW))
        tall = height > theme.px(TALL)
        self.foot.setVisible(tall)
        vertical = not self._roomy or width < theme.px(960)
        self.split.setOrientation(Qt.Orientation.Vertical if vertical else Qt.Orientation.Horizontal)
        self.formula.setVisible(tall or self._roomy)
        self.mode.setVisible(tall)
        self.side.setFixedWidth(round(min(width * 0.3, theme.px(440)))) if self._roomy else self._free_side()
        self._controls.setDirection(
            QHBoxLayout.Direction.LeftToRight if self._roomy else QHBoxLayout.Direction.TopToBottom
        )
        self._show_sides()

    def _free_side(self) -> None:
        self.side.setMinimumWidth(0)
        self.side.setMaximumWidth(UNBOUNDED)

    def _show_sides(self) -> None:
        documents = self.documents_button.isChecked()
        self.documents_button.setVisible(not self._roomy)
        self.side.setVisible(self._roomy or documents)
        self.views.setVisible(self._roomy or not documents)

    def show_reader(self) -> None:
        self.side.setCurrentWidget(self.reader)
        self.documents_button.setChecked(True)

    def show_documents(self) -> None:
        """Close the reader: show the list if it has room beside the view, else the view."""
        self.side.setCurrentWidget(self.documents)
        self.documents_button.setChecked(False)

    def set_dropping(self, dropping: bool) -> None:
        """Highlight the pane while files are dragged over it."""
        layout.set_property(self.work, "drop", dropping)

    # --- What is shown ---------------------------------------------------------------------------

    @property
    def map_shown(self) -> bool:
        return self.strip.current == "passages" and self.passages_view.current == "map"

    def show_work(self, shown: bool) -> None:
        self.work.setVisible(shown)
        self.empty.setVisible(not shown)

    def show_step(self) -> None:
        self.views.setCurrentIndex(STEPS.index(self.strip.current))
        self.ranking.setCurrentIndex(VIEWS.index(self.passages_view.current))
        if not self._roomy and self.documents_button.isChecked() and self.strip.hasFocus():
            self.documents_button.setChecked(False)

    def describe(self, words: str) -> None:
        """Show the description of the passage under the mouse; "" if there is none."""
        self.hover.setText(words or " ")  # never empty, so that the map keeps its height

    def show_changing(self, changing: bool) -> None:
        """Disable the choice of an embedder during a change of the collection, and hide its progress afterwards."""
        for button in (self.embedder, self.remake):
            button.setEnabled(not changing)
        if not changing:
            self.work_bar.hide()

    def show_info(self, info: CollectionInfo | None, embedder_name: str, model: bool, outdated: str) -> None:
        """Describe the embedder and the index. `model`: whether a model is open; `outdated`: see collection.py."""
        self.info = info
        self.embedder.set_used(info.embedder if info else "", model)
        self.remake.setVisible(bool(outdated))
        if info is None:
            self.words.setText("")
            return
        figures = {"width": number(info.width), "fitted": number(info.fitted), "name": embedder_name}
        made = "none" if not info.embedder else info.embedder if info.width else "gone"
        embedder = t(f"pane.search.embedder.{made}", **figures)
        index = t(f"pane.search.index.{info.index}", count=info.passages)
        words = [t("pane.search.made_of", embedder=embedder, index=index, size=number(info.bytes / 1e6, 1))]
        if info.embedder and info.with_vectors < info.passages:
            missing = number(info.passages - info.with_vectors)
            words.append(t("pane.search.without_vector", count=missing, look=t("pane.search.documents.look")))
        if outdated:
            step = number(info.embedder_step)
            words.append(t(f"pane.search.outdated.{outdated}", name=embedder_name, step=step))
        self.words.setText("\n".join(words))

    def show_asked(self, asked: Retrieval, model: bool) -> None:
        """Show the reports received so far."""
        fresh = asked.result is not self._searched
        self.asked, result = asked, asked.result
        self.strip.set_states(asked.states(), self._figures(), {s: t(f"pane.search.strip.{s}") for s in STATES})
        hits = asked.hits
        if fresh or result is None:
            self._show_search()
        missing = "waiting" if asked.running or not asked.question else "none" if model else "no_model"
        self.prompt.set_prompt(asked.sourced.prompt, hits, t(f"pane.search.prompt.{missing}"))
        self.answer.show_asked(asked)
        if asked.sourced.answered is not self.citations.answered or result is None:
            self.citations.set_answer(asked.sourced.answered, hits)

    def _show_search(self) -> None:
        self._searched = result = self.asked.result
        none = np.zeros(0, np.float32)
        self.table.set_scores(*(result.cosines_N, result.keyword_N, result.scores_N) if result else (none, none, none))
        pairs = zip(result.terms, result.weights.tolist(), strict=True) if result else ()
        nowhere = t("pane.search.nowhere")
        self.terms.set_bars([Bar(term, idf, number(idf, 2) if idf else nowhere) for term, idf in pairs])
        vector = result.vector if result else none
        self.bars.set_vector(vector)
        order = abs(vector).argsort()[::-1][:STRONGEST].tolist()
        self.strongest.set_bars([Bar(f"[{d + 1}]", float(vector[d]), number(vector[d], 4, signed=True)) for d in order])
        self._show_captions()

    def _show_captions(self) -> None:
        result = self.asked.result
        self.terms_caption.setText(t("pane.search.terms") if result else t("pane.search.ask_first"))
        if result is None:
            self.vector_caption.setText(t("pane.search.ask_first"))
        else:
            made = self.info.embedder if self.info is not None and len(result.vector) else "none"
            self.vector_caption.setText(t(f"pane.search.vector.{made or 'none'}", width=number(len(result.vector))))

    def _figures(self) -> dict[str, str]:
        """Return the result of each step in brief."""
        asked, figures = self.asked, dict.fromkeys(STEPS, "")
        if asked.result is not None:
            found = asked.result
            figures["question"] = t("pane.search.strip.terms", count=len(found.terms))
            figures["vector"] = t("pane.search.strip.numbers", count=len(found.vector)) if len(found.vector) else ""
            words = {
                "count": len(found.hits),
                "all": number(len(found.scores_N)),
                "ms": number(found.seconds * 1000, 1),
            }
            figures["passages"] = t("pane.search.strip.found" if found.hits else "pane.search.strip.nothing", **words)
        if asked.sourced.prompt is not None:
            prompt = asked.sourced.prompt
            figures["prompt"] = t(
                "pane.search.strip.tokens", tokens=number(prompt.tokens), context=number(prompt.context)
            )
        answered = asked.sourced.answered
        if answered is not None:
            extracted = answered.kind == "extracted"
            count = len(asked.sourced.tokens)
            written = t("pane.search.strip.extracted") if extracted else t("pane.search.strip.written", count=count)
            figures["answer"] = written if asked.hits else ""
            figures["citations"] = t("pane.search.strip.cited", count=len(answered.citations))
        return figures

    def table_of_step(self) -> TableRows | None:
        """Return the numbers of the view that is shown."""
        result = self.asked.result
        if result is None:
            return None
        tables: dict[str, TableRows] = {
            "question": (("term", "idf"), list(zip(result.terms, result.weights.tolist(), strict=True))),
            "vector": (("dimension", "value"), list(enumerate(result.vector.tolist(), start=1))),
            "prompt": (("source", "place", "text"), self.prompt.rows()),
            "answer": (self.answer.header(), self.answer.rows()),
            "citations": (self.citations.header(), self.citations.rows()),
        }
        step = self.strip.current
        return (self.table.header(), self.table.table_rows()) if step == "passages" else tables[step]

    # --- Saving ----------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return the question, the choices and an unsaved edit, in JSON values."""
        return {
            "question": self.question.text(),
            "k": round(self.count.value),
            "mode": self.mode.current,
            "step": self.strip.current,
            "passages": self.passages_view.current,
            "unsaved": self.reader.unsaved(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; anything may be missing or invalid."""
        self.question.setText(str(saved.get("question") or ""))
        if isinstance(saved.get("k"), int):
            self.count.set_value(saved["k"])
        choices: tuple[tuple[str, SegmentedControl | RetrievalStrip, tuple[str, ...]], ...] = (
            ("mode", self.mode, MODES),
            ("step", self.strip, STEPS),
            ("passages", self.passages_view, VIEWS),
        )
        for name, control, known in choices:
            if saved.get(name) in known:
                control.choose(saved[name])
        if self.reader.restore(saved.get("unsaved")):
            self.show_reader()

    # --- Words and looks -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.question.setPlaceholderText(t("pane.search.question"))
        self.question.setAccessibleName(t("pane.search.question"))
        self.ask_button.setText(t("pane.search.ask"))
        self.documents_button.setText(t("pane.search.documents_button"))
        self.collection_button.setText(t("pane.search.collection_button"))
        self.remake.setText(t("pane.search.remake"))
        self.strip.set_names({step: t(f"pane.search.strip.step.{step}") for step in STEPS})
        self.strip.setAccessibleName(t("pane.search.strip.name"))
        self.mode.set_labels({m: t(f"pane.search.mode.{m}") for m in MODES}, t("pane.search.mode_name"))
        views = {view: t(f"pane.search.view.{view}") for view in VIEWS}
        self.passages_view.set_labels(views, t("pane.search.view_name"))
        self.count.set_label(t("pane.search.k"), t("pane.search.k_tip"))
        self.passage_size.set_label(t("pane.search.size"), t("pane.search.size_tip"))
        self.terms.setAccessibleName(t("pane.search.terms"))
        self.bars.setAccessibleName(t("pane.search.strip.step.vector"))
        self.strongest.setAccessibleName(t("pane.search.strip.step.vector"))
        self.empty.set_words(t("pane.search.empty"), t("pane.search.empty_words"), t("pane.search.company"))
        self.files_button.setText(t("pane.search.documents.files"))
        self.folder_button.setText(t("pane.search.documents.folder"))
        self._show_captions()


def _column(*items: layout.Item, grows: int = -1) -> QWidget:
    """Return a widget with the items below each other; the one at index `grows` takes the remaining space."""
    holder = QWidget()
    column = layout.stack(holder, *items, spacing=GAP_M)
    if grows >= 0:
        column.setStretch(grows, 1)
    return holder
