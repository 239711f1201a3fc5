"""A drawer at the side of the journey: one page at a time, with a title and a button that closes it."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent, Qt
from PySide6.QtWidgets import QStackedWidget, QToolButton, QWidget

from gui import layout
from gui.i18n import t
from gui.theme import GAP_M
from gui.themed import Themed


class Drawer(Themed, QWidget):
    changed = Signal()  # opened, closed, or another page

    def __init__(self, pages: Mapping[str, QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pages = dict(pages)
        self.current = ""  # the name of the open page; "": the drawer is closed
        self._before = ""  # the page to which `back` returns
        self.title, self.close_button = layout.label("title"), QToolButton()
        self.close_button.setText("✕")
        self.close_button.setProperty("flat", True)
        self.close_button.clicked.connect(self.close_page)
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        head = layout.row(self.title, 1, self.close_button, spacing=GAP_M)
        layout.stack(self, head, self.stack, spacing=GAP_M).setStretch(1, 1)
        self.hide()
        self.retranslate()

    def open_page(self, name: str) -> None:
        if name != self.current:
            self._before = self.current
        self._show(name)

    def toggle_page(self, name: str) -> None:
        """Open a page, or close the drawer if it shows this page."""
        self._show("" if name == self.current else name)

    def back(self) -> None:
        """Return to the page before, or close the drawer."""
        self._show(self._before)

    def close_page(self) -> None:
        self._show("")

    def _show(self, name: str) -> None:
        self.current = name
        if name:
            self.stack.setCurrentWidget(self.pages[name])
        else:
            self._before = ""
        self.setVisible(bool(name))
        self.retranslate()
        self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_page()
        else:
            super().keyPressEvent(event)

    def retranslate(self) -> None:
        self.title.setText(t(f"pane.search.drawer.{self.current}") if self.current else "")
        self.close_button.setToolTip(t("pane.search.drawer.close"))
        self.close_button.setAccessibleName(t("pane.search.drawer.close"))
