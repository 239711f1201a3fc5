"""Each cited sentence of the answer beside the sentence of its source."""

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from engine.messages.search import Answered, Citation, SearchHit
from gui import layout
from gui.i18n import t
from gui.panes.search.sources import one_line, place_of, source_color
from gui.text import tip
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.column_model import plain_table

COLUMNS = ("answer", "source", "says")


class CitationTable(Themed, QWidget):
    opened = Signal(object)  # Citation

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answered: Answered | None = None
        self.hits: tuple[SearchHit, ...] = ()
        self.words, self.table = layout.label("muted", wraps=True), _Table(0, len(COLUMNS))
        self.table.opened.connect(lambda row: self.opened.emit(self.citations[row]))
        layout.stack(self, self.words, self.table, spacing=GAP_M).setStretch(1, 1)
        self.restyle()
        self.retranslate()

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self.answered.citations if self.answered else ()

    def set_answer(self, answered: Answered | None, hits: tuple[SearchHit, ...]) -> None:
        self.answered, self.hits = answered, hits
        self.table.setVisible(bool(self.citations))
        key = "waiting" if answered is None else "words" if self.citations else "none"
        self.words.setText(t(f"pane.search.citations.{key}"))
        self.table.setRowCount(len(self.citations))
        for y, row in enumerate(self.rows()):
            for x, words in enumerate(row):
                item = QTableWidgetItem(str(words))
                item.setToolTip(tip(str(words)))
                if COLUMNS[x] == "source":
                    item.setForeground(source_color(self.theme, self.citations[y].source))
                self.table.setItem(y, x, item)
        self.table.resizeRowsToContents()

    def rows(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for cited in self.citations:
            passage = self.hits[cited.source].passage
            quote = one_line(passage.text[cited.source_start : cited.source_end])
            sentence = one_line(self.answered.text[cited.start : cited.end]) if self.answered else ""
            rows.append((sentence, f"{cited.source + 1}  {place_of(passage)}", quote))
        return rows

    def header(self) -> tuple[str, ...]:
        return tuple(t(f"pane.search.citations.column.{column}") for column in COLUMNS)

    def retranslate(self) -> None:
        self.table.setHorizontalHeaderLabels(self.header())
        self.table.setAccessibleName(t("pane.search.citations.table"))
        self.set_answer(self.answered, self.hits)

    def restyle(self) -> None:
        self.set_answer(self.answered, self.hits)


class _Table(QTableWidget):
    opened = Signal(int)  # a row, by a click or Enter

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(rows, columns)
        plain_table(self, grid=False)
        self.setWordWrap(True)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.cellClicked.connect(lambda row, _: self.opened.emit(row))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.opened.emit(self.currentRow())
        else:
            super().keyPressEvent(event)
