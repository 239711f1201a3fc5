"""The documents of a collection as small pages; the passages found are coloured at their place in the document."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.messages.documents import DocumentEntry
from gui.i18n import number, t
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import source_color
from gui.theme import GAP_S, SMALL
from gui.widgets.painted import Painted

PAGE = (24, 32)  # width and height in pixels at zoom 1


class DocumentPages(Painted):
    opened = Signal(int)  # ID of a document

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=QSizePolicy.Policy.Fixed)
        self.documents: list[DocumentEntry] = []
        self.asked = Retrieval()

    def set_documents(self, entries: Sequence[DocumentEntry]) -> None:
        self.documents = [entry for entry in entries if entry.document >= 0]
        self.update()

    def set_asked(self, asked: Retrieval) -> None:
        self.asked = asked
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(PAGE[1]) + GAP_S)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(60), self.sizeHint().height())

    def shown(self) -> list[DocumentEntry]:
        """Return the documents that there is room for: all, or those with a passage found first."""
        found = {hit.passage.document for hit in self.asked.hits}
        count = max(1, int(self.width() / (self.theme.px(PAGE[0]) + GAP_S)))
        if count >= len(self.documents):
            return self.documents
        more = max(1, count - 2)  # leave room for the number of the others
        return sorted(self.documents, key=lambda entry: entry.document not in found)[:more]

    def _box(self, place: int) -> QRectF:
        width, height = map(self.theme.px, PAGE)
        return QRectF(place * (width + GAP_S) + 0.5, 0.5, width - 1, height - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shown = self.shown()
        for place, entry in enumerate(shown):
            self._paint_page(painter, self._box(place), entry)
        if len(shown) < len(self.documents):
            painter.setPen(self.theme.color("muted"))
            painter.setFont(self.theme.font(SMALL))
            rest = QRectF(self._box(len(shown)).left(), 0, self.width(), self.theme.px(PAGE[1]))
            painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, f"+ {number(len(self.documents) - len(shown))}")

    def _paint_page(self, painter: QPainter, box: QRectF, entry: DocumentEntry) -> None:
        """Paint a page with grey lines of text, and a coloured band for each passage found in it."""
        painter.setPen(QPen(self.theme.color("faint"), 1))
        painter.setBrush(self.theme.color("surface"))
        painter.drawRoundedRect(box, 2, 2)
        text = box.adjusted(4, 4, -4, -4)
        painter.setPen(QPen(self.theme.color("cut"), 1))
        for line in range(6):
            y = text.top() + text.height() * line / 5
            painter.drawLine(round(text.left()), round(y), round(text.right()), round(y))
        for source, hit in reversed([*enumerate(self.asked.hits)]):
            if hit.passage.document == entry.document:
                top, bottom = (place / max(1, entry.characters) for place in (hit.passage.start, hit.passage.end))
                height = max(4.0, (bottom - top) * text.height())
                y = min(text.top() + top * text.height(), text.bottom() - height)
                painter.fillRect(QRectF(text.left(), y, text.width(), height), source_color(self.theme, source))

    def _at(self, point: QPoint) -> DocumentEntry | None:
        shown = enumerate(self.shown())
        return next((entry for place, entry in shown if self._box(place).contains(point.toPointF())), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        entry = self._at(event.position().toPoint())
        if entry is not None:
            self.opened.emit(entry.document)

    def describe_at(self, point: QPoint) -> str:
        entry = self._at(point)
        if entry is None:
            return ""
        hits = [str(n) for n, hit in enumerate(self.asked.hits, start=1) if hit.passage.document == entry.document]
        found = t("pane.search.pages.found", numbers=", ".join(hits)) if hits else ""
        return "\n".join(filter(None, (Path(entry.path).name, found)))

    def retranslate(self) -> None:
        self.setAccessibleName(t("pane.search.documents.table"))
