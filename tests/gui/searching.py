"""Hands of the tests of the Search pane: what a person does there again and again."""

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
    """The button, then the entry of its menu."""
    button = pane.page.embedder
    place = lambda: button.menu().actionGeometry(button.choices[kind]).center()  # noqa: E731
    QTimer.singleShot(0, button, lambda: QTest.mouseClick(button.menu(), LEFT, pos=place()))  # the menu waits for it
    QTest.mouseClick(button, LEFT)


def checked(pane: Any) -> list[str]:
    return [kind for kind, action in pane.page.embedder.choices.items() if action.isChecked()]


def opened(pane: Any, qtbot: QtBot) -> Any:
    """The reader, with the first document in it."""
    pane._open_source(0)
    reader = pane.page.reader
    qtbot.waitUntil(lambda: reader.document is not None and reader.isVisible())
    return reader
