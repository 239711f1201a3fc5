"""Dialogs that show plain text and are deleted when they are closed."""

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QMessageBox

D = TypeVar("D", bound=QDialog)


def prepare(box: D, title: str = "") -> D:
    """Set the dialog's title, let it show plain text, and let Qt delete it when it closes."""
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    for shown in box.findChildren(QLabel):
        shown.setTextFormat(Qt.TextFormat.PlainText)
    if isinstance(box, QMessageBox):
        box.setTextFormat(Qt.TextFormat.PlainText)
    return box
