"""Making the QApplication, for the window and for the export of pictures."""

import sys

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from gui.theme import ASSETS


def make_application() -> QApplication:
    """Create the QApplication with the settings that must precede the first widget."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Nakami")
    app.setWindowIcon(QIcon(str(ASSETS / "icons" / "nakami.svg")))
    app.setStyle("Fusion")  # the same on every system, so that one style sheet is enough
    return app
