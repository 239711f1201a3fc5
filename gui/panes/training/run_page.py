"""The page of a run: statistics, curves, generated samples, and the buttons to control the run."""

import re
from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTextBrowser,
    QToolButton,
    QWidget,
)

from engine.messages.training import TrainingSample
from gui.curve import Curve
from gui.i18n import number, t
from gui.layout import column, label, row, set_property, stack
from gui.panes.training.figures import FigureRow
from gui.panes.training.loss_plot import LossPlot
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.themed import Themed

AXES = ("steps", "tokens", "seconds")
VIEWS = ("loss", "perplexity", "rate", "norm")
# Least width and height, in pixels at zoom 1, at which a part is shown.
ROOM_FOR_CHOICES, ROOM_FOR_SAMPLES = 640, 760
ROOM_FOR_FIGURES, ROOM_FOR_LINE, ROOM_FOR_LEGEND, ROOM_FOR_TALL, ROOM_FOR_SMALL_PLOTS = 130, 270, 300, 420, 560
SMALL_PLOT = 150
PROMPT = 40  # characters of a sample's prompt
HALF = "\N{REPLACEMENT CHARACTER}"  # of a character whose other bytes were not written


class RunPage(Themed, QWidget):
    pause_wanted = Signal()  # pause, or resume a paused run
    stop_wanted = Signal()
    continue_wanted = Signal()
    more_wanted = Signal()  # train on after the end
    moment_wanted = Signal()  # open the best moment, or the last again
    new_wanted = Signal()
    pinned_wanted = Signal()  # compare the model with A
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples: list[TrainingSample] = []
        self._html = ""  # of the samples
        self._hovered = ""  # the step under the mouse, in words
        self._hovered_step: int | None = None
        self.figures, self.plot = FigureRow(), LossPlot()
        self.small_plots = [LossPlot(compact=True), LossPlot(compact=True)]
        self.line = label("content")  # the step under the mouse, or the last sample
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.progress = QProgressBar()
        self.progress.setMaximum(1000)
        self.progress.setTextVisible(False)
        self.plot.hovered.connect(self._show_hovered)
        self.middle, self.options, self.controls = QWidget(), QWidget(), QWidget()
        self.middle.setLayout(self._build_middle())
        self.options.setLayout(self._build_options())
        self.controls.setLayout(self._build_controls())
        head = row(self.figures, self.options, spacing=GAP_M)
        head.setStretch(0, 1)
        page = stack(self, head, self.middle, self.line, self.progress, self.controls, spacing=GAP_M)
        page.setStretchFactor(self.middle, 1)
        self.restyle()
        self.retranslate()

    def _build_middle(self) -> QHBoxLayout:
        self.small_row, self.side = QWidget(), QWidget()
        small = row(*self.small_plots, spacing=GAP_L)
        for plot, what in zip(self.small_plots, ("rate", "norm"), strict=True):
            plot.set_view("steps", what)
            small.setStretchFactor(plot, 1)
        self.small_row.setLayout(small)
        plots = column(self.plot, self.small_row, spacing=GAP_M)
        plots.setStretchFactor(self.plot, 1)
        self.samples_title, self.browser = label("content"), QTextBrowser()
        stack(self.side, self.samples_title, self.browser, spacing=GAP_S)
        middle = row(plots, self.side, spacing=GAP_L)
        middle.setStretch(0, 3)
        middle.setStretch(1, 2)
        return middle

    def _build_controls(self) -> QHBoxLayout:
        self.pause_button, self.stop_button, self.more_button = QPushButton(), QPushButton(), QPushButton()
        self.again_button, self.moment_button, self.new_button = QPushButton(), QPushButton(), QPushButton()
        self.pinned_button = QPushButton()
        self.more_button.setProperty("primary", True)
        self.again_button.setProperty("primary", True)
        buttons = {
            self.pause_button: self.pause_wanted,
            self.stop_button: self.stop_wanted,
            self.again_button: self.continue_wanted,
            self.more_button: self.more_wanted,
            self.pinned_button: self.pinned_wanted,
            self.moment_button: self.moment_wanted,
            self.new_button: self.new_wanted,
        }
        for button, signal in buttons.items():
            button.clicked.connect(signal)
        return row(*buttons, 1, spacing=GAP_M)

    def _build_options(self) -> QHBoxLayout:
        self.view_choice, self.axis_choice = QComboBox(), QComboBox()
        for choice, names in ((self.view_choice, VIEWS), (self.axis_choice, AXES)):
            choice.addItems(names)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            choice.currentIndexChanged.connect(self._view_chosen)
        self.log_button = QToolButton()
        self.log_button.setCheckable(True)
        self.log_button.toggled.connect(self._view_chosen)
        self.compare_button = QToolButton()
        return row(self.view_choice, self.axis_choice, self.log_button, self.compare_button, spacing=GAP_M)

    # --- What is shown ---------------------------------------------------------------------------

    def set_runs(self, runs: list[Curve]) -> None:
        """Draw these runs, the first in front; the small plots show only that one."""
        for plot in (self.plot, *self.small_plots):
            plot.set_runs(runs if plot is self.plot else runs[:1])

    def set_figures(self, figures: list[tuple[str, str]], fraction: float) -> None:
        """Show the figures and the progress (0..1), and redraw the curves."""
        self.figures.set_figures(figures)
        self.progress.setValue(round(1000 * fraction))
        self.plot.redraw()
        if self.small_row.isVisibleTo(self):
            for plot in self.small_plots:
                plot.redraw()

    def set_samples(self, samples: list[TrainingSample]) -> None:
        """Show the samples, given in the order of their steps: one in large type, and below it the others."""
        self.samples = samples
        self.plot.set_samples(samples)
        self._show_samples()

    def _show_samples(self) -> None:
        first = self._sample_in_front()
        others = [sample for sample in reversed(self.samples) if sample is not first]
        rows = [self._as_html(first, LARGE), *(self._as_html(sample, NORMAL) for sample in others)] if first else []
        html = "".join(rows)
        if HALF in html:
            html += f"<p style='{self._style(SMALL)}'>{HALF} {t('pane.training.half')}</p>"
        if html != self._html:
            self._html = html
            self.browser.setHtml(html)
        self._show_line()

    def _sample_in_front(self) -> TrainingSample | None:
        """Return the sample last written at the step under the mouse, or the newest."""
        at = self._hovered_step
        before = [sample for sample in self.samples if at is None or sample.step <= at] or self.samples[:1]
        return before[-1] if before else None

    def _as_html(self, sample: TrainingSample, size: int) -> str:
        prompt, words = sample.prompt[-PROMPT:], t("pane.training.sample", step=number(sample.step))
        lines = _lines if size == LARGE else _one_line
        return (
            f"<p style='margin: 0 0 {self.content.px(size)}px 0; font-size: {self.content.px(size)}px'>"
            f"<span style='{self._style(SMALL)}'>{words}</span><br>"
            f"<span style='color: {self.theme.muted}'>{lines(prompt)}</span>{lines(sample.text)}</p>"
        )

    def _style(self, size: int) -> str:
        return f"color: {self.theme.muted}; font-size: {self.content.px(size)}px"

    def set_buttons(self, running: bool, paused: bool, unfinished: bool, engine: bool, pinned: bool) -> None:
        """Show the buttons for what is possible in this state. Without an engine a run cannot be continued.

        `pinned`: a model is pinned as A, with which the trained one can be compared.
        """
        self.pause_button.setText(t("pane.training.resume" if paused else "pane.training.pause"))
        for button, shown in (
            (self.pause_button, running),
            (self.stop_button, running),
            (self.again_button, not running and unfinished),
            (self.more_button, not running),
            (self.pinned_button, not running and pinned),
            (self.new_button, not running),
        ):
            if button.isVisibleTo(self) != shown:
                button.setVisible(shown)
        set_property(self.more_button, "primary", not unfinished)
        self.again_button.setEnabled(engine)
        self.more_button.setEnabled(engine)

    def set_moment(self, words: str) -> None:
        """Offer to open another moment of the run, in these words; "" for none."""
        self.moment_button.setText(words)
        self.moment_button.setVisible(bool(words))

    def _show_hovered(self, words: str) -> None:
        self._hovered, self._hovered_step = words, self.plot.step
        self._show_samples()

    def _show_line(self) -> None:
        words = self._hovered
        if not words and self.samples and not self.side.isVisibleTo(self):
            last = self.samples[-1]
            text = (last.prompt[-20:] + last.text).replace("\n", " ")
            words = f"{t('pane.training.sample', step=number(last.step))}: {text}"
        elided = self.line.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.line.width())
        if elided != self.line.text():
            self.line.setText(elided)

    # --- The view --------------------------------------------------------------------------------

    def view(self) -> dict[str, int | bool]:
        axis, what = self.axis_choice.currentIndex(), self.view_choice.currentIndex()
        return {"axis": axis, "view": what, "log": self.log_button.isChecked()}

    def set_view(self, saved: dict[str, object]) -> None:
        """Restore what `view` returned; missing or invalid values are ignored."""
        for choice, name in ((self.axis_choice, "axis"), (self.view_choice, "view")):
            index = saved.get(name)
            if isinstance(index, int) and 0 <= index < choice.count():
                choice.setCurrentIndex(index)
        self.log_button.setChecked(saved.get("log") is True)

    def _view_chosen(self) -> None:
        axis = AXES[self.axis_choice.currentIndex()]
        self.plot.set_view(axis, VIEWS[self.view_choice.currentIndex()], self.log_button.isChecked())
        for plot, what in zip(self.small_plots, ("rate", "norm"), strict=True):
            plot.set_view(axis, what)
        self.view_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Show the parts of the page that there is room for."""
        width, height = self.width(), self.height()
        for widget in (self.view_choice, self.axis_choice, self.log_button):
            widget.setVisible(width >= self.theme.px(ROOM_FOR_CHOICES))
        self.side.setVisible(width >= self.theme.px(ROOM_FOR_SAMPLES))
        for part in (self.figures, self.progress):
            part.setVisible(height >= self.theme.px(ROOM_FOR_FIGURES))
        self.plot.legend.setVisible(height >= self.theme.px(ROOM_FOR_LEGEND))
        self.line.setVisible(height >= self.theme.px(ROOM_FOR_LINE))
        self.figures.set_tall(height >= self.theme.px(ROOM_FOR_TALL))
        self.small_row.setVisible(height >= self.theme.px(ROOM_FOR_SMALL_PLOTS))
        self._show_line()

    def retranslate(self) -> None:
        self.again_button.setText(t("pane.training.continue"))
        self.plot.notice = t("pane.training.plot.waiting")
        self.stop_button.setText(t("pane.training.stop"))
        self.pinned_button.setText(t("pane.training.pinned"))
        self.pinned_button.setToolTip(t("pane.training.pinned_tip"))
        self.new_button.setText(t("pane.training.new"))
        self.compare_button.setText(t("pane.training.compare"))
        self.log_button.setText(t("pane.training.log"))
        self.log_button.setToolTip(t("pane.training.log_tip"))
        self.samples_title.setText(t("pane.training.samples"))
        self.browser.setPlaceholderText(t("pane.training.no_samples"))
        for choice, names, group in ((self.axis_choice, AXES, "along"), (self.view_choice, VIEWS, "shown")):
            for index, name in enumerate(names):
                choice.setItemText(index, t(f"pane.training.{group}.{name}"))
        for widget, key in (
            (self.axis_choice, "axis"),
            (self.view_choice, "view"),
            (self.progress, "progress"),
            (self.figures, "figures"),
            (self.browser, "samples"),
        ):
            widget.setAccessibleName(t(f"pane.training.{key}"))
        self._show_samples()

    def restyle(self) -> None:
        self.small_row.setFixedHeight(self.content.px(SMALL_PLOT))
        self._show_samples()
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)


def _one_line(text: str) -> str:
    return escape(text, quote=False).replace("\n", "⏎ ")


def _lines(text: str) -> str:
    """Return a text as HTML with its line breaks, without empty lines."""
    return re.sub(r"\s*\n\s*", "<br>", escape(text, quote=False))
