"""Loss against steps, tokens or seconds: raw and smoothed, unseen text, named floors, several runs."""

import math
import re

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from engine.messages.training import TrainingSample
from gui.curve import Curve, Floats, thinned
from gui.i18n import number, t
from gui.layout import stack
from gui.panes.training.floors import NAMES, Floor, FloorLayer, Placed, Placing, first_below, word_height
from gui.panes.training.plot_geometry import axis_range, logarithmic_ticks, rounded_up
from gui.theme import NORMAL, SMALL, Theme
from gui.themed import Themed
from gui.widgets.legend import Entry, Legend

MOST_POINTS, FEW_POINTS = 600, 240  # of a curve, and in a small plot; more cannot be distinguished
RECENT = 100  # last steps whose raw loss is fitted into the axis, too
# Pixels at zoom 1.
LABEL_HEIGHT, EDGE = 20, 7  # of a tick's label, and of the space above and below everything else
HEIGHT_FOR_WORDS = 110  # least height of the plot for the names of floors
HEIGHT_FOR_AXIS_NAME = 190
FAINT = 70  # opacity of the raw losses, 0..255
IN_FRONT = 5  # z value of the curves of the run in front


class WholeAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis of steps, tokens or seconds: it has no ticks between whole numbers."""

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        levels = super().tickSpacing(minVal, maxVal, size)
        return [level for level in levels if level[0] >= 1] or [(1.0, 0.0)]


class LossPlot(Themed, QWidget):
    """A plot of the loss or another quantity; a `compact` one has no floors and no legend."""

    hovered = Signal(str)  # the step under the mouse or chosen by key, in words; "" for none

    def __init__(self, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis, self.what, self.compact = "steps", "loss", compact
        self.logarithmic = False
        self.plot = pg.PlotWidget(axisItems={"bottom": WholeAxis("bottom")})
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
        self.samples: list[TrainingSample] = []  # of the run in front, in the order of their steps
        self.notice = ""  # while there is no curve
        self._bands, self._words = FloorLayer(self._view, True), FloorLayer(self._view, False)
        self._ticks: list[list[tuple[float, str]]] | None = None  # of the vertical axis; None: pyqtgraph's own
        self._at: int | None = None  # index of the step under the mouse or chosen by key
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self._view.sigResized.connect(self._resized)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.restyle()
        self.retranslate()

    @property
    def theme(self) -> Theme:
        """The program's theme with the zoom of the content."""
        return self.content

    @property
    def placed(self) -> list[Placed]:
        """The floors that are drawn, the highest first."""
        return self._words.placed

    def set_runs(self, runs: list[Curve]) -> None:
        """Draw these runs: the first above the others, with raw losses."""
        self._runs = runs
        for items in self._items:
            for item in items.values():
                self.plot.removeItem(item)
        self._items = [self._make(index) for index in range(len(runs))]
        self.restyle()

    def set_samples(self, samples: list[TrainingSample]) -> None:
        """Set what the run in front has written, in the order of the steps; flags show some of it."""
        self.samples = samples
        self._place_floors()

    @property
    def step(self) -> int | None:
        """The step under the mouse or chosen by key."""
        return None if self._at is None else int(self._runs[0].steps[self._at])

    def set_view(self, axis: str, what: str, logarithmic: bool = False) -> None:
        """Draw `what` ("loss", "perplexity", "rate", "norm") along `axis` ("steps", "tokens", "seconds")."""
        self.axis, self.what, self.logarithmic = axis, what, logarithmic
        self.retranslate()

    def _make(self, index: int) -> dict[str, pg.PlotDataItem]:
        names = ("raw", "smoothed", "validation") if index == 0 else ("smoothed", "validation")
        # Antialiasing is slow and invisible on a line that goes up and down at every pixel.
        rough = {"raw"} if not self.compact else set(names)
        items = {name: pg.PlotDataItem(skipFiniteCheck=True, antialias=name not in rough) for name in names}
        for name, item in items.items():
            item.setZValue((IN_FRONT if index == 0 else 0) - (name == "raw"))
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
        self._place_floors()

    def _draw(self, item: pg.PlotDataItem | None, x: Floats, y: Floats) -> None:
        if item is not None:
            item.setData(*thinned(x, self._shown(y), FEW_POINTS if self.compact else MOST_POINTS))

    def _fit(self) -> None:
        """Fit the axes to everything that is drawn, except the spikes of single steps."""
        ends = [float(run.along(self.axis)[-1]) for run in self._runs if len(run)]
        series = [self._shown(values) for run in self._runs for values in self._visible(run)]
        floors = self._floors()
        values = np.concatenate([*series, list(floors.values())])
        values = values[np.isfinite(values)]
        has_curve = bool(ends) and bool(len(values))
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setVisible(has_curve)
        if not has_curve:
            return
        height, label, edge = self._view.height(), self.theme.px(LABEL_HEIGHT), self.theme.px(EDGE)
        least, words = float(values.min()), word_height(self.theme) if floors and self._has_words else edge
        below = words if least in floors.values() else edge
        bottom, top = axis_range(least, float(values.max()), height, words, below)
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

    # --- Floors ----------------------------------------------------------------------------------

    def _floors(self) -> dict[str, float]:
        """Return the reference losses that are drawn, in units of the vertical axis, the highest first."""
        if not self._runs or not self._is_loss or self.compact or not len(self._runs[0]):
            return {}
        references = self._runs[0].references
        names = [name for name in NAMES if name in references]
        if self.what == "perplexity" and not self.logarithmic:  # the others would make the curve look flat
            names = [name for name in names if name == "bigram"]
        return {name: float(self._shown(np.array([references[name]]))[0]) for name in names}

    @property
    def _has_words(self) -> bool:
        return bool(self._view.height() >= self.theme.px(HEIGHT_FOR_WORDS))

    def _place_floors(self) -> None:
        floors, placed = self._floors(), []
        if floors:
            (left, right), (bottom, top) = self._view.viewRange()
            box = self._view.rect()

            def pixels(x: Floats, y: Floats) -> tuple[Floats, Floats]:
                return (x - left) / (right - left) * box.width(), (top - y) / (top - bottom) * box.height()

            run = self._runs[0]
            curve = pixels(*thinned(run.along(self.axis), self._shown(run.smoothed), MOST_POINTS))
            markers = pixels(run.along(self.axis, run.validation_steps), self._shown(run.validation))
            metrics = QFontMetricsF(self.theme.font(NORMAL))
            placing = Placing(box, curve, markers, metrics.horizontalAdvance, self.theme)
            for name, value in floors.items():
                index = first_below(run.smoothed, run.references[name])
                x = np.array([] if index is None else run.along(self.axis)[[index]])
                across, up = pixels(x, np.array([value]))
                crossing = float(across[0]) if len(across) else None
                floor = Floor(self._name_of(name), float(up[0]), crossing, self._flag_at(index))
                placed.append(placing.place(floor) if self._has_words else Placed(floor, None, None))
        notice = "" if self._runs and len(self._runs[0]) else self.notice
        self._bands.show_floors(placed, "", self.theme)
        self._words.show_floors(placed, notice, self.theme)

    def _name_of(self, floor: str) -> str:
        loss = self._runs[0].references[floor]
        value = number(math.exp(loss)) if self.what == "perplexity" else number(loss, 2)
        return t(f"pane.training.plot.{floor}", value=value)

    def _flag_at(self, index: int | None) -> str:
        """Return what the model wrote at a step, or at the nearest one that has a sample."""
        if index is None or not self.samples:
            return ""
        step = int(self._runs[0].steps[index])
        sample = min(self.samples, key=lambda each: abs(each.step - step))
        text = re.sub("\N{REPLACEMENT CHARACTER}+", "\N{REPLACEMENT CHARACTER}", " ".join(sample.text.split()))
        return t("pane.training.plot.flag", step=number(sample.step), text=text)

    # --- Style -----------------------------------------------------------------------------------

    def restyle(self) -> None:
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(self.theme.color("grid"))
            axis.setTextPen(self.theme.color("muted"))
            axis.setStyle(tickFont=self.theme.font(SMALL), tickLength=0)
        self.plot.getAxis("left").setGrid(60)
        self.plot.getAxis("left").setWidth(self.theme.px(46))
        self._cursor.setPen(pg.mkPen(self.theme.color("accent"), width=1))
        for run, items in zip(self._runs, self._items, strict=True):
            self._style_run(run, items)
        self.retranslate()

    def _style_run(self, run: Curve, items: dict[str, pg.PlotDataItem]) -> None:
        color, marker = run.colors(self.theme)
        if "raw" in items:
            faint = run.colors(self.theme)[0]
            faint.setAlpha(FAINT)
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
            font = {"color": self.theme.muted, "font-size": f"{self.theme.px(SMALL)}px"}
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
                faint = run.colors(self.theme)[0]
                faint.setAlpha(FAINT)
                entries.append(Entry(t("pane.training.plot.raw"), faint.name(QColor.NameFormat.HexArgb)))
                entries.append(Entry(name + t("pane.training.plot.training"), line, run.line))
                entries.append(Entry(t("pane.training.plot.validation"), marker=marker))
            else:
                entries.append(Entry(run.name, line, run.line, marker, round=False))
        return entries

    def _resized(self) -> None:
        self._fit()
        self._place_floors()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw()  # steps that came while the plot was hidden

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
