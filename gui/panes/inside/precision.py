"""Precision: the text as the model continues it with weights of fewer and fewer bits."""

import math
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from engine.messages.envelope import Ended
from engine.messages.models import Intervention
from engine.messages.precision import RoundedText, TryPrecisions
from gui.i18n import number, t
from gui.layout import label, row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.inside.perplexity_plot import PerplexityPlot, Point
from gui.panes.inside.precision_sentence import breaks, sentence
from gui.panes.inside.steer_sentence import common
from gui.panes.inside.written_texts import Row, WrittenTexts
from gui.part import Page, Part
from gui.text import size_words
from gui.theme import GAP_L, GAP_M

TOKENS = 24
ROOM_FOR_CURVE = 640  # pixels at zoom 1 of the pane's width


@dataclass(frozen=True)
class Shown:
    """The texts that have arrived, and the request, the weights and the interventions that they belong to."""

    request: TryPrecisions
    weights: int  # AppState.weights_version
    interventions: tuple[Intervention, ...]
    rows: tuple[RoundedText, ...] = ()
    done: bool = False


class PrecisionPage(Page):
    """A text for each width, the one with the most bits first, and the curve of the perplexity."""

    def __init__(self) -> None:
        super().__init__()
        self.texts, self.curve, self.rule = WrittenTexts(beside=True), PerplexityPlot(), label("muted", wraps=True)
        self.shown, self.tools = QWidget(), QWidget()
        across = in_a_row(self.texts, self.curve, spacing=GAP_L)
        across.setStretch(0, 3)
        across.setStretch(1, 2)
        self.shown.setLayout(across)
        stack(self.tools, self.rule)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Precision(Part):
    page: PrecisionPage
    needs_text = True
    long_work = ("TryPrecisions",)

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shown: Shown | None = None
        self.page = PrecisionPage()

    def refresh(self) -> None:
        """Ask for the texts, unless they are there."""
        request, state = TryPrecisions(self.state.text, tokens=TOKENS), self.state
        wanted = Shown(request, state.weights_version, state.interventions)
        if self.shown is not None and self.shown.done and replace(self.shown, rows=(), done=False) == wanted:
            self._draw()
            return
        found: list[RoundedText] = []

        def arrived(answer: Any) -> None:
            found.append(answer)
            self.pane.settle("TryPrecisions")  # the rows that follow are added in sight
            self._show(replace(wanted, rows=tuple(found)))

        def ended(end: Ended) -> None:
            if end.outcome == "done":
                self._show(replace(wanted, rows=tuple(found), done=True))

        self.ask(wanted.request, arrived, ended=ended)

    def show_live(self) -> None:
        self.shown = None
        self.refresh()

    def _show(self, shown: Shown) -> None:
        self.shown = shown
        self._draw()

    def _draw(self) -> None:
        self.pane.subtitle_changed.emit()
        self._explain()
        rows = self.shown.rows if self.shown is not None else ()
        self.page.texts.set_rows(tuple(map(self._row, range(len(rows)))))
        widths = self.shown.request.bits if rows and self.shown is not None else ()
        points = tuple(self._point(place, bits) for place, bits in enumerate(widths))
        self.page.curve.set_data(points, None, t("pane.inside.precision.curve"), t("pane.inside.precision.bits"))

    def _row(self, place: int) -> Row:
        assert self.shown is not None
        rows = self.shown.rows
        row, first = rows[place], rows[0].text.strip()
        text, broken = row.text.strip(), breaks(rows, place)
        heading = t("pane.inside.precision.heading", bits=row.bits, size=size_words(row.size))
        same = len(text) if text == first else common(text, first)
        return Row(heading, "", text, same, place == 0, broken)

    def _point(self, place: int, bits: int) -> Point:
        assert self.shown is not None
        if place >= len(self.shown.rows):
            return Point(str(bits), math.nan)
        value, broken = self.shown.rows[place].perplexity, breaks(self.shown.rows, place)
        words = t("pane.inside.precision.point", bits=bits, perplexity=number(value, 1))
        return Point(str(bits), value, broken, words)

    def _explain(self) -> None:
        """Say how the weights are rounded, and what those with the most bits are if the file has fewer."""
        model = self.state.model
        words = t("pane.inside.precision.rule")
        if model is not None and model.file_bits:
            words += " " + t("pane.inside.precision.file", bits=number(model.file_bits, 1))
        self.page.rule.setText(words)

    def adapt_layout(self, room: QSize) -> None:
        self.page.curve.setVisible(room.width() > self.pane.theme.px(ROOM_FOR_CURVE) and not self.pane.compact)

    def subtitle(self) -> str:
        return "" if self.shown is None else t("pane.inside.precision.subtitle")

    def sentence(self) -> str:
        model = self.state.model
        if self.shown is None or not self.shown.done or model is None:
            return ""
        return sentence(self.shown.rows, model.vocabulary)

    def table(self) -> Table | None:
        """Return a row for each width."""
        if self.shown is None or not self.shown.rows:
            return None
        rows = [(row.bits, row.text, row.perplexity, row.size) for row in self.shown.rows]
        return Table(("bits", "text", "perplexity", "bytes"), list(rows))

    def retranslate(self) -> None:
        self.page.texts.setAccessibleName(t("pane.inside.precision.texts"))
        self.page.curve.setAccessibleName(t("pane.inside.precision.curve"))
        self._draw()
