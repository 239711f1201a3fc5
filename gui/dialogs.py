"""Dialogs that are deleted when they are closed."""

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

D = TypeVar("D", bound=QDialog)


def prepare(box: D, title: str = "") -> D:
    """Set the dialog's title, and let Qt delete it when it closes, not only together with its parent."""
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    return box
