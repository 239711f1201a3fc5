"""All tokens of a model, to be searched and sorted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QLabel, QLineEdit, QTableView, QVBoxLayout, QWidget

from engine.messages.tokens import VocabularyPage
from gui.i18n import t
from gui.text import visible
from gui.theme import GAP_M
from gui.themed import Themed

COLUMNS = ("id", "piece", "bytes", "kind", "count")
Index = QModelIndex | QPersistentModelIndex


class VocabularyTable(Themed, QWidget):
    chosen = Signal(int)  # token ID

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = _Vocabulary()
        self.search, self.view, self.found = QLineEdit(clearButtonEnabled=True), QTableView(), QLabel()
        self.found.setProperty("role", "muted")
        self.view.setModel(self.model)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.view.setTabKeyNavigation(False)
        self.view.verticalHeader().hide()
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.view.activated.connect(lambda index: self.chosen.emit(self.model.shown[index.row()]))
        self.search.textChanged.connect(self._search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_M)
        for widget in (self.search, self.view, self.found):
            column.addWidget(widget)
        self.retranslate()

    def set_pages(self, pages: list[VocabularyPage]) -> None:
        self.model.set_pages(pages)
        self._search()

    def rows(self) -> list[tuple[object, ...]]:
        """What is found, as numbers and words."""
        model = self.model
        return [tuple(model.value(id, column) for column in COLUMNS) for id in model.shown]

    def retranslate(self) -> None:
        self.search.setPlaceholderText(t("pane.tokens.vocabulary.search"))
        self.search.setAccessibleName(t("pane.tokens.vocabulary.search"))
        self.view.setAccessibleName(t("pane.tokens.vocabulary.table"))
        self._show_found()

    def _search(self) -> None:
        self.model.search(self.search.text())
        self._show_found()

    def _show_found(self) -> None:
        self.found.setText(
            t("pane.tokens.vocabulary.found", found=f"{len(self.model.shown):,}", all=f"{len(self.model.pieces):,}")
        )


class _Vocabulary(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.data_: list[bytes] = []
        self.kinds: list[str] = []
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.shown: list[int] = []
        self._sorted = ("id", False)

    def set_pages(self, pages: list[VocabularyPage]) -> None:
        self.pieces = [piece for page in pages for piece in page.pieces]
        self.data_ = [data for page in pages for data in page.data]
        self.kinds = [kind for page in pages for kind in page.kinds]
        self.counts = np.concatenate([page.counts for page in pages]) if pages else np.zeros(0, np.int64)

    def search(self, text: str) -> None:
        """By piece, or by ID where the text is a number."""
        wanted = text.lower()
        self.beginResetModel()
        self.shown = [
            id for id, piece in enumerate(self.pieces) if wanted in visible(piece).lower() or wanted in piece.lower()
        ]
        number = int(text) if text.isdecimal() and len(text) < 10 else len(self.pieces)
        if number < len(self.pieces) and number not in self.shown:
            self.shown.append(number)
        self._sort()
        self.endResetModel()

    def value(self, id: int, column: str) -> Any:
        if column == "id":
            return id
        if column == "count":
            return int(self.counts[id])
        if column == "bytes":
            return self.data_[id].hex(" ").upper()
        return self.pieces[id] if column == "piece" else t(f"widget.token.kind.{self.kinds[id]}")

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = (COLUMNS[column], order == Qt.SortOrder.DescendingOrder)
        self.layoutAboutToBeChanged.emit()
        marked = self.persistentIndexList()  # of the selection, which is to stay with its tokens
        tokens = [self.shown[index.row()] for index in marked]
        self._sort()
        places = {id: row for row, id in enumerate(self.shown)} if marked else {}
        moved = [self.index(places[id], index.column()) for id, index in zip(tokens, marked, strict=True)]
        self.changePersistentIndexList(marked, moved)
        self.layoutChanged.emit()

    def _sort(self) -> None:
        column, falling = self._sorted
        self.shown.sort(key=lambda id: self.value(id, column), reverse=falling)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            column = COLUMNS[index.column()]
            value = self.value(self.shown[index.row()], column)
            if column == "piece":
                return visible(value)
            return value if isinstance(value, str) else f"{value:,}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return t(f"pane.tokens.vocabulary.column.{COLUMNS[section]}")
        return None
