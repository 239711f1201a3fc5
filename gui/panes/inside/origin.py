"""Origin: where the training text has the words of a span, and the passages whose hidden states are near to its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QWidget

from engine.messages.comparing import Pin, Pinned
from engine.messages.envelope import Ended
from engine.messages.origin import FindNear, FindOrigin, FoundRun, NearPassages, Origin, WriteWithout, WrittenWithout
from engine.messages.status import Progress
from engine.messages.texts import InspectText
from gui import dialogs
from gui.i18n import number, t
from gui.layout import column, label, row, stack, timer
from gui.pane import Pane, Table
from gui.panes.inside import origin_sentence
from gui.panes.inside.cancel_button import CancelButton
from gui.panes.inside.stand_in import StandIn
from gui.part import Page, Part
from gui.theme import GAP_L, GAP_M, HUGE, LARGE, NORMAL
from gui.widgets.coloured_text import LINE_SEPARATOR, ColouredText, Span

TYPING_MS = 400
LONGEST = 600  # characters of the text that are looked up: its end
COLORS = 6  # of runs
ROOM_FOR_NEAR = 760  # pixels at zoom 1 of the pane's width


class OriginPage(Page):
    """The span in the colours of its runs, the passages of one run, and beside them the near passages."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.places, self.near = ColouredText(HUGE), ColouredText(NORMAL), ColouredText(NORMAL)
        self.text.smaller = (24, LARGE, 17, NORMAL)
        for text in (self.text, self.places, self.near):
            text.whole_lines = True
        self.unknown, self.near_title = label("content-large", wraps=True), label("content", wraps=True)
        self.span_label, self.span = label(), QLineEdit()
        self.span.setClearButtonEnabled(True)
        self.stand_in, self.without, self.cancel = StandIn(), QPushButton(), CancelButton()
        self.shown, self.side, self.tools = QWidget(), QWidget(), QWidget()
        left = column(self.text, self.unknown, self.places, spacing=GAP_M)
        left.setStretch(0, 2)
        left.setStretch(2, 3)
        stack(self.side, self.near_title, self.near, spacing=GAP_M).setStretch(1, 1)
        halves = row(left, self.side, spacing=GAP_L)
        halves.setStretch(0, 3)
        halves.setStretch(1, 2)
        self.shown.setLayout(halves)
        self.tools.setLayout(row(self.span_label, self.span, self.stand_in, self.without, self.cancel, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


@dataclass(frozen=True)
class Shown:
    """What was found for a span, or that the model's text is not there."""

    span: str
    origin: Origin | None = None
    near: NearPassages | None = None
    unknown: bool = False
    run: int = 0  # the selected one of `runs`

    @property
    def runs(self) -> tuple[FoundRun, ...]:
        return () if self.origin is None else self.origin.runs


class OriginView(Part):
    page: OriginPage
    needs_text = True
    long_work = ("FindOrigin", "FindNear")

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page, self.shown = OriginPage(), Shown("")
        page = self.page
        self._typing = timer(self, TYPING_MS, self.refresh, single_shot=True)
        page.span.textChanged.connect(lambda: self._typing.start())
        page.stand_in.toggled.connect(lambda: self.refresh())
        page.without.clicked.connect(self._write_without)
        page.text.clicked.connect(self._segment_clicked)
        self.state.corpus_changed.connect(self._corpus_changed)

    # --- Requests --------------------------------------------------------------------------------

    @property
    def _paths(self) -> tuple[tuple[str, ...], str]:
        """The text to search in place of the model's own, and its encoding; () for its own."""
        return self.page.stand_in.paths(self.state)

    def refresh(self) -> None:
        span = self.page.span.text() or self.state.text[-LONGEST:]
        self.drop("FindNear")
        request = FindOrigin(span, *self._paths)
        self.ask(request, partial(self._found, span), ended=partial(self._ended, span))
        self.page.cancel.follow(self)

    def show_live(self) -> None:
        """Compare the hidden states of the changed model; the runs of words do not depend on it."""
        if self.shown.origin is not None:
            self._ask_near(self.shown.span)

    def follows_live(self) -> bool:
        return not self.state.training  # reading the passages takes too long for that

    def _found(self, span: str, found: Origin | Progress) -> None:
        if isinstance(found, Origin):
            self.shown = Shown(span, found, run=longest(found.runs))
            self._ask_near(span)
            self._draw()

    def _ask_near(self, span: str) -> None:
        show = partial(self._near_found, span)
        self.ask(FindNear(span, *self._paths), show, ended=lambda _: self.page.cancel.follow(self))
        self.page.cancel.follow(self)

    def _near_found(self, span: str, near: NearPassages | Progress) -> None:
        if isinstance(near, NearPassages) and span == self.shown.span:
            self.shown = Shown(span, self.shown.origin, near, run=self.shown.run)
            self._draw()

    def _ended(self, span: str, end: Ended) -> None:
        if end.key == "error.origin_unknown":  # the page says so
            self.pane.messages.withdraw(end.key)
            self.pane.settle("FindOrigin")
            self.shown = Shown(span, unknown=True)
            self._draw()
        self.page.cancel.follow(self)

    def _corpus_changed(self) -> None:
        self._draw()
        if self.page.stand_in.isChecked() and self.page.isVisible():
            self.refresh()

    def _write_without(self) -> None:
        """Write the text without what was found, and open it as the text for the next run."""
        suggested = str(Path(dialogs.documents()) / t("pane.inside.origin.file"))
        path, _ = QFileDialog.getSaveFileName(self.page, t("pane.inside.origin.without"), suggested)
        if path:
            self.write_without(path)

    def write_without(self, path: str) -> None:
        self.ask(WriteWithout(self.shown.span, path, *self._paths), self._written)

    def _written(self, written: WrittenWithout | Progress) -> None:
        if isinstance(written, WrittenWithout):
            self.ask(InspectText((written.path,), "utf-8"), self.state.set_corpus)
            self.ask(Pin(), self._pinned)  # to compare it with the model of the next run
            self.pane.pane_wanted.emit("training")

    def _pinned(self, pinned: Pinned | Progress) -> None:
        if isinstance(pinned, Pinned):
            self.state.set_pinned(pinned)

    # --- Showing ---------------------------------------------------------------------------------

    def _segment_clicked(self, index: int) -> None:
        run = segments(self.shown)[index][2]
        if run is not None:
            self.shown = Shown(self.shown.span, self.shown.origin, self.shown.near, run=run)
            self._draw()

    def on_shown(self) -> None:
        self._draw()

    def _draw(self) -> None:
        page, shown = self.page, self.shown
        page.stand_in.show_name(self.state)
        page.without.setEnabled(shown.origin is not None and shown.origin.covered > 0)
        parts = [self._segment(*segment) for segment in segments(shown)]
        for text, spans in ((page.text, parts), (page.places, self._places()), (page.near, self._near())):
            text.set_spans(spans)
            text.verticalScrollBar().setValue(0)
        page.unknown.setText(t("pane.inside.origin.unknown"))
        page.unknown.setVisible(shown.unknown)
        page.places.setVisible(not shown.unknown)
        self.adapt_layout(self.pane.size())
        page.near_title.setText("" if shown.near is None else origin_sentence.of_near(shown.near))
        self.pane.subtitle_changed.emit()

    def _segment(self, start: int, end: int, run: int | None) -> Span:
        text = self.shown.span[start:end]
        if run is None:
            return Span(text, None, look="text")
        found = self.shown.runs[run]
        words = t("pane.inside.origin.run", text=text.strip(), count=found.count)
        return Span(text, None, words, self.pane.theme.series_color(run % COLORS))

    def _places(self) -> list[Span]:
        """Return where the selected run is in the text, then the other coloured ones, the longest first."""
        shown, spans = self.shown, list[Span]()
        coloured = {run for _, _, run in segments(shown) if run is not None} - {shown.run}
        for index in [shown.run, *sorted(coloured, key=lambda index: -shown.runs[index].words)] if shown.runs else []:
            run, color = shown.runs[index], self.pane.theme.series_color(index % COLORS)
            words = t("pane.inside.origin.places", text=shown.span[run.start : run.end], count=run.count)
            spans.append(Span(words + LINE_SEPARATOR, None, look="text"))
            for place in run.places:
                spans.append(Span("… " + _on_one_line(place.before).lstrip(), None))
                spans.append(Span(_on_one_line(place.found), None, color=color))
                spans.append(Span(_on_one_line(place.after).rstrip() + " …" + LINE_SEPARATOR, None))
        return spans

    def _near(self) -> list[Span]:
        near = self.shown.near
        spans: list[Span] = []
        for passage in near.passages if near is not None else ():
            spans.append(Span(number(passage.cosine, 2) + "  ", max(0.0, passage.cosine)))
            spans.append(Span(_on_one_line(passage.text) + LINE_SEPARATOR, None, look="text"))
        return spans

    def adapt_layout(self, room: QSize) -> None:
        roomy = room.width() > self.pane.theme.px(ROOM_FOR_NEAR) and not self.pane.compact
        self.page.side.setVisible(roomy and not self.shown.unknown)

    def subtitle(self) -> str:
        if self.shown.origin is None:
            return ""
        source = self.shown.origin.source
        name = source.name or t("pane.inside.origin.world")
        share = {"searched": number(source.characters), "whole": number(source.whole)}
        return t("pane.inside.origin.subtitle", name=name, **share)

    def sentence(self) -> str:
        model = self.state.model
        if self.shown.unknown and model is not None:
            return t("pane.inside.origin.says.unknown", model=model.name)
        return "" if self.shown.origin is None else origin_sentence.of_origin(self.shown.origin)

    def table(self) -> Table | None:
        """Return a row for each run of words."""
        rows: list[tuple[object, ...]] = [
            (self.shown.span[run.start : run.end], run.words, run.count, run.places[0].offset if run.places else "")
            for run in self.shown.runs
        ]
        return Table(("run", "words", "count", "first_offset"), rows) if rows else None

    def act(self, wanted: dict[str, Any]) -> None:
        """Look up the span `span`, by default the text."""
        self.page.span.setText(str(wanted.get("span", "")))
        self._typing.stop()
        self.refresh()

    def save(self) -> dict[str, Any]:
        return {"span": self.page.span.text(), "stand_in": self.page.stand_in.isChecked()}

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("span"), str):
            self.page.span.setText(saved["span"])
        self.page.stand_in.restore(saved)

    def retranslate(self) -> None:
        page = self.page
        page.cancel.follow(self)
        page.span_label.setText(t("pane.inside.origin.span"))
        page.span.setPlaceholderText(t("pane.inside.origin.span_hint"))
        page.span.setAccessibleName(t("pane.inside.origin.span"))
        page.without.setText(t("pane.inside.origin.without"))
        page.without.setToolTip(t("pane.inside.origin.without_tip"))
        for widget, name in ((page.text, "text"), (page.places, "places_name"), (page.near, "near_name")):
            widget.setAccessibleName(t(f"pane.inside.origin.{name}"))
        self._draw()


def longest(runs: Sequence[FoundRun]) -> int:
    """Return the index of the run with the most words, the first of several."""
    return max(range(len(runs)), key=lambda index: runs[index].words, default=0)


def segments(shown: Shown) -> list[tuple[int, int, int | None]]:
    """Return the parts of the span: their characters [start, end), and the longest run beyond chance in each."""
    chance = shown.origin.chance if shown.origin is not None else 0
    of_character: list[int | None] = [None] * len(shown.span)
    for index in sorted(range(len(shown.runs)), key=lambda index: shown.runs[index].words):
        run = shown.runs[index]
        if run.words > chance:
            of_character[run.start : run.end] = [index] * (run.end - run.start)
    cuts = [i for i in range(1, len(of_character)) if of_character[i] != of_character[i - 1]]
    edges = [0, *cuts, len(of_character)]
    return [(a, b, of_character[a]) for a, b in pairwise(edges) if a < b]


def _on_one_line(text: str) -> str:
    return text.replace("\n", " ")
