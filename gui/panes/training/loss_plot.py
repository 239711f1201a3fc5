"""Loss against steps, tokens or time: raw and smoothed, held-out text, reference lines, several runs."""

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.curve import Curve, Floats, thinned
from gui.i18n import t
from gui.theme import SMALL
from gui.themed import Themed
from gui.widgets.legend import Entry, Legend

MOST_POINTS, FEW_POINTS = 600, 240  # a curve: more than a screen, or a small plot, can tell apart
RECENT = 100  # steps whose raw loss has room too
LABEL = SMALL - 1  # type size of ticks and reference lines
ROOM_FOR_LABEL, ROOM_AT_EDGE = 20, 7  # pixels beside a line that has a name there, and beside anything else
ROOM_ABOVE = 120  # pixels of height from which on the highest line has its name above it
ROOM_FOR_AXIS = 190  # pixels of height from which on the horizontal axis has its name beneath it


class LossAxis(pg.AxisItem):
    """Ticks at round values of the loss, also where its logarithm is drawn."""

    logarithmic = False

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        if not self.logarithmic:
            ticks: list[tuple[float, list[float]]] = super().tickValues(least, most, size)
            return ticks[:2]
        low, high = 10.0**least / 1.0001, 10.0**most * 1.0001  # powers are not exact
        if high / low > 20:
            decades = range(math.floor(least), math.ceil(most) + 1)
            values = [m * 10.0**d for d in decades for m in (1, 2, 5)]
        else:
            step = 10 ** math.floor(math.log10((high - low) / 2))
            values = [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        shown: list[float] = []
        room = ROOM_FOR_LABEL * (most - least) / max(size, 1.0)
        for tick in (math.log10(value) for value in values if low <= value <= high):
            if not shown or tick - shown[-1] >= room:
                shown.append(tick)
        return [(0.1, shown)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logarithmic:
            return [f"{10.0**value:.4g}" for value in values]
        strings: list[str] = super().tickStrings(values, scale, spacing)
        return strings


class LossPlot(Themed, QWidget):
    """`compact`: one quantity, small, without reference lines and legend."""

    hovered = Signal(str)  # what lies under the mouse or the cursor keys, in words; "" for nothing

    def __init__(self, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis, self.what, self.compact = "steps", "loss", compact
        self.logarithmic = False
        self._left = LossAxis("left")
        self.plot = pg.PlotWidget(axisItems={"left": self._left})
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.getViewBox().setDefaultPadding(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if compact else Qt.FocusPolicy.StrongFocus)
        self.legend = Legend()  # above the plot: inside it, it would lie on a line sooner or later
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot, 1)
        self._runs: list[Curve] = []
        self._items: list[dict[str, pg.PlotDataItem]] = []
        self._lines: dict[str, pg.InfiniteLine] = {}
        self._at: int | None = None  # index of the step that is pointed at
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self.plot.getViewBox().sigResized.connect(self._resized)
        self.plot.scene().sigMouseMoved.connect(self._moved)
        self.restyle()
        self.retranslate()

    def set_runs(self, runs: list[Curve]) -> None:
        """The first is the one in progress, or looked at; the others are laid under it."""
        self._runs = runs
        for items in self._items:
            for item in items.values():
                self.plot.removeItem(item)
        self._items = [self._make(index) for index in range(len(runs))]
        self.restyle()

    def set_view(self, axis: str, what: str, logarithmic: bool = False) -> None:
        """`axis`: "steps", "tokens", "seconds"; `what`: "loss", "perplexity", "rate", "norm"."""
        self.axis, self.what = axis, what
        self.logarithmic = self._left.logarithmic = logarithmic
        self._left.picture = None  # the ticks of the other scale
        self.retranslate()

    def _make(self, index: int) -> dict[str, pg.PlotDataItem]:
        names = ("raw", "smoothed", "validation") if index == 0 else ("smoothed", "validation")
        # Smooth edges on a line that goes up and down at every pixel cost much and show nothing.
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
        """Losses as what the vertical axis counts."""
        shown = np.exp(np.minimum(values, 30.0)) if self.what == "perplexity" else values
        return np.log10(np.maximum(shown, 1e-6)) if self.logarithmic else shown

    def redraw(self) -> None:
        """Shows what has come since; cheap, because a curve has some hundred points."""
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
        """Room for everything that is drawn, but not for the spikes of single steps."""
        ends = [float(run.along(self.axis)[-1]) for run in self._runs if len(run)]
        series = [self._shown(values) for run in self._runs for values in self._visible(run)]
        values = np.concatenate([*series, list(self._references().values())])
        values = values[np.isfinite(values)]
        if not ends or not len(values):
            return
        bottom, top = float(values.min()), float(values.max())
        span, height = top - bottom or 1.0, self.plot.getViewBox().height()
        above = below = float(self.theme.px(ROOM_AT_EDGE))
        for name, place in self._references().items():
            room, pixels = self.theme.px(ROOM_FOR_LABEL), height / span
            if self._named_above(name, place):
                above = max(above, room - (top - place) * pixels)
            else:
                below = max(below, room - (place - bottom) * pixels)
        a_pixel = span / max(height - above - below, height / 2, 1.0)
        self.plot.setXRange(0, rounded_up(max(ends)), padding=0)
        self.plot.setYRange(bottom - below * a_pixel, top + above * a_pixel, padding=0)
        self.plot.getViewBox().updateMatrix()  # else the next painting does it, and asks for another painting

    def _visible(self, run: Curve) -> tuple[Floats, ...]:
        if self._is_loss:
            return run.smoothed, run.validation, run.losses[-RECENT:]
        return (run.rates if self.what == "rate" else run.norms,)

    # --- Reference lines -------------------------------------------------------------------------

    def _references(self) -> dict[str, float]:
        """The lines that the loss is held against, where they lie on the axis."""
        if not self._runs or not self._is_loss:
            return {}
        wanted = self._runs[0].references
        if self.what == "perplexity" and not self.logarithmic:  # the others would press the curve to the floor
            wanted = {name: loss for name, loss in wanted.items() if name == "bigram"}
        return {name: float(self._shown(np.array([loss]))[0]) for name, loss in wanted.items()}

    def _place_lines(self) -> None:
        wanted = self._references()
        for name in list(self._lines):
            if name not in wanted:
                self.plot.removeItem(self._lines.pop(name))
        (bottom, top), taken = self.plot.getViewBox().viewRange()[1], list[tuple[float, float]]()
        room = self.theme.px(ROOM_FOR_LABEL) * (top - bottom) / max(1.0, self.plot.getViewBox().height())
        for name, place in sorted(wanted.items(), key=lambda entry: entry[0] == "unigram"):  # it can be missed
            if name not in self._lines:
                self._lines[name] = self._make_line()
            line, above = self._lines[name], self._named_above(name, place)
            line.setValue(place)
            low, high = (place, place + room) if above else (place - room, place)
            line.label.setVisible(all(high <= other_low or low >= other_high for other_low, other_high in taken))
            if line.label.isVisible():
                taken.append((low, high))
                self._name_line(line, name, above)

    def _named_above(self, name: str, place: float) -> bool:
        """On the side on which the curve does not end; above blind guessing it never is for long."""
        if name == "uniform":
            return bool(self.plot.getViewBox().height() >= self.theme.px(ROOM_ABOVE))
        smoothed = self._runs[0].smoothed
        return not (len(smoothed) and self._shown(smoothed[-1:])[0] > place)

    def _make_line(self) -> pg.InfiniteLine:
        options = {"position": 0.99, "anchors": [(1.0, 1.0), (1.0, 1.0)]}
        line = pg.InfiniteLine(angle=0, movable=False, label="", labelOpts=options)
        self.plot.addItem(line, ignoreBounds=True)
        self._style_line(line)
        return line

    def _name_line(self, line: pg.InfiniteLine, name: str, above: bool) -> None:
        loss = self._runs[0].references[name]
        words = t(
            f"pane.training.plot.{name}", value=f"{math.exp(loss):,.0f}" if self.what == "perplexity" else f"{loss:.2f}"
        )
        if line.label.format != words:
            line.label.setFormat(words)
        anchors = [(1.0, 1.0 if above else 0.0)] * 2
        if line.label.anchors != anchors:
            line.label.anchors = anchors
            line.label.updatePosition()

    def _style_line(self, line: pg.InfiniteLine) -> None:
        line.setPen(pg.mkPen(self.theme.color("muted"), width=1, style=Qt.PenStyle.DotLine))
        line.label.setColor(self.theme.color("muted"))
        line.label.setFont(self.theme.font(LABEL))

    # --- Looks -----------------------------------------------------------------------------------

    def restyle(self) -> None:
        self.plot.setBackground(None)
        self.plot.setStyleSheet("border: none; background: transparent;")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(self.theme.color("grid"))
            axis.setTextPen(self.theme.color("muted"))
            axis.setStyle(tickFont=self.theme.font(LABEL), tickLength=0)
        self._left.setGrid(60)
        self._left.setWidth(self.theme.px(46))
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
        axis.showLabel(not self.compact and self.height() >= self.theme.px(ROOM_FOR_AXIS))
        if axis.label.isVisible():
            font = {"color": self.theme.muted, "font-size": f"{self.theme.px(LABEL)}px"}
            axis.setLabel(t(f"pane.training.plot.axis.{self.axis}"), **font)

    def _legend_entries(self) -> list[Entry]:
        """What the axes, each colour and each style are."""
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

    # --- Pointing at a step: mouse and keys ------------------------------------------------------

    def _moved(self, position: QPointF) -> None:
        run = self._runs[0] if self._runs else None
        if run is None or not len(run) or not self.plot.sceneBoundingRect().contains(position):
            self._point_at(None)
            return
        x = self.plot.getViewBox().mapSceneToView(position).x()
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
        """One step of the first run, in words."""
        run = self._runs[0]
        held_out = run.held_out(run.steps[index])
        return t(
            "pane.training.plot.describe",
            step=f"{int(run.steps[index]):,}",
            loss=f"{run.losses[index]:.3f}",
            smoothed=f"{run.smoothed[index]:.3f}",
            validation="–" if math.isnan(held_out) else f"{held_out:.3f}",
            rate=f"{run.rates[index]:.2g}",
            norm=f"{run.norms[index]:.2f}",
        )


def rounded_up(value: float) -> float:
    """To two digits, so that the axis of a growing curve moves only now and then."""
    unit = 10.0 ** (math.floor(math.log10(max(value, 1e-9))) - 1)
    return math.ceil(value / unit) * unit
