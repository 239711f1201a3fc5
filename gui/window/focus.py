"""The ring around the focused button, shown only while the keyboard is in use, as browsers do (CSS :focus-visible)."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QWindow
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from shiboken6 import isValid

from gui.layout import set_property

TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class FocusRing(QObject):
    """Sets the property "ring" of the focused button once Tab or a shortcut was pressed, until a press of the mouse.

    Qt moves the focus to the next widget when the focused one is hidden, as if Tab had been pressed. A button that
    gets it in this way would look chosen.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._by_keys = False
        self._ringed: QAbstractButton | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._show)

    def watch(self, window: QWindow | None) -> None:
        """Watch keys and mouse in this window. Its widgets get the events later."""
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.key() in TABS or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._set_by_keys(True)
        elif event.type() == QEvent.Type.MouseButtonPress:
            self._set_by_keys(False)
        return False

    def _set_by_keys(self, by_keys: bool) -> None:
        if by_keys != self._by_keys:
            self._by_keys = by_keys
            self._show(None, QApplication.focusWidget())

    def _show(self, _: QWidget | None, focused: QWidget | None) -> None:
        button = focused if self._by_keys and isinstance(focused, QAbstractButton) else None
        if self._ringed is not None and self._ringed is not button and isValid(self._ringed):
            set_property(self._ringed, "ring", False)
        self._ringed = button
        if button is not None:
            set_property(button, "ring", True)
