"""The collection that the Search pane shows: opened, filled and changed, one change at a time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    ChooseEncoding,
    CollectionInfo,
    DocumentEntry,
    IndexProgress,
    OpenCollection,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.envelope import Ended, Request
from engine.messages.models import ModelInfo
from gui.dialogs import documents
from gui.encoding_dialog import choose_encoding
from gui.i18n import t
from gui.pane import Pane
from gui.samples import BUILTIN
from gui.settings import documents_folder

OVERLAP = 0.15  # of neighbouring passages, relative to their size


class CollectionControl(QObject):
    """Opens and changes the collection. `info` is its current state, None while no collection is open."""

    opened = Signal()  # another collection is open
    updated = Signal(bool)  # `info` is new; whether its passages are still the same
    progressed = Signal(object)  # IndexProgress of the change in progress
    busy_changed = Signal()  # opening or a change has begun or ended

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self.home = documents_folder()
        self.folder = ""  # of the collection; "": the one in `home`
        self.info: CollectionInfo | None = None
        self.removed: tuple[str, ...] = ()  # paths that can be added again

    @property
    def place(self) -> Path:
        return Path(self.folder) if self.folder else self.home / "collection"

    @property
    def is_changing(self) -> bool:
        return self._pane.asking("change")

    @property
    def is_empty(self) -> bool:
        return self.info is None or not self.info.documents + self.info.skipped

    # --- Opening ---------------------------------------------------------------------------------

    def open_last(self) -> None:
        """Open the collection of the last session, if its folder exists."""
        if self.place.is_dir():
            self.open(str(self.place))

    def open(self, folder: str, create: bool = False) -> None:
        self._ask_to_open(folder, create, self._opened)

    def _ask_to_open(self, folder: str, create: bool, show: Callable[[CollectionInfo], None]) -> None:
        def ended(_: Ended) -> None:
            self._pane.settle(
                "OpenCollection"
            )  # if it has failed, the collection shown before is still the present one
            self.busy_changed.emit()

        self._pane.ask(OpenCollection(folder, create), show, ended=ended)

    def _opened(self, info: CollectionInfo) -> None:
        self.folder = "" if Path(info.folder) == self.home / "collection" else info.folder
        self.removed = ()
        self.opened.emit()
        self._update(info)
        if info.uncounted:
            self.change(SplitDocuments(info.size, info.overlap))

    def _update(self, info: CollectionInfo) -> None:
        is_same = self.info is not None and (self.info.folder, self.info.version) == (info.folder, info.version)
        self.info = info
        self.updated.emit(is_same)

    # --- Changing --------------------------------------------------------------------------------

    def choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self._pane, t("pane.search.documents.files"), documents())
        if names:
            self.add(names)

    def choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._pane, t("pane.search.documents.folder"), documents())
        if name:
            self.add([name])

    def add(self, paths: list[str]) -> None:
        """Add files and folders, to a new collection if none is open; without paths, update those added before."""
        if self.info is not None:
            self.change(AddDocuments(tuple(paths)))
            return
        self.place.parent.mkdir(parents=True, exist_ok=True)

        def opened(info: CollectionInfo) -> None:
            self._opened(info)
            self.add(paths)

        self._ask_to_open(str(self.place), True, opened)

    def remove(self, entries: list[DocumentEntry]) -> None:
        self.removed = tuple(entry.path for entry in entries)
        self.change(RemoveDocuments(tuple(entry.document for entry in entries)))

    def choose_encoding(self, entries: list[DocumentEntry]) -> None:
        """Let the user choose an encoding by the first of these documents, and read all of them in it."""
        if entries:
            first, documents = entries[0], tuple(entry.document for entry in entries)
            use = partial(self.read_in, documents)
            choose_encoding(self._pane.engine, first.path, first.encoding, self._pane, use)

    def read_in(self, documents: tuple[int, ...], encoding: str, then: Callable[[], None] = lambda: None) -> None:
        """Read documents again in an encoding, one after another. `then` is called when all are done."""
        if not documents:
            then()
            return
        first, *others = documents

        def ended(end: Ended) -> None:
            if end.outcome == "done":
                self.read_in(tuple(others), encoding, then)

        self.change(ChooseEncoding(first, encoding), ended)

    def undo_removing(self) -> None:
        paths, self.removed = self.removed, ()
        if paths:
            self.add(list(paths))

    def split(self, size: float) -> None:
        """Split all documents into passages of this size, unless they have it already."""
        if self.info is not None and round(size) != self.info.size:
            self.change(SplitDocuments(round(size), round(size * OVERLAP)))

    def embedder_request(self, kind: Any) -> ChooseEmbedder | None:
        """Return the request for another embedder; None if there is nothing to do, or no folder was chosen.

        An encoder needs a folder. A model's vectors can always be recomputed, because its weights may have changed.
        """
        if self.info is None:
            return None
        if kind == "encoder":
            folder = QFileDialog.getExistingDirectory(self._pane, t("pane.search.choose_encoder"), documents())
            return ChooseEmbedder("encoder", folder) if folder else None
        if kind == self.info.embedder != "model" and self.info.width:
            return None
        return ChooseEmbedder(kind)

    def change(
        self, request: Request[IndexProgress | CollectionInfo], then: Callable[[Ended], None] | None = None
    ) -> None:
        """Start a change, which cancels the one before; `then` is called when it has ended."""

        def ended(end: Ended) -> None:
            self._change_ended(end.outcome == "done")
            if then is not None:
                then(end)

        self._pane.ask(request, self._changed, "change", ended)
        self.busy_changed.emit()

    def cancel(self) -> None:
        self._pane.drop("change")
        self._change_ended(False)

    def _changed(self, event: IndexProgress | CollectionInfo) -> None:
        if isinstance(event, CollectionInfo):
            self._update(event)
        else:
            self.progressed.emit(event)

    def _change_ended(self, is_done: bool) -> None:
        """Ask for the present state after a cancelled or failed change, which may have been done in part."""
        if not is_done and self.info is not None:
            self._ask_to_open(self.info.folder, False, self._update)
        self.busy_changed.emit()


def embedder_name(info: CollectionInfo | None) -> str:
    """Return the name of the model that makes the vectors."""
    folder = Path(info.embedder_folder if info else "")
    return t("status.builtin") if folder == BUILTIN else folder.name


def outdated(info: CollectionInfo | None, model: ModelInfo | None) -> str:
    """Return why a model's vectors do not fit the open model: "other", "moved" if it was trained on; else ""."""
    if info is None or model is None or info.embedder != "model":
        return ""
    if Path(info.embedder_folder) != Path(model.folder):
        return "other"
    return "moved" if model.training or model.step != info.embedder_step else ""
