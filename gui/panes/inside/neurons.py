"""Neurons: the passages that a neuron reacts to and the tokens it pushes up, or the passages where a head looks far."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSpinBox, QWidget

from engine.messages.envelope import Ended
from engine.messages.neurons import (
    HeadReport,
    LayerNeurons,
    NeuronReport,
    ReadHead,
    ReadNeuron,
    ScanLayer,
    TintedPassage,
)
from engine.messages.status import Progress
from gui.i18n import number, t
from gui.layout import column, label, row, stack
from gui.pane import Pane, Table
from gui.panes.inside import neurons_sentence
from gui.panes.inside.cancel_button import CancelButton
from gui.panes.inside.stand_in import StandIn
from gui.part import Page, Part
from gui.text import visible
from gui.theme import GAP_L, GAP_M, LARGE, NORMAL
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.coloured_text import LINE_SEPARATOR, ColouredText, Span
from gui.widgets.segmented_control import SegmentedControl

KINDS = ("strongest", "here", "heads")  # neurons by peak, neurons by their activation at a token, heads
LISTS = {"strongest": "list", "here": "list_here", "heads": "list_heads"}
MOST = 60  # neurons listed
BEFORE = 24  # tokens shown before the one with the highest activation
ROOM_FOR_LIST, ROOM_FOR_PUSHED = 520, 860  # pixels at zoom 1 of the pane's width


class NeuronsPage(Page):
    """The neurons of a layer, the passages of the selected one, and the tokens that it pushes."""

    def __init__(self) -> None:
        super().__init__()
        self.neurons = BarList(size_of_type=NORMAL, share=0.5)
        self.up, self.down = BarList(size_of_type=NORMAL), BarList(size_of_type=NORMAL)
        self.passages = ColouredText(LARGE)
        self.passages.smaller = (17, NORMAL)
        self.list_title, self.passages_title = label("content", wraps=True), label("content", wraps=True)
        self.up_title, self.down_title = label("content", wraps=True), label("content", wraps=True)
        self.kind, self.layer_label, self.layer = SegmentedControl(KINDS), label(), QSpinBox()
        self.neuron_label, self.neuron, self.stand_in = label(), QSpinBox(), StandIn()
        self.cancel = CancelButton()
        self.shown, self.left, self.right, self.tools = QWidget(), QWidget(), QWidget(), QWidget()
        stack(self.left, self.list_title, self.neurons, spacing=GAP_M).setStretch(1, 1)
        middle = column(self.passages_title, self.passages, spacing=GAP_M)
        middle.setStretch(1, 1)
        stack(self.right, self.up_title, self.up, self.down_title, self.down, 1, spacing=GAP_M)
        thirds = row(self.left, middle, self.right, spacing=GAP_L)
        for index, stretch in enumerate((2, 5, 3)):
            thirds.setStretch(index, stretch)
        self.shown.setLayout(thirds)
        chosen = (self.layer_label, self.layer, self.neuron_label, self.neuron)
        self.tools.setLayout(row(self.kind, *chosen, self.stand_in, self.cancel, 1, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


@dataclass(frozen=True)
class Shown:
    """The neurons and heads of a layer, and the report on the selected one."""

    layer: LayerNeurons | None = None
    report: NeuronReport | HeadReport | None = None
    unknown: bool = False
    kind: str = KINDS[0]  # what is listed


class NeuronsView(Part):
    page: NeuronsPage
    long_work = ("ScanLayer", "neuron")

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page, self.shown = NeuronsPage(), Shown()
        self._layer: int | None = None  # None: the last
        self._place = -1  # the token that was asked about
        self._chosen: dict[str, int] = {}  # the selected neuron or head by kind; by default the first of the list
        page = self.page
        page.kind.changed.connect(lambda _: self.refresh())
        page.layer.valueChanged.connect(self._layer_chosen)
        page.neuron.valueChanged.connect(lambda value: self._choose(value - 1))
        page.neurons.chosen.connect(self._row_chosen)
        page.stand_in.toggled.connect(lambda: self.refresh())
        self.state.selection_changed.connect(self._selection_changed)
        self.state.corpus_changed.connect(self._draw)

    # --- Requests --------------------------------------------------------------------------------

    @property
    def _paths(self) -> tuple[tuple[str, ...], str]:
        return self.page.stand_in.paths(self.state)

    @property
    def _kind(self) -> str:
        return self.page.kind.current

    def refresh(self) -> None:
        model = self.state.model
        if model is None:
            return
        layer = model.layers - 1 if self._layer is None else min(self._layer, model.layers - 1)
        self._place = self._here()
        self.drop("neuron")
        request = ScanLayer(layer, *self._paths, self.state.text, self._place)
        self.ask(request, partial(self._scanned, self._kind), ended=self._ended)
        self.page.cancel.follow(self)

    def _here(self) -> int:
        """Return the selected token, by default the last; -1 where no single token is looked at."""
        if self._kind != "here" or self.state.tokens is None or not self.state.text:
            return -1
        return len(self.state.tokens.ids) - 1 if self.state.token is None else self.state.token

    def show_live(self) -> None:
        self.refresh()

    def follows_live(self) -> bool:
        return not self.state.training  # reading the passages takes too long for that

    def _scanned(self, kind: str, found: LayerNeurons | Progress) -> None:
        if isinstance(found, LayerNeurons):
            self.shown = Shown(found, kind=kind)
            self._draw()
            self._ask_report()

    def _ended(self, end: Ended) -> None:
        if end.key == "error.origin_unknown":  # the page says so
            self.pane.messages.withdraw(end.key)
            self.pane.settle("ScanLayer")
            self.shown = Shown(unknown=True)
            self._draw()
        self.page.cancel.follow(self)

    def _ask_report(self) -> None:
        if self.shown.layer is not None and len(self._order()):
            layer, index = self.shown.layer.layer, self._current()
            kind = ReadHead if self.shown.kind == "heads" else ReadNeuron
            show = partial(self._reported, layer, index)
            self.ask(kind(layer, index, *self._paths), show, "neuron", lambda _: self.page.cancel.follow(self))
            self.page.cancel.follow(self)

    def _reported(self, layer: int, index: int, report: NeuronReport | HeadReport | Progress) -> None:
        if not isinstance(report, Progress) and self.shown.layer is not None and layer == self.shown.layer.layer:
            self.shown = replace(self.shown, report=report)
            self._draw()

    # --- Selection -------------------------------------------------------------------------------

    def _values(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the value by which neurons or heads are listed."""
        layer = self.shown.layer
        if layer is None:
            return np.zeros(0, np.float32)
        if self.shown.kind == "heads":
            return layer.reach
        return layer.active if self.shown.kind == "here" and layer.active is not None else layer.peaks

    def _order(self) -> list[int]:
        order: list[int] = np.argsort(-self._values(), kind="stable")[:MOST].tolist()
        return order

    def _current(self) -> int:
        """Return the selected neuron or head, or the first of the list."""
        chosen = self._chosen.get(self.shown.kind)
        return self._order()[0] if chosen is None or chosen >= len(self._values()) else chosen

    def _layer_chosen(self, layer: int) -> None:
        self._layer = layer - 1
        self._chosen.clear()
        self.refresh()

    def _row_chosen(self, index: int) -> None:
        self._choose(self._order()[index])

    def _choose(self, index: int) -> None:
        if self.shown.layer is not None and index != self._current():
            self._chosen[self.shown.kind] = index
            self._ask_report()
            self._draw()

    def _selection_changed(self) -> None:
        if self._kind == "here" and self.page.isVisible():
            self._chosen.pop("here", None)
            self.refresh()

    def on_shown(self) -> None:
        if self._here() != self._place:  # another token was selected while the page was hidden
            self._selection_changed()
        else:
            self._draw()

    # --- Showing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        page, shown = self.page, self.shown
        page.stand_in.show_name(self.state)
        self._draw_controls()
        page.list_title.setText("" if shown.unknown else t(f"pane.inside.neurons.{LISTS[self.shown.kind]}"))
        page.neurons.set_bars(self._bars())
        report = shown.report
        page.passages.set_spans([] if report is None else spans_of(report))
        page.passages.verticalScrollBar().setValue(0)
        pushes = report if isinstance(report, NeuronReport) else None
        page.right.setVisible(pushes is not None and self._has_room(ROOM_FOR_PUSHED))
        page.up.set_bars([] if pushes is None else _pushed(pushes.up))
        page.down.set_bars([] if pushes is None else _pushed(pushes.down))
        title = t("pane.inside.neurons.unknown") if shown.unknown else ""
        if report is not None:
            title = t(f"pane.inside.neurons.passages_{'neuron' if pushes is not None else 'head'}")
        page.passages_title.setText(title)
        self.pane.subtitle_changed.emit()

    def _draw_controls(self) -> None:
        """Show layer and neuron in their fields, without asking again."""
        page, layer, model = self.page, self.shown.layer, self.state.model
        if layer is None or model is None:
            return
        for field, most, value in ((page.layer, model.layers, layer.layer), (page.neuron, len(self._values()), None)):
            field.blockSignals(True)
            field.setRange(1, max(1, most))
            field.setValue((self._current() if value is None else value) + 1)
            field.blockSignals(False)

    def _bars(self) -> list[Bar]:
        if self.shown.layer is None:
            return []
        values, name = self._values(), "head" if self.shown.kind == "heads" else "neuron"
        return [
            Bar(
                t(f"pane.inside.neurons.{name}", number=index + 1),
                float(values[index]),
                number(float(values[index]), 1),
            )
            for index in self._order()
        ]

    def _has_room(self, least: int) -> bool:
        return self.pane.width() > self.pane.theme.px(least) and not self.pane.compact

    def adapt_layout(self, room: QSize) -> None:
        self.page.left.setVisible(self._has_room(ROOM_FOR_LIST))
        self.page.right.setVisible(isinstance(self.shown.report, NeuronReport) and self._has_room(ROOM_FOR_PUSHED))

    def subtitle(self) -> str:
        layer = self.shown.layer
        if layer is None:
            return ""
        name = layer.source.name or t("pane.inside.origin.world")
        return t("pane.inside.neurons.subtitle", name=name, tokens=number(layer.tokens))

    def sentence(self) -> str:
        shown, model = self.shown, self.state.model
        if shown.unknown and model is not None:
            return t("pane.inside.neurons.says.unknown", model=model.name)
        if isinstance(shown.report, NeuronReport):
            return neurons_sentence.of_neuron(shown.report)
        return "" if shown.report is None else neurons_sentence.of_head(shown.report)

    def table(self) -> Table | None:
        """Return a row for each neuron or head that is listed."""
        values, name = self._values(), "head" if self.shown.kind == "heads" else "neuron"
        rows: list[tuple[object, ...]] = [(index + 1, float(values[index])) for index in self._order()]
        return Table((name, "reach" if name == "head" else "deviations"), rows) if rows else None

    def act(self, wanted: dict[str, Any]) -> None:
        """Show a layer, and a neuron or head of it, all counted from 1 as on screen."""
        self.page.kind.choose(wanted["kind"] if wanted.get("kind") in KINDS else KINDS[0])
        if isinstance(wanted.get("layer"), int):
            self._layer = wanted["layer"] - 1
        if isinstance(wanted.get("neuron"), int):
            self._chosen[self._kind] = wanted["neuron"] - 1
        self.refresh()

    def save(self) -> dict[str, Any]:
        return {"kind": self._kind, "layer": self._layer, "stand_in": self.page.stand_in.isChecked()}

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("layer"), int) and saved["layer"] >= 0:
            self._layer = saved["layer"]
        self.page.kind.choose(saved["kind"] if saved.get("kind") in KINDS else KINDS[0])
        self.page.stand_in.restore(saved)

    def retranslate(self) -> None:
        page = self.page
        page.cancel.follow(self)
        page.kind.set_labels({kind: t(f"pane.inside.neurons.{kind}") for kind in KINDS}, t("pane.inside.neurons.kinds"))
        page.layer_label.setText(t("pane.inside.layer"))
        page.layer.setAccessibleName(t("pane.inside.layer"))
        page.neuron_label.setText(t("pane.inside.neurons.number"))
        page.neuron.setAccessibleName(t("pane.inside.neurons.number"))
        page.up_title.setText(t("pane.inside.neurons.up"))
        page.down_title.setText(t("pane.inside.neurons.down"))
        for widget, name in ((page.neurons, "list"), (page.passages, "passages_name"), (page.up, "up")):
            widget.setAccessibleName(t(f"pane.inside.neurons.{name}"))
        page.down.setAccessibleName(t("pane.inside.neurons.down"))
        self._draw()


def spans_of(report: NeuronReport | HeadReport) -> list[Span]:
    """Return the passages, each on a line of its own; colours show values as shares of the highest one."""
    if isinstance(report, HeadReport):
        return [span for passage in report.passages for span in _passage(passage, 1.0, passage.token)]
    highest = max(float(np.abs(passage.values[1:]).max(initial=0.0)) for passage in report.passages) or 1.0
    sign = 1.0 if float(report.passages[0].values[report.passages[0].token]) >= 0 else -1.0
    return [span for passage in report.passages for span in _passage(passage, sign * highest, None)]


def _passage(passage: TintedPassage, highest: float, looking: int | None) -> list[Span]:
    first = 0 if looking is not None else max(0, passage.token - BEFORE)
    spans = [Span("… ", None, look="text")] if first else []
    for index in range(first, len(passage.pieces)):
        value, piece = float(passage.values[index]), passage.pieces[index].replace("\n", "⏎")
        share = max(0.0, value / highest) ** (0.5 if looking is not None else 1.0)  # the scale of all shares of heads
        words = t("pane.inside.neurons.value", token=visible(passage.pieces[index]), value=number(value, 2))
        mark = "●" if index == looking else ""
        spans.append(Span(mark + piece, share if share > 0.02 else None, words, look="text"))
    return [*spans, Span(LINE_SEPARATOR, None)]


def _pushed(pushed: tuple[tuple[str, float], ...]) -> list[Bar]:
    return [Bar(visible(piece), effect, f"{effect:+.2f}") for piece, effect in pushed]
