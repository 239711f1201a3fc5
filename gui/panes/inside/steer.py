"""Steering: the text written with the difference of two sets of texts added to the model, at every strength."""

import math
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QPushButton, QSpinBox, QWidget

from engine.messages.models import Intervention, Steered
from engine.messages.steering import Steer, SteeredTexts, default_layer
from gui.i18n import number, percent, t
from gui.layout import column, label, row as in_a_row, stack, timer
from gui.pane import Pane, Table
from gui.panes.inside import steer_sentence
from gui.panes.inside.perplexity_plot import PerplexityPlot, Point
from gui.panes.inside.written_texts import Row, WrittenTexts, shortened
from gui.part import Page, Part
from gui.theme import ASSETS, GAP_L, GAP_M
from gui.widgets.labelled_slider import LabelledSlider

STRENGTHS = tuple(half / 2 for half in range(-6, 7))
TOKENS = 30
TYPING_MS, REST_MS = 700, 300
ROOM_FOR_CURVE = 640  # pixels at zoom 1 of the pane's width
LINES = 3  # of a set of texts that are in sight


@cache
def prepared() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the prepared pairs of sets of texts by name."""
    found = tomllib.loads((ASSETS / "steering.toml").read_text("utf-8"))
    return {name: (tuple(pair["plus"]), tuple(pair["minus"])) for name, pair in found.items()}


@dataclass(frozen=True)
class Shown:
    """Texts, and the request, the weights and the other interventions that they belong to."""

    request: Steer
    weights: int  # AppState.weights_version
    others: tuple[Intervention, ...]
    found: SteeredTexts


class SteerPage(Page):
    """The texts at a strength, at none and at the opposite one, beside them the curve; below, what is steered by."""

    def __init__(self) -> None:
        super().__init__()
        self.texts, self.curve = WrittenTexts(), PerplexityPlot()
        self.pairs, self.layer, self.layer_label = QComboBox(), QSpinBox(), label()
        self.plus, self.minus = QPlainTextEdit(), QPlainTextEdit()
        self.plus_label, self.minus_label = label(), label()
        self.opened = QPushButton()  # whether the fields are shown
        self.opened.setCheckable(True)
        self.strength = LabelledSlider(STRENGTHS, _signed)
        self.strength.set_value(0.0)
        self.layer_label.setBuddy(self.layer)
        self.pairs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.shown, self.tools, self.fields = QWidget(), QWidget(), QWidget()
        across = in_a_row(self.texts, self.curve, spacing=GAP_L)
        across.setStretch(0, 3)
        across.setStretch(1, 2)
        self.shown.setLayout(across)
        self.fields.hide()
        self.opened.toggled.connect(self.fields.setVisible)
        sides = ((self.minus_label, self.minus), (self.plus_label, self.plus))
        self.fields.setLayout(in_a_row(*(column(*side) for side in sides), spacing=GAP_L))
        first = in_a_row(self.pairs, self.opened, self.layer_label, self.layer, self.strength, spacing=GAP_M)
        first.setStretch(4, 1)
        stack(self.tools, first, self.fields, spacing=GAP_M)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Steering(Part):
    page: SteerPage
    needs_text = True
    long_work = ("Steer",)

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shown: Shown | None = None
        self._layer: int | None = None  # the chosen one; None is the default of the model
        self.page = page = SteerPage()
        for name in prepared():
            page.pairs.addItem("", name)
        page.pairs.addItem("", "own")
        self._typing = timer(self, TYPING_MS, self._sources_changed, single_shot=True)
        self._resting = timer(self, REST_MS, self._wish, single_shot=True)
        self._show_pair("happy")
        page.pairs.activated.connect(self._pair_chosen)
        page.layer.valueChanged.connect(self._layer_chosen)
        page.strength.changing.connect(lambda _: self._draw())
        page.strength.changed.connect(lambda _: self._wish())
        page.curve.chosen.connect(self._point_chosen)
        for field in (page.plus, page.minus):
            field.textChanged.connect(self._typed)
        self.state.interventions_changed.connect(self._interventions_changed)
        self.state.model_changed.connect(self._model_changed)
        self._model_changed()

    # --- Requests --------------------------------------------------------------------------------

    def others(self) -> tuple[Intervention, ...]:
        """Return the changes in the model other than steering."""
        return tuple(one for one in self.state.interventions if not isinstance(one, Steered))

    def request(self) -> Steer:
        plus, minus = (_lines(field) for field in (self.page.plus, self.page.minus))
        return Steer(self.state.text, plus, minus, self.page.layer.value() - 1, STRENGTHS, TOKENS)

    def refresh(self) -> None:
        """Write the texts, unless they are written."""
        shown, request = self.shown, self.request()
        weights, others = self.state.weights_version, self.others()
        if shown is not None and shown.found.done and shown == Shown(request, weights, others, shown.found):
            self._draw()
        elif request.plus and request.minus:
            self.ask(request, lambda found: self._arrived(Shown(request, weights, others, found)))

    def show_live(self) -> None:
        """Write the texts again, unless only the strength in the model has changed."""
        present = self.state.weights_version, self.others()
        if self.shown is None or (self.shown.weights, self.shown.others) != present:
            self.shown = None
            self.refresh()

    def _arrived(self, shown: Shown) -> None:
        self.pane.settle("Steer")  # the texts grow in sight
        self.shown = shown
        self._draw()

    # --- What is steered by ----------------------------------------------------------------------

    def _show_pair(self, name: str) -> None:
        self.page.pairs.setCurrentIndex(self.page.pairs.findData(name))
        for field, texts in zip((self.page.plus, self.page.minus), prepared().get(name, ((), ())), strict=True):
            if texts and _lines(field) != texts:
                _set_lines(field, texts)

    def _pair_chosen(self) -> None:
        self._show_pair(self.page.pairs.currentData())
        self._sources_changed()

    def _typed(self) -> None:
        self._name_pair()
        self._typing.start()

    def _name_pair(self) -> None:
        """Show the name of the pair whose texts are in the fields."""
        texts = _lines(self.page.plus), _lines(self.page.minus)
        name = next((name for name, pair in prepared().items() if pair == texts), "own")
        self.page.pairs.setCurrentIndex(self.page.pairs.findData(name))

    def _layer_chosen(self, layer: int) -> None:
        self._layer = layer - 1
        self._typing.start()

    def _model_changed(self) -> None:
        """Offer the layers of the model, and its default unless one was chosen."""
        if self.state.model is None:
            return
        layers, field = self.state.model.layers, self.page.layer
        wanted = default_layer(layers) if self._layer is None else min(self._layer, layers - 1)
        field.blockSignals(True)
        field.setRange(1, layers)
        field.setValue(wanted + 1)
        field.blockSignals(False)

    def _sources_changed(self) -> None:
        """Steer by other texts or after another layer, in the model, too."""
        self._typing.stop()
        if self.page.isVisible():
            self.refresh()
            self._wish()

    # --- The strength ----------------------------------------------------------------------------

    def _point_chosen(self, index: int) -> None:
        strength = STRENGTHS[index]
        if strength != self.page.strength.value:
            self.page.strength.set_value(strength)
            self._draw()
            self._resting.start()

    def _wish(self) -> None:
        """Steer the open model at the strength of the slider, so that every pane follows."""
        self._resting.stop()
        request, strength = self.request(), self.page.strength.value
        steered = Steered(request.layer, request.plus, request.minus, strength)
        wanted = (*self.others(), steered) if strength and request.plus and request.minus else self.others()
        if wanted != self.state.interventions:
            self.state.wish_interventions(wanted)

    def _interventions_changed(self) -> None:
        """Show what the model is steered by, which may have been undone, or set by a scene."""
        steered = next((one for one in self.state.interventions if isinstance(one, Steered)), None)
        self.page.strength.set_value(steered.strength if steered is not None else 0.0)
        if steered is not None and replace(steered, strength=0.0) != self._steered():
            for field, texts in ((self.page.plus, steered.plus), (self.page.minus, steered.minus)):
                _set_lines(field, texts)
            self._name_pair()
            self.page.layer.setValue(steered.layer + 1)
        self._draw()

    def _steered(self) -> Steered:
        request = self.request()
        return Steered(request.layer, request.plus, request.minus, 0.0)

    # --- Showing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        self.pane.subtitle_changed.emit()
        found, strength = self.shown.found if self.shown is not None else None, self.page.strength.value
        points = () if found is None else tuple(map(self._point, range(len(STRENGTHS))))
        title, below = t("pane.inside.steer.curve"), t("pane.inside.steer.strength")
        self.page.curve.set_data(points, STRENGTHS.index(strength), title, below)
        order = (strength, 0.0, -strength) if strength else (0.0, 1.0, -1.0)
        self.page.texts.set_rows(() if found is None else tuple(self._row(found, at) for at in order))

    def _point(self, place: int) -> Point:
        assert self.shown is not None
        found, strength = self.shown.found, STRENGTHS[place]
        label = number(strength, signed=bool(strength)) if strength == round(strength) else ""
        if place >= len(found.perplexities):
            return Point(label, math.nan)
        noted = steer_sentence.is_noted(found, place)
        return Point(label, found.perplexities[place], noted, _measured(found, place))

    def _row(self, found: SteeredTexts, at: float) -> Row:
        assert self.shown is not None
        place, plain = found.strengths.index(at), found.texts[found.strengths.index(0.0)].rstrip()
        text = found.texts[place].rstrip()
        noted = steer_sentence.is_noted(found, place)
        same = steer_sentence.common(text, plain) if text != plain else len(text)
        prompt, current = shortened(self.shown.request.prompt), at == self.page.strength.value
        return Row(_measured(found, place), prompt, text, same, current, noted)

    def adapt_layout(self, room: QSize) -> None:
        page, px = self.page, self.pane.theme.px
        page.curve.setVisible(room.width() > px(ROOM_FOR_CURVE) and not self.pane.compact)
        for field in (page.plus, page.minus):
            field.setFixedHeight(round((LINES + 0.6) * field.fontMetrics().lineSpacing()))

    def subtitle(self) -> str:
        return "" if self.shown is None else t("pane.inside.steer.subtitle", layer=self.shown.request.layer + 1)

    def sentence(self) -> str:
        return "" if self.shown is None else steer_sentence.sentence(self.shown.found, self.page.strength.value)

    def table(self) -> Table | None:
        """Return a row for each strength."""
        if self.shown is None or not self.shown.found.done:
            return None
        found = self.shown.found
        columns = (found.strengths, found.texts, found.perplexities, found.repeated)
        return Table(("strength", "text", "perplexity", "repeated"), list(zip(*columns, strict=True)))

    # --- Keeping ---------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return what is steered by; the strength belongs to the model."""
        name = self.page.pairs.currentData()
        kept = {"plus": self.page.plus.toPlainText(), "minus": self.page.minus.toPlainText()} if name == "own" else {}
        return {"pair": name, "layer": self._layer, "opened": self.page.opened.isChecked(), **kept}

    def restore(self, saved: dict[str, Any]) -> None:
        name, layer = saved.get("pair"), saved.get("layer")
        if name in prepared():
            self._show_pair(name)
        for key, field in (("plus", self.page.plus), ("minus", self.page.minus)):
            if name == "own" and isinstance(saved.get(key), str):
                field.setPlainText(saved[key])
        self.page.opened.setChecked(saved.get("opened") is True)
        self._layer = layer if type(layer) is int and layer >= 0 else None
        self._model_changed()

    def act(self, wanted: dict[str, Any]) -> None:
        """Steer the open model at the strength that a scene names."""
        strength = wanted.get("strength")
        if isinstance(strength, int | float):
            self.page.strength.set_value(strength)
            self._wish()

    def retranslate(self) -> None:
        page = self.page
        for place in range(page.pairs.count()):
            page.pairs.setItemText(place, t(f"pane.inside.steer.pair.{page.pairs.itemData(place)}"))
        page.pairs.setAccessibleName(t("pane.inside.steer.pairs"))
        page.strength.set_label(t("pane.inside.steer.strength"), t("pane.inside.steer.strength_tip"))
        page.layer_label.setText(t("pane.inside.steer.layer"))
        page.layer.setAccessibleName(t("pane.inside.steer.layer"))
        sides = (
            (page.plus, page.plus_label, "pane.inside.steer.plus"),
            (page.minus, page.minus_label, "pane.inside.steer.minus"),
        )
        for field, name, key in sides:
            name.setText(t(key))
            field.setAccessibleName(t(key))
        page.opened.setText(t("pane.inside.steer.opened"))
        page.texts.setAccessibleName(t("pane.inside.steer.texts"))
        page.curve.setAccessibleName(t("pane.inside.steer.curve"))
        self._draw()


def _signed(strength: float) -> str:
    return number(strength, 1, signed=True) if strength else "0"


def _measured(found: SteeredTexts, place: int) -> str:
    """Return a strength and, once measured, the perplexity and what else is remarkable of its text."""
    at = _signed(found.strengths[place])
    if place >= len(found.perplexities):
        return at
    words = {"at": at, "perplexity": steer_sentence.figure(found.perplexities[place])}
    if steer_sentence.repeats(found, place):
        return t("pane.inside.steer.repeats", percent=percent(found.repeated[place]), **words)
    if steer_sentence.is_odd(found, place):
        times = found.perplexities[place] / found.perplexities[found.strengths.index(0.0)]
        return t("pane.inside.steer.odd", times=steer_sentence.figure(times), **words)
    return t("pane.inside.steer.heading", **words)


def _lines(field: QPlainTextEdit) -> tuple[str, ...]:
    return tuple(line.strip() for line in field.toPlainText().splitlines() if line.strip())


def _set_lines(field: QPlainTextEdit, texts: tuple[str, ...]) -> None:
    field.blockSignals(True)
    field.setPlainText("\n".join(texts))
    field.blockSignals(False)
