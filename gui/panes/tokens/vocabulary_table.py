"""All tokens of a model, searchable and sortable."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTableView, QWidget

from engine.messages.tokens import Vocabulary
from gui import layout
from gui.i18n import number, t
from gui.text import visible
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, plain_table

COLUMNS = ("id", "piece", "bytes", "kind", "count")


class VocabularyTable(Themed, QWidget):
    chosen = Signal(int)  # token ID

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = _Vocabulary()
        self.search, self.view, self.found = QLineEdit(), QTableView(), layout.label("muted")
        self.search.setClearButtonEnabled(True)
        self.view.setModel(self.model)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        plain_table(self.view)
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.view.activated.connect(lambda index: self.chosen.emit(self.model.shown[index.row()]))
        self.search.textChanged.connect(self._search)
        layout.stack(self, self.search, self.view, self.found, spacing=GAP_M)
        self.retranslate()

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        self.model.vocabulary = vocabulary
        self._search()

    def rows(self) -> list[tuple[object, ...]]:
        """Return the tokens that were found, as numbers and words."""
        model = self.model
        return [tuple(model.value(token, column) for column in COLUMNS) for token in model.shown]

    def retranslate(self) -> None:
        self.search.setPlaceholderText(t("pane.tokens.vocabulary.search"))
        self.search.setAccessibleName(t("pane.tokens.vocabulary.search"))
        self.view.setAccessibleName(t("pane.tokens.vocabulary.table"))
        self.model.update_texts()
        self._show_found()

    def _search(self) -> None:
        self.model.search(self.search.text())
        self._show_found()

    def _show_found(self) -> None:
        found, every = len(self.model.shown), len(self.model.vocabulary.pieces)
        self.found.setText(t("pane.tokens.vocabulary.found", found=number(found), all=number(every)))


class _Vocabulary(ColumnModel):
    """Items are token IDs."""

    columns = COLUMNS

    def __init__(self) -> None:
        super().__init__()
        self.vocabulary = Vocabulary((), (), (), np.zeros(0, np.int64))

    def search(self, text: str) -> None:
        """Show the tokens whose piece contains `text`, or the token with this ID."""
        wanted = text.lower()
        found = [
            token
            for token, piece in enumerate(self.vocabulary.pieces)
            if wanted in visible(piece).lower() or wanted in piece.lower()
        ]
        number = int(text) if text.isdecimal() and len(text) < 10 else -1
        if 0 <= number < len(self.vocabulary.pieces) and number not in found:
            found.append(number)
        self.show_items(found)

    def value(self, token: int, column: str) -> Any:
        if column == "id":
            return token
        if column == "count":
            return int(self.vocabulary.counts[token])
        if column == "bytes":
            return self.vocabulary.data[token].hex(" ").upper()
        if column == "kind":
            return t(f"widget.token.kind.{self.vocabulary.kinds[token]}")
        return self.vocabulary.pieces[token]

    def heading(self, column: str) -> str:
        return t(f"pane.tokens.vocabulary.column.{column}")

    def text(self, item: int, column: str) -> str:
        value = self.value(item, column)
        if column == "piece":
            return visible(value)
        return value if isinstance(value, str) else number(value)

    def ordered(self, items: Sequence[int], column: str, descending: bool) -> list[int]:
        return sorted(items, key=lambda token: self.value(token, column), reverse=descending)
