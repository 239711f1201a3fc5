"""A document opened at a passage, changed where it is, and saved; what was written is not lost on leaving."""

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox

from engine.messages.documents import CollectionInfo, DocumentText, EditDocument, IndexProgress, ReadDocument
from engine.messages.envelope import Ended, Request
from gui.i18n import t
from gui.pane import Pane
from gui.panes.search.search_page import SearchPage

Go = Callable[[], None]
Change = Callable[[Request[IndexProgress | CollectionInfo], Callable[[Ended], None]], None]
Span = tuple[int, int]


class Editing:
    """What the reader beside the Search pane's steps does; `change` makes one change of the collection at a time."""

    def __init__(self, pane: Pane, page: SearchPage, change: Change) -> None:
        self._pane, self._page, self._change = pane, page, change

    def open(self, document: int, span: Span = (0, 0), best: Span = (0, 0)) -> None:
        """At a span of its characters."""
        reader = self._page.reader

        def show(text: DocumentText) -> None:
            if reader.modified:  # somebody wrote while it was being read
                self.open(document, span, best)
                return
            reader.show_document(text, span, best)
            self._page.show_reader()
            reader.editor.setFocus()

        def read() -> None:
            self._pane.ask(ReadDocument(document, span[0]), show)

        self.leave(read)  # left first, read then: what is saved on leaving may be this same document

    def save(self, then: Go | None = None) -> None:
        """Writes what was edited into its file; the question is asked again of what it says now. `then`: if it is."""
        reader = self._page.reader
        if reader.document is None or not reader.modified:
            return
        text = reader.text()

        def ended(end: Ended) -> None:
            if end.outcome == "done" and reader.text() == text:
                reader.mark_saved()
                if then is not None:
                    then()

        self._change(EditDocument(reader.document.document, text), ended)

    def leave(self, go: Go) -> None:
        """`go`, after asking what is to become of what was edited and not saved."""
        if not self._page.reader.modified:
            go()
            return
        self._page.show_reader()  # what the question is about

        def discard() -> None:
            self._page.reader.clear()
            go()

        box = QMessageBox(self._pane)
        box.setText(t("pane.search.unsaved"))
        kinds = QMessageBox.StandardButton
        box.setStandardButtons(kinds.Save | kinds.Discard | kinds.Cancel)
        for kind, key in ((kinds.Save, "save"), (kinds.Discard, "discard"), (kinds.Cancel, "stay")):
            box.button(kind).setText(t(f"pane.search.{key}"))
        box.button(kinds.Save).clicked.connect(lambda: self.save(go))
        box.button(kinds.Discard).clicked.connect(discard)
        box.open()
