"""The pane Documents (RAG): a question's way through the user's documents and the prompt to its answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.messages.documents import DocumentEntry, IndexProgress, ListDocuments
from engine.messages.search import (
    Ask,
    AskReport,
    Citation,
    CompareVectors,
    ListPassages,
    MapPassages,
    PassageMap,
    Passages,
    Search,
    SearchResult,
    VectorPair,
)
from gui import i18n, layout, samples
from gui.i18n import number, t
from gui.pane import Pane, Table
from gui.panes.search.collection import CollectionControl, embedder_name, outdated
from gui.panes.search.editing import Editing
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.search_page import SearchPage
from gui.panes.search.sentence import says


class SearchPane(Pane):
    id = "search"
    computes = ("OpenCollection",)

    def build(self) -> None:
        self.collection = CollectionControl(self)
        self.asked = Retrieval()
        self._passage = -1  # index of the passage whose cosine is shown in detail
        self._questions = dict[Path, str]()  # the last question to each collection
        self._company: Path | None = None  # the company's documents, while their collection is being opened
        self.page = SearchPage()
        self.editing = Editing(self, self.page, self.collection.change)
        layout.stack(self.body, self.page)
        self.setAcceptDrops(True)
        self._connect_question()
        self._connect_collection()
        self._connect_reader()
        self.add_controls(self.page.ask_button)
        self.follow(self.state.model_changed)
        self.state.text_changed.connect(self.stop)  # a new act of the user ends the old answer
        self.state.opening_changed.connect(lambda: self.stop() if self.state.opening else None)

    def _connect_question(self) -> None:
        page = self.page
        page.question.returnPressed.connect(self.ask_question)
        page.ask_button.clicked.connect(lambda: self.stop() if self.asked.running else self.ask_question())
        page.mode.changed.connect(page.found.set_mode)
        page.mode.changed.connect(lambda _: self.ask_question())
        page.count.changing.connect(self._search_again)
        page.count.changed.connect(lambda _: self.ask_question())
        found = page.found
        page.drawer.changed.connect(self._show_details)
        found.view.changed.connect(lambda _: self._show_details())
        found.table.selected.connect(self._compare)
        found.table.texts_wanted.connect(self._load_texts)
        found.plot.selected.connect(lambda index: self._compare(index) if index >= 0 else None)
        found.plot.hovered.connect(self._describe_point)
        found.word_vectors_wanted.connect(lambda: self.choose_embedder("word2vec"))

    def _connect_collection(self) -> None:
        collection, page, documents = self.collection, self.page, self.page.documents
        collection.opened.connect(self._forget_question)
        collection.updated.connect(self._show_collection)
        collection.progressed.connect(self._show_progress)
        collection.busy_changed.connect(self._show)
        page.passage_size.changed.connect(collection.split)
        page.embedder.chosen.connect(self.choose_embedder)
        page.remake.clicked.connect(lambda: self.choose_embedder("model"))
        page.work_bar.cancelled.connect(collection.cancel)
        page.files_button.clicked.connect(collection.choose_files)
        page.folder_button.clicked.connect(collection.choose_folder)
        page.empty.pressed.connect(self.try_company)
        page.home_button.clicked.connect(self.go_home)
        page.collection_menu.aboutToShow.connect(self._fill_collections)
        documents.files_wanted.connect(collection.choose_files)
        documents.folder_wanted.connect(collection.choose_folder)
        documents.update_wanted.connect(lambda: collection.add([]))
        documents.removed.connect(collection.remove)
        documents.undo_wanted.connect(collection.undo_removing)
        documents.encoding_wanted.connect(collection.choose_encoding)

    def _connect_reader(self) -> None:
        page = self.page
        journey, found = page.journey, page.found
        found.table.opened.connect(self._open_passage)
        found.formula.open_button.clicked.connect(lambda: self._open_passage(self._passage))
        journey.cards.chosen.connect(self.open_source)
        journey.pages.opened.connect(self.editing.open)
        journey.prompt.source_chosen.connect(self.open_source)
        journey.answer.source_chosen.connect(self.open_source)
        page.citations.opened.connect(self._open_citation)
        page.documents.opened.connect(self.editing.open)
        page.reader.back_wanted.connect(lambda: self.editing.leave(page.drawer.back))
        page.reader.encoding.clicked.connect(lambda: self.editing.choose_encoding(self.collection.read_in))
        page.reader.save_wanted.connect(lambda: self.editing.save())

    # --- The collection --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Open the collection of the last session; with another model, answer the same question again."""
        if self.collection.info is None:
            self.collection.open_last()
        elif self.asked.question and not self.collection.is_changing:
            self.ask_question()
        self._show()

    def engine_returned(self) -> None:
        self.collection.info = None
        super().engine_returned()

    def open_collection(self, folder: str, create: bool = False, question: str = "") -> None:
        """Open another collection, and reopen it at the next start. `question`: for a collection not asked yet."""

        def go() -> None:
            self.drop("ReadDocument")
            self.page.reader.clear()  # a document's ID is valid in its own collection only
            self.page.drawer.close_page()
            self._questions[self.collection.place] = self.page.question.text()
            self.page.question.setText(self._questions.get(Path(folder), question))
            self.collection.open(folder, create)

        self.editing.leave(go)

    def _forget_question(self) -> None:
        self.drop("Ask")
        self.asked = Retrieval()
        self._show_asked()

    def _show_collection(self, is_same: bool) -> None:
        """Show the present state of the collection, and ask again: the passages may be others."""
        assert self.collection.info is not None
        self.page.passage_size.set_value(self.collection.info.size)
        self.ask(ListDocuments(), self._list_documents)
        if not is_same:
            self.page.found.table.forget_passages()
            self.page.found.plot.clear()
            self._forget_question()  # the passages may be others
        self._add_company()
        self.ask_question()
        self._show()

    def _show_progress(self, progress: IndexProgress) -> None:
        self.page.work_bar.set_progress(progress)
        self._show()

    def _fill_collections(self) -> None:
        menu = self.page.collection_menu
        menu.clear()
        menu.addAction(t("pane.search.collection_open"), self._choose_collection)
        menu.addAction(t("pane.search.collection_new"), lambda: self._choose_collection(create=True))
        action = menu.addAction(t("pane.search.collection_home"), self.go_home)
        action.setEnabled(bool(self.collection.folder))
        menu.addSeparator()
        menu.addAction(t("pane.search.company"), self.try_company)

    def _choose_collection(self, create: bool = False) -> None:
        parent = str(self.collection.place.parent)
        name = QFileDialog.getExistingDirectory(self, t("pane.search.choose_collection"), parent)
        if name:
            self.open_collection(name, create)

    # --- Documents -------------------------------------------------------------------------------

    def try_company(self) -> None:
        """Open a collection of copies of the built-in company's documents, and ask a question about them."""
        home = self.collection.home
        try:
            self._company = samples.copy_company(home, i18n.language())
        except OSError as error:
            self.messages.show_key("error.not_written", "bad", file=str(home), reason=error.strerror or "")
            return
        folder = home / f"collection-{self._company.name}"
        self.open_collection(str(folder), create=True, question=t("pane.search.company_question"))

    def _add_company(self) -> None:
        """Add the company's documents, if they were wanted and their collection has been opened."""
        folder, self._company = self._company, None
        if folder is not None and self.collection.place.name == f"collection-{folder.name}":
            self.collection.add([str(folder)])

    def go_home(self) -> None:
        """Return to the user's own collection."""
        self.open_collection(str(self.collection.home / "collection"), create=True)

    def choose_embedder(self, kind: str) -> None:
        request = self.collection.embedder_request(kind)
        if request is not None:
            self.editing.leave(lambda: self.collection.change(request))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.asked.running:
            self.stop()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.page.set_dropping(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.page.set_dropping(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.page.set_dropping(False)
        event.acceptProposedAction()
        self.collection.add([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    # --- Opening the document of a passage -------------------------------------------------------

    def open_source(self, source: int) -> None:
        """Open a hit at the sentence nearest to the question."""
        if source < len(self.asked.hits):
            hit = self.asked.hits[source]
            begin = hit.passage.start
            best = (begin + hit.best[0], begin + hit.best[1])
            self.editing.open(hit.passage.document, (begin, hit.passage.end), best)

    def _open_citation(self, cited: Citation) -> None:
        passage = self.asked.hits[cited.source].passage
        best = (passage.start + cited.source_start, passage.start + cited.source_end)
        self.editing.open(passage.document, (passage.start, passage.end), best)

    def _open_passage(self, index: int) -> None:
        source, passage = self.asked.source_of(index), self.page.found.table.rows.passages.get(index)
        if source is not None:
            self.open_source(source)
        elif passage is not None:
            self.editing.open(passage.document, (passage.start, passage.end))

    # --- Asking ----------------------------------------------------------------------------------

    def ask_question(self) -> None:
        """Ask the question in the field; a question still being answered is cancelled."""
        question, info = self.page.question.text().strip(), self.collection.info
        if not question or info is None or not info.passages:
            return
        self.asked = Retrieval(question=question, running=True)
        self.drop("Search")
        request = Ask(question, round(self.page.count.value), self._mode())
        self.ask(request, self._take_report, ended=lambda _: self._finish())
        self._show_asked()

    def stop(self) -> None:
        """End the answer; what has been written of it stays."""
        if self.asked.running:
            self.drop("Ask")
            self._finish()

    def _mode(self) -> Any:
        return self.page.mode.current

    def _search_again(self, count: float) -> None:
        """Search, without an answer, while the slider is dragged."""
        if self.asked.question:
            self.drop("Ask")
            self.asked = Retrieval(question=self.asked.question)
            self.ask(Search(self.asked.question, round(count), self._mode()), self._take_report)

    def _take_report(self, report: AskReport) -> None:
        self.asked = self.asked.after(report)
        if isinstance(report, SearchResult):
            self.page.found.table.set_hits([hit.passage for hit in report.hits])
            self._passage = report.hits[0].passage.index if report.hits else -1
        self._show_asked()

    def _finish(self) -> None:
        self.asked = replace(self.asked, running=False)
        self._show_asked()

    # --- Details of the search -------------------------------------------------------------------

    def _compare(self, index: int) -> None:
        """Select a passage and show how its cosine is computed."""
        self._passage = index
        self._show_details()

    def _show_details(self) -> None:
        """Ask for the numbers of the selected passage and for the map, if they are shown and not there yet."""
        found, result = self.page.found, self.asked.result
        if not found.isVisible():
            return
        found.table.select(self._passage)
        if self._passage < 0 or result is None or not len(result.vector):
            found.formula.set_pair(None, "")
        else:
            self.ask(CompareVectors(self.asked.question, self._passage), self._show_pair)
        if found.map_shown and result is not None:
            self._show_map(result)

    def _show_map(self, result: SearchResult) -> None:
        plot = self.page.found.plot
        if plot.is_of(result.question, result.version):
            self._mark_map()
        elif not self.asking("MapPassages"):

            def show(shown: PassageMap) -> None:
                plot.set_map(shown, result.question)
                self._mark_map()

            self.ask(MapPassages(result.question), show)

    def _show_pair(self, pair: VectorPair) -> None:
        found = self.page.found
        if pair.index == self._passage:
            found.formula.set_pair(pair, found.table.rows.source(pair.index) or f"#{pair.index}")

    def _load_texts(self, indices: tuple[int, ...]) -> None:
        self.ask(ListPassages(indices), self._take_texts)

    def _take_texts(self, texts: Passages) -> None:
        if self.collection.info is not None and texts.version == self.collection.info.version:
            self.page.found.table.set_passages(texts.passages)

    def _mark_map(self) -> None:
        self.page.found.plot.mark([hit.passage.index for hit in self.asked.hits], self._passage)

    def _describe_point(self, index: int) -> None:
        """Describe the passage under the mouse, and request its text if it is not loaded yet."""
        found, cosines_N = self.page.found, self.asked.result.cosines_N if self.asked.result else ()
        if not 0 <= index < len(cosines_N):
            found.describe("")
            return
        name = found.table.rows.source(index)
        if not name:
            self._load_texts((index,))
        found.describe(t("pane.search.point", name=name or f"#{index}", cosine=number(float(cosines_N[index]), 4)))

    # --- Showing ---------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show()

    def _list_documents(self, entries: list[DocumentEntry]) -> None:
        self.page.documents.set_entries(entries)
        self.page.journey.set_documents(entries)

    def _show(self) -> None:
        collection, model = self.collection, self.state.model
        self.page.show_work(not collection.is_empty or collection.is_changing)
        self.page.show_info(
            collection.info, embedder_name(collection.info), model is not None, outdated(collection.info, model)
        )
        self.page.show_changing(collection.is_changing)
        self.page.is_home = not collection.folder
        self.adapt_layout()
        self.page.documents.set_undo(len(collection.removed))
        self._show_asked()

    def _show_asked(self) -> None:
        if self.isVisible():
            self.page.show_asked(self.asked, self.state.model is not None)
            self._show_details()
            self.subtitle_changed.emit()

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        info = self.collection.info
        if info is None:
            return ""
        return t("pane.search.subtitle", documents=number(info.documents), passages=number(info.passages))

    def sentence(self) -> str:
        return says(self.asked)

    def picture(self) -> QWidget:
        return self.page.journey if self.page.journey.isVisible() else self.body

    def table(self) -> Table | None:
        shown = self.page.table_rows()
        return Table(*shown) if shown is not None else None

    def save(self) -> dict[str, Any]:
        return {"collection": self.collection.folder, **self.page.save()}

    def restore(self, saved: dict[str, Any]) -> None:
        self.collection.folder = str(saved.get("collection") or "")
        self.page.restore(saved)

    def adapt_layout(self) -> None:
        self.page.adapt_layout(self.theme, self.width(), self.height(), self.compact)

    def retranslate(self) -> None:
        self._show()

    def restyle(self) -> None:
        self.adapt_layout()
