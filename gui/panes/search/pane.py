"""Asking one's own documents: how a question becomes a vector, a vector passages, passages a prompt, that an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout

from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    CollectionInfo,
    DocumentEntry,
    IndexProgress,
    ListDocuments,
    OpenCollection,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.envelope import Ended, Request
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
from gui import i18n, samples
from gui.i18n import t
from gui.pane import Pane, Table
from gui.panes.search.editing import Editing
from gui.panes.search.retrieval import STEPS, Retrieval
from gui.panes.search.search_page import MODES, SearchPage
from gui.samples import BUILTIN
from gui.settings import documents_folder

OVERLAP = 0.15  # of a passage that the next one repeats


class SearchPane(Pane):
    id, icon = "search", "search"

    def build(self) -> None:
        self.home = documents_folder()
        self.folder = ""  # of the collection; "" = the one in `home`
        self.info: CollectionInfo | None = None
        self.asked = Retrieval()
        self.passage = -1  # the one whose cosine is worked through
        self._mapped = ""  # the question for which the map was made
        self._removed: tuple[str, ...] = ()
        self.page = SearchPage()
        self.editing = Editing(self, self.page, self._change)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.page)
        self.setAcceptDrops(True)
        self._wire()
        self.follow(self.state.model_changed)

    def _wire(self) -> None:
        page = self.page
        page.question.returnPressed.connect(self.ask_question)
        page.ask_button.clicked.connect(self.ask_question)
        page.mode.changed.connect(lambda _: self.ask_question())
        page.passages_view.changed.connect(lambda _: self._show_step())
        page.strip.chosen.connect(lambda _: self._show_step())
        page.count.changing.connect(self._search_again)
        page.count.changed.connect(lambda _: self.ask_question())
        page.passage_size.changed.connect(self._cut)
        page.embedder.chosen.connect(self.choose_embedder)
        page.remake.clicked.connect(lambda: self.choose_embedder("model"))
        page.work_bar.cancelled.connect(self.cancel)
        page.table.selected.connect(self._compare)
        page.table.opened.connect(self._open_passage)
        page.table.texts_wanted.connect(self._want_texts)
        page.cloud.selected.connect(lambda index: self._compare(index) if index >= 0 else None)
        page.cloud.hovered.connect(self._point_hovered)
        page.formula.open_button.clicked.connect(lambda: self._open_passage(self.passage))
        page.prompt.source_chosen.connect(self._open_source)
        page.answer.source_chosen.connect(self._open_source)
        page.citations.opened.connect(self._open_citation)
        page.files_button.clicked.connect(self.choose_files)
        page.folder_button.clicked.connect(self.choose_folder)
        page.empty.pressed.connect(self.try_company)
        page.collection_menu.aboutToShow.connect(self._fill_collections)
        documents, reader = page.documents, page.reader
        documents.files_wanted.connect(self.choose_files)
        documents.folder_wanted.connect(self.choose_folder)
        documents.look_wanted.connect(lambda: self.add([]))
        documents.removed.connect(self.remove)
        documents.undo_wanted.connect(self.undo_removing)
        documents.opened.connect(self.editing.open)
        reader.back_wanted.connect(lambda: self.editing.leave(page.show_documents))
        reader.save_wanted.connect(lambda: self.editing.save())

    # --- The collection --------------------------------------------------------------------------

    @property
    def place(self) -> Path:
        return Path(self.folder) if self.folder else self.home / "collection"

    def refresh(self) -> None:
        """Opens the collection that was open before; another model answers the same question anew."""
        if self.info is None and self.place.is_dir():
            self.ask(OpenCollection(str(self.place)), self._opened, ended=lambda _: self._show())
        elif self.info is not None and self.asked.question and not self.asking("change"):
            self.ask_question()
        self._show()

    def engine_returned(self) -> None:
        self.info = None
        super().engine_returned()

    def open_collection(self, folder: str, create: bool = False) -> None:
        """Another collection, remembered from now on."""

        def go() -> None:
            self.drop("ReadDocument")
            self.page.reader.clear()  # numbers of documents hold in their own collection alone
            self.page.show_documents()
            self.ask(OpenCollection(folder, create), self._opened, ended=lambda _: self._show())

        self.editing.leave(go)

    def _opened(self, info: CollectionInfo) -> None:
        self.drop("Ask")
        self.folder = "" if Path(info.folder) == self.home / "collection" else info.folder
        self._removed, self.asked, self.passage = (), Retrieval(), -1
        self.page.documents.set_undo(0)
        self._take(info)

    def _take(self, info: CollectionInfo) -> None:
        """The collection as it is now: passages may have other indices, so what was found is found anew."""
        known = self.info is not None and (self.info.folder, self.info.version) == (info.folder, info.version)
        self.info = info
        self.page.passage_size.set_value(info.size)
        self.ask(ListDocuments(), self.page.documents.set_entries)
        if not known:
            self.page.table.forget_passages()
            self.page.cloud.set_map(None, [], -1)
        self.ask_question()
        self._show()

    def _fill_collections(self) -> None:
        menu = self.page.collection_menu
        menu.clear()
        menu.addAction(t("pane.search.collection_open"), self._choose_collection)
        menu.addAction(t("pane.search.collection_new"), lambda: self._choose_collection(create=True))
        home = menu.addAction(t("pane.search.collection_home"), self._go_home)
        home.setEnabled(bool(self.folder))
        menu.addSeparator()
        menu.addAction(t("pane.search.company"), self.try_company)

    def _choose_collection(self, create: bool = False) -> None:
        name = QFileDialog.getExistingDirectory(self, t("pane.search.choose_collection"), str(self.place.parent))
        if name:
            self.open_collection(name, create)

    def _go_home(self) -> None:
        self.open_collection(str(self.home / "collection"), create=True)

    # --- Documents -------------------------------------------------------------------------------

    def choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, t("pane.search.documents.files"), str(Path.home()))
        if names:
            self.add(names)

    def choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, t("pane.search.documents.folder"), str(Path.home()))
        if name:
            self.add([name])

    def try_company(self) -> None:
        """The documents of a company that Nakami brings, as copies that may be changed."""
        try:
            folder = samples.copy_company(self.home, i18n.language())
        except OSError as error:
            self.messages.show_key("error.not_written", "bad", file=str(self.home), reason=error.strerror or "")
            return
        if not self.page.question.text().strip():
            self.page.question.setText(t("pane.search.company_question"))
        self.add([str(folder)])

    def add(self, paths: list[str]) -> None:
        """Files and folders; none: those added before are looked at again."""
        if self.info is not None:
            self._change(AddDocuments(tuple(paths)))
            return
        self.place.parent.mkdir(parents=True, exist_ok=True)
        create = OpenCollection(str(self.place), create=True)

        def opened(info: CollectionInfo) -> None:
            self._opened(info)
            self.add(paths)

        self.ask(create, opened)

    def remove(self, entries: list[DocumentEntry]) -> None:
        """Out of the collection; the files stay where they are."""
        self._removed = tuple(entry.path for entry in entries)
        self._change(RemoveDocuments(tuple(entry.document for entry in entries)))
        self.page.documents.set_undo(len(self._removed))

    def undo_removing(self) -> None:
        paths, self._removed = self._removed, ()
        self.page.documents.set_undo(0)
        if paths:
            self.add(list(paths))

    def _cut(self, size: float) -> None:
        if self.info is not None and round(size) != self.info.size:
            self._change(SplitDocuments(round(size), round(size * OVERLAP)))

    def choose_embedder(self, kind: str) -> None:
        """All vectors anew; an encoder is a folder that is asked for, "model" the one that is open."""
        if self.info is None:
            return
        folder = ""
        if kind == "encoder":
            folder = QFileDialog.getExistingDirectory(self, t("pane.search.choose_encoder"), str(Path.home()))
            if not folder:
                return
        elif kind == self.info.embedder != "model" and self.info.width:
            return  # its vectors are there: they would only become the same again
        request = ChooseEmbedder(kind, folder)  # type: ignore[arg-type]
        self.editing.leave(lambda: self._change(request))

    def _change(
        self, request: Request[IndexProgress | CollectionInfo], then: Callable[[Ended], None] | None = None
    ) -> None:
        """One change of the collection at a time; what was reported as done stays, whatever comes of it."""

        def ended(end: Ended) -> None:
            self._change_ended(end)
            if then is not None:
                then(end)

        self.ask(request, self._changed, "change", ended)
        self._show()

    def _changed(self, event: IndexProgress | CollectionInfo) -> None:
        if isinstance(event, CollectionInfo):
            self._take(event)
            return
        words = (event.stage, event.done, event.total, event.seconds_left, Path(event.name).name)
        self.page.work_bar.set_progress(*words)
        self._show()

    def cancel(self) -> None:
        self.drop("change")
        self._change_ended()

    def _change_ended(self, end: Ended | None = None) -> None:
        """Done, cancelled or failed: after the last two the collection tells what it has become."""
        self.page.work_bar.hide()
        if (end is None or end.outcome != "done") and self.info is not None:
            self.ask(OpenCollection(self.info.folder), self._take)
        self._show()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.page.set_dropping(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.page.set_dropping(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.page.set_dropping(False)
        event.acceptProposedAction()
        self.add([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    # --- Documents opened where something was found ----------------------------------------------

    def _open_source(self, source: int) -> None:
        """A hit, with the sentence nearest to the question."""
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
            self._open_source(source)
        elif passage is not None:
            self.editing.open(passage.document, (passage.start, passage.end))

    # --- Asking ----------------------------------------------------------------------------------

    def ask_question(self) -> None:
        """The newest question wins; without one or without passages nothing happens."""
        question = self.page.question.text().strip()
        if not question or self.info is None or not self.info.passages:
            return
        self.asked = Retrieval(question, running=True)
        self.drop("Search")
        request = Ask(question, round(self.page.count.value), self._mode())
        self.ask(request, self._arrived, ended=lambda _: self._answered())
        self._show_asked()

    def _mode(self) -> Any:
        return self.page.mode.current

    def _search_again(self, count: float) -> None:
        """While the slider is dragged only the hits follow; the answer comes when it rests."""
        if self.asked.question:
            self.drop("Ask")
            self.asked = Retrieval(self.asked.question)
            request = Search(self.asked.question, round(count), self._mode())
            self.ask(request, self._arrived)

    def _arrived(self, event: AskReport) -> None:
        self.asked.take(event)
        if isinstance(event, SearchResult):
            hits = [hit.passage for hit in event.hits]
            self.page.table.set_passages(hits)
            self.page.table.set_hits({passage.index: source for source, passage in enumerate(hits)})
            self._compare(hits[0].index if hits else -1)
        self._show_asked()

    def _answered(self) -> None:
        self.asked.running = False
        self._show_asked()

    def _compare(self, index: int) -> None:
        """Works the cosine of a passage through, where it is seen."""
        self.passage = index
        self._mark_passage()
        if index >= 0 and self.asked.result is not None and len(self.asked.result.vector):
            self.ask(CompareVectors(self.asked.question, index), self._compared)
        else:
            self.page.formula.set_pair(None, "")

    def _compared(self, pair: VectorPair) -> None:
        if pair.index == self.passage:
            self.page.formula.set_pair(pair, self.page.table.rows.source(pair.index) or f"#{pair.index}")

    def _mark_passage(self) -> None:
        self.page.table.select(self.passage)
        self._show_map()

    def _want_texts(self, indices: tuple[int, ...]) -> None:
        self.ask(ListPassages(indices), self._texts_came)

    def _texts_came(self, event: Passages) -> None:
        if self.info is not None and event.version == self.info.version:
            self.page.table.set_passages(event.passages)

    # --- Showing ---------------------------------------------------------------------------------

    def catch_up(self) -> None:
        self._show()

    def _show(self) -> None:
        there = self.info is not None and (self.info.documents + self.info.skipped > 0)
        self.page.show_work(there or self.asking("change"))
        self.page.show_info(self.info, self._embedder_name(), self.state.model is not None, self._outdated())
        for button in (self.page.embedder, self.page.remake):
            button.setEnabled(not self.asking("change"))  # one change of the collection at a time
        self._show_asked()

    def _embedder_name(self) -> str:
        folder = Path(self.info.embedder_folder if self.info else "")
        return t("status.builtin") if folder == BUILTIN else folder.name

    def _outdated(self) -> str:
        """Whether the vectors of a model are no longer those of the open one: "other", "moved", or "" if they are."""
        info, model = self.info, self.state.model
        if info is None or model is None or info.embedder != "model":
            return ""
        if Path(info.embedder_folder) != Path(model.folder):
            return "other"
        return "moved" if model.training or model.step != info.embedder_step else ""

    def _show_asked(self) -> None:
        if self.isVisible():
            self.page.show_asked(self.asked, self.state.model is not None)
            self._show_step()
            self.subtitle_changed.emit()

    def _show_step(self) -> None:
        """The view of the step that is chosen, with what only that one needs."""
        self.page.show_step()
        if self.page.map_shown and self.asked.result is not None and not self.asking("MapPassages"):
            known = self.page.cloud.map
            fresh = known is not None and known.version == self.asked.result.version
            if not fresh or self._mapped != self.asked.question:
                self._mapped = self.asked.question
                self.ask(MapPassages(self.asked.question), self._map_came)

    def _map_came(self, event: PassageMap) -> None:
        self.page.cloud.set_map(event, self._hit_indices(), self.passage)

    def _show_map(self) -> None:
        shown = self.page.cloud.map
        if shown is not None and self.page.map_shown:
            self.page.cloud.set_map(shown, self._hit_indices(), self.passage)

    def _hit_indices(self) -> list[int]:
        return [hit.passage.index for hit in self.asked.hits]

    def _point_hovered(self, index: int) -> None:
        cosines_N = self.asked.result.cosines_N if self.asked.result else ()
        if not 0 <= index < len(cosines_N):
            self.page.say("")
            return
        name = self.page.table.rows.source(index)
        if not name:
            self._want_texts((index,))
        self.page.say(t("pane.search.point", name=name or f"#{index}", cosine=f"{float(cosines_N[index]):.4f}"))

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if self.info is None:
            return ""
        words = {"documents": f"{self.info.documents:,}", "passages": f"{self.info.passages:,}"}
        return t("pane.search.subtitle", **words)

    def table(self) -> Table | None:
        shown = self.page.table_of_step()
        return Table(*shown) if shown is not None else None

    def save(self) -> dict[str, Any]:
        page = self.page
        return {
            "collection": self.folder,
            "question": page.question.text(),
            "k": round(page.count.value),
            "mode": page.mode.current,
            "step": page.strip.current,
            "passages": page.passages_view.current,
            "unsaved": page.reader.unsaved(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        page = self.page
        self.folder = str(saved.get("collection") or "")
        page.question.setText(str(saved.get("question") or ""))
        if isinstance(saved.get("k"), int):
            page.count.set_value(saved["k"])
        if saved.get("mode") in MODES:
            page.mode.choose(saved["mode"])
        if saved.get("step") in STEPS:
            page.strip.choose(saved["step"])
        if saved.get("passages") in ("table", "map"):
            page.passages_view.choose(saved["passages"])
        if page.reader.take_up(saved.get("unsaved")):
            page.show_reader()

    def fold(self) -> None:
        self.page.fold(self.theme, self.width(), self.height())

    def retranslate(self) -> None:
        self._show()

    def restyle(self) -> None:
        self.page.fold(self.theme, self.width(), self.height())
