"""A question's way to its answer on one screen: documents and passages, the prompt, the answers, and what ties them."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from engine.messages.documents import DocumentEntry
from gui import layout
from gui.i18n import number, t
from gui.panes.search.answer_view import Anchor, AnswerView
from gui.panes.search.document_pages import DocumentPages
from gui.panes.search.passage_cards import PassageCards, sentence_of
from gui.panes.search.prompt_view import Cited, PromptView
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import place_of, source_color
from gui.panes.search.ties import Flight, Tie, Ties
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed

GAP = 36  # between two columns, in pixels at zoom 1
WIDE, NARROW = 800, 420  # width from which there are three columns, and below which there is one
TALL, LOW = 420, 100  # heights: from which the prompt has room below the passages; below which the answers are alone
COLUMNS = ("rank", "source", "score", "cosine", "keyword", "fate", "text")  # of the table


class Journey(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.asked = Retrieval()
        self.documents: list[DocumentEntry] = []
        self.documents_button, self.found_button, self.citations_button = (QPushButton() for _ in range(3))
        self.pages, self.cards = DocumentPages(), PassageCards()
        self.found_title = layout.label("content-title")
        self.found_title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.prompt, self.answer = PromptView(), AnswerView()
        self.passages, self.answers = QWidget(), QWidget()
        heads = [layout.row(self.documents_button, 1), layout.row(self.found_title, self.found_button)]
        heads[1].setStretch(0, 1)
        layout.stack(self.passages, heads[0], self.pages, heads[1], self.cards, spacing=GAP_S).setStretch(3, 1)
        layout.stack(self.answers, self.answer, layout.row(self.citations_button, 1), spacing=GAP_S).setStretch(0, 1)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.ties = Ties(self, self.bands, self.flights)
        self.answer.moved.connect(self.ties.update)
        self.prompt.text.verticalScrollBar().valueChanged.connect(self.ties.update)
        self._arrange()
        self.retranslate()

    # --- Room ------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self.ties.setGeometry(self.rect())
        self.ties.raise_()

    def restyle(self) -> None:
        self._arrange()

    def set_compact(self, compact: bool) -> None:
        """Show the journey alone, or with the buttons of its drawers."""
        for button in (self.documents_button, self.found_button, self.citations_button):
            button.setHidden(compact)

    def _arrange(self) -> None:
        """Place passages, prompt and answers in three columns, in two, or in one, as far as there is room."""
        px = self.content.px
        wide, narrow, tall = self.width() > px(WIDE), self.width() < px(NARROW), self.height() > px(TALL)
        for widget in (self.passages, self.prompt, self.answers):
            self.grid.removeWidget(widget)
        if wide:
            places, shares = ((0, 0, 1), (0, 1, 1), (0, 2, 1)), (27, 30, 43)
        elif narrow:
            places, shares = ((1, 0, 1), (2, 0, 1), (0, 0, 1)), (1, 0, 0)
        else:
            places, shares = ((0, 0, 1), (1, 0, 1), (0, 1, 2)), (42, 58, 0)
        if self.height() < px(LOW):
            shares = (0, 0, 1) if wide else (1, 0, 0) if narrow else (0, 1, 0)
        for widget, (row, column, rows) in zip((self.passages, self.prompt, self.answers), places, strict=True):
            self.grid.addWidget(widget, row, column, rows, 1)
        self.prompt.setVisible(self.height() >= px(LOW) and (wide or (tall and not narrow)))
        self.passages.setVisible(self.height() >= px(LOW) and (not narrow or tall))
        for column, share in enumerate(shares):
            self.grid.setColumnStretch(column, share)
        self.grid.setHorizontalSpacing(px(GAP))
        self.grid.setVerticalSpacing(GAP_M)

    # --- What is shown ---------------------------------------------------------------------------

    def set_documents(self, entries: Sequence[DocumentEntry]) -> None:
        self.documents = [entry for entry in entries if entry.document >= 0]
        self.pages.set_documents(entries)
        self._show_words()

    def show_asked(self, asked: Retrieval, missing: str) -> None:
        """Show the reports received so far; `missing`: what is said instead of a prompt."""
        was_prompted, self.asked = self.asked.sourced.prompt, asked
        self.pages.set_asked(asked)
        self.cards.set_asked(asked)
        self.answer.show_asked(asked)
        prompt, cited = asked.sourced.prompt, tuple(anchor.cited for anchor in self.answer.anchors())
        if prompt is not self.prompt.prompt or cited != self.prompt.cited or prompt is None:
            self.prompt.set_prompt(prompt, asked.hits, missing, cited)
        self._show_words()
        if prompt is not None and prompt is not was_prompted and asked.running:
            self.ties.fly()
        self.ties.update()

    def _show_words(self) -> None:
        asked = self.asked
        self.documents_button.setText(t("pane.search.documents.title", count=len(self.documents)))
        found = asked.result
        words = {"count": len(asked.hits), "all": number(len(found.scores_N))} if found else {}
        self.found_title.setText(t("pane.search.found", **words) if found else t("pane.search.found_none"))
        answered = asked.sourced.answered
        count = len(answered.citations) if answered else 0
        self.citations_button.setText(t("pane.search.cited", count=count))
        self.citations_button.setEnabled(count > 0)
        self.found_button.setEnabled(found is not None)

    # --- Ties ------------------------------------------------------------------------------------

    def bands(self) -> list[Tie]:
        """Return the bands between the passages, the prompt, and the sentences that a passage supports."""
        ties = list[Tie]()
        for source in self.asked.taken:
            card, part = self._card(source), self._part(source)
            if card is not None and part is not None and card.right() < part.left():
                ties.append(Tie(card, part, self._color(source), False))
        for anchor in filter(lambda anchor: anchor.widget.isVisible(), self.answer.anchors()):
            source = anchor.cited[0]
            start, end = self._part(source, anchor.cited) or self._card(source), self._sentence(anchor)
            if start is not None and start.right() < end.left():
                ties.append(Tie(start, end, self._color(source), True))
        return ties

    def flights(self) -> list[Flight]:
        """Return the way of each passage into the prompt."""
        ways = ((source, self._card(source), self._part(source)) for source in self.asked.taken)
        return [
            Flight(card, part, self._color(source), sentence_of(self.asked.hits[source]))
            for source, card, part in ways
            if card is not None and part is not None
        ]

    def _color(self, source: int) -> QColor:
        return source_color(self.theme, source)

    def _card(self, source: int) -> QRectF | None:
        box = self.cards.box_of(source) if self.cards.isVisible() else None
        return box.translated(self._origin(self.cards)) if box is not None else None

    def _part(self, source: int, cited: Cited | None = None) -> QRectF | None:
        extent = self.prompt.extent_of(source, cited) if self.prompt.isVisible() else None
        return self._band_of(self.prompt.text, *extent) if extent is not None else None

    def _sentence(self, anchor: Anchor) -> QRectF:
        return self._band_of(anchor.widget, anchor.top, anchor.bottom)

    def _band_of(self, widget: QWidget, top: float, bottom: float) -> QRectF:
        """Return the part of a widget between two heights, in this widget's pixels."""
        return QRectF(0, top, widget.width(), max(2.0, bottom - top)).translated(self._origin(widget))

    def _origin(self, widget: QWidget) -> QPoint:
        return widget.mapTo(self, QPoint())

    # --- What every widget has -------------------------------------------------------------------

    def rows(self) -> list[tuple[object, ...]]:
        """Return rank, place, scores, whether it is in the prompt, and the text of each passage found."""
        return [
            (
                source + 1,
                place_of(hit.passage),
                hit.score,
                hit.cosine,
                hit.keyword,
                self.asked.fate(source),
                hit.passage.text,
            )
            for source, hit in enumerate(self.asked.hits)
        ]

    def header(self) -> tuple[str, ...]:
        return tuple(t(f"pane.search.passages.column.{name}") for name in COLUMNS)

    def retranslate(self) -> None:
        self.found_button.setText(t("pane.search.found_button"))
        self.cards.setAccessibleName(t("pane.search.passages.found"))
        self._show_words()
