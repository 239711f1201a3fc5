"""A table of pairs of prompt and answer to type in; its last row is empty and takes the next pair."""

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QTableView

from engine.messages.tuning import Pair
from gui import theme
from gui.i18n import number, t
from gui.text import on_one_line, tip
from gui.theme import NORMAL
from gui.themed import Themed
from gui.widgets.entries import text_only

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("prompt", "answer")
MOST_UNDONE = 50
MOST_PAIRS = 100_000
Pairs = tuple[Pair, ...]


class PairModel(QAbstractTableModel):
    """The pairs are a tuple that every change replaces, so that a change is undone by taking the one before."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.pairs: Pairs = ()
        self._before: list[Pairs] = []
        self._after: list[Pairs] = []

    def set_pairs(self, pairs: Iterable[Pair]) -> None:
        """Replace all pairs, which can be undone."""
        found = tuple(pairs)[:MOST_PAIRS]
        if found != self.pairs:
            self._before = [*self._before, self.pairs][-MOST_UNDONE:]
            self._after.clear()
            self._show(found)

    def undo(self) -> None:
        if self._before:
            self._after.append(self.pairs)
            self._show(self._before.pop())

    def redo(self) -> None:
        if self._after:
            self._before.append(self.pairs)
            self._show(self._after.pop())

    def _show(self, pairs: Pairs) -> None:
        """Show these pairs; rows at the end are added or removed, so that a view keeps its place."""
        none, old, new = QModelIndex(), len(self.pairs), len(pairs)
        if new > old:
            self.beginInsertRows(none, old + 1, new)
            self.pairs = pairs
            self.endInsertRows()
        elif new < old:
            self.beginRemoveRows(none, new + 1, old)
            self.pairs = pairs
            self.endRemoveRows()
        self.pairs = pairs
        self.dataChanged.emit(self.index(0, 0), self.index(new, len(COLUMNS) - 1))
        self.changed.emit()

    def put(self, row: int, column: int, cells: list[list[str]]) -> None:
        """Write a block of cells with its corner at this place; rows below the last one are added."""
        pairs = list(self.pairs)
        pairs += [Pair("", "")] * (row + len(cells) - len(pairs))
        for place, words in enumerate(cells, start=row):
            values = dict(zip(COLUMNS[column:], words, strict=False))
            pairs[place] = replace(pairs[place], group="", **values)
        self.set_pairs(pair for pair in pairs if pair.prompt or pair.answer)

    def remove(self, rows: Iterable[int]) -> None:
        gone = set(rows)
        self.set_pairs(pair for place, pair in enumerate(self.pairs) if place not in gone)

    # --- What Qt calls ---------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return len(self.pairs) + 1

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if index.row() >= len(self.pairs):
            return self._invitation(index, role)
        words: str = getattr(self.pairs[index.row()], COLUMNS[index.column()])
        if role == Qt.ItemDataRole.DisplayRole:
            return on_one_line(words)
        if role == Qt.ItemDataRole.EditRole:
            return words
        return tip(words) if role == Qt.ItemDataRole.ToolTipRole else None

    def _invitation(self, index: Index, role: int) -> Any:
        """Return what the empty row shows."""
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.current().color("muted")
        shown = role == Qt.ItemDataRole.DisplayRole and index.column() == 0
        return t("pane.tuning.examples.new") if shown else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        words = text_only(str(value))
        if words or index.row() < len(self.pairs):
            self.put(index.row(), index.column(), [[words]])
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return t(f"pane.tuning.examples.column.{COLUMNS[section]}")
        return number(section + 1) if section < len(self.pairs) else "+"


def cells_of(text: str) -> list[list[str]]:
    """Return the cells of text copied from a spreadsheet: rows on lines, columns by tabs, quoted as in CSV."""
    # The default refuses a cell of 128 KiB. The limit is that of all readers in the process: it is never lowered.
    csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    rows = csv.reader(io.StringIO(text_only(text.replace("\r\n", "\n")), newline=""), delimiter="\t")
    return [cells for cells in rows if any(cells)]


def as_cells(rows: Iterable[Iterable[str]]) -> str:
    """Return cells as a spreadsheet takes them; `cells_of` reads them back."""
    written = io.StringIO()
    csv.writer(written, delimiter="\t", lineterminator="\n").writerows(rows)
    return written.getvalue()


class PairTable(Themed, QTableView):
    """Return or a double click begins to edit, since letters and digits are keys of the window.

    Delete removes the selected pairs, Ctrl+Z and Ctrl+Y undo and redo, Ctrl+C and Ctrl+V copy and paste.
    """

    file_dropped = Signal(str)
    row_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows = PairModel()
        self.setModel(self.rows)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAcceptDrops(True)
        self.setEditTriggers(self.EditTrigger.DoubleClicked | self.EditTrigger.EditKeyPressed)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.selectionModel().currentRowChanged.connect(lambda *_: self.row_changed.emit())
        self.restyle()

    def current_pair(self) -> Pair | None:
        """Return the pair in the current row, or the first one."""
        place = max(0, self.currentIndex().row())
        return self.rows.pairs[place] if place < len(self.rows.pairs) else None

    def chosen_rows(self) -> list[int]:
        return sorted({index.row() for index in self.selectedIndexes() if index.row() < len(self.rows.pairs)})

    def add_row(self) -> None:
        """Begin to type in the empty row."""
        place = self.rows.index(len(self.rows.pairs), 0)
        self.setFocus()
        self.setCurrentIndex(place)
        self.edit(place)

    def remove_rows(self) -> None:
        self.rows.remove(self.chosen_rows())

    def copy(self) -> None:
        pairs = [self.rows.pairs[row] for row in self.chosen_rows()]
        if pairs:
            QGuiApplication.clipboard().setText(as_cells((pair.prompt, pair.answer) for pair in pairs))

    def paste(self) -> None:
        cells, place = cells_of(QGuiApplication.clipboard().text()), self.currentIndex()
        if cells:
            wide = max(map(len, cells)) > 1
            row = place.row() if place.isValid() else len(self.rows.pairs)
            self.rows.put(row, 0 if wide else max(0, place.column()), cells)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        for key, act in (
            (QKeySequence.StandardKey.Undo, self.rows.undo),
            (QKeySequence.StandardKey.Redo, self.rows.redo),
            (QKeySequence.StandardKey.Copy, self.copy),
            (QKeySequence.StandardKey.Paste, self.paste),
            (QKeySequence.StandardKey.Delete, self.remove_rows),
        ):
            if event.matches(key):
                act()
                return
        confirmed = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if confirmed and self.currentIndex().isValid() and self.state() != self.State.EditingState:
            self.edit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.file_dropped.emit(paths[0])

    def restyle(self) -> None:
        self.setFont(self.content.font(NORMAL))
        self.verticalHeader().setDefaultSectionSize(round(1.7 * self.content.px(NORMAL)))
