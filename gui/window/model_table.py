"""The table of the models on this computer: what they need, where they are from, and which of them open."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QResizeEvent

from engine.messages.models import StoredModel
from gui import theme
from gui.i18n import t
from gui.text import shown_name, size_words
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, RowTable

COLUMNS = ("name", "family", "parameters", "size", "memory", "origin", "state")
NUMBERS = ("parameters", "size", "memory")
NARROW = 600  # pixels at zoom 1 for the columns of figures
PROGRAMS = {"nakami": "Nakami", "huggingface": "Hugging Face", "ollama": "Ollama", "lmstudio": "LM Studio"}


def reason_of(model: StoredModel) -> str:
    """Return why a model does not open, with names of files instead of their paths; "" if it opens."""
    if model.opens:
        return ""
    arguments = {name: shown_name(a) if isinstance(a, str) else a for name, a in model.arguments.items()}
    for name in ("file", "folder"):
        path = str(model.arguments.get(name, ""))
        arguments[name] = model.name if path == model.path else Path(path).name
    return t(model.reason, **arguments)


def origin_of(model: StoredModel) -> str:
    """Return where a model is from."""
    return PROGRAMS.get(model.origin) or t(f"models.origin.{model.origin}")


def short_count(count: int) -> str:
    """Return a number of parameters as it is part of the names of models: 1.8M, 135M, 1.5B; "–" for 0."""
    if not count:
        return "–"
    value, unit = (count / 1e9, "B") if count >= 1e9 else (count / 1e6, "M")
    return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"


class ModelTable(Themed, RowTable):
    """Rows of models. A click on a heading sorts by it; the selection stays while rows are added."""

    selected = Signal(object)  # StoredModel, or None
    opened = Signal(object)  # StoredModel

    def __init__(self) -> None:
        self.rows = _Models()
        super().__init__(self.rows)
        self.setSortingEnabled(True)
        self.setSelectionMode(RowTable.SelectionMode.SingleSelection)
        self.size_columns(wide=COLUMNS.index("name"), adjustable=COLUMNS.index("state"))
        self.selectionModel().currentRowChanged.connect(lambda *_: self.selected.emit(self.current))
        self.row_opened.connect(lambda row: self.opened.emit(self.rows.shown[row]))
        self.restyle()
        self.retranslate()

    @property
    def current(self) -> StoredModel | None:
        """The selected model."""
        index = self.currentIndex()
        return self.rows.shown[index.row()] if index.isValid() else None

    def show_models(self, models: Sequence[StoredModel]) -> None:
        """Show these models in the order chosen, and select the one that was selected if it is among them."""
        before, place = self.current, self.verticalScrollBar().value()
        self.rows.show_items(models)
        if before is not None:
            self.select(before.path)
        self.verticalScrollBar().setValue(place)

    def select(self, path: str) -> None:
        """Select the model with this path, if it is shown."""
        row = next((row for row, model in enumerate(self.rows.shown) if model.path == path), None)
        if row is not None:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(self.rows.index(row, 0), flags)

    def sort_by(self, column: str, descending: bool) -> None:
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.sortByColumn(COLUMNS.index(column), order)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give most of a narrow table to the names, and half of what a wide one has left to the reasons."""
        super().resizeEvent(event)
        spare = (self.width() - self.theme.px(NARROW)) // 2
        self.setColumnWidth(COLUMNS.index("state"), max(self.width() // 8, spare))

    def retranslate(self) -> None:
        self.setAccessibleName(t("models.table"))
        self.rows.update_texts()

    def restyle(self) -> None:
        self.rows.update_texts()


class _Models(ColumnModel):
    columns, numeric = COLUMNS, NUMBERS

    def heading(self, column: str) -> str:
        return t(f"models.column.{column}")

    def heading_tip(self, column: str) -> str:
        return t(f"models.tip.{column}")

    def text(self, item: StoredModel, column: str) -> str:
        match column:
            case "name":
                return shown_name(item.name)
            case "family":
                return item.family or "–"
            case "parameters":
                return short_count(item.parameters)
            case "size":
                return size_words(item.size)
            case "memory":
                return size_words(item.memory)
            case "origin":
                return origin_of(item)
        return reason_of(item) or t("models.opens")

    def look(self, item: StoredModel, column: str, role: int) -> Any:
        if role == Qt.ItemDataRole.ForegroundRole and not item.opens:
            return theme.current().color("faint")
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{item.path}\n{reason_of(item)}".strip()
        return None

    def ordered(self, items: Sequence[StoredModel], column: str, descending: bool) -> list[StoredModel]:
        def key(model: StoredModel) -> Any:
            if column in NUMBERS:
                return getattr(model, column)
            if column == "state":
                return not model.opens, self.text(model, column).lower()
            return self.text(model, column).lower()

        by_name = sorted(items, key=lambda model: model.name.lower())
        return sorted(by_name, key=key, reverse=descending)
