"""Loss against steps, tokens or seconds: raw and smoothed, held-out text, reference lines, several runs."""

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from gui.curve import Curve, Floats, thinned
from gui.i18n import number, t
from gui.layout import stack
from gui.panes.training.plot_geometry import LineLabel, axis_range, logarithmic_ticks, rounded_up, without_overlap
from gui.theme import SMALL
from gui.themed import Themed
from gui.widgets.legend import Entry, Legend

MOST_POINTS, FEW_POINTS = 600, 240  # of a curve, and in a small plot; more cannot be distinguished
RECENT = 100  # last steps whose raw loss is fitted into the axis, too
LABEL = SMALL - 1  # type size of ticks and reference lines
# Pixels at zoom 1.
LABEL_HEIGHT, EDGE = 20, 7  # of a label, and of the space above and below everything else
HEIGHT_FOR_UPPER_LABEL = 120  # least height of the plot for a label above the highest line
HEIGHT_FOR_AXIS_NAME = 190


class LossPlot(Themed, QWidget):
    """A plot of the loss or another quantity; a `compact` one has no reference lines and no legend."""

    hovered = Signal(str)  # the step under the mouse or chosen by key, in words; "" for none

    def __init__(self, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis, self.what, self.compact = "steps", "loss", compact
        self.logarithmic = False
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.getAxis("left").setStyle(maxTickLevel=1)
        self._view = self.plot.getViewBox()
        self._view.setDefaultPadding(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if compact else Qt.FocusPolicy.StrongFocus)
        self.legend = Legend()  # above the plot, because inside it would cover a line
        stack(self, self.legend, self.plot).setStretchFactor(self.plot, 1)
        self._runs: list[Curve] = []
        self._items: list[dict[str, pg.PlotDataItem]] = []
        self._lines: dict[str, pg.InfiniteLine] = {}
        self._ticks: list[list[tuple[float, str]]] | None = None  # of the vertical axis; None: pyqtgraph's own
        self._at: int | None = None  # index of the step under the mouse or chosen by key
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self._view.sigResized.connect(self._resized)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.restyle()
        self.retranslate()

    def set_runs(self, runs: list[Curve]) -> None:
        """Draw these runs: the first in front with raw losses, the others behind it without."""
        self._runs = runs
        for items in self._items:
            for item in items.values():
                self.plot.removeItem(item)
        self._items = [self._make(index) for index in range(len(runs))]
        self.restyle()

    def set_view(self, axis: str, what: str, logarithmic: bool = False) -> None:
        """Draw `what` ("loss", "perplexity", "rate", "norm") along `axis` ("steps", "tokens", "seconds")."""
        self.axis, self.what, self.logarithmic = axis, what, logarithmic
        self.retranslate()

    def _make(self, index: int) -> dict[str, pg.PlotDataItem]:
        names = ("raw", "smoothed", "validation") if index == 0 else ("smoothed", "validation")
        # Antialiasing is slow and invisible on a line that goes up and down at every pixel.
        rough = {"raw"} if not self.compact else set(names)
        items = {name: pg.PlotDataItem(skipFiniteCheck=True, antialias=name not in rough) for name in names}
        for item in items.values():
            self.plot.addItem(item)
        return items

    # --- What is drawn ---------------------------------------------------------------------------

    @property
    def _is_loss(self) -> bool:
        return self.what in ("loss", "perplexity")

    def _shown(self, values: Floats) -> Floats:
        """Return losses in the unit of the vertical axis: perplexity or nats, as a logarithm if `logarithmic`."""
        shown = np.exp(np.minimum(values, 30.0)) if self.what == "perplexity" else values
        return np.log10(np.maximum(shown, 1e-6)) if self.logarithmic else shown

    def redraw(self) -> None:
        """Draw the current runs. It is cheap, because curves are thinned to some hundred points."""
        for run, items in zip(self._runs, self._items, strict=True):
            x = run.along(self.axis)
            if self._is_loss:
                self._draw(items.get("raw"), x, run.losses)
                self._draw(items["smoothed"], x, run.smoothed)
            else:
                self._draw(items.get("raw"), x[:0], run.rates[:0])
                self._draw(items["smoothed"], x, run.rates if self.what == "rate" else run.norms)
            held_out = run.validation if self._is_loss else run.validation[:0]
            self._draw(items["validation"], run.along(self.axis, run.validation_steps)[: len(held_out)], held_out)
        self._fit()
        self._place_lines()

    def _draw(self, item: pg.PlotDataItem | None, x: Floats, y: Floats) -> None:
        if item is not None:
            item.setData(*thinned(x, self._shown(y), FEW_POINTS if self.compact else MOST_POINTS))

    def _fit(self) -> None:
        """Fit the axes to everything that is drawn, except the spikes of single steps."""
        ends = [float(run.along(self.axis)[-1]) for run in self._runs if len(run)]
        series = [self._shown(values) for run in self._runs for values in self._visible(run)]
        labels = self._labels()
        values = np.concatenate([*series, [label.place for label in labels]])
        values = values[np.isfinite(values)]
        if not ends or not len(values):
            return
        height, label, edge = self._view.height(), self.theme.px(LABEL_HEIGHT), self.theme.px(EDGE)
        bottom, top = axis_range(float(values.min()), float(values.max()), labels, height, label, edge)
        self.plot.setXRange(0, rounded_up(max(ends)), padding=0)
        self.plot.setYRange(bottom, top, padding=0)
        ticks = [logarithmic_ticks(bottom, top, height, label)] if self.logarithmic else None
        if ticks != self._ticks:
            self._ticks = ticks
            self.plot.getAxis("left").setTicks(ticks)
        self._view.updateMatrix()  # otherwise the next paint event does it and causes another one

    def _visible(self, run: Curve) -> tuple[Floats, ...]:
        if self._is_loss:
            return run.smoothed, run.validation, run.losses[-RECENT:]
        return (run.rates if self.what == "rate" else run.norms,)

    # --- Reference lines -------------------------------------------------------------------------

    def _labels(self) -> list[LineLabel]:
        """Return the reference lines of the loss with their labels, the most important first."""
        if not self._runs or not self._is_loss:
            return []
        names = [name for name in ("uniform", "bigram", "unigram") if name in self._runs[0].references]
        if self.what == "perplexity" and not self.logarithmic:  # the others would make the curve look flat
            names = [name for name in names if name == "bigram"]
        losses = np.array([self._runs[0].references[name] for name in names])
        return [
            LineLabel(name, place, self._is_labelled_above(name, place))
            for name, place in zip(names, self._shown(losses).tolist(), strict=True)
        ]

    def _is_labelled_above(self, name: str, place: float) -> bool:
        """Return whether the label is above its line: on the side away from the end of the curve."""
        if name == "uniform":  # the loss is soon below this line
            return bool(self._view.height() >= self.theme.px(HEIGHT_FOR_UPPER_LABEL))
        smoothed = self._runs[0].smoothed
        return not (len(smoothed) and self._shown(smoothed[-1:])[0] > place)

    def _place_lines(self) -> None:
        labels = self._labels()
        for name in set(self._lines) - {label.name for label in labels}:
            self.plot.removeItem(self._lines.pop(name))
        bottom, top = self._view.viewRange()[1]
        height = self.theme.px(LABEL_HEIGHT) * (top - bottom) / max(1.0, self._view.height())
        shown = without_overlap(labels, height)
        for label in labels:
            if label.name not in self._lines:
                self._lines[label.name] = self._make_line()
            line = self._lines[label.name]
            line.setValue(label.place)
            line.label.setVisible(label in shown)
            if label in shown:
                self._name_line(line, label)

    def _make_line(self) -> pg.InfiniteLine:
        options = {"position": 0.99, "anchors": [(1.0, 1.0), (1.0, 1.0)]}
        line = pg.InfiniteLine(angle=0, movable=False, label="", labelOpts=options)
        self.plot.addItem(line, ignoreBounds=True)
        self._style_line(line)
        return line

    def _name_line(self, line: pg.InfiniteLine, label: LineLabel) -> None:
        loss = self._runs[0].references[label.name]
        value = number(math.exp(loss)) if self.what == "perplexity" else number(loss, 2)
        words = t(f"pane.training.plot.{label.name}", value=value)
        if line.label.format != words:
            line.label.setFormat(words)
        anchors = [(1.0, 1.0 if label.above else 0.0)] * 2
        if line.label.anchors != anchors:
            line.label.anchors = anchors
            line.label.updatePosition()

    def _style_line(self, line: pg.InfiniteLine) -> None:
        line.setPen(pg.mkPen(self.theme.color("muted"), width=1, style=Qt.PenStyle.DotLine))
        line.label.setColor(self.theme.color("muted"))
        line.label.setFont(self.theme.font(LABEL))

    # --- Style -----------------------------------------------------------------------------------

    def restyle(self) -> None:
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(self.theme.color("grid"))
            axis.setTextPen(self.theme.color("muted"))
            axis.setStyle(tickFont=self.theme.font(LABEL), tickLength=0)
        self.plot.getAxis("left").setGrid(60)
        self.plot.getAxis("left").setWidth(self.theme.px(46))
        self._cursor.setPen(pg.mkPen(self.theme.color("accent"), width=1))
        for line in self._lines.values():
            self._style_line(line)
        for run, items in zip(self._runs, self._items, strict=True):
            self._style_run(run, items)
        self.retranslate()

    def _style_run(self, run: Curve, items: dict[str, pg.PlotDataItem]) -> None:
        color, marker = run.colors(self.theme)
        if "raw" in items:
            faint = run.colors(self.theme)[0]
            faint.setAlpha(70)
            items["raw"].setPen(pg.mkPen(faint, width=1))
        items["smoothed"].setPen(pg.mkPen(color, width=1 if self.compact else 2, style=run.line))
        items["validation"].setPen(pg.mkPen(marker, width=1, style=Qt.PenStyle.DotLine))
        items["validation"].setSymbol("o" if run.look == 0 else "d")
        items["validation"].setSymbolSize(self.theme.px(7))
        items["validation"].setSymbolPen(None)
        items["validation"].setSymbolBrush(marker)

    def retranslate(self) -> None:
        self.legend.set_entries(self._legend_entries())
        self._name_axis()
        self.setAccessibleName(t(f"pane.training.plot.what.{self.what}"))
        self.redraw()

    def _name_axis(self) -> None:
        axis = self.plot.getAxis("bottom")
        axis.showLabel(not self.compact and self.height() >= self.theme.px(HEIGHT_FOR_AXIS_NAME))
        if axis.label.isVisible():
            font = {"color": self.theme.muted, "font-size": f"{self.theme.px(LABEL)}px"}
            axis.setLabel(t(f"pane.training.plot.axis.{self.axis}"), **font)

    def _legend_entries(self) -> list[Entry]:
        """Return the legend: the axes, and each colour and line style."""
        what, along = t(f"pane.training.plot.what.{self.what}"), t(f"pane.training.plot.axis.{self.axis}")
        if self.compact:
            return [Entry(what)]
        entries, alone = [Entry(f"{what} / {along}")], len(self._runs) == 1
        for run in self._runs:
            line, marker = (color.name() for color in run.colors(self.theme))
            name = "" if alone else f"{run.name}: "
            if not self._is_loss:
                entries.append(Entry(run.name, line, run.line))
            elif run.look == 0:
                entries.append(Entry(name + t("pane.training.plot.training"), line, run.line))
                entries.append(Entry(t("pane.training.plot.validation"), marker=marker))
            else:
                entries.append(Entry(run.name, line, run.line, marker, round=False))
        return entries

    def _resized(self) -> None:
        self._fit()
        self._place_lines()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._name_axis()

    # --- Choosing a step by mouse and keys -------------------------------------------------------

    def _moved(self, position: QPointF) -> None:
        run = self._runs[0] if self._runs else None
        if run is None or not len(run) or not self.plot.sceneBoundingRect().contains(position):
            self._point_at(None)
            return
        x = self._view.mapSceneToView(position).x()
        self._point_at(int(np.argmin(np.abs(run.along(self.axis) - x))))

    def _point_at(self, index: int | None) -> None:
        self._at = index
        self._cursor.setVisible(index is not None)
        if index is not None:
            self._cursor.setValue(float(self._runs[0].along(self.axis)[index]))
        self.hovered.emit("" if index is None else self.describe(index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = len(self._runs[0]) if self._runs else 0
        stride = max(1, count // 50) if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        now = count - 1 if self._at is None else self._at
        places = {
            Qt.Key.Key_Left: now - stride,
            Qt.Key.Key_Right: now + stride,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: count - 1,
        }
        place = places.get(Qt.Key(event.key()))
        if place is None or not count:
            super().keyPressEvent(event)
        else:
            self._point_at(min(max(place, 0), count - 1))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._runs and len(self._runs[0]) and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._point_at(len(self._runs[0]) - 1)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._point_at(None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at(None)

    def describe(self, index: int) -> str:
        """Describe one step of the first run in words."""
        run = self._runs[0]
        held_out = run.held_out(run.steps[index])
        return t(
            "pane.training.plot.describe",
            step=number(int(run.steps[index])),
            loss=number(run.losses[index], 3),
            smoothed=number(run.smoothed[index], 3),
            validation="–" if math.isnan(held_out) else number(held_out, 3),
            rate=f"{run.rates[index]:.2g}",
            norm=number(run.norms[index], 2),
        )
