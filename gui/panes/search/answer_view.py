"""The answer with documents, the attention it paid to them, the answer without, and the nearest sentence of all."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from engine.messages.search import AnswerRecord, Citation
from gui import layout
from gui.i18n import percent, t
from gui.panes.search.attention_strip import AttentionStrip, Part
from gui.panes.search.passage_cards import sentence_of
from gui.panes.search.prompt_view import Cited
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import place_of, source_color
from gui.text import marked
from gui.theme import GAP_M, GAP_S, HUGE, LARGE, NORMAL
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText, Span

BLOCKS = ("sourced", "unsourced", "nearest")
SHARES = {"sourced": (5, 8), "unsourced": (3, 5), "nearest": (2, 2)}  # of the height, by the length of the text
BEAT_MS, DOTS = 350, 3  # of the dots that blink where the first word will be
SHORT = 340  # height in pixels at zoom 1, below which the attention and the nearest sentence are not shown
SHORTEST = 180  # below which the answer without documents is not shown either


@dataclass(frozen=True)
class Anchor:
    """A sentence that a source supports: a line leads from it to the sentence of that source."""

    cited: Cited
    widget: QWidget
    top: float  # of the sentence in the widget, in pixels
    bottom: float


class AnswerView(Themed, QWidget):
    source_chosen = Signal(int)
    moved = Signal()  # sentences have moved, by scrolling or a new layout

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.asked = Retrieval()
        self.token: int | None = None  # index of the answer's token whose attention is shown
        self._tokens: dict[str, list[int]] = {name: [] for name in BLOCKS}  # the token of each span; -1: none
        self._shown: dict[str, list[tuple[Span, int]]] = {name: [] for name in BLOCKS}
        self._dots = 1
        self._beat = layout.timer(self, BEAT_MS, self._blink)
        self.titles = {name: layout.label("content-title", wraps=True) for name in BLOCKS}
        self.texts = {name: ColouredText(HUGE) for name in BLOCKS}
        self.texts["nearest"].size_of_type = LARGE
        self.note = layout.label("content", wraps=True)
        self.caption, self.strip = layout.label("content", wraps=True), AttentionStrip()
        self.attention = QWidget()
        layout.stack(self.attention, self.caption, self.strip, spacing=GAP_S)
        self.blocks = {name: QWidget() for name in BLOCKS}
        self._lay_out()
        self._connect()
        self.restyle()
        self.retranslate()

    def _lay_out(self) -> None:
        for name, block in self.blocks.items():
            widgets: list[QWidget] = [self.titles[name], self.texts[name]]
            if name == "sourced":
                widgets = [self.titles[name], self.note, self.texts[name], self.attention]
            layout.stack(block, *widgets, spacing=GAP_S).setStretch(widgets.index(self.texts[name]), 1)
            self.texts[name].smaller = (24, LARGE, NORMAL + 2, NORMAL)
        self._column = layout.stack(self, *self.blocks.values(), spacing=GAP_M)

    def _connect(self) -> None:
        self.texts["sourced"].clicked.connect(self._span_clicked)
        self.texts["sourced"].hovered.connect(self._span_hovered)
        self.texts["nearest"].clicked.connect(lambda _: self._open_nearest())
        self.strip.chosen.connect(self._part_clicked)
        for text in self.texts.values():
            text.verticalScrollBar().valueChanged.connect(self.moved)

    # --- What is shown ---------------------------------------------------------------------------

    def show_asked(self, asked: Retrieval) -> None:
        if asked.question != self.asked.question or not asked.sourced.tokens:
            self.token = None
        self.asked = asked
        self._show_sourced()
        self._show_written("unsourced", asked.unsourced)
        self._show_nearest()
        self._show_attention()
        self._beat.start() if asked.running else self._beat.stop()
        self._arrange()

    def _blink(self) -> None:
        self._dots = self._dots % DOTS + 1
        for name, side in (("sourced", self.asked.sourced), ("unsourced", self.asked.unsourced)):
            if self._is_awaited(name) and not side.tokens:
                self._set_spans(name, [(self._waiting(), -1)])

    def _waiting(self) -> Span:
        return Span("●" * self._dots + "○" * (DOTS - self._dots), None)

    def _is_awaited(self, name: str) -> bool:
        """Return whether the first word of an answer is still to come; the one without documents comes second."""
        if not self.asked.running:
            return False
        if name == "sourced":
            return self.asked.sourced.answered is None
        return self.asked.sourced.answered is not None and self.asked.unsourced.answered is None

    def _show_sourced(self) -> None:
        side, answered = self.asked.sourced, self.asked.sourced.answered
        if self.asked.is_extracted and answered is not None:
            self._set_spans("sourced", [(span, -1) for span in self._extracted_spans()])
            self.texts["sourced"].verticalScrollBar().setValue(0)
            self._note(t(answered.reason) if answered.reason else "")
            return
        self._show_written("sourced", side)
        is_cited = answered is None or bool(answered.citations)
        stopped = bool(self.asked.question) and self.asked.result is not None and not self.asked.running
        if answered is None and stopped and side.prompt is not None:
            self._note(t("pane.search.answer.stopped"))
        else:
            self._note("" if is_cited else t("pane.search.answer.uncited"))

    def _show_written(self, name: str, side: AnswerRecord) -> None:
        if not side.tokens and self._is_awaited(name):
            self._set_spans(name, [(self._waiting(), -1)])
        else:
            self._set_spans(name, self._token_spans(name, side))
        if side.answered is not None and self.token is None:
            self.texts[name].verticalScrollBar().setValue(0)

    def _set_spans(self, name: str, spans: list[tuple[Span, int]]) -> None:
        if spans == self._shown[name] and name != "sourced":
            return
        self._shown[name], self._tokens[name] = spans, [token for _, token in spans]
        chosen = self.token if name == "sourced" else None
        current = self._tokens[name].index(chosen) if chosen in self._tokens[name] else None
        self.texts[name].set_spans([span for span, _ in spans], current)

    def _token_spans(self, name: str, side: AnswerRecord) -> list[tuple[Span, int]]:
        """Return a span for each token: underlined by probability, and coloured by the source of its sentence.

        A sentence that no source states is amber, and after the last of several a remark says so.
        """
        spans, start, cited = list[tuple[Span, int]](), 0, -1
        citations = side.answered.citations if side.answered else ()
        unsaid = side.answered.unsaid if side.answered else ()
        amber = self.theme.color("warning")
        for index, token in enumerate(side.tokens):
            end = start + len(token.text)
            middle = (start + end) / 2
            found = next((c for c in citations if c.start <= middle < c.end), None)
            made_up = next((span for span in unsaid if span[0] <= middle < span[1]), None)
            source = found.source if found else -1
            color = source_color(self.theme, source) if found else amber if made_up else None
            mark = str(source + 1) if found and source != cited else ""
            spans.append((Span(token.text, token.probability, self._describe(name, side, index), color, mark), index))
            following = end + len(side.tokens[index + 1].text) / 2 if index + 1 < len(side.tokens) else None
            if made_up and (following is None or not any(first <= following < last for first, last in unsaid)):
                spans.append((Span(f"  {t(f'pane.search.answer.unsaid.{name}')}  ", None, "", amber, look="note"), -1))
            start, cited = end, source
        return spans

    def _describe(self, name: str, side: AnswerRecord, index: int) -> str:
        token = side.tokens[index]
        words = t("pane.search.answer.token", piece=marked(token.piece), percent=percent(token.probability, 1))
        parts = self._attention_parts(index) if name == "sourced" else []
        return words + "".join(f"\n{part.name}  {percent(part.share, 1)}" for part in parts)

    def _note(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))

    # --- The nearest sentence --------------------------------------------------------------------

    def _extracted_spans(self) -> list[Span]:
        """Return the best sentence, then every passage with its own nearest sentence marked."""
        answered = self.asked.sourced.answered
        if answered is None or not answered.text:
            return []
        source = answered.citations[0].source if answered.citations else 0
        spans = [Span(answered.text + "\n", None, "", source_color(self.theme, source), str(source + 1))]
        for source, hit in enumerate(self.asked.hits):
            text, (start, end) = hit.passage.text, hit.best
            words, color = place_of(hit.passage), source_color(self.theme, source)
            spans.append(Span(f"\n{source + 1}  {text[:start].lstrip()}", None, words))
            spans.append(Span(text[start:end], None, words, color))
            spans.append(Span(f"{text[end:].rstrip()}\n", None, words))
        return [span for span in spans if span.text]

    @property
    def nearest(self) -> int:
        """The hit with the nearest sentence; -1 if there is none, or if it is shown as the answer already."""
        result = self.asked.result
        return result.nearest if result is not None and not self.asked.is_extracted else -1

    def _show_nearest(self) -> None:
        source, spans = self.nearest, list[tuple[Span, int]]()
        if source >= 0:
            hit = self.asked.hits[source]
            color = source_color(self.theme, source)
            spans = [(Span(sentence_of(hit), None, place_of(hit.passage), color, str(source + 1)), -1)]
        self._set_spans("nearest", spans)

    def _open_nearest(self) -> None:
        if self.nearest >= 0:
            self.source_chosen.emit(self.nearest)

    # --- Attention -------------------------------------------------------------------------------

    def _attention_parts(self, token: int | None) -> list[Part]:
        """Return the shares of a token's attention, or of the whole answer's; empty where it is unknown."""
        weights = self.asked.attention
        if weights is None or not len(weights) or (token is not None and token >= len(weights)):
            return []
        row = weights.mean(axis=0) if token is None else weights[token]
        parts = [
            Part(
                f"{source + 1}  {place_of(hit.passage)}",
                float(share),
                source_color(self.theme, source),
                str(source + 1),
            )
            for source, (hit, share) in enumerate(zip(self.asked.hits, row, strict=False))
        ]
        grey, rest = self.theme.color("muted"), ("instructions", "itself")
        names = [t(f"pane.search.answer.{name}") for name in rest]
        return [*parts, *(Part(name, float(share), grey, name) for name, share in zip(names, row[-2:], strict=True))]

    def _show_attention(self, hovered: int | None = None) -> None:
        token = self.token if hovered is None else hovered
        self.strip.set_parts(self._attention_parts(token))
        if token is None:
            self.caption.setText(t("pane.search.answer.looked_all"))
        else:
            piece = marked(self.asked.sourced.tokens[token].piece)
            self.caption.setText(t("pane.search.answer.looked", piece=piece))

    def choose_token(self, index: int) -> None:
        """Choose a token, or the whole answer again."""
        self.token = index if 0 <= index < len(self.asked.sourced.tokens) and index != self.token else None
        self._show_sourced()
        self._show_attention()

    def _span_clicked(self, index: int) -> None:
        answered = self.asked.sourced.answered
        if self.asked.is_extracted and answered is not None:
            if answered.citations and index == 0:
                self.source_chosen.emit(answered.citations[0].source)
        elif self._tokens["sourced"][index] >= 0:
            self.choose_token(self._tokens["sourced"][index])

    def _span_hovered(self, index: int) -> None:
        if self.asked.attention is not None:
            tokens = self._tokens["sourced"]
            token = tokens[index] if 0 <= index < len(tokens) else -1
            self._show_attention(token if token >= 0 else None)

    def _part_clicked(self, index: int) -> None:
        if index < len(self.asked.hits):
            self.source_chosen.emit(index)

    # --- Where the cited sentences are -----------------------------------------------------------

    def anchors(self) -> list[Anchor]:
        """Return the sentences that a source supports, where they are seen now."""
        found = list[Anchor]()
        for name, side in (("sourced", self.asked.sourced), ("unsourced", self.asked.unsourced)):
            if side.answered is not None and not (name == "sourced" and self.asked.is_extracted):
                found += [self._anchor(name, side, cited) for cited in side.answered.citations]
        source = self.nearest
        answered = self.asked.sourced.answered
        if self.asked.is_extracted and answered is not None and answered.citations:
            found.append(self._whole("sourced", _cited(answered.citations[0])))
        if source >= 0:
            found.append(self._whole("nearest", (source, *self.asked.hits[source].best)))
        return found

    def _anchor(self, name: str, side: AnswerRecord, cited: Citation) -> Anchor:
        ends = np.cumsum([len(token.text) for token in side.tokens])
        first, last = (int(np.searchsorted(ends, place, "right")) for place in (cited.start, cited.end - 1))
        spans = self._tokens[name]
        places = (spans.index(min(token, len(ends) - 1)) for token in (first, last))
        text = self.texts[name]
        return Anchor(_cited(cited), text, *text.extent_of(*places))

    def _whole(self, name: str, cited: Cited) -> Anchor:
        """Return the anchor of a text that begins with a sentence of a source."""
        return Anchor(cited, self.texts[name], *self.texts[name].extent_of(0, 0))

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
        shares = [*(str(n) for n in range(1, len(self.asked.hits) + 1)), "prompt", "answer"] if known else []
        return ("piece", "probability", *shares)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Show what there is room for."""
        px = self.content.px
        for place, name in enumerate(BLOCKS):
            length = len(self.texts[name].text())
            least, most = SHARES[name]
            self._column.setStretch(place, min(most, max(least, length // 50)))
        self.attention.setVisible(bool(self.strip.parts) and self.height() > px(SHORT))
        is_compared = self.asked.running or not self.asked.is_extracted or bool(self.asked.unsourced.tokens)
        self.blocks["unsourced"].setVisible(is_compared and self.height() > px(SHORTEST))
        self.blocks["nearest"].setVisible(self.nearest >= 0 and self.height() > px(SHORT))
        self.moved.emit()

    def retranslate(self) -> None:
        for name, title in self.titles.items():
            title.setText(t(f"pane.search.answer.{name}"))
            self.texts[name].page.setAccessibleName(t(f"pane.search.answer.{name}"))
        self.strip.setAccessibleName(t("pane.search.answer.looked_all"))
        self.show_asked(self.asked)

    def restyle(self) -> None:
        self.show_asked(self.asked)


def _cited(citation: Citation) -> Cited:
    return citation.source, citation.source_start, citation.source_end
