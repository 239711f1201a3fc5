"""Loss against steps, tokens or time: raw and smoothed, held-out text, reference lines, several runs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from gui.i18n import t
from gui.theme import LIGHT, SMALL, Theme

MOST_POINTS = 600  # a curve: more than a screen can tell apart
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
Floats = NDArray[Any]  # steps are whole numbers, the rest is not


@dataclass
class Curve:
    """One run. Arrays grow as it learns; `tokens_a_step` turns steps into tokens."""

    name: str
    tokens_a_step: int = 1
    steps: Floats = field(default_factory=lambda: np.zeros(0))
    seconds: Floats = field(default_factory=lambda: np.zeros(0))
    losses: Floats = field(default_factory=lambda: np.zeros(0))
    smoothed: Floats = field(default_factory=lambda: np.zeros(0))
    rates: Floats = field(default_factory=lambda: np.zeros(0))
    norms: Floats = field(default_factory=lambda: np.zeros(0))
    validation_steps: Floats = field(default_factory=lambda: np.zeros(0))
    validation: Floats = field(default_factory=lambda: np.zeros(0))
    references: dict[str, float] = field(default_factory=dict)

    def extend(self, steps: Floats, seconds: Floats, losses: Floats, rates: Floats, norms: Floats) -> None:
        self.smoothed = np.concatenate((self.smoothed, self._smooth(losses)))
        self.steps = np.concatenate((self.steps, steps))
        self.seconds = np.concatenate((self.seconds, seconds))
        self.losses = np.concatenate((self.losses, losses))
        self.rates = np.concatenate((self.rates, rates))
        self.norms = np.concatenate((self.norms, norms))

    def add_validation(self, step: int, loss: float) -> None:
        self.validation_steps = np.append(self.validation_steps, step)
        self.validation = np.append(self.validation, loss)

    def _smooth(self, losses: Floats) -> Floats:
        """An exponential mean that begins with the first loss and takes its time as the run goes on."""
        smoothed = np.empty(len(losses))
        last = self.smoothed[-1] if len(self.smoothed) else None
        for index, loss in enumerate(losses):
            share = max(0.05, 3.0 / (len(self.steps) + index + 3))
            last = loss if last is None else last + share * (loss - last)
            smoothed[index] = last
        return smoothed

    def along(self, axis: str, steps: Floats | None = None) -> Floats:
        """Where `steps` (default: all of this run) lie on the axis "steps", "tokens" or "seconds"."""
        steps = self.steps if steps is None else steps
        if axis == "tokens":
            return steps * self.tokens_a_step
        if axis == "seconds":
            return np.interp(steps, self.steps, self.seconds) if len(self.steps) else steps
        return steps


class LossPlot(QWidget):
    hovered = Signal(str)  # what lies under the mouse, in words; "" for nothing

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme, self.axis, self.what = LIGHT, "steps", "loss"
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.legend = QLabel()  # above the plot: inside it, it would lie on a line sooner or later
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self._runs: list[Curve] = []
        self._items: list[dict[str, pg.PlotDataItem]] = []
        self._lines: dict[str, pg.InfiniteLine] = {}
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self.plot.scene().sigMouseMoved.connect(self._moved)

    def set_runs(self, runs: list[Curve]) -> None:
        """The first is the one in progress, or looked at; the others are laid under it."""
        self._runs = runs
        for items in self._items:
            for item in items.values():
                self.plot.removeItem(item)
        self._items = [self._make(index) for index in range(len(runs))]
        self.restyle(self.theme)

    def set_view(self, axis: str, what: str) -> None:
        """`axis`: "steps", "tokens", "seconds"; `what`: "loss", "perplexity", "rate", "norm"."""
        self.axis, self.what = axis, what
        self.redraw()

    def _make(self, index: int) -> dict[str, pg.PlotDataItem]:
        names = ("raw", "smoothed", "validation") if index == 0 else ("smoothed", "validation")
        items = {name: pg.PlotDataItem(skipFiniteCheck=True) for name in names}
        for item in items.values():
            self.plot.addItem(item)
        return items

    def redraw(self) -> None:
        """Shows what has come since; cheap, because a curve has at most MOST_POINTS points."""
        for run, items in zip(self._runs, self._items, strict=True):
            x = run.along(self.axis)
            curves = {
                "loss": (run.losses, run.smoothed),
                "rate": (run.rates, run.rates),
                "norm": (run.norms, run.norms),
            }
            raw, smoothed = curves.get(self.what, curves["loss"])
            if "raw" in items:
                items["raw"].setData(*_thinned(x, self._shown(raw)))
            items["smoothed"].setData(*_thinned(x, self._shown(smoothed)))
            held_out = run.validation if self.what in ("loss", "perplexity") else run.validation[:0]
            steps = run.along(self.axis, run.validation_steps)[: len(held_out)]
            items["validation"].setData(steps, self._shown(held_out))
        self._place_lines()
        self._fit()

    def _shown(self, values: Floats) -> Floats:
        return np.exp(np.minimum(values, 30.0)) if self.what == "perplexity" else values

    def _fit(self) -> None:
        """Room for everything that is drawn, but not for the spikes of single steps."""
        ends = [run.along(self.axis)[-1] for run in self._runs if len(run.steps)]
        values = [self._shown(v) for run in self._runs for v in self._visible(run) if len(v)]
        if not ends or not values:
            return
        lines = [self._shown(np.array([v]))[0] for v in self._references().values()] if self.what == "loss" else []
        top = max(max(v.max() for v in values), *lines) if lines else max(v.max() for v in values)
        bottom = min(v.min() for v in values)
        margin = 0.08 * (top - bottom or 1.0)
        self.plot.setXRange(0, max(ends) * 1.02, padding=0)
        self.plot.setYRange(bottom - margin, top + margin, padding=0)

    def _visible(self, run: Curve) -> tuple[Floats, ...]:
        if self.what == "rate":
            return (run.rates,)
        if self.what == "norm":
            return (run.norms,)
        return (run.smoothed, run.validation)

    # --- Reference lines -------------------------------------------------------------------------

    def _references(self) -> dict[str, float]:
        return self._runs[0].references if self._runs and self.what in ("loss", "perplexity") else {}

    def _place_lines(self) -> None:
        wanted = self._references()
        if self.what == "perplexity":  # ln V and the unigram would press the curve to the floor
            wanted = {name: value for name, value in wanted.items() if name == "bigram"}
        for name in list(self._lines):
            if name not in wanted:
                self.plot.removeItem(self._lines.pop(name))
        for name, value in wanted.items():
            shown = float(self._shown(np.array([value]))[0])
            if name not in self._lines:
                line = pg.InfiniteLine(
                    angle=0,
                    movable=False,
                    label="",
                    labelOpts={"position": 0.99, "anchors": [(1.0, 1.0), (1.0, 1.0)]},
                )
                self._lines[name] = line
                self.plot.addItem(line, ignoreBounds=True)
                self._style_line(line)
            self._lines[name].setValue(shown)
            self._lines[name].label.setFormat(t(f"widget.loss.{name}", value=f"{shown:.2f}"))

    def _style_line(self, line: pg.InfiniteLine) -> None:
        line.setPen(pg.mkPen(self.theme.color("muted"), width=1, style=Qt.PenStyle.DotLine))
        line.label.setColor(self.theme.color("muted"))
        line.label.setFont(self.theme.font(SMALL - 1))

    # --- Looks -----------------------------------------------------------------------------------

    def restyle(self, theme: Theme) -> None:
        self.theme = theme
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(theme.color("grid"))
            axis.setTextPen(theme.color("muted"))
            axis.setStyle(tickFont=theme.font(SMALL - 1), tickLength=0)
            axis.setGrid(60)
        self.plot.getAxis("left").setWidth(theme.px(44))
        self._cursor.setPen(pg.mkPen(theme.color("accent"), width=1))
        for line in self._lines.values():
            self._style_line(line)
        for index, items in enumerate(self._items):
            self._style_run(index, items)
        self.retranslate()
        self.redraw()

    def _style_run(self, index: int, items: dict[str, pg.PlotDataItem]) -> None:
        color, marker = self._colors(index)
        style = STYLES[index % len(STYLES)]
        if "raw" in items:
            faint = QColor(color)
            faint.setAlpha(70)
            items["raw"].setPen(pg.mkPen(faint, width=1))
        items["smoothed"].setPen(pg.mkPen(color, width=2, style=style))
        items["validation"].setPen(pg.mkPen(marker, width=1, style=Qt.PenStyle.DotLine))
        items["validation"].setSymbol("o" if index == 0 else "d")
        items["validation"].setSymbolSize(self.theme.px(7))
        items["validation"].setSymbolPen(None)
        items["validation"].setSymbolBrush(marker)

    def retranslate(self) -> None:
        label = {"color": self.theme.muted, "font-size": f"{self.theme.px(SMALL - 1)}px"}
        self.plot.setLabel("bottom", t(f"widget.loss.axis.{self.axis}"), **label)
        self.plot.setAccessibleName(t(f"widget.loss.what.{self.what}"))
        self.legend.setText(" &nbsp;&nbsp; ".join(self._legend_entries()))
        self.redraw()

    def _legend_entries(self) -> list[str]:
        """What each colour and style is, in rich text."""
        entries = []
        for index, run in enumerate(self._runs):
            line, marker = (color.name() for color in self._colors(index))
            dash = ("━━", "━ ━", "┅┅", "━ ╍")[index % len(STYLES)]
            name = "" if len(self._runs) == 1 else f"{run.name}: "
            entries.append(f"<span style='color: {line}'>{dash}</span> {name}{t('widget.loss.training')}")
            if self.what in ("loss", "perplexity"):
                symbol = "●" if index == 0 else "◆"
                entries.append(f"<span style='color: {marker}'>{symbol}</span> {name}{t('widget.loss.validation')}")
        return entries

    def _colors(self, index: int) -> tuple[QColor, QColor]:
        """Of a run's curve and of its markers."""
        series = self.theme.series
        if index == 0:
            return QColor(series[0]), QColor(series[1])
        color = QColor(series[2 + (index - 1) % (len(series) - 2)])
        return color, color

    def _moved(self, position: QPointF) -> None:
        box = self.plot.getViewBox()
        run = self._runs[0] if self._runs else None
        if run is None or not len(run.steps) or not self.plot.sceneBoundingRect().contains(position):
            self._cursor.hide()
            self.hovered.emit("")
            return
        x = run.along(self.axis)
        index = int(np.argmin(np.abs(x - box.mapSceneToView(position).x())))
        self._cursor.setValue(x[index])
        self._cursor.show()
        self.hovered.emit(self.describe(index))

    def describe(self, index: int) -> str:
        """One step of the first run, in words."""
        run = self._runs[0]
        before = np.flatnonzero(run.validation_steps <= run.steps[index])
        held_out = f"{run.validation[before[-1]]:.3f}" if len(before) else "–"
        return t(
            "widget.loss.describe",
            step=f"{int(run.steps[index]):,}",
            loss=f"{run.losses[index]:.3f}",
            smoothed=f"{run.smoothed[index]:.3f}",
            validation=held_out,
            rate=f"{run.rates[index]:.2g}",
            norm=f"{run.norms[index]:.2f}",
        )


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most MOST_POINTS points, always with the last one."""
    if len(x) <= MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return x[kept], y[kept]
