"""The model's prompt; each passage has the colour and the number of its source."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.messages.search import LeftOut, PromptBuilt, SearchHit
from gui import layout
from gui.i18n import number, percent, t
from gui.panes.search.sources import place_of, source_color
from gui.theme import GAP_M, NORMAL
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText, Span


class PromptView(Themed, QWidget):
    source_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompt: PromptBuilt | None = None
        self.hits: tuple[SearchHit, ...] = ()
        self._sources: list[int] = []  # of each span; -1: none
        self.figures, self.text = layout.label("title", wraps=True), ColouredText(NORMAL)
        self.left_out = layout.label("muted", wraps=True)
        self.text.clicked.connect(self._clicked)
        layout.stack(self, self.figures, self.text, self.left_out, spacing=GAP_M).setStretch(1, 1)
        self.restyle()

    def set_prompt(self, prompt: PromptBuilt | None, hits: tuple[SearchHit, ...], missing: str) -> None:
        """Show the prompt, or `missing` if there is none."""
        self.prompt, self.hits = prompt, hits
        self.text.setVisible(prompt is not None)
        self.left_out.setVisible(prompt is not None)
        if prompt is None:
            self.figures.setText(missing)
            return
        share = percent(prompt.tokens / max(1, prompt.context))
        words = {"tokens": number(prompt.tokens), "context": number(prompt.context), "percent": share}
        self.figures.setText(t("pane.search.prompt.figures", **words))
        self.left_out.setText("\n".join(map(self._describe_left_out, prompt.left_out)) or t("pane.search.prompt.all"))
        self._show_spans(prompt)

    def _show_spans(self, prompt: PromptBuilt) -> None:
        spans, self._sources, end = list[Span](), [], 0
        for part in sorted(prompt.parts, key=lambda part: part.start):
            if part.source < 0:
                continue
            self._add(spans, Span(prompt.text[end : part.start], None, t("pane.search.prompt.frame")), -1)
            color, mark = source_color(self.theme, part.source), str(part.source + 1)
            words = f"{mark}  {self._name(part.source)}"
            self._add(spans, Span(prompt.text[part.start : part.end], None, words, color, mark), part.source)
            end = part.end
        self._add(spans, Span(prompt.text[end:], None, t("pane.search.prompt.frame")), -1)
        self.text.set_spans(spans, None)
        self.text.verticalScrollBar().setValue(0)

    def _add(self, spans: list[Span], span: Span, source: int) -> None:
        if span.text:
            spans.append(span)
            self._sources.append(source)

    def _describe_left_out(self, left: LeftOut) -> str:
        key = "pane.search.prompt.out_whole" if left.whole else "pane.search.prompt.out_part"
        return t(key, number=left.source + 1, name=self._name(left.source), count=left.characters)

    def _name(self, source: int) -> str:
        return place_of(self.hits[source].passage) if source < len(self.hits) else ""

    def rows(self) -> list[tuple[object, ...]]:
        """Return number and place of each source, and its text in the prompt."""
        prompt = self.prompt
        parts = prompt.parts if prompt else ()
        return [(p.source + 1, self._name(p.source), prompt.text[p.start : p.end]) for p in parts if prompt]

    def _clicked(self, index: int) -> None:
        if self._sources[index] >= 0:
            self.source_chosen.emit(self._sources[index])

    def restyle(self) -> None:
        if self.prompt is not None:
            self._show_spans(self.prompt)
