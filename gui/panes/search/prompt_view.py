"""The model's prompt; each passage has the colour and the number of its source."""

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.messages.search import LeftOut, PromptBuilt, PromptPart, SearchHit
from gui import layout
from gui.i18n import number, percent, t
from gui.panes.search.sources import place_of, source_color
from gui.theme import GAP_S, LARGE, NORMAL
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText, Span

Cited = tuple[int, int, int]  # a sentence of a hit: its source, and start and end in the passage, in characters


class PromptView(Themed, QWidget):
    source_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompt: PromptBuilt | None = None
        self.hits: tuple[SearchHit, ...] = ()
        self.missing = ""
        self.cited: tuple[Cited, ...] = ()
        self._sources: list[int] = []  # of each span; -1: none
        self._starts: list[int] = []  # of each span in the prompt, in characters
        self.title, self.figures = layout.label("content-title"), layout.label("content", wraps=True)
        self.text, self.left_out = ColouredText(LARGE), layout.label("content", wraps=True)
        self.text.smaller = (NORMAL + 2, NORMAL)
        self.text.clicked.connect(self._clicked)
        layout.stack(self, self.title, self.text, self.left_out, self.figures, spacing=GAP_S).setStretch(1, 1)
        self.restyle()
        self.retranslate()

    def set_prompt(
        self, prompt: PromptBuilt | None, hits: tuple[SearchHit, ...], missing: str, cited: Sequence[Cited] = ()
    ) -> None:
        """Show the prompt, or `missing` if there is none. `cited`: sentences of the hits that will be pointed at."""
        self.prompt, self.hits, self.missing, self.cited = prompt, hits, missing, tuple(cited)
        self.figures.setVisible(prompt is not None)
        shortened = [left for left in prompt.left_out if not left.whole] if prompt else []
        self.left_out.setText("\n".join(map(self._describe_left_out, shortened)))
        self.left_out.setVisible(bool(shortened))
        if prompt is None:
            self._sources, self._starts = [-1], [0]
            self.text.set_spans([Span(missing, None)], None)
            return
        share = percent(prompt.tokens / max(1, prompt.context))
        words = {"tokens": number(prompt.tokens), "context": number(prompt.context), "percent": share}
        self.figures.setText(t("pane.search.prompt.figures", **words))
        self._show_spans(prompt)

    def _show_spans(self, prompt: PromptBuilt) -> None:
        spans, end = list[Span](), 0
        self._sources, self._starts = [], []
        for part in sorted(prompt.parts, key=lambda part: part.start):
            if part.source < 0:
                continue
            self._add(spans, Span(prompt.text[end : part.start], None, t("pane.search.prompt.frame")), -1)
            color, mark = source_color(self.theme, part.source), str(part.source + 1)
            words = f"{mark}  {self._name(part.source)}"
            for first, last in pairwise(self._cuts(prompt, part)):
                shown = mark if first == part.start else ""
                self._add(spans, Span(prompt.text[first:last], None, words, color, shown), part.source)
            end = part.end
        self._add(spans, Span(prompt.text[end:], None, t("pane.search.prompt.frame")), -1)
        self.text.set_spans(spans, None)
        self.show_sources()

    def show_sources(self) -> None:
        """Scroll to the first source, below what a chat template writes before it."""
        first = next((place for place, source in enumerate(self._sources) if source >= 0), 0)
        top = min((box.top() for box in self.text.page.boxes_of(first)), default=0.0)
        self.text.verticalScrollBar().setValue(round(top - self.text.page.line_height))

    def _add(self, spans: list[Span], span: Span, source: int) -> None:
        if span.text:
            self._starts.append(sum(len(before.text) for before in spans))
            spans.append(span)
            self._sources.append(source)

    def _place_of(self, prompt: PromptBuilt, part: PromptPart, cited: Cited) -> tuple[int, int] | None:
        """Return where the prompt contains a cited sentence; None if the passage was shortened and lacks it."""
        source, start, end = cited
        if source != part.source:
            return None
        sentence = self.hits[source].passage.text[start:end]
        found = prompt.text.find(sentence, part.start, part.end)
        return (found, found + len(sentence)) if sentence and found >= 0 else None

    def _cuts(self, prompt: PromptBuilt, part: PromptPart) -> list[int]:
        """Return where a part of the prompt is divided, so that each cited sentence is a span of its own."""
        places = (self._place_of(prompt, part, cited) for cited in self.cited)
        return sorted({part.start, part.end, *(cut for place in places if place for cut in place)})

    def _describe_left_out(self, left: LeftOut) -> str:
        name = self._name(left.source)
        return t("pane.search.prompt.shortened", number=left.source + 1, name=name, count=left.characters)

    def _name(self, source: int) -> str:
        return place_of(self.hits[source].passage) if source < len(self.hits) else ""

    def rows(self) -> list[tuple[object, ...]]:
        """Return number and place of each source, and its text in the prompt."""
        prompt = self.prompt
        parts = prompt.parts if prompt else ()
        return [(p.source + 1, self._name(p.source), prompt.text[p.start : p.end]) for p in parts if prompt]

    def extent_of(self, source: int, cited: Cited | None = None) -> tuple[float, float] | None:
        """Return the top and bottom, in pixels of `text`, of a source or of a sentence of it; None without it."""
        if self.prompt is None or source not in self._sources:
            return None
        (part,) = (part for part in self.prompt.parts if part.source == source)
        place = self._place_of(self.prompt, part, cited) if cited is not None else None
        first, last = place or (part.start, part.end)
        spans = [index for index, start in enumerate(self._starts) if first <= start < last]
        return self.text.extent_of(spans[0], spans[-1]) if spans else None

    def _clicked(self, index: int) -> None:
        if self._sources[index] >= 0:
            self.source_chosen.emit(self._sources[index])

    def retranslate(self) -> None:
        self.title.setText(t("pane.search.prompt.title"))
        self.text.page.setAccessibleName(t("pane.search.prompt.title"))
        self.set_prompt(self.prompt, self.hits, self.missing, self.cited)

    def restyle(self) -> None:
        if self.prompt is not None:
            self._show_spans(self.prompt)
