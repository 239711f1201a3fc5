"""Dialogs that show plain text and are deleted when they are closed, and the folders in which they begin."""

from pathlib import Path
from typing import TypeVar

from platformdirs import user_documents_path, user_pictures_path
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


def documents() -> str:
    """Return the user's folder for documents, where dialogs begin that open or save texts and tables."""
    return _existing(user_documents_path())


def pictures() -> str:
    """Return the user's folder for pictures."""
    return _existing(user_pictures_path())


def _existing(folder: Path) -> str:
    return str(folder if folder.is_dir() else Path.home())
