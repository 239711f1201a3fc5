"""Opening documents in the reader, saving edits, and asking about unsaved ones before leaving."""

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox

from engine.messages.documents import CollectionInfo, DocumentText, EditDocument, IndexProgress, ReadDocument
from engine.messages.envelope import Ended, Request
from gui.dialogs import prepare
from gui.encoding_dialog import choose_encoding
from gui.i18n import t
from gui.pane import Pane
from gui.panes.search.search_page import SearchPage

Go = Callable[[], None]
Change = Callable[[Request[IndexProgress | CollectionInfo], Callable[[Ended], None]], None]
Span = tuple[int, int]
ReadIn = Callable[[tuple[int, ...], str, Go], None]  # reads documents in an encoding


class Editing:
    """Controls the reader. `change` starts a change of the collection, such as saving a document."""

    def __init__(self, pane: Pane, page: SearchPage, change: Change) -> None:
        self._pane, self._page, self._change = pane, page, change

    def open(self, document: int, span: Span = (0, 0), best: Span = (0, 0)) -> None:
        """Open a document with the characters `span` in view and `best` highlighted among them."""
        reader = self._page.reader

        def show(text: DocumentText) -> None:
            if reader.modified:  # the user typed while it was loading
                self.open(document, span, best)
                return
            reader.show_document(text, span, best)
            self._page.show_reader()
            reader.editor.setFocus()

        def read() -> None:
            self._pane.ask(ReadDocument(document, span[0]), show)

        self.leave(read)  # leave before reading, because leaving may save this same document

    def save(self, then: Go | None = None) -> None:
        """Save the edited document, which updates the collection. `then` is called on success."""
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

    def choose_encoding(self, read_in: ReadIn) -> None:
        """Let the user choose the open document's encoding, and show the document as it reads in it."""
        self.leave(lambda: self._choose_encoding(read_in))

    def _choose_encoding(self, read_in: ReadIn) -> None:
        document = self._page.reader.document
        if document is not None:
            number = document.document

            def use(encoding: str) -> None:
                read_in((number,), encoding, lambda: self.open(number))

            choose_encoding(self._pane.engine, document.path, document.encoding, self._pane, use)

    def leave(self, go: Go) -> None:
        """Call `go`; if there are unsaved edits, first ask whether to save or discard them."""
        if not self._page.reader.modified:
            go()
            return
        self._page.show_reader()  # show the text that the question is about

        def discard() -> None:
            self._page.reader.clear()
            go()

        box = prepare(QMessageBox(self._pane))
        box.setText(t("pane.search.unsaved"))
        kinds = QMessageBox.StandardButton
        box.setStandardButtons(kinds.Save | kinds.Discard | kinds.Cancel)
        for kind, key in ((kinds.Save, "save"), (kinds.Discard, "discard"), (kinds.Cancel, "stay")):
            box.button(kind).setText(t(f"pane.search.{key}"))
        box.button(kinds.Save).clicked.connect(lambda: self.save(go))
        box.button(kinds.Discard).clicked.connect(discard)
        box.open()
