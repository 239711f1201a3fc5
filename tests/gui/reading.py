"""Read all words that a widget shows: those that it paints, and those of labels, texts and tables."""

from typing import Any

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QPainter, QTextLayout
from PySide6.QtWidgets import QAbstractButton, QLabel, QPlainTextEdit, QTableView, QTextEdit, QWidget

from gui.pane import Pane


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that collects all text that is painted."""
    found: list[str] = []
    draw_text, draw = QPainter.drawText, QTextLayout.draw

    def noted(painter: QPainter, *args: Any, **named: Any) -> Any:
        found.extend(argument for argument in args if isinstance(argument, str))
        return draw_text(painter, *args, **named)

    def noted_layout(layout: QTextLayout, *args: Any, **named: Any) -> Any:
        found.append(layout.text())
        return draw(layout, *args, **named)

    monkeypatch.setattr(QPainter, "drawText", noted)
    monkeypatch.setattr(QTextLayout, "draw", noted_layout)
    return found


def words_of(widget: QWidget, drawn: list[str]) -> list[str]:
    """Return all words in a widget, painted or in labels, texts and tables."""
    drawn.clear()
    widget.grab()
    words = list(drawn)
    for child in (c for c in widget.findChildren(QWidget) if c.isVisibleTo(widget)):
        if isinstance(child, QLabel | QAbstractButton):
            words.append(child.text())
        elif isinstance(child, QTextEdit | QPlainTextEdit):
            words.append(child.toPlainText())
        elif isinstance(child, QTableView) and child.model() is not None:
            shown = child.model()
            rows, columns = range(min(30, shown.rowCount())), range(shown.columnCount())
            words += [str(shown.index(row, column, QModelIndex()).data()) for row in rows for column in columns]
    return words


def words_on(pane: Pane, drawn: list[str]) -> list[str]:
    """Return all words of a pane, with those of its title and of its table."""
    table = pane.table()
    rows = [str(cell) for row in (table.rows if table is not None else []) for cell in row]
    return [*words_of(pane, drawn), pane.subtitle(), pane.sentence(), *rows]
