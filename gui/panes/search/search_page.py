"""The Search pane's widgets: the question, its way to the answer, a drawer for details, and the settings."""

from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QPushButton, QToolButton, QWidget

from engine.messages.documents import CollectionInfo
from gui import layout
from gui.i18n import number, t
from gui.panes.search.citation_table import CitationTable
from gui.panes.search.document_list import DocumentList
from gui.panes.search.document_reader import DocumentReader
from gui.panes.search.drawer import Drawer
from gui.panes.search.embedder_button import EmbedderButton
from gui.panes.search.found_view import VIEWS, FoundView, TableRows
from gui.panes.search.journey import Journey
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.work_bar import WorkBar
from gui.theme import GAP_L, GAP_M, GAP_S, Theme
from gui.themed import Themed
from gui.widgets.empty_page import EmptyPage
from gui.widgets.labelled_slider import LabelledSlider
from gui.widgets.segmented_control import SegmentedControl

MODES = ("hybrid", "vector", "keyword")
COUNTS, TAKEN = tuple(range(1, 21)), 5
PASSAGE_SIZES = (100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000)
WIDE = 900  # width in pixels at zoom 1, from which the drawer is beside the journey instead of over it
NARROW = 600  # width from which the buttons of the collections are shown
TALL = 420  # height from which the settings are shown


class SearchPage(Themed, QWidget):
    """The widgets of the Search pane. The page shows results and sends no requests."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info: CollectionInfo | None = None
        self.asked = Retrieval()
        self._is_wide = self.is_home = True  # the drawer is beside the journey; this is the user's own collection
        self.question, self.ask_button = QLineEdit(), QPushButton()
        self.question.setClearButtonEnabled(True)
        self.ask_button.setProperty("primary", True)
        self.home_button, self.collection_button = QPushButton(), QToolButton()
        self.collection_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.collection_menu = QMenu(self.collection_button)
        self.collection_button.setMenu(self.collection_menu)
        self.work_bar, self.empty = WorkBar(), EmptyPage()
        self.files_button, self.folder_button = self.empty.add_button(), self.empty.add_button()
        self.mode = SegmentedControl(MODES)
        self.count = LabelledSlider(COUNTS, number)
        self.passage_size = LabelledSlider(PASSAGE_SIZES, number)
        self.count.set_value(TAKEN)
        self.embedder, self.words, self.remake = EmbedderButton(), layout.label("muted", wraps=True), QPushButton()
        self.journey, self.found, self.citations = Journey(), FoundView(), CitationTable()
        self.documents, self.reader = DocumentList(), DocumentReader()
        self.drawer = Drawer(
            {"documents": self.documents, "reader": self.reader, "found": self.found, "citations": self.citations}
        )
        self._lay_out()
        self._connect()
        self.retranslate()

    def _lay_out(self) -> None:
        buttons = (self.ask_button, self.home_button, self.collection_button)
        head = layout.row(self.question, *buttons, spacing=GAP_M)
        head.setStretch(0, 1)
        middle = layout.row(self.journey, self.drawer, spacing=GAP_L)
        middle.setStretch(0, 1)
        self._controls = layout.row(self.mode, self.count, self.passage_size, spacing=GAP_L)
        self._controls.setStretch(1, 1)
        self._controls.setStretch(2, 1)
        vectors = layout.row(self.embedder, self.words, self.remake, spacing=GAP_M)
        vectors.setStretch(1, 1)
        self.foot, self.work = QWidget(), QWidget()
        layout.stack(self.foot, self._controls, vectors, spacing=GAP_S)
        self.work.setObjectName("work")
        layout.stack(self.work, head, self.work_bar, middle, self.foot, spacing=GAP_M).setStretch(2, 1)
        whole = layout.stack(self, self.empty, self.work)
        whole.setStretch(0, 1)
        whole.setStretch(1, 1)

    def _connect(self) -> None:
        journey, drawer = self.journey, self.drawer
        journey.documents_button.clicked.connect(lambda: drawer.toggle_page("documents"))
        journey.found_button.clicked.connect(lambda: drawer.toggle_page("found"))
        journey.citations_button.clicked.connect(lambda: drawer.toggle_page("citations"))
        drawer.changed.connect(self._show_drawer)

    # --- Room ------------------------------------------------------------------------------------

    def adapt_layout(self, theme: Theme, width: int, height: int, compact: bool) -> None:
        """Adapt to the size: in a small tile there is no room for the settings, and the drawer covers the journey.

        A compact one shows the journey alone.
        """
        self.home_button.setVisible(not self.is_home and width > theme.px(NARROW))
        self.collection_button.setVisible(width > theme.px(NARROW))
        self.journey.set_compact(compact)
        self._is_wide = width > theme.px(WIDE)
        self._controls.setDirection(
            QHBoxLayout.Direction.LeftToRight if self._is_wide else QHBoxLayout.Direction.TopToBottom
        )
        self.foot.setVisible(height > theme.px(TALL))
        self.drawer.setMaximumWidth(round(width * 0.42) if self._is_wide else width)
        self.drawer.setMinimumWidth(round(width * 0.42) if self._is_wide else 0)
        self._show_drawer()

    def _show_drawer(self) -> None:
        self.journey.setVisible(self._is_wide or not self.drawer.current)

    def show_reader(self) -> None:
        self.drawer.open_page("reader")

    def set_dropping(self, dropping: bool) -> None:
        """Highlight the pane while files are dragged over it."""
        layout.set_property(self.work, "drop", dropping)

    # --- What is shown ---------------------------------------------------------------------------

    def show_work(self, shown: bool) -> None:
        self.work.setVisible(shown)
        self.empty.setVisible(not shown)

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
        """Show the reports received so far. `model`: whether a model is open."""
        if asked.sourced.answered is not self.citations.answered or asked.result is None:
            self.citations.set_answer(asked.sourced.answered, asked.hits)
        self.asked = asked
        is_coming = asked.running and (asked.result is None or bool(asked.hits))
        missing = "coming" if is_coming else "waiting" if not asked.question else "none" if model else "no_model"
        self.journey.show_asked(asked, t(f"pane.search.prompt.{missing}"))
        self.found.show_asked(asked, self.info)
        self._name_ask()

    def _name_ask(self) -> None:
        self.ask_button.setText(t("pane.search.stop" if self.asked.running else "pane.search.ask"))

    def table_rows(self) -> TableRows | None:
        """Return the numbers of the open drawer; without one, the passages found."""
        if self.asked.result is None:
            return None
        tables: dict[str, TableRows | None] = {
            "documents": (self.documents.header(), self.documents.rows()),
            "citations": (self.citations.header(), self.citations.rows()),
            "found": self.found.table_rows(),
        }
        return tables.get(self.drawer.current, (self.journey.header(), self.journey.rows()))

    # --- Saving ----------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return the question, the choices and an unsaved edit, in JSON values."""
        return {
            "question": self.question.text(),
            "k": round(self.count.value),
            "mode": self.mode.current,
            "passages": self.found.view.current,
            "unsaved": self.reader.unsaved(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; anything may be missing or invalid."""
        self.question.setText(str(saved.get("question") or ""))
        if isinstance(saved.get("k"), int):
            self.count.set_value(saved["k"])
        for name, control, known in (("mode", self.mode, MODES), ("passages", self.found.view, VIEWS)):
            if saved.get(name) in known:
                control.choose(saved[name])
        if self.reader.restore(saved.get("unsaved")):
            self.show_reader()

    # --- Words and looks -------------------------------------------------------------------------

    def retranslate(self) -> None:
        self.question.setPlaceholderText(t("pane.search.question"))
        self.question.setAccessibleName(t("pane.search.question"))
        self._name_ask()
        self.home_button.setText(t("pane.search.collection_home"))
        self.collection_button.setText(t("pane.search.collection_button"))
        self.remake.setText(t("pane.search.remake"))
        self.mode.set_labels({m: t(f"pane.search.mode.{m}") for m in MODES}, t("pane.search.mode_name"))
        self.count.set_label(t("pane.search.k"), t("pane.search.k_tip"))
        self.passage_size.set_label(t("pane.search.size"), t("pane.search.size_tip"))
        self.empty.set_words(t("pane.search.empty"), t("pane.search.empty_words"), t("pane.search.company"))
        self.files_button.setText(t("pane.search.documents.files"))
        self.folder_button.setText(t("pane.search.documents.folder"))
        self.found.set_mode(self.mode.current)
