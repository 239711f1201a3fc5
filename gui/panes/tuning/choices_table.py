"""The choices as a table: a column for each answer, the preferred one marked."""

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView

from engine.messages.choices import MOST_ANSWERS, Choice
from gui import theme
from gui.i18n import t
from gui.panes.tuning.judge_names import shown_judge
from gui.text import on_one_line
from gui.theme import NORMAL
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, RowTable

ANSWERS = tuple(f"answer_{place}" for place in range(MOST_ANSWERS))
Item = tuple[int, Choice]  # with its place in the list


def place_of(column: str) -> int:
    """Return which answer is in a column of ANSWERS."""
    return int(column.rpartition("_")[2])


class _Rows(ColumnModel):
    columns: ClassVar[tuple[str, ...]] = ("number", "prompt", *ANSWERS, "judge")
    numeric: ClassVar[tuple[str, ...]] = ("number",)

    def heading(self, column: str) -> str:
        if column in ANSWERS:
            return t("pane.tuning.choices.column.answer", number=place_of(column) + 1)
        return t(f"pane.tuning.choices.column.{column}")

    def text(self, item: Item, column: str) -> str:
        row, choice = item
        if column == "number":
            return str(row + 1)
        if column == "judge":
            return shown_judge(choice.judge)
        if column == "prompt":
            return on_one_line(choice.prompt)
        place = place_of(column)
        if place >= len(choice.answers):
            return ""
        words = on_one_line(choice.answers[place].strip())
        return f"✓ {words}" if is_best(choice, place) else words

    def look(self, item: Item, column: str, role: int) -> Any:
        shown, choice = theme.current().content, item[1]
        best = column in ANSWERS and is_best(choice, place_of(column))
        if role == Qt.ItemDataRole.FontRole:
            return shown.font(NORMAL, bold=best)
        if role == Qt.ItemDataRole.ForegroundRole and column in ANSWERS and not best:
            return shown.color("muted")
        if role == Qt.ItemDataRole.ToolTipRole:
            return choice.answers[place_of(column)] if column in ANSWERS[: len(choice.answers)] else choice.prompt
        return None

    def ordered(self, items: Sequence[Item], column: str, descending: bool) -> list[Item]:
        key = (lambda item: item[0]) if column == "number" else (lambda item: self.text(item, column))
        return sorted(items, key=key, reverse=descending)


def is_best(choice: Choice, place: int) -> bool:
    """Return whether an answer is preferred to another one, and none is preferred to it."""
    decided = bool(choice.pairs)
    return decided and place < len(choice.ranks) and choice.ranks[place] == min(choice.ranks)


class ChoicesTable(Themed, RowTable):
    preferred = Signal(int, int)  # by a double click: the row of the list, and the answer's place

    def __init__(self) -> None:
        self.rows = _Rows()
        super().__init__(self.rows)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(lambda index: self._prefer(index.row(), _Rows.columns[index.column()]))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for name in ("number", "judge"):
            header.setSectionResizeMode(_Rows.columns.index(name), QHeaderView.ResizeMode.ResizeToContents)

    def show_choices(self, choices: Sequence[Choice]) -> None:
        """Show choices; the current row stays the current one."""
        current = self.currentIndex()
        most = max((len(choice.answers) for choice in choices), default=2)
        self.rows.show_items(list(enumerate(choices)))
        for place, column in enumerate(ANSWERS):
            self.setColumnHidden(_Rows.columns.index(column), place >= max(2, most))
        row = min(current.row(), len(choices) - 1)
        if row >= 0:
            self.setCurrentIndex(self.rows.index(row, max(0, current.column())))

    def selected(self) -> list[int]:
        """Return the rows of the list that are selected."""
        return sorted(self.rows.shown[index.row()][0] for index in self.selectionModel().selectedRows())

    def _prefer(self, row: int, column: str) -> None:
        if column in ANSWERS:
            self.preferred.emit(self.rows.shown[row][0], place_of(column))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave letters and digits to the page, which changes the choice; Qt would search for them."""
        if event.text().isprintable() and event.text() and not event.text().isspace():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def restyle(self) -> None:
        height = self.content.px(2 * NORMAL)
        self.verticalHeader().setDefaultSectionSize(height)
        self.rows.update_texts()

    def retranslate(self) -> None:
        self.setAccessibleName(t("pane.tuning.choices.view.list"))
        self.rows.update_texts()
