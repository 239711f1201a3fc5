"""Every passage of a collection with the scores by which it is ranked, sortable by each of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QResizeEvent

from engine.messages.search import Passage
from gui.i18n import number, t
from gui.panes.search.sources import one_line, place_of
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, RowTable

COLUMNS = ("rank", "cosine", "keyword", "score", "text", "source")
NUMBERS = COLUMNS[:4]
PAUSE_MS = 60  # texts are loaded once scrolling has paused for this long
MOST_TEXTS = 400  # loaded at once


class PassageTable(Themed, RowTable):
    """Shows the scores of all passages, but texts only of those that have been in view: `texts_wanted` loads them."""

    selected = Signal(int)  # index of a passage
    opened = Signal(int)  # the same
    texts_wanted = Signal(object)  # tuple of indices

    def __init__(self) -> None:
        self.rows = _Passages()
        super().__init__(self.rows)
        self.setSortingEnabled(True)
        self.setSelectionMode(RowTable.SelectionMode.SingleSelection)
        self.size_columns(wide=COLUMNS.index("text"), adjustable=COLUMNS.index("source"))
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._pause = QTimer(self)
        self._pause.setInterval(PAUSE_MS)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._load_texts)
        self.verticalScrollBar().valueChanged.connect(lambda: self._pause.start())
        self.horizontalHeader().sortIndicatorChanged.connect(self._show_sorted)
        self.selectionModel().currentRowChanged.connect(self._select)
        self.row_opened.connect(lambda row: self.opened.emit(self.rows.shown[row]))
        self.retranslate()

    def set_scores(
        self, cosines_N: NDArray[np.float32], keyword_N: NDArray[np.float32], scores_N: NDArray[np.float32]
    ) -> None:
        with QSignalBlocker(self):
            self.rows.set_scores(cosines_N, keyword_N, scores_N)
        self._pause.start()

    def set_passages(self, passages: Iterable[Passage]) -> None:
        """Add the texts of these passages."""
        self.rows.passages |= {passage.index: passage for passage in passages}
        self.rows.update_texts()

    def forget_passages(self) -> None:
        """Remove all texts, because in a new version of the collection the indices belong to other passages."""
        self.rows.passages = {}

    def set_hits(self, hits: Sequence[Passage]) -> None:
        """Add the texts of the hits, best first, and highlight them."""
        self.rows.hits = {passage.index for passage in hits}
        self.set_passages(hits)

    def select(self, index: int) -> None:
        """Select a passage without emitting `selected`."""
        if index in self.rows.shown:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            with QSignalBlocker(self):
                self.selectionModel().setCurrentIndex(self.rows.index(self.rows.shown.index(index), 0), flags)

    def table_rows(self) -> list[tuple[object, ...]]:
        """Return all rows in the order shown; texts that are not loaded are empty."""
        return [
            (*(self.rows.value(index, column) for column in NUMBERS), self.rows.passage(index), self.rows.source(index))
            for index in self.rows.shown
        ]

    def header(self) -> tuple[str, ...]:
        return tuple(map(self.rows.heading, COLUMNS))

    def retranslate(self) -> None:
        self.setAccessibleName(t("pane.search.passages.table"))
        self.rows.update_texts()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        letter = self.fontMetrics().averageCharWidth()
        self.setColumnHidden(COLUMNS.index("keyword"), self.width() < 45 * letter)
        self.setColumnWidth(COLUMNS.index("source"), min(30 * letter, self.width() // 4))
        self._pause.start()

    def _show_sorted(self, column: int) -> None:
        """Keep the arrow on the column by which the rows are sorted."""
        self._pause.start()
        if not self.rows.can_sort(COLUMNS[column]):
            name, descending = self.rows.sorted_by
            order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            self.horizontalHeader().setSortIndicator(COLUMNS.index(name), order)

    def _select(self, current: QModelIndex) -> None:
        if current.isValid():
            self.selected.emit(self.rows.shown[current.row()])

    def _load_texts(self) -> None:
        first, last = max(0, self.rowAt(0)), self.rowAt(self.viewport().height())
        last = first + 60 if last < 0 else last + 20
        shown = self.rows.shown[first : last + 1][:MOST_TEXTS]
        missing = tuple(index for index in shown if index not in self.rows.passages)
        if missing:
            self.texts_wanted.emit(missing)


class _Passages(ColumnModel):
    """Items are the indices of passages among N."""

    columns, numeric = COLUMNS, NUMBERS

    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[str, NDArray[Any]] = {name: np.zeros(0) for name in NUMBERS}
        self.passages: dict[int, Passage] = {}
        self.hits: set[int] = set()

    def set_scores(
        self, cosines_N: NDArray[np.float32], keyword_N: NDArray[np.float32], scores_N: NDArray[np.float32]
    ) -> None:
        ranks_N = np.empty(len(scores_N), np.int64)
        ranks_N[np.argsort(-scores_N, kind="stable")] = np.arange(1, len(scores_N) + 1)
        self.numbers = {"rank": ranks_N, "cosine": cosines_N, "keyword": keyword_N, "score": scores_N}
        self.show_items(range(len(scores_N)))

    def value(self, index: int, column: str) -> int | float:
        value = self.numbers[column][index]
        return int(value) if column == "rank" else round(float(value), 6)

    def passage(self, index: int) -> str:
        """Return the text of a passage; "" if it is not loaded."""
        return one_line(self.passages[index].text) if index in self.passages else ""

    def source(self, index: int) -> str:
        return place_of(self.passages[index]) if index in self.passages else ""

    def heading(self, column: str) -> str:
        return t(f"pane.search.passages.column.{column}")

    def heading_tip(self, column: str) -> str:
        return t(f"pane.search.passages.tip.{column}")

    def text(self, item: int, column: str) -> str:
        if column not in NUMBERS:
            return self.passage(item) if column == "text" else self.source(item)
        if column == "rank":
            return number(int(self.numbers["rank"][item]))
        value = float(self.numbers[column][item])
        return "–" if math.isnan(value) else number(value, 4)

    def look(self, item: int, column: str, role: int) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole and column not in NUMBERS and item in self.passages:
            return f"{self.source(item)}\n{self.passages[item].text}"
        if role == Qt.ItemDataRole.FontRole and item in self.hits:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def can_sort(self, column: str) -> bool:
        return column in NUMBERS  # most texts are not loaded

    def ordered(self, items: Sequence[int], column: str, descending: bool) -> list[int]:
        numbers = self.numbers[column]
        return np.argsort(-numbers if descending else numbers, kind="stable").tolist()
