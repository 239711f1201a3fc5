"""The answer with sources beside the answer without; below them, the attention of each token to the sources."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.messages.search import AnswerRecord, Citation, SearchHit
from gui import layout
from gui.i18n import number, percent, t
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import place_of, source_color
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL
from gui.themed import Themed
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.coloured_text import ColouredText, Span, marked
from gui.widgets.legend import Entry, Legend

SIDES = ("sourced", "unsourced")
SHORT = 190  # height in pixels below which only the answers are shown
ROOM_FOR_KEY = 260  # height below which the legend is hidden


class AnswerView(Themed, QWidget):
    source_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.asked = Retrieval()
        self.token: int | None = None  # index of the answer's token whose attention is shown
        self.titles = {side: layout.label("title") for side in SIDES}
        self.texts = {side: ColouredText() for side in SIDES}
        self.notes = {side: layout.label("muted", wraps=True) for side in SIDES}
        self.key, self.caption, self.sources = Legend(), layout.label("muted"), BarList(0.5)
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.texts["sourced"].clicked.connect(self.choose_token)
        self.texts["sourced"].hovered.connect(self._hovered)
        self.sources.chosen.connect(self._source_clicked)
        self.columns = {side: QWidget() for side in SIDES}
        for side, holder in self.columns.items():
            column = layout.stack(holder, self.titles[side], self.texts[side], self.notes[side], spacing=GAP_S)
            column.setStretch(1, 1)
        pair = layout.row(*self.columns.values(), spacing=GAP_L)
        pair.setStretch(0, 3)
        pair.setStretch(1, 2)
        layout.stack(self, pair, self.key, self.caption, self.sources, spacing=GAP_M).setStretch(0, 1)
        self.restyle()
        self.retranslate()

    # --- What is shown ---------------------------------------------------------------------------

    def show_asked(self, asked: Retrieval) -> None:
        if asked is not self.asked:
            self.asked, self.token = asked, None
        self._show_sourced()
        self._show_unsourced()
        self._show_sources()
        self._show_key()

    @property
    def hits(self) -> tuple[SearchHit, ...]:
        return self.asked.hits

    def _show_sourced(self) -> None:
        side = self.asked.sourced
        answered = side.answered
        if answered is not None and answered.kind == "extracted":
            self.texts["sourced"].set_spans(self._extracted_spans(), None)
            self.texts["sourced"].verticalScrollBar().setValue(0)
            self._note("sourced", t(answered.reason) if answered.reason else "")
            return
        citations = answered.citations if answered else ()
        self.texts["sourced"].set_spans(self._token_spans(side, citations), self.token)
        if answered is not None and self.token is None:
            self.texts["sourced"].verticalScrollBar().setValue(0)
        if not side.tokens and self.asked.running:
            self._note("sourced", t("pane.search.answer.waiting"))
        else:
            self._note("sourced", t("pane.search.answer.uncited") if answered is not None and not citations else "")

    def _note(self, side: str, words: str) -> None:
        self.notes[side].setText(words)
        self.notes[side].setVisible(bool(words))

    def _token_spans(self, side: AnswerRecord, citations: tuple[Citation, ...]) -> list[Span]:
        """Return one span for each token: underlined by probability, coloured and numbered by its source."""
        spans, start, cited = list[Span](), 0, -1
        for index, token in enumerate(side.tokens):
            middle = start + len(token.text) / 2
            found = next((c for c in citations if c.start <= middle < c.end), None)
            source = found.source if found else -1
            color = source_color(self.theme, source) if found else None
            mark = str(source + 1) if found and source != cited else ""
            words = t("pane.search.answer.token", piece=marked(token.piece), percent=percent(token.probability, 1))
            if side is self.asked.sourced:
                words += "".join(f"\n{bar.name}  {bar.figure}" for bar in self._attention_bars(index))
            spans.append(Span(token.text, token.probability, words, color, mark))
            start, cited = start + len(token.text), source
        return spans

    def _extracted_spans(self) -> list[Span]:
        """Return the best sentence, then every passage with its own nearest sentence marked."""
        answered = self.asked.sourced.answered
        if answered is None or not answered.text:
            return []
        source = answered.citations[0].source if answered.citations else 0
        spans = [Span(answered.text + "\n", None, "", source_color(self.theme, source), str(source + 1))]
        for source, hit in enumerate(self.hits):
            text, (start, end) = hit.passage.text, hit.best
            words, color = place_of(hit.passage), source_color(self.theme, source)
            spans.append(Span(f"\n{source + 1}  {text[:start].lstrip()}", None, words))
            spans.append(Span(text[start:end], None, words, color))
            spans.append(Span(f"{text[end:].rstrip()}\n", None, words))
        return [span for span in spans if span.text]

    def _show_unsourced(self) -> None:
        side = self.asked.unsourced
        extracted = self.asked.sourced.answered is not None and self.asked.sourced.answered.kind == "extracted"
        self.texts["unsourced"].set_spans(self._token_spans(side, ()), None)
        if side.answered is not None:
            self.texts["unsourced"].verticalScrollBar().setValue(0)
        if side.tokens:
            self._note("unsourced", "")
        elif self.asked.running:
            self._note("unsourced", t("pane.search.answer.waiting"))
        else:
            self._note("unsourced", t("pane.search.answer.none") if extracted else "")

    def _show_key(self) -> None:
        """Explain the underlines and tints, as far as there are any."""
        answered, source = self.asked.sourced.answered, source_color(self.theme, 0).name()
        extracted = answered is not None and answered.kind == "extracted"
        entries = [] if extracted else [Entry(t("pane.generation.key.probability"), scale=True)]
        if answered is not None and answered.citations:
            entries.append(
                Entry(
                    t("pane.search.answer.key.extracted" if extracted else "pane.search.answer.key.cited"), bar=source
                )
            )
        self.key.set_entries(entries)
        self.key.setVisible(answered is not None and self.height() > self.theme.px(ROOM_FOR_KEY))

    # --- Attention -------------------------------------------------------------------------

    def _attention_bars(self, token: int | None) -> list[Bar]:
        """Return the shares of a token's attention, or of the whole answer's; empty where it is unknown."""
        weights = self.asked.attention
        if weights is None or not len(weights) or (token is not None and token >= len(weights)):
            return []
        row = weights.mean(axis=0) if token is None else weights[token]
        bars = self._source_bars(100 * row[: len(self.hits)], lambda value: percent(value / 100, 1))
        rest = ((t("pane.search.answer.instructions"), row[-2]), (t("pane.search.answer.itself"), row[-1]))
        quiet = self.theme.color("muted")
        return [*bars, *(Bar(name, 100 * float(share), percent(share, 1), name, quiet) for name, share in rest)]

    def _source_bars(
        self, values: "np.ndarray[tuple[int], np.dtype[np.float32]]", form: Callable[[float], str]
    ) -> list[Bar]:
        return [
            Bar(
                f"{source + 1}  {place_of(hit.passage)}",
                float(value),
                form(float(value)),
                t("pane.search.answer.open", name=place_of(hit.passage)),
                source_color(self.theme, source),
            )
            for source, (hit, value) in enumerate(zip(self.hits, values, strict=False))
        ]

    def _show_sources(self, hovered: int | None = None) -> None:
        token = self.token if hovered is None else hovered
        bars = self._attention_bars(token)
        if not bars:
            scores = np.array([hit.score for hit in self.hits], np.float32)
            self.caption.setText(t("pane.search.answer.near"))
            self.sources.set_bars(self._source_bars(scores, lambda value: number(value, 3)))
        else:
            piece = marked(self.asked.sourced.tokens[token].piece) if token is not None else ""
            words = (
                t("pane.search.answer.looked", piece=piece) if token is not None else t("pane.search.answer.looked_all")
            )
            self.caption.setText(words)
            self.sources.set_bars(bars)
        for widget in (self.caption, self.sources):
            widget.setVisible(bool(self.hits) and self.height() > self.theme.px(SHORT))

    def choose_token(self, index: int) -> None:
        """Choose a token, or the whole answer again; for an extracted answer, open the source of its sentence."""
        answered = self.asked.sourced.answered
        if answered is not None and answered.kind == "extracted":
            if answered.citations and index == 0:
                self.source_chosen.emit(answered.citations[0].source)
            return
        self.token = index if index < len(self.asked.sourced.tokens) and index != self.token else None
        self._show_sourced()
        self._show_sources()

    def _hovered(self, index: int) -> None:
        if self.asked.attention is not None:
            self._show_sources(index if 0 <= index < len(self.asked.sourced.tokens) else None)

    def _source_clicked(self, index: int) -> None:
        if index < len(self.hits):
            self.source_chosen.emit(index)

    # --- What every widget has -------------------------------------------------------------------

    def rows(self) -> list[tuple[object, ...]]:
        """Return piece, probability and shares of attention of each token."""
        rows, attention = list[tuple[object, ...]](), self.asked.attention
        for index, token in enumerate(self.asked.sourced.tokens):
            shares = attention[index].tolist() if attention is not None and index < len(attention) else []
            rows.append((token.piece, token.probability, *shares))
        return rows

    def header(self) -> tuple[str, ...]:
        known = self.asked.attention is not None
        shares = [*(str(n) for n in range(1, len(self.hits) + 1)), "prompt", "answer"] if known else []
        return ("piece", "probability", *shares)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        roomy = self.width() > self.theme.px(560)
        self.columns["unsourced"].setVisible(roomy)
        self.titles["sourced"].setVisible(roomy)
        self._show_sources()
        self._show_key()
        self.sources.setMaximumHeight(max(round(3 * self.sources.row_height()), self.height() // 3))

    def retranslate(self) -> None:
        for side, title in self.titles.items():
            title.setText(t(f"pane.search.answer.{side}"))
            self.texts[side].page.setAccessibleName(t(f"pane.search.answer.{side}"))
        self.sources.setAccessibleName(t("pane.search.answer.near"))
        self.sources.setCursor(Qt.CursorShape.PointingHandCursor)
        self.show_asked(self.asked)

    def restyle(self) -> None:
        for text in self.texts.values():
            text.size_of_type = NORMAL + 2
        self.show_asked(self.asked)
