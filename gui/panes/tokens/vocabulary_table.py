"""All tokens of a model, searchable and sortable."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTableView, QWidget

from engine.messages.tokens import Vocabulary
from gui import layout
from gui.i18n import number, t
from gui.text import SIGNS, visible
from gui.theme import GAP_M, NORMAL
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
        self.view.sortByColumn(COLUMNS.index("count"), Qt.SortOrder.DescendingOrder)
        plain_table(self.view)
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.view.activated.connect(lambda index: self.chosen.emit(self.model.shown[index.row()]))
        self.search.textChanged.connect(self._search)
        layout.stack(self, self.search, self.view, self.found, spacing=GAP_M)
        self.restyle()
        self.retranslate()

    def restyle(self) -> None:
        font = self.content.font(NORMAL)
        for part in (self.view, self.view.horizontalHeader()):
            part.setFont(font)
        self.view.verticalHeader().setDefaultSectionSize(round(1.7 * self.content.px(NORMAL)))

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
        """Show the tokens whose piece contains `text`, as it is or as `visible` shows it, or the one with this ID."""
        pieces, wanted = self.vocabulary.pieces, text.lower()
        found = list(range(len(pieces)))
        if wanted:
            raw = _as_in_pieces(wanted)
            found = [token for token, piece in enumerate(pieces) if wanted in (low := piece.lower()) or raw in low]
            number = int(text) if text.isdecimal() and len(text) < 10 else -1
            if 0 <= number < len(pieces) and number not in found:
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
        if column == "count":
            counts = self.vocabulary.counts[np.array(items, np.intp)]
            return [items[place] for place in np.argsort(-counts if descending else counts, kind="stable").tolist()]
        if column == "kind":
            names = {kind: t(f"widget.token.kind.{kind}") for kind in set(self.vocabulary.kinds)}
            return sorted(items, key=lambda token: names[self.vocabulary.kinds[token]], reverse=descending)
        if column == "bytes":
            return sorted(items, key=self.vocabulary.data.__getitem__, reverse=descending)
        if column == "piece":
            return sorted(items, key=self.vocabulary.pieces.__getitem__, reverse=descending)
        return sorted(items, reverse=descending)


def _as_in_pieces(text: str) -> str:
    """Return the text that `visible` shows like this: "␣the" is " the", "0xe3" is "<0xe3>"."""
    for sign, shown in SIGNS.items():
        text = text.replace(shown, sign)
    return re.sub("^0x([0-9a-f]{1,2})$", r"<0x\1", text)
