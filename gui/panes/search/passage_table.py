"""Every passage of a collection with the numbers by which it was ranked, to be sorted by any of them."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer as Timer,
    Signal,
)
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableView

from engine.messages.search import Passage
from gui.i18n import t
from gui.panes.search.sources import one_line, place_of
from gui.themed import Themed

COLUMNS = ("rank", "cosine", "keyword", "score", "text", "source")
NUMBERS = COLUMNS[:4]
PAUSE_MS = 60  # texts are asked for when scrolling has rested for so long
MOST_TEXTS = 400  # asked for at once
Index = QModelIndex | QPersistentModelIndex


class PassageTable(Themed, QTableView):
    """Numbers of all, texts only of those that have been in view: `texts_wanted` asks for them."""

    selected = Signal(int)  # index of a passage
    opened = Signal(int)  # by Enter or a double click
    texts_wanted = Signal(object)  # tuple of indices

    def __init__(self) -> None:
        super().__init__()
        self.rows = _Passages()
        self.setModel(self.rows)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(COLUMNS.index("text"), QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(COLUMNS.index("source"), QHeaderView.ResizeMode.Interactive)
        header.setResizeContentsPrecision(50)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._pause = Timer(self, interval=PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._want_texts)
        self.verticalScrollBar().valueChanged.connect(lambda: self._pause.start())
        header.sortIndicatorChanged.connect(self._sorted)
        self.selectionModel().currentRowChanged.connect(self._moved)
        self.doubleClicked.connect(lambda index: self.opened.emit(int(self.rows.order_N[index.row()])))
        self._telling = True
        self.retranslate()

    def set_scores(
        self, cosines_N: NDArray[np.float32], keyword_N: NDArray[np.float32], scores_N: NDArray[np.float32]
    ) -> None:
        self._telling = False
        self.rows.set_scores(cosines_N, keyword_N, scores_N)
        self._telling = True
        self._pause.start()

    def set_passages(self, passages: Iterable[Passage]) -> None:
        self.rows.passages |= {passage.index: passage for passage in passages}
        self.rows.changed()

    def forget_passages(self) -> None:
        """Another version of the collection: indices mean other passages."""
        self.rows.passages = {}

    def set_hits(self, hits: dict[int, int]) -> None:
        """Which passages were taken, and as which source."""
        self.rows.hits = hits
        self.rows.changed()

    def select(self, index: int) -> None:
        """Marks a passage without telling anybody."""
        places = np.flatnonzero(self.rows.order_N == index)
        if len(places):
            self._telling = False
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self.rows.index(int(places[0]), 0), flags)
            self._telling = True

    def table_rows(self) -> list[tuple[object, ...]]:
        """All of them in the order shown; a text where it has been seen."""
        return [
            (*(self.rows.value(index, column) for column in NUMBERS), self.rows.text(index), self.rows.source(index))
            for index in self.rows.order_N.tolist()
        ]

    def header(self) -> tuple[str, ...]:
        return tuple(t(f"pane.search.passages.column.{column}") for column in COLUMNS)

    def retranslate(self) -> None:
        self.setAccessibleName(t("pane.search.passages.table"))
        self.rows.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        self.rows.changed()

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(int(self.rows.order_N[self.currentIndex().row()]))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        letter = self.fontMetrics().averageCharWidth()
        self.setColumnHidden(COLUMNS.index("keyword"), self.width() < 45 * letter)
        self.setColumnWidth(COLUMNS.index("source"), min(30 * letter, self.width() // 4))
        self._pause.start()

    def _sorted(self, column: int) -> None:
        """The arrow stays on the numbers by which the rows really are sorted."""
        self._pause.start()
        if COLUMNS[column] not in NUMBERS:
            by, falling = self.rows.sorted
            order = Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder
            self.horizontalHeader().setSortIndicator(COLUMNS.index(by), order)

    def _moved(self, current: QModelIndex) -> None:
        if self._telling and current.isValid():
            self.selected.emit(int(self.rows.order_N[current.row()]))

    def _want_texts(self) -> None:
        first = max(0, self.rowAt(0))
        last = self.rowAt(self.viewport().height())
        last = first + 60 if last < 0 else last + 20
        shown = self.rows.order_N[first : last + 1][:MOST_TEXTS].tolist()
        missing = tuple(index for index in shown if index not in self.rows.passages)
        if missing:
            self.texts_wanted.emit(missing)


class _Passages(QAbstractTableModel):
    """Rows are places of `order_N`; a passage is known by its index among N."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[str, NDArray[Any]] = {name: np.zeros(0) for name in NUMBERS}
        self.order_N: NDArray[np.intp] = np.zeros(0, np.intp)
        self.passages: dict[int, Passage] = {}
        self.hits: dict[int, int] = {}
        self.sorted = ("rank", False)

    def set_scores(
        self, cosines_N: NDArray[np.float32], keyword_N: NDArray[np.float32], scores_N: NDArray[np.float32]
    ) -> None:
        self.beginResetModel()
        ranks_N = np.empty(len(scores_N), np.int64)
        ranks_N[np.argsort(-scores_N, kind="stable")] = np.arange(1, len(scores_N) + 1)
        self.numbers = {"rank": ranks_N, "cosine": cosines_N, "keyword": keyword_N, "score": scores_N}
        self._sort()
        self.endResetModel()

    def changed(self) -> None:
        if len(self.order_N):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.order_N) - 1, len(COLUMNS) - 1))

    def value(self, index: int, column: str) -> int | float:
        number = self.numbers[column][index]
        return int(number) if column == "rank" else round(float(number), 6)

    def text(self, index: int) -> str:
        passage = self.passages.get(index)
        return one_line(passage.text) if passage else ""

    def source(self, index: int) -> str:
        passage = self.passages.get(index)
        return place_of(passage) if passage else ""

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if COLUMNS[column] in NUMBERS:  # texts are not all here, so there is no order among them
            self.sorted = (COLUMNS[column], order == Qt.SortOrder.DescendingOrder)
            self.layoutAboutToBeChanged.emit()
            marked = self.persistentIndexList()  # of the selection, which is to stay with its passages
            passages = [int(self.order_N[index.row()]) for index in marked]
            self._sort()
            places_N = np.argsort(self.order_N)
            moved = [self.index(int(places_N[p]), i.column()) for p, i in zip(passages, marked, strict=True)]
            self.changePersistentIndexList(marked, moved)
            self.layoutChanged.emit()

    def _sort(self) -> None:
        column, falling = self.sorted
        numbers = self.numbers[column]
        self.order_N = np.argsort(-numbers if falling else numbers, kind="stable")

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return len(self.order_N)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        passage, column = int(self.order_N[index.row()]), COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(passage, column)
        if role == Qt.ItemDataRole.ToolTipRole and column in ("text", "source"):
            known = self.passages.get(passage)
            return f"{place_of(known)}\n{known.text}" if known else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column in NUMBERS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and passage in self.hits:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _words(self, passage: int, column: str) -> str:
        if column in ("text", "source"):
            return self.text(passage) if column == "text" else self.source(passage)
        if column == "rank":
            return f"{int(self.numbers['rank'][passage]):,}"
        number = float(self.numbers[column][passage])
        return "–" if math.isnan(number) else f"{number:.4f}"

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return t(f"pane.search.passages.column.{COLUMNS[section]}")
            if role == Qt.ItemDataRole.ToolTipRole:
                return t(f"pane.search.passages.tip.{COLUMNS[section]}")
        return None
