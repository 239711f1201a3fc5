"""Tables of many rows: a model that sorts by a column, and views of whole rows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView, QTableView

from gui.text import tip

Index = QModelIndex | QPersistentModelIndex
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ColumnModel(QAbstractTableModel):
    """The rows are the items in `shown`; columns are identified by name.

    Items are sorted here and not by a QSortFilterProxyModel, which calls Python for every comparison: too slow for
    the 50,000 tokens of a vocabulary. A subclass sorts all of them in one call.
    """

    columns: ClassVar[tuple[str, ...]]
    numeric: ClassVar[tuple[str, ...]] = ()  # right-aligned columns

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Any] = []
        self.sorted_by = (self.columns[0], False)  # column, and whether descending

    # --- For subclasses to override --------------------------------------------------------------

    def heading(self, column: str) -> str:
        raise NotImplementedError

    def heading_tip(self, column: str) -> str | None:
        return None

    def text(self, item: Any, column: str) -> str:
        raise NotImplementedError

    def look(self, item: Any, column: str, role: int) -> Any:
        """Return the value for any role except the text and the alignment."""
        return None

    def can_sort(self, column: str) -> bool:
        return True

    def ordered(self, items: Sequence[Any], column: str, descending: bool) -> list[Any]:
        """Return the items in the order of a column. Items of a sortable table are hashable."""
        return list(items)

    # --- For the table ---------------------------------------------------------------------------

    def show_items(self, items: Sequence[Any]) -> None:
        """Show these items, in the order of the column chosen last."""
        self.beginResetModel()
        self.shown = self.ordered(items, *self.sorted_by)
        self.endResetModel()

    def update_texts(self) -> None:
        """Show the texts of all items and headings again."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)
        if self.shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.shown) - 1, len(self.columns) - 1))

    # --- What Qt calls ---------------------------------------------------------------------------

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, if it can be sorted by; the selection stays with its items."""
        if not self.can_sort(self.columns[column]):
            return
        self.sorted_by = (self.columns[column], order == Qt.SortOrder.DescendingOrder)
        self.layoutAboutToBeChanged.emit()
        marked = self.persistentIndexList()
        items = [self.shown[index.row()] for index in marked]
        self.shown = self.ordered(self.shown, *self.sorted_by)
        wanted = set(items)
        rows = {item: row for row, item in enumerate(self.shown) if item in wanted} if wanted else {}
        moved = [self.index(rows[item], index.column()) for item, index in zip(items, marked, strict=True)]
        self.changePersistentIndexList(marked, moved)
        self.layoutChanged.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item, column = self.shown[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(item, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column in self.numeric else LEFT
        value = self.look(item, column, role)
        return tip(value) if role == Qt.ItemDataRole.ToolTipRole and isinstance(value, str) else value

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.heading(self.columns[section])
            if role == Qt.ItemDataRole.ToolTipRole:
                return self.heading_tip(self.columns[section])
        return None


def plain_table(view: QTableView, grid: bool = True) -> None:
    """Make a view read-only: whole rows are selected, Tab leaves it, and there are no row numbers."""
    view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setTabKeyNavigation(False)
    view.setShowGrid(grid)
    view.verticalHeader().hide()
    if not grid:
        view.horizontalHeader().setDefaultAlignment(LEFT)


class RowTable(QTableView):
    """A table of a ColumnModel. Return or a double click opens a row."""

    row_opened = Signal(int)

    def __init__(self, rows: ColumnModel) -> None:
        super().__init__()
        self.setModel(rows)
        plain_table(self, grid=False)
        self.setWordWrap(False)
        self.horizontalHeader().setResizeContentsPrecision(50)
        self.doubleClicked.connect(lambda index: self.row_opened.emit(index.row()))

    def size_columns(self, wide: int, adjustable: int) -> None:
        """Give one column the remaining width, let the user set that of another, and fit the others to their words."""
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(adjustable, QHeaderView.ResizeMode.Interactive)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.row_opened.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)
