"""The window's actions, as one table for the keyboard and the menus of the top row."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from gui.i18n import t
from gui.themed import Translated


@dataclass(frozen=True)
class Entry:
    name: str  # "action.NAME" is its text
    keys: tuple[str, ...]
    act: Callable[[], object]


class Actions(Translated, QObject):
    """The window's actions by name. Their keys work wherever the focus is in the window."""

    def __init__(self, window: QWidget, entries: list[Entry]) -> None:
        super().__init__(window)
        self.by_name: dict[str, QAction] = {}
        for entry in entries:
            action = QAction(window)
            action.setShortcuts([QKeySequence(key) for key in entry.keys])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(lambda _=False, act=entry.act: act())
            window.addAction(action)
            self.by_name[entry.name] = action
        self.retranslate()

    def retranslate(self) -> None:
        for name, action in self.by_name.items():
            action.setText(t(f"action.{name}"))

    def overview(self) -> str:
        """Return all keys as HTML in two columns, because one would be too high for a projector's screen."""
        cells = [
            f"<td><b>{keys}</b></td><td>&nbsp; {escape(action.text())}</td><td>&nbsp; &nbsp;</td>"
            for action in self.by_name.values()
            if (keys := escape(action.shortcut().toString()))
        ]
        half = (len(cells) + 1) // 2
        rows = [f"<tr>{left}{right}</tr>" for left, right in zip_longest(cells[:half], cells[half:], fillvalue="")]
        return f"<table cellpadding='2' cellspacing='0'>{''.join(rows)}</table>"
