"""The window's actions, as one table for the keyboard and the menus of the top row."""

from collections.abc import Callable
from dataclasses import dataclass

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
    menu_keys: str = ""  # shown in menus, where something else than the action receives the keys


class Actions(Translated, QObject):
    """The window's actions by name. Their keys work wherever the focus is in the window."""

    def __init__(self, window: QWidget, entries: list[Entry]) -> None:
        super().__init__(window)
        self.by_name: dict[str, QAction] = {}
        self._menu_keys = {entry.name: entry.menu_keys for entry in entries if entry.menu_keys}
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
            keys = self._menu_keys.get(name, "")
            action.setText(t(f"action.{name}") + (f"\t{keys}" if keys else ""))

    def keys_of(self, name: str) -> str:
        """Return the keys of an action as they are shown, or "" if it has none."""
        return self._menu_keys.get(name) or self.by_name[name].shortcut().toString()
