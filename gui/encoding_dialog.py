"""A dialog to choose the encoding of a text by looking at how the text reads in it."""

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QPlainTextEdit, QTextEdit, QWidget

from engine.messages.texts import EncodingPreview, PreviewEncoding
from gui import layout
from gui.dialogs import prepare
from gui.encodings import ENCODINGS, encoding_name, standard_name
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.requests import Requests
from gui.text import shown_name, utf16_length
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.message_bar import MessageBar

WIDTH, HEIGHT = 720, 460  # pixels at zoom 1


class EncodingDialog(Themed, QDialog):
    """Shows the beginning of a file in one encoding after another, until the user uses one of them.

    The detected encoding comes first, then other plausible ones, then all others.
    """

    used = Signal(str)  # the encoding that the text is to be read in; "" for the detected one

    def __init__(self, engine: EngineLink, path: str, chosen: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._path, self._chosen = path, chosen
        self._detected: EncodingPreview | None = None
        self._preview: EncodingPreview | None = None
        self.messages = MessageBar()
        self._requests = Requests(engine, self.messages.show_failure)
        self.choice, self.text, self.note = QComboBox(), QPlainTextEdit(), layout.label("muted", wraps=True)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        items = (self.choice, self.messages, self.text, self.note, self.buttons)
        margins = (GAP_L, GAP_L, GAP_L, GAP_L)
        self.setLayout(layout.column(*items, spacing=GAP_M, margins=margins))
        self.choice.currentIndexChanged.connect(lambda _: self._ask_preview())
        self.buttons.accepted.connect(self._use)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(lambda _: self._requests.close())
        self._fill_choice()
        self._ask(self._show_detected, "")
        self.restyle()
        self.retranslate()

    # --- Asking the engine -----------------------------------------------------------------------

    def _ask_preview(self) -> None:
        self.messages.clear()
        self._ask(self._show_preview, self.encoding())

    def _ask(self, show: Callable[[EncodingPreview], None], encoding: str) -> None:
        self._requests.ask(PreviewEncoding(self._path, encoding), show, "preview")

    def _show_detected(self, preview: EncodingPreview) -> None:
        self._detected = preview
        self._fill_choice()
        if standard_name(self._chosen) != standard_name(preview.encoding):
            self._select(self._chosen)
        if self.encoding():
            self._ask_preview()
        else:
            self._show_preview(preview)

    def _show_preview(self, preview: EncodingPreview) -> None:
        self._preview = preview
        self.text.setPlainText(preview.excerpt)
        self._mark_replaced()
        self.retranslate()

    # --- The choice ------------------------------------------------------------------------------

    def encoding(self) -> str:
        """Return the encoding chosen in the list; "" for the detected one."""
        return str(self.choice.currentData() or "")

    def _fill_choice(self) -> None:
        """List the detected encoding, those that are plausible too, and all others."""
        detected = self._detected
        plausible = [standard_name(name) for name in detected.others] if detected else []
        rest = [name for name in ENCODINGS if name not in plausible]
        self.choice.blockSignals(True)
        chosen = self.encoding()
        self.choice.clear()
        name = encoding_name(detected.encoding) if detected else "…"
        self.choice.addItem(t("encodings.detected", name=name), "")
        for group in (plausible, rest):
            self.choice.insertSeparator(self.choice.count())
            for codec in group:
                self.choice.addItem(encoding_name(codec), codec)
        self._select(chosen)
        self.choice.blockSignals(False)

    def _select(self, encoding: str) -> None:
        index = self.choice.findData(standard_name(encoding) if encoding else "")
        self.choice.setCurrentIndex(max(0, index))

    def _use(self) -> None:
        self.used.emit(self.encoding())
        self.accept()

    # --- How it looks ----------------------------------------------------------------------------

    def _mark_replaced(self) -> None:
        """Colour the replacement characters, which are shown instead of unreadable bytes."""
        marks, text = [], self.text.toPlainText()
        look = QTextCharFormat()
        look.setForeground(self.theme.color("bad"))
        for found in re.finditer("\ufffd+", text):
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.text.document())
            cursor.setPosition(utf16_length(text[: found.start()]))
            cursor.setPosition(utf16_length(text[: found.end()]), QTextCursor.MoveMode.KeepAnchor)
            mark.cursor, mark.format = cursor, look
            marks.append(mark)
        self.text.setExtraSelections(marks)

    def _note(self) -> str:
        preview = self._preview
        if preview is None:
            return ""
        if preview.replaced:
            return t("encodings.note.replaced", count=preview.replaced)
        return t("encodings.note.fits" if preview.certain else "encodings.note.uncertain")

    def retranslate(self) -> None:
        self.setWindowTitle(t("encodings.title", name=shown_name(Path(self._path).name)))
        self.choice.setAccessibleName(t("encodings.choice"))
        self.text.setAccessibleName(t("encodings.preview"))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(t("encodings.use"))
        self.note.setText(self._note())

    def restyle(self) -> None:
        self.resize(self.theme.px(WIDTH), self.theme.px(HEIGHT))
        self._mark_replaced()


def choose_encoding(engine: EngineLink, path: str, chosen: str, parent: QWidget, use: Callable[[str], None]) -> None:
    """Let the user choose the encoding of the text at `path`; `use` is called with it, or "" for the detected one."""
    dialog = EncodingDialog(engine, path, chosen, parent)
    dialog.used.connect(use)
    prepare(dialog, dialog.windowTitle()).open()
