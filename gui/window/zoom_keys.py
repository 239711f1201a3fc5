"""The keys for larger and smaller type: Ctrl with + and − for what the panes show, with Shift too for the controls."""

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut, Qt
from PySide6.QtWidgets import QWidget

# What Qt reports for the keys with + and −, also where the keyboard needs Shift for one of them (US: = and +;
# Japan: ; and +), with Shift and without. A chord may match several of them.
KEYS = {
    1: ("Ctrl++", "Ctrl+=", "Ctrl+;", "Ctrl+*", "Ctrl+Shift++", "Ctrl+Shift+=", "Ctrl+Shift+;", "Ctrl+Shift+*"),
    -1: ("Ctrl+-", "Ctrl+_", "Ctrl+Shift+-", "Ctrl+Shift+_"),
}


def add_zoom_keys(window: QWidget, change: Callable[[int, bool], object]) -> None:
    """Call `change(direction, controls)` for each of the keys; `controls` is whether Shift is pressed."""

    def pressed(direction: int) -> None:
        shift = QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier
        change(direction, bool(shift))

    for direction, keys in KEYS.items():
        for key in keys:
            shortcut = QShortcut(QKeySequence(key), window)
            for signal in (shortcut.activated, shortcut.activatedAmbiguously):
                signal.connect(partial(pressed, direction))
