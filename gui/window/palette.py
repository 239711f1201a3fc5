"""A field that finds any pane, example, model or command by a few letters, and does what is chosen (Ctrl+K)."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from gui.i18n import t
from gui.layout import column
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.entries import prepare_entries

WIDTH, HEIGHT = 680, 460  # pixels at zoom 1
TO_LIST = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class Choice:
    kind: str  # "palette.kind.KIND" is what it is called
    words: str
    also: str  # more words by which it is found, such as those in the other language
    act: Callable[[], object]
    keys: str = ""


def rank(typed: str, choices: Iterable[Choice]) -> list[Choice]:
    """Return the choices that contain all typed words, the best first: at its start, at the start of a word, inside.

    A word that is nowhere may also be spread over the choice in this order: "kmw" finds "King − man + woman".
    """
    wanted = _plain(typed).split()
    scored = []
    for place, choice in enumerate(choices):
        costs = [_cost(word, _plain(choice.words), _plain(choice.also)) for word in wanted]
        if all(cost is not None for cost in costs):
            scored.append((sum(cost for cost in costs if cost is not None), place, choice))
    return [choice for _, _, choice in sorted(scored, key=lambda entry: entry[:2])]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _cost(word: str, words: str, also: str) -> int | None:
    """Return how badly a typed word fits, 0 for best, or None if it does not."""
    if words.startswith(word):
        return 0
    if f" {word}" in words:
        return 1
    if word in words:
        return 2
    if word in also:
        return 3
    letters = iter(words)
    return 4 if all(letter in letters for letter in word) else None


class Palette(Themed, QDialog):
    """Shows the choices that fit what is typed; Return or a click does the current one and closes the palette."""

    def __init__(self, choices: list[Choice], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._choices = choices
        self.shown: list[Choice] = []
        self.field, self.list = QLineEdit(), QTreeWidget()
        self.list.setColumnCount(3)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda _: self.accept())
        self.field.textChanged.connect(lambda: self._show())
        self.field.installEventFilter(self)
        self.setLayout(column(self.field, self.list, spacing=GAP_M, margins=(GAP_M,) * 4))
        prepare_entries(self)
        self.retranslate()
        self._show()
        self._place(parent)

    def _place(self, window: QWidget) -> None:
        """Place the palette in the upper middle of the window."""
        width, height = min(self.theme.px(WIDTH), window.width()), min(self.theme.px(HEIGHT), window.height())
        self.resize(width, height)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + (window.height() - height) // 4)

    def add(self, choices: Iterable[Choice]) -> None:
        """Add choices that have been found since."""
        known = {(choice.kind, choice.words) for choice in self._choices}
        self._choices += [choice for choice in choices if (choice.kind, choice.words) not in known]
        self._show()

    def _show(self) -> None:
        self.shown = rank(self.field.text(), self._choices)
        self.list.clear()
        for choice in self.shown:
            item = QTreeWidgetItem([choice.words, t(f"palette.kind.{choice.kind}"), choice.keys])
            for place in (1, 2):
                item.setForeground(place, self.theme.color("muted"))
                item.setTextAlignment(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.addTopLevelItem(item)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place in (1, 2):
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setCurrentIndex(self.list.model().index(0, 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while the field has the keyboard."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in TO_LIST:
            QApplication.sendEvent(self.list, event)
            return True
        return super().eventFilter(watched, event)

    def accept(self) -> None:
        """Close the palette, and do what is chosen."""
        row = self.list.currentIndex().row()
        super().accept()
        if row >= 0:
            self.shown[row].act()

    def changeEvent(self, event: QEvent) -> None:
        """Close the palette when the user goes on elsewhere."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isVisible() and not self.isActiveWindow():
            self.reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        else:
            super().keyPressEvent(event)

    def retranslate(self) -> None:
        self.field.setPlaceholderText(t("palette.hint"))
        self.field.setAccessibleName(t("palette.hint"))
        self.list.setAccessibleName(t("palette.list"))
