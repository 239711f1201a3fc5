"""The documents of a collection, and the files that could not be read; adding, removing, undoing a removal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHeaderView, QLineEdit, QPushButton, QWidget

from engine.messages.documents import DocumentEntry
from gui import layout, theme
from gui.encodings import describe_encoding
from gui.i18n import number, t
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, RowTable

COLUMNS = ("name", "passages", "status")
FEW = 12  # documents that need no search field


class DocumentList(Themed, QWidget):
    files_wanted = Signal()  # "let the user choose files to add"
    folder_wanted = Signal()
    update_wanted = Signal()  # "update from the files added before"
    removed = Signal(object)  # list of DocumentEntry
    undo_wanted = Signal()
    encoding_wanted = Signal(object)  # list of DocumentEntry, all of them plain texts
    opened = Signal(int)  # ID of a document

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.documents = _Documents()
        self.title, self.note = layout.label("title"), layout.label("muted", wraps=True)
        self.search, self.view = QLineEdit(), _View(self.documents)
        self.search.setClearButtonEnabled(True)
        self.note.hide()
        self.buttons = {name: QPushButton() for name in ("files", "folder", "look", "remove", "encoding", "undo")}
        self.buttons["undo"].hide()
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(COLUMNS.index("passages"), QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        upper = layout.row(self.buttons["files"], self.buttons["folder"], spacing=GAP_S)
        lower = layout.row(*(self.buttons[name] for name in ("look", "remove", "encoding", "undo")), 1, spacing=GAP_S)
        layout.stack(self, self.title, upper, self.search, self.view, self.note, lower, spacing=GAP_M).setStretch(3, 1)
        self._connect()
        self.restyle()
        self.retranslate()

    def _connect(self) -> None:
        signals = {
            "files": self.files_wanted,
            "folder": self.folder_wanted,
            "look": self.update_wanted,
            "undo": self.undo_wanted,
        }
        for name, signal in signals.items():
            self.buttons[name].clicked.connect(signal)
        undo = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self.view)
        undo.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        undo.activated.connect(self.undo_wanted)
        self.buttons["remove"].clicked.connect(self._remove)
        self.buttons["encoding"].clicked.connect(lambda: self.encoding_wanted.emit(self._texts()))
        self.view.remove_wanted.connect(self._remove)
        self.view.row_opened.connect(self._open)
        self.view.selectionModel().selectionChanged.connect(lambda: self._enable())
        self.search.textChanged.connect(self._search)

    def set_entries(self, entries: Sequence[DocumentEntry]) -> None:
        self.documents.set_entries(entries)
        self._search()
        read = sum(entry.document >= 0 for entry in entries)
        skipped = len(entries) - read
        self.title.setText(t("pane.search.documents.title", count=read))
        self.note.setText(t("pane.search.documents.skipped", count=skipped))
        self.note.setVisible(skipped > 0)
        self.search.setVisible(len(entries) > FEW or bool(self.search.text()))

    def set_undo(self, count: int) -> None:
        """Offer to add the documents removed last again."""
        self.buttons["undo"].setVisible(count > 0)
        self.buttons["undo"].setText(t("pane.search.documents.undo", count=count))

    def _selected(self) -> list[DocumentEntry]:
        """Return the selected documents, without files that could not be read."""
        entries = [self.documents.shown[row.row()] for row in self.view.selectionModel().selectedRows()]
        return [entry for entry in entries if entry.document >= 0]

    def _texts(self) -> list[DocumentEntry]:
        """Return the selected documents that have an encoding."""
        return [entry for entry in self._selected() if entry.encoding]

    def _enable(self) -> None:
        self.buttons["encoding"].setEnabled(bool(self._texts()))
        self.buttons["remove"].setEnabled(bool(self._selected()))
        self.buttons["look"].setEnabled(bool(self.documents.entries))

    def _remove(self) -> None:
        if entries := self._selected():
            self.removed.emit(entries)

    def _open(self, row: int) -> None:
        entry = self.documents.shown[row]
        if entry.document >= 0:
            self.opened.emit(entry.document)

    def _search(self) -> None:
        self.documents.search(self.search.text())
        self._enable()

    def rows(self) -> list[tuple[object, ...]]:
        return [tuple(self.documents.text(entry, column) for column in COLUMNS) for entry in self.documents.shown]

    def header(self) -> tuple[str, ...]:
        return tuple(map(self.documents.heading, COLUMNS))

    def retranslate(self) -> None:
        for name in ("files", "folder", "look", "remove"):
            self.buttons[name].setText(t(f"pane.search.documents.{name}"))
            self.buttons[name].setToolTip(t(f"pane.search.documents.tip.{name}"))
        self.buttons["encoding"].setText(t("encodings.change"))
        self.buttons["encoding"].setToolTip(t("encodings.change_tip"))
        self.search.setPlaceholderText(t("pane.search.documents.search"))
        self.search.setAccessibleName(t("pane.search.documents.search"))
        self.view.setAccessibleName(t("pane.search.documents.table"))
        self.set_entries(self.documents.entries)

    def restyle(self) -> None:
        self.view.horizontalHeader().resizeSection(0, self.theme.px(150))


class _View(RowTable):
    remove_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        else:
            super().keyPressEvent(event)


class _Documents(ColumnModel):
    """Items are DocumentEntries."""

    columns, numeric = COLUMNS, ("passages",)

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[DocumentEntry] = []

    def set_entries(self, entries: Sequence[DocumentEntry]) -> None:
        """Show the entries, first the files that could not be read, because they may need attention."""
        self.entries = sorted(entries, key=lambda entry: entry.document >= 0)

    def search(self, text: str) -> None:
        wanted = text.strip().lower()
        self.show_items([entry for entry in self.entries if wanted in entry.path.lower()])

    def heading(self, column: str) -> str:
        return t(f"pane.search.documents.column.{column}")

    def text(self, item: DocumentEntry, column: str) -> str:
        if column == "name":
            return Path(item.path).name
        if column == "passages":
            return number(item.passages) if item.document >= 0 else "–"
        if item.document >= 0:
            length = t("pane.search.documents.characters", count=item.characters)
            encoding = describe_encoding(item.encoding, item.certain, item.replaced) if item.encoding else ""
            return " · ".join(filter(None, (length, encoding)))
        return t(item.reason, **(item.arguments or {}))

    def look(self, item: DocumentEntry, column: str, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{item.path}\n{self.text(item, 'status')}"
        if role == Qt.ItemDataRole.ForegroundRole and item.document < 0:
            return theme.current().color("bad")
        if role == Qt.ItemDataRole.ForegroundRole and column == "status" and (item.replaced or not item.certain):
            return theme.current().color("warning")
        return None
