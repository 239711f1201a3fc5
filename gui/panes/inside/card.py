"""The card: what can and cannot be said about the token after the text, from all methods; it can be saved as a page."""

import html
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QSize
from PySide6.QtGui import QPdfWriter, QTextDocument
from PySide6.QtWidgets import QFileDialog, QGridLayout, QPushButton, QScrollArea, QWidget

from engine.files import replacing
from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.desk import PartsTried, RankParts
from engine.messages.inside import LogitParts, ReadLens, SplitLogit
from engine.messages.status import Progress
from gui.dialogs import documents
from gui.i18n import t
from gui.layout import label, row as in_a_row, set_property, stack
from gui.pane import Pane, Table
from gui.panes.inside.card_facts import TITLES, Facts, Row, card_sentence, rows
from gui.part import Page, Part
from gui.theme import GAP_L, GAP_M

ROOM_FOR_LARGE = 480  # pixels at zoom 1 of the content, of the height and of half the width
SLOTS = ("CardLens", "CardParts", "CardRank", "CardTokens")


class CardPage(Page):
    """A line for each finding: its title, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.tools, self.export = QWidget(), QPushButton()
        self.lines = [(label("content-title", wraps=True), label("content", wraps=True)) for _ in TITLES]
        self.card, self.shown = QWidget(), QScrollArea()
        grid = QGridLayout(self.card)
        grid.setHorizontalSpacing(GAP_L)
        grid.setVerticalSpacing(GAP_L)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 4)
        for place, line in enumerate(self.lines):
            for column, part in enumerate(line):
                grid.addWidget(part, place, column)
        grid.setRowStretch(len(TITLES), 1)
        self.shown.setWidget(self.card)
        self.shown.setWidgetResizable(True)
        self.shown.setFrameShape(QScrollArea.Shape.NoFrame)
        self.tools.setLayout(in_a_row(self.export, 1))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)

    def set_rows(self, found: list[Row]) -> None:
        """Show the findings."""
        for place, (title, words) in enumerate(self.lines):
            there = place < len(found)
            title.setText(t(f"pane.inside.card.title.{found[place].title}") if there else "")
            words.setText(found[place].words if there else "")
            title.setVisible(there)
            words.setVisible(there)
        self.export.setEnabled(bool(found))


class Card(Part):
    page: CardPage
    needs_text: ClassVar[bool] = True
    long_work: ClassVar[tuple[str, ...]] = SLOTS

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.facts: Facts | None = None
        self.page = CardPage()
        self.page.export.clicked.connect(self.choose_file)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask all methods about the text; each line is shown as soon as its method has answered."""
        text, model = self.state.text, self.state.model
        for slot in SLOTS:
            self.drop(slot)
        if model is not None:
            facts = partial(Facts, text, model.vocabulary, changed=bool(self.state.interventions))
            self.ask(ReadLens(text), lambda grid: self._lens_arrived(facts(grid=grid)), "CardLens")

    def show_live(self) -> None:
        if not self.state.training:
            self.refresh()

    def _lens_arrived(self, facts: Facts) -> None:
        self.facts = facts
        last, target = facts.grid.first + len(facts.grid.pieces) - 1, int(facts.grid.targets[-1])
        self.ask(SplitLogit(facts.text, last, target), self._parts_arrived, "CardParts")
        tried: list[PartsTried] = []
        if not facts.changed:  # the parts are tried in the model without changes
            self.ask(RankParts(facts.text), lambda one: self._tried(tried, one), "CardRank")
        self.ask(AttributeText(facts.text), self._contribution_arrived, "CardTokens")
        self._draw()

    def _parts_arrived(self, parts: LogitParts) -> None:
        if self.facts is not None:
            self.facts = replace(self.facts, parts=parts)
            self._draw()

    def _tried(self, tried: list[PartsTried], one: PartsTried) -> None:
        tried.append(one)
        if self.facts is not None:
            complete = len(tried) == len(self.facts.grid.ids) - 1
            self.facts = replace(self.facts, tried=tuple(tried) if complete else (), layers_tried=len(tried))
            self._draw()

    def _contribution_arrived(self, answer: Explained | Contributions | Progress) -> None:
        facts = self.facts
        if facts is not None and isinstance(answer, Explained):
            self.facts = replace(facts, pieces=answer.pieces)
        elif facts is not None and isinstance(answer, Contributions):
            self.facts = replace(facts, contributions=(*facts.contributions, answer))
        self._draw()

    # --- Showing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.page.set_rows([] if self.facts is None else rows(self.facts))
        self.pane.subtitle_changed.emit()

    def on_shown(self) -> None:
        self._draw()

    def adapt_layout(self, room: QSize) -> None:
        """Write in large type if there is room for it."""
        large = min(room.width() / 2, room.height()) > self.pane.content.px(ROOM_FOR_LARGE)
        for _, words in self.page.lines:
            set_property(words, "role", "content-large" if large else "content")

    def sentence(self) -> str:
        return "" if self.facts is None else card_sentence(self.facts)

    def subtitle(self) -> str:
        return t("pane.inside.card.subtitle")

    def table(self) -> Table | None:
        if self.facts is None:
            return None
        return Table(("finding", "words"), [(row.title, row.words) for row in rows(self.facts)])

    # --- The page --------------------------------------------------------------------------------

    def as_html(self) -> str:
        """Return the card as a page of its own, with the model and the text."""
        facts, model = self.facts, self.state.model
        if facts is None or model is None:
            return ""
        lines = "".join(
            f"<tr><th>{html.escape(t(f'pane.inside.card.title.{one.title}'))}</th><td>{html.escape(one.words)}</td></tr>"
            for one in rows(facts)
        )
        title = html.escape(t("pane.inside.mode.card"))
        text = html.escape(facts.text).replace("\n", "<br>")
        style = "body{font-family:sans-serif;max-width:48em;margin:2em auto}th{text-align:left;vertical-align:top}"
        style += "th,td{padding:8px;border-bottom:1px solid #cccccc}blockquote{font-size:large}"
        return (
            f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head>'
            f"<body><h1>{title}</h1><p>{html.escape(model.name)}</p><blockquote>{text}</blockquote>"
            f"<table>{lines}</table></body></html>"
        )

    def choose_file(self) -> None:
        """Let the user choose a file, and save the page there."""
        name = str(Path(documents()) / "nakami-card.html")
        path, _ = QFileDialog.getSaveFileName(
            self.pane, t("pane.inside.card.export"), name, "HTML (*.html);;PDF (*.pdf)"
        )
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Save the page as HTML, or as PDF if the file's name says so; a failure is shown."""
        page = self.as_html()
        try:
            with replacing(path) as temporary:
                if path.suffix.lower() == ".pdf":
                    document = QTextDocument()
                    document.setHtml(page)
                    writer = QPdfWriter(str(temporary))
                    document.print_(writer)
                    del writer  # closes the file
                else:
                    temporary.write_text(page, "utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            self.pane.messages.show_key("error.not_written", "bad", file=str(path), reason=reason)
        else:
            self.pane.messages.show_key("notice.saved", file=str(path))

    def retranslate(self) -> None:
        self.page.export.setText(t("pane.inside.card.export"))
        self.page.card.setAccessibleName(t("pane.inside.mode.card"))
        self._draw()
