"""Text fields: an input method gets the keys while it composes, and control characters are not pasted."""

import re
import unicodedata

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent, Qt, QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QPlainTextEdit, QWidget

CONFIRM = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
KEPT = (  # keys that choose among an input method's candidates
    *CONFIRM,
    *(Qt.Key.Key_Escape, Qt.Key.Key_Space, Qt.Key.Key_Tab, Qt.Key.Key_Backtab),
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down),
    *(Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown),
)
LINE_ENDS = re.compile("\r\n|[\n\r\t\v\f\x85\u2028\u2029]")


def text_only(text: str) -> str:
    """Return a text without control characters other than tabs and line ends, and without halves of characters."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def prepare_entries(parent: QWidget) -> None:
    """Prepare all text fields in a widget: single-line fields accept only one line of text."""
    composing = _Composing(parent)
    for kind in (QLineEdit, QPlainTextEdit, QAbstractSpinBox):
        for field in parent.findChildren(kind):
            field.installEventFilter(composing)
            if isinstance(field, QLineEdit) and not isinstance(field.parent(), QAbstractSpinBox):
                field.setValidator(_OneLine(field))


class PlainEntry(QPlainTextEdit):
    """A field of several lines, into which only text is pasted."""

    def insertFromMimeData(self, source: QMimeData) -> None:
        self.insertPlainText(text_only(source.text().replace("\r\n", "\n")))


class _OneLine(QValidator):
    """Replaces the line ends in a text by spaces, and drops control characters."""

    def validate(self, text: str, place: int) -> tuple[QValidator.State, str, int]:
        clean = text_only(LINE_ENDS.sub(" ", text))
        return QValidator.State.Acceptable, clean, min(place, len(clean))


class _Composing(QObject):
    """Withholds keys from a field while an input method composes in it: Return then only confirms the composition.

    Most input methods keep these keys to themselves, but some forward them, and Qt would then search or write.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._is_active = False

    def eventFilter(self, field: QObject, event: QEvent) -> bool:
        if isinstance(event, QInputMethodEvent):
            self._is_active = bool(event.preeditString())
        elif event.type() == QEvent.Type.FocusOut:
            self._is_active = False
        elif self._is_active and isinstance(event, QKeyEvent):
            return self._withhold(event)
        return False

    def _withhold(self, event: QKeyEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and event.key() in CONFIRM:
            QGuiApplication.inputMethod().commit()
        return event.key() in KEPT
