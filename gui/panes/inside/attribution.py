"""Attribution: which tokens of the text have made a word, by occlusion, and by two methods of gradients beside it."""

from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from engine.messages.attribution import AttributeText, Contributions, Explained
from engine.messages.status import Progress
from gui.i18n import t
from gui.layout import label, row, stack, timer
from gui.pane import Pane, Table
from gui.panes.inside.attribution_picture import AttributionText, MethodRows
from gui.panes.inside.attribution_sentence import agreement, sentence
from gui.panes.inside.attribution_shown import METHODS, Attribution
from gui.part import Page, Part
from gui.text import word
from gui.theme import GAP_L, GAP_M

TYPING_MS = 500
ROOM_FOR_ROWS = 420  # pixels at zoom 1 of the pane's height


class AttributionPage(Page):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.rows = AttributionText(), MethodRows()
        self.question, self.agreement = label("content", wraps=True), label("content", wraps=True)
        self.word, self.against, self.end_button = QLineEdit(), QLineEdit(), QPushButton()
        self.word_label, self.against_label = label(), label()
        self.word_label.setBuddy(self.word)
        self.against_label.setBuddy(self.against)
        self.shown, self.tools = QWidget(), QWidget()
        asked = (self.word_label, self.word, self.against_label, self.against)
        self.tools.setLayout(row(*asked, self.end_button, 1, spacing=GAP_M))
        whole = stack(self.shown, self.question, self.text, self.rows, self.agreement, spacing=GAP_L)
        whole.setStretchFactor(self.text, 3)
        whole.setStretchFactor(self.rows, 2)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Attributing(Part):
    page: AttributionPage
    needs_text = True
    long_work = ("AttributeText",)

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page = AttributionPage()
        self.shown: Attribution | None = None
        self._began: Attribution | None = None  # until occlusion has answered
        self._progress = 0.0
        self._key: object = None  # what was asked for depends on
        self._complete = False  # whether all answers for this key have arrived
        self._typing = timer(self, TYPING_MS, self.refresh, single_shot=True)
        page = self.page
        for entry in (page.word, page.against):
            entry.setMaximumWidth(pane.theme.px(200))
            entry.textEdited.connect(lambda _: self._typing.start())
            entry.returnPressed.connect(self.refresh)
        page.text.chosen.connect(self._chosen)
        page.end_button.clicked.connect(lambda: self.state.select_token(None))
        self.state.selection_changed.connect(self._selected)

    # --- Asking ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask what made the selected token, or what follows the text, unless that is shown."""
        self._typing.stop()
        place = self.state.token or None  # nothing comes before the first token
        word = "" if place is not None else self.page.word.text().strip()
        request = AttributeText(self.state.text, place, word, self.page.against.text().strip())
        key = (request, self.state.weights_version, self.state.interventions)
        if key != self._key or not (self._complete or self.pane.asking("AttributeText")):
            self._key, self._complete = key, False
            self.ask(request, lambda answer: self._arrived(request, answer), ended=lambda end: self._ended(end.outcome))
        self._draw()

    def show_live(self) -> None:
        self.refresh()

    def _arrived(self, request: AttributeText, answer: Explained | Contributions | Progress) -> None:
        if isinstance(answer, Explained):
            self._began = Attribution(request, answer)
            return
        if isinstance(answer, Progress):
            self._progress = answer.fraction or 0.0
        elif answer.method == METHODS[0] and self._began is not None:
            self.shown = self._began.with_values(answer)
            self.pane.settle("AttributeText")  # gradients are shown as they arrive
        elif self.shown is not None:
            self.shown, self._progress = self.shown.with_values(answer), 0.0
        self._draw()

    def _ended(self, outcome: str) -> None:
        self._complete = outcome == "done"

    def _selected(self) -> None:
        if self.page.isVisible():
            self.refresh()

    def _chosen(self, token: int | None) -> None:
        first = 0 if self.shown is None else self.shown.explained.first
        self.state.select_token(None if token is None else first + token)

    # --- Showing ---------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self.refresh()

    def _draw(self) -> None:
        if not self.page.isVisible():
            return
        page, shown = self.page, self.shown
        page.text.set_data(shown)
        page.rows.set_data(shown, self._progress)
        page.agreement.setText(agreement(shown))
        page.question.setText("" if shown is None else _question(shown))
        page.end_button.setEnabled(bool(self.state.token))
        page.word.setEnabled(not self.state.token)
        page.word.setPlaceholderText("" if shown is None else word(shown.explained.target))
        self.pane.subtitle_changed.emit()

    def sentence(self) -> str:
        return sentence(self.shown)

    def subtitle(self) -> str:
        return t("pane.inside.attribution.subtitle")

    def adapt_layout(self, room: QSize) -> None:
        for widget in (self.page.rows, self.page.agreement, self.page.question):
            widget.setVisible(room.height() >= self.pane.theme.px(ROOM_FOR_ROWS))

    # --- What every part has ---------------------------------------------------------------------

    def table(self) -> Table | None:
        shown = self.shown
        if shown is None:
            return None
        methods = list(shown.values)
        columns = (shown.values[method].tolist() for method in methods)
        rows: list[tuple[object, ...]] = [
            (shown.explained.first + index, piece, *values)
            for index, (piece, *values) in enumerate(zip(shown.explained.pieces, *columns, strict=True))
        ]
        return Table(("position", "piece", *methods), rows)

    def save(self) -> dict[str, Any]:
        return {"word": self.page.word.text(), "against": self.page.against.text()}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, entry in (("word", self.page.word), ("against", self.page.against)):
            if isinstance(saved.get(name), str):
                entry.setText(saved[name])

    def retranslate(self) -> None:
        page = self.page
        page.word_label.setText(t("pane.inside.attribution.word"))
        page.against_label.setText(t("pane.inside.attribution.rather_than"))
        page.word.setAccessibleName(t("pane.inside.attribution.word"))
        page.against.setAccessibleName(t("pane.inside.attribution.rather_than"))
        page.against.setPlaceholderText(t("pane.inside.attribution.nothing"))
        page.end_button.setText(t("pane.inside.attribution.end"))
        page.text.setAccessibleName(t("pane.inside.attribution.text"))
        page.rows.setAccessibleName(t("pane.inside.attribution.rows"))
        self._draw()


def _question(shown: Attribution) -> str:
    """Return what is explained, and in which unit."""
    explained = shown.explained
    key = "why_rather" if explained.against else "why"
    return t(f"pane.inside.attribution.{key}", word=word(explained.target), against=word(explained.against))
