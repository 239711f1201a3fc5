"""The Search pane: answers from the user's documents, with vector, passages, prompt, answer and citations."""

from dataclasses import replace
from typing import Any

from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from engine.messages.documents import IndexProgress, ListDocuments
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


class SearchPane(Pane):
    id = "search"

    def build(self) -> None:
        self.collection = CollectionControl(self)
        self.asked = Retrieval()
        self.page = SearchPage()
        self.editing = Editing(self, self.page, self.collection.change)
        layout.stack(self.body, self.page)
        self.setAcceptDrops(True)
        self._connect_question()
        self._connect_collection()
        self._connect_reader()
        self.follow(self.state.model_changed)

    def _connect_question(self) -> None:
        page = self.page
        page.question.returnPressed.connect(self.ask_question)
        page.ask_button.clicked.connect(self.ask_question)
        page.mode.changed.connect(lambda _: self.ask_question())
        page.count.changing.connect(self._search_again)
        page.count.changed.connect(lambda _: self.ask_question())
        page.passages_view.changed.connect(lambda _: self._show_step())
        page.strip.chosen.connect(lambda _: self._show_step())
        page.table.selected.connect(self._compare)
        page.table.texts_wanted.connect(self._load_texts)
        page.plot.selected.connect(lambda index: self._compare(index) if index >= 0 else None)
        page.plot.hovered.connect(self._describe_point)

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
        page.collection_menu.aboutToShow.connect(self._fill_collections)
        documents.files_wanted.connect(collection.choose_files)
        documents.folder_wanted.connect(collection.choose_folder)
        documents.update_wanted.connect(lambda: collection.add([]))
        documents.removed.connect(collection.remove)
        documents.undo_wanted.connect(collection.undo_removing)
        documents.encoding_wanted.connect(collection.choose_encoding)

    def _connect_reader(self) -> None:
        page = self.page
        page.table.opened.connect(self._open_passage)
        page.formula.open_button.clicked.connect(lambda: self._open_passage(self.asked.passage))
        page.prompt.source_chosen.connect(self.open_source)
        page.answer.source_chosen.connect(self.open_source)
        page.citations.opened.connect(self._open_citation)
        page.documents.opened.connect(self.editing.open)
        page.reader.back_wanted.connect(lambda: self.editing.leave(page.show_documents))
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

    def open_collection(self, folder: str, create: bool = False) -> None:
        """Open another collection, and reopen it at the next start."""

        def go() -> None:
            self.drop("ReadDocument")
            self.page.reader.clear()  # a document's ID is valid in its own collection only
            self.page.show_documents()
            self.collection.open(folder, create)

        self.editing.leave(go)

    def _forget_question(self) -> None:
        self.drop("Ask")
        self.asked = Retrieval()

    def _show_collection(self, is_same: bool) -> None:
        """Show the present state of the collection, and ask again: the passages may be others."""
        assert self.collection.info is not None
        self.page.passage_size.set_value(self.collection.info.size)
        self.ask(ListDocuments(), self.page.documents.set_entries)
        if not is_same:
            self.page.table.forget_passages()
            self.page.plot.clear()
        self.ask_question()
        self._show()

    def _show_progress(self, progress: IndexProgress) -> None:
        self.page.work_bar.set_progress(progress)
        self._show()

    def _fill_collections(self) -> None:
        menu, home = self.page.collection_menu, str(self.collection.home / "collection")
        menu.clear()
        menu.addAction(t("pane.search.collection_open"), self._choose_collection)
        menu.addAction(t("pane.search.collection_new"), lambda: self._choose_collection(create=True))
        action = menu.addAction(t("pane.search.collection_home"), lambda: self.open_collection(home, create=True))
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
        """Add copies of the built-in company's documents, and suggest a question."""
        home = self.collection.home
        try:
            folder = samples.copy_company(home, i18n.language())
        except OSError as error:
            self.messages.show_key("error.not_written", "bad", file=str(home), reason=error.strerror or "")
            return
        if not self.page.question.text().strip():
            self.page.question.setText(t("pane.search.company_question"))
        self.collection.add([str(folder)])

    def choose_embedder(self, kind: str) -> None:
        request = self.collection.embedder_request(kind)
        if request is not None:
            self.editing.leave(lambda: self.collection.change(request))

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
        source, passage = self.asked.source_of(index), self.page.table.rows.passages.get(index)
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
            self.page.table.set_hits([hit.passage for hit in report.hits])
            self._compare(report.hits[0].passage.index if report.hits else -1)
        self._show_asked()

    def _finish(self) -> None:
        self.asked = replace(self.asked, running=False)
        self._show_asked()

    def _compare(self, index: int) -> None:
        """Select a passage and show how its cosine is computed."""
        self.asked = replace(self.asked, passage=index)
        self.page.table.select(index)
        if self.page.map_shown:
            self._mark_map()
        if index >= 0 and self.asked.result is not None and len(self.asked.result.vector):
            self.ask(CompareVectors(self.asked.question, index), self._show_pair)
        else:
            self.page.formula.set_pair(None, "")

    def _show_pair(self, pair: VectorPair) -> None:
        if pair.index == self.asked.passage:
            self.page.formula.set_pair(pair, self.page.table.rows.source(pair.index) or f"#{pair.index}")

    def _load_texts(self, indices: tuple[int, ...]) -> None:
        self.ask(ListPassages(indices), self._take_texts)

    def _take_texts(self, texts: Passages) -> None:
        if self.collection.info is not None and texts.version == self.collection.info.version:
            self.page.table.set_passages(texts.passages)

    # --- Showing ---------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show()

    def _show(self) -> None:
        collection, model = self.collection, self.state.model
        self.page.show_work(not collection.is_empty or collection.is_changing)
        self.page.show_info(
            collection.info, embedder_name(collection.info), model is not None, outdated(collection.info, model)
        )
        self.page.show_changing(collection.is_changing)
        self.page.documents.set_undo(len(collection.removed))
        self._show_asked()

    def _show_asked(self) -> None:
        if self.isVisible():
            self.page.show_asked(self.asked, self.state.model is not None)
            self._show_step()
            self.subtitle_changed.emit()

    def _show_step(self) -> None:
        """Show the chosen step, and compute the map if it is shown and not that of this question."""
        self.page.show_step()
        result, plot = self.asked.result, self.page.plot
        if not self.page.map_shown or result is None or self.asking("MapPassages"):
            return
        if not plot.is_of(result.question, result.version):

            def show(shown: PassageMap) -> None:
                plot.set_map(shown, result.question)
                self._mark_map()

            self.ask(MapPassages(result.question), show)

    def _mark_map(self) -> None:
        self.page.plot.mark([hit.passage.index for hit in self.asked.hits], self.asked.passage)

    def _describe_point(self, index: int) -> None:
        """Describe the passage under the mouse, and request its text if it is not loaded yet."""
        cosines_N = self.asked.result.cosines_N if self.asked.result else ()
        if not 0 <= index < len(cosines_N):
            self.page.describe("")
            return
        name = self.page.table.rows.source(index)
        if not name:
            self._load_texts((index,))
        self.page.describe(t("pane.search.point", name=name or f"#{index}", cosine=number(float(cosines_N[index]), 4)))

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        info = self.collection.info
        if info is None:
            return ""
        return t("pane.search.subtitle", documents=number(info.documents), passages=number(info.passages))

    def table(self) -> Table | None:
        shown = self.page.table_of_step()
        return Table(*shown) if shown is not None else None

    def save(self) -> dict[str, Any]:
        return {"collection": self.collection.folder, **self.page.save()}

    def restore(self, saved: dict[str, Any]) -> None:
        self.collection.folder = str(saved.get("collection") or "")
        self.page.restore(saved)

    def adapt_layout(self) -> None:
        self.page.adapt_layout(self.theme, self.width(), self.height())

    def retranslate(self) -> None:
        self._show()

    def restyle(self) -> None:
        self.adapt_layout()
