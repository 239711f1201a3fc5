"""Tokenizers compared: the number of tokens of the same text, and of the same sentence in two languages."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from engine.messages.tokens import TokenizerColumn
from gui.i18n import number, t
from gui.layout import label, stack
from gui.panes.tokens.token_flow import TokenFlow
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.column_model import plain_table

COLUMNS = ("name", "vocabulary", "tokens", "ratio", "cost", "english", "japanese", "times")
DIGITS = {"ratio": 2, "times": 2, "cost": 2}  # after the decimal point: fixed, so that the points align


class TokenizerTable(Themed, QWidget):
    sentences_changed = Signal()
    price_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: list[TokenizerColumn] = []
        self.english, self.japanese, self.price = QLineEdit(), QLineEdit(), QDoubleSpinBox()
        self.labels = {name: label() for name in ("english", "japanese", "price")}
        self.price.setRange(0.0, 100_000.0)
        self.table = QTableWidget(0, len(COLUMNS))
        plain_table(self.table)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setSizeAdjustPolicy(QAbstractItemView.SizeAdjustPolicy.AdjustToContents)
        self.flow = TokenFlow()
        self.table.itemSelectionChanged.connect(self._show_chips)
        for field in (self.english, self.japanese):
            field.editingFinished.connect(self.sentences_changed)
        self.price.valueChanged.connect(self._price_changed)
        line = QHBoxLayout()
        fields: dict[str, QWidget] = {"english": self.english, "japanese": self.japanese, "price": self.price}
        for name, widget in fields.items():
            self.labels[name].setProperty("role", "muted")
            line.addWidget(self.labels[name])
            line.addWidget(widget, 0 if name == "price" else 1)
        stack(self, line, self.table, self.flow, spacing=GAP_M).setStretchFactor(self.flow, 1)
        self.retranslate()

    def set_columns(self, found: list[TokenizerColumn]) -> None:
        chosen = max(0, self.table.currentRow())
        self.found = found
        self._fill()
        self.table.selectRow(min(chosen, len(found) - 1))
        self._show_chips()

    def rows(self) -> list[tuple[object, ...]]:
        """Return a row per tokenizer, in the order of COLUMNS; costs are per million tokens."""
        return [
            (
                t(f"pane.tokens.tokenizers.name.{column.name}"),
                column.vocabulary,
                column.count,
                round(column.characters / max(1, column.count), 2),
                round(column.count / 1e6 * self.price.value(), 6),
                column.english,
                column.japanese,
                round(column.japanese / max(1, column.english), 2),
            )
            for column in self.found
        ]

    def header(self) -> tuple[str, ...]:
        return tuple(t(f"pane.tokens.tokenizers.column.{name}") for name in COLUMNS)

    def retranslate(self) -> None:
        for name, caption in self.labels.items():
            caption.setText(t(f"pane.tokens.tokenizers.{name}"))
        for field, name in ((self.english, "english"), (self.japanese, "japanese"), (self.price, "price")):
            field.setAccessibleName(t(f"pane.tokens.tokenizers.{name}"))
        self.table.setHorizontalHeaderLabels(self.header())
        self.table.setAccessibleName(t("pane.tokens.tokenizers.table"))
        self._fill()

    def _price_changed(self) -> None:
        self._fill()
        self.price_changed.emit()

    def _fill(self) -> None:
        rows = self.rows()
        self.table.setRowCount(len(rows))
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                words = number(value, _digits(COLUMNS[x], value)) if isinstance(value, int | float) else str(value)
                item = QTableWidgetItem(words)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter if x == 0 else right)
                self.table.setItem(y, x, item)
        self.table.setColumnHidden(COLUMNS.index("cost"), self.price.value() == 0.0)

    def _show_chips(self) -> None:
        row = self.table.currentRow()
        self.flow.set_tokens(self.found[row].tokens if 0 <= row < len(self.found) else None)


def _digits(column: str, value: float) -> int:
    """Return the digits after the decimal point; a cost below a cent has more."""
    return 6 if column == "cost" and 0 < value < 0.01 else DIGITS.get(column, 0)
