"""Helpers for tests of the Search pane."""

from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.gui.hands import LEFT


def ask(pane: Any, qtbot: QtBot, question: str = "When is the holiday?") -> Any:
    pane.page.question.setText(question)
    QTest.keyClick(pane.page.question, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not pane.asked.running and not pane.asking())
    return pane


def choose_vectors(pane: Any, kind: str) -> None:
    """Choose an embedder by its button and the entry in the menu."""
    button = pane.page.embedder

    def click_entry() -> None:
        menu = button.menu()
        QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(button.choices[kind]).center())

    QTimer.singleShot(0, button, click_entry)  # runs once the menu is open, which blocks
    QTest.mouseClick(button, LEFT)


def checked(pane: Any) -> list[str]:
    return [kind for kind, action in pane.page.embedder.choices.items() if action.isChecked()]


def opened(pane: Any, qtbot: QtBot) -> Any:
    """Open the first document and return the reader."""
    pane.open_source(0)
    reader = pane.page.reader
    qtbot.waitUntil(lambda: reader.document is not None and reader.isVisible())
    return reader
