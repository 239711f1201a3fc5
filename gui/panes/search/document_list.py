"""The documents of a collection: which were read, which were not and why; adding, removing, taking that back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QLabel, QLineEdit, QPushButton, QTableView, QVBoxLayout, QWidget

from engine.messages.documents import DocumentEntry
from gui import theme
from gui.i18n import t
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed

COLUMNS = ("name", "passages", "status")
Index = QModelIndex | QPersistentModelIndex


class DocumentList(Themed, QWidget):
    files_wanted = Signal()  # "let the user choose files to add"
    folder_wanted = Signal()
    look_wanted = Signal()  # "look whether anything has changed"
    removed = Signal(object)  # list of DocumentEntry
    undo_wanted = Signal()
    opened = Signal(int)  # number of a document

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.documents = _Documents()
        self.title, self.note, self.search, self.view = QLabel(), QLabel(), QLineEdit(clearButtonEnabled=True), _View()
        names = ("files", "folder", "look", "remove", "undo")
        self.buttons = {name: QPushButton() for name in names}
        self.title.setProperty("role", "title")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.note.hide()
        self.view.setModel(self.documents)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setResizeContentsPrecision(50)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._lay_out()
        self._wire()
        self.restyle()
        self.retranslate()

    def _lay_out(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for name, button in self.buttons.items():
            row = upper if name in ("files", "folder") else lower
            row.setSpacing(GAP_S)
            row.addWidget(button)
        lower.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_M)
        column.addWidget(self.title)
        column.addLayout(upper)
        column.addWidget(self.search)
        column.addWidget(self.view, 1)
        column.addWidget(self.note)
        column.addLayout(lower)

    def _wire(self) -> None:
        for name, signal in (
            ("files", self.files_wanted),
            ("folder", self.folder_wanted),
            ("look", self.look_wanted),
            ("undo", self.undo_wanted),
        ):
            self.buttons[name].clicked.connect(signal)
        back = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self.view)
        back.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        back.activated.connect(self.undo_wanted)
        self.buttons["undo"].hide()
        self.buttons["remove"].clicked.connect(self._remove)
        self.view.remove_wanted.connect(self._remove)
        self.view.opened.connect(self._open)
        self.view.selectionModel().selectionChanged.connect(lambda: self._enable())
        self.search.textChanged.connect(self._search)

    def set_entries(self, entries: Sequence[DocumentEntry]) -> None:
        self.documents.set_entries(entries)
        self._search()
        read = sum(entry.document >= 0 for entry in entries)
        skipped = len(entries) - read
        self.title.setText(t("pane.search.documents.title", count=f"{read:,}"))
        self.note.setText(t("pane.search.documents.skipped", count=f"{skipped:,}"))
        self.note.setVisible(skipped > 0)
        self.search.setVisible(len(entries) > 12 or bool(self.search.text()))
        self._enable()

    def set_undo(self, count: int) -> None:
        """How many were removed last and can come back."""
        self.buttons["undo"].setVisible(count > 0)
        self.buttons["undo"].setText(t("pane.search.documents.undo", count=count))

    def selected(self) -> list[DocumentEntry]:
        rows = self.view.selectionModel().selectedRows()
        return [self.documents.shown[row.row()] for row in rows]

    def _enable(self) -> None:
        self.buttons["remove"].setEnabled(any(entry.document >= 0 for entry in self.selected()))
        self.buttons["look"].setEnabled(bool(self.documents.entries))

    def _remove(self) -> None:
        entries = [entry for entry in self.selected() if entry.document >= 0]
        if entries:
            self.removed.emit(entries)

    def _open(self, row: int) -> None:
        entry = self.documents.shown[row]
        if entry.document >= 0:
            self.opened.emit(entry.document)

    def _search(self) -> None:
        self.documents.search(self.search.text())
        self._enable()

    def rows(self) -> list[tuple[object, ...]]:
        documents = self.documents
        return [tuple(documents.words(entry, column) for column in COLUMNS) for entry in documents.shown]

    def header(self) -> tuple[str, ...]:
        return tuple(t(f"pane.search.documents.column.{column}") for column in COLUMNS)

    def retranslate(self) -> None:
        for name, button in self.buttons.items():
            if name != "undo":
                button.setText(t(f"pane.search.documents.{name}"))
                button.setToolTip(t(f"pane.search.documents.tip.{name}"))
        self.search.setPlaceholderText(t("pane.search.documents.search"))
        self.search.setAccessibleName(t("pane.search.documents.search"))
        self.view.setAccessibleName(t("pane.search.documents.table"))
        self.set_entries(self.documents.entries)

    def restyle(self) -> None:
        self.view.horizontalHeader().resizeSection(0, self.theme.px(150))


class _View(QTableView):
    remove_wanted = Signal()
    opened = Signal(int)  # a row, by Enter or a double click

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)


class _Documents(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[DocumentEntry] = []
        self.shown: list[DocumentEntry] = []

    def set_entries(self, entries: Sequence[DocumentEntry]) -> None:
        """Those that were not read come first: something may have to be done about them."""
        self.entries = sorted(entries, key=lambda entry: entry.document >= 0)

    def search(self, text: str) -> None:
        wanted = text.strip().lower()
        self.beginResetModel()
        self.shown = [entry for entry in self.entries if wanted in entry.path.lower()]
        self.endResetModel()

    def words(self, entry: DocumentEntry, column: str) -> str:
        if column == "name":
            return Path(entry.path).name
        if column == "passages":
            return f"{entry.passages:,}" if entry.document >= 0 else "–"
        if entry.document >= 0:
            return t("pane.search.documents.characters", count=f"{entry.characters:,}")
        return t(entry.reason, **(entry.arguments or {}))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry, column = self.shown[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.words(entry, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{entry.path}\n{self.words(entry, 'status')}"
        if role == Qt.ItemDataRole.ForegroundRole and entry.document < 0:
            return theme.current().color("bad")
        if role == Qt.ItemDataRole.TextAlignmentRole and column == "passages":
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return t(f"pane.search.documents.column.{COLUMNS[section]}")
        return None
