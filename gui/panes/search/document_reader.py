"""A document opened at a passage; plain texts can be edited and saved."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPushButton, QTextEdit, QWidget

from engine.messages.documents import DocumentText
from gui import layout
from gui.i18n import number, t
from gui.panes.search.sources import utf16
from gui.text import shown_name, tip
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.encoding_button import EncodingButton
from gui.widgets.entries import PlainEntry


class DocumentReader(Themed, QWidget):
    back_wanted = Signal()
    save_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document: DocumentText | None = None
        self._marked = self._best = (0, 0)  # characters of the document
        self.title, self.note = layout.label("title"), layout.label("muted", wraps=True)
        self.encoding, self.editor = EncodingButton(), PlainEntry()
        self.buttons = {name: QPushButton() for name in ("back", "undo", "save")}
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons["save"].setProperty("primary", True)
        saving = QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self)
        saving.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        saving.activated.connect(self.save_wanted)
        self.buttons["back"].clicked.connect(self.back_wanted)
        self.buttons["undo"].clicked.connect(self.editor.undo)
        self.buttons["save"].clicked.connect(self.save_wanted)
        self.editor.undoAvailable.connect(self.buttons["undo"].setEnabled)
        self.editor.modificationChanged.connect(lambda _: self._enable())
        self.editor.setTabChangesFocus(True)
        row = layout.row(self.buttons["back"], 1, self.buttons["undo"], self.buttons["save"], spacing=GAP_S)
        head = layout.row(self.title, self.encoding, spacing=GAP_M)
        head.setStretch(0, 1)
        layout.stack(self, row, head, self.editor, self.note, spacing=GAP_M).setStretch(2, 1)
        self.restyle()
        self.retranslate()

    @property
    def modified(self) -> bool:
        return self.editor.document().isModified()

    def text(self) -> str:
        """Return the text. Qt's toPlainText would replace no-break spaces by spaces."""
        return self.editor.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    def show_document(self, document: DocumentText, marked: tuple[int, int], best: tuple[int, int] = (0, 0)) -> None:
        """Show a document with the characters `marked` in view, and `best` underlined among them."""
        self.document, self._marked, self._best = document, marked, best
        self.editor.setPlainText(document.text)
        self.editor.setReadOnly(not document.editable)
        self.editor.document().setModified(False)
        self._highlight()
        cursor = self._cursor(marked[1], marked[1])
        self.editor.setTextCursor(cursor)
        self.editor.ensureCursorVisible()
        self.editor.setTextCursor(self._cursor(marked[0], marked[0]))
        self.editor.ensureCursorVisible()
        self.retranslate()

    def mark_saved(self) -> None:
        """Record that the text has been saved. Undo still works."""
        assert self.document is not None
        text = self.text()
        self.document = replace(self.document, text=text, characters=len(text))
        self.editor.document().setModified(False)
        self._marked = self._best = (0, 0)  # passages may begin elsewhere after the edit
        self._highlight()

    def unsaved(self) -> dict[str, Any] | None:
        """Return the unsaved edit in JSON values, for the next start."""
        document = self.document
        if document is None or not self.modified:
            return None
        return {
            "document": document.document,
            "path": document.path,
            "before": document.text,
            "text": self.text(),
        }

    def restore(self, unsaved: object) -> bool:
        """Restore an edit from `unsaved`, so that undo leads to the saved text. Return False if it is invalid."""
        saved: dict[str, Any] = unsaved if isinstance(unsaved, dict) else {}
        number, *words = (saved.get(name) for name in ("document", "path", "before", "text"))
        if not isinstance(number, int) or not all(isinstance(word, str) for word in words):
            return False
        path, before, text = map(str, words)
        passages = np.zeros((0, 3), np.int32)
        self.show_document(DocumentText(number, path, before, 0, len(before), passages, True), (0, 0))
        cursor = self.editor.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        return True

    def clear(self) -> None:
        self.document = None
        self.editor.clear()
        self.editor.document().setModified(False)

    def _cursor(self, start: int, end: int) -> QTextCursor:
        """Return a cursor that selects characters of the document, converted to Qt's UTF-16 units."""
        document = self.document
        assert document is not None
        cursor = QTextCursor(self.editor.document())
        places = (utf16(document.text[: max(0, place - document.first)]) for place in (start, end))
        cursor.setPosition(next(places))
        cursor.setPosition(next(places), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _highlight(self) -> None:
        if self.document is None:
            return
        selections = []
        for span, strong in ((self._marked, False), (self._best, True)):
            if span[0] >= span[1]:
                continue
            selection = QTextEdit.ExtraSelection()
            look = QTextCharFormat()
            look.setBackground(self.theme.color("accent_soft"))
            if strong:
                look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
                look.setUnderlineColor(self.theme.color("accent"))
                look.setForeground(self.theme.color("accent"))
            selection.format, selection.cursor = look, self._cursor(*span)
            selections.append(selection)
        self.editor.setExtraSelections(selections)

    def _enable(self) -> None:
        editable = self.document is not None and self.document.editable
        self.buttons["save"].setVisible(editable)
        self.buttons["undo"].setVisible(editable)
        self.buttons["save"].setEnabled(self.modified)
        self.buttons["undo"].setEnabled(self.editor.document().isUndoAvailable())

    def retranslate(self) -> None:
        for name, button in self.buttons.items():
            button.setText(t(f"pane.search.reader.{name}"))
        self.editor.setAccessibleName(t("pane.search.reader.text"))
        if self.document is not None:
            self.title.setText(shown_name(Path(self.document.path).name))
            self.title.setToolTip(tip(self.document.path))
            self.encoding.show_encoding(self.document.encoding, self.document.certain, self.document.replaced)
            part = len(self.document.text) < self.document.characters
            unread = "replaced" if self.document.replaced else "fixed"
            key = "part" if part else "editable" if self.document.editable else unread
            self.note.setText(t(f"pane.search.reader.{key}", characters=number(self.document.characters)))
        self._enable()

    def restyle(self) -> None:
        if not self.modified:
            self._highlight()
