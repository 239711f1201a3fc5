"""A run on screen: its figures, curves, what it writes as it learns, and the buttons that steer it."""

from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.messages.training import TrainingSample
from gui.curve import Curve
from gui.i18n import t
from gui.panes.training.figures import FigureRow
from gui.panes.training.loss_plot import LossPlot
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed

AXES = ("steps", "tokens", "seconds")
VIEWS = ("loss", "perplexity", "rate", "norm")
# Pixels at zoom 1 from which on there is room for …
ROOM_FOR_CHOICES, ROOM_FOR_SAMPLES = 640, 760
ROOM_FOR_FIGURES, ROOM_FOR_LINE, ROOM_FOR_TALL, ROOM_FOR_SMALL_PLOTS = 130, 270, 420, 560
SMALL_PLOT = 150


class RunPage(Themed, QWidget):
    pause_wanted = Signal()  # or to go on, where the button says so
    stop_wanted = Signal()
    continue_wanted = Signal()
    new_wanted = Signal()
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples: list[TrainingSample] = []
        self._hovered = ""
        self.figures, self.plot = FigureRow(), LossPlot()
        self.small_plots = [LossPlot(compact=True), LossPlot(compact=True)]
        self.line = QLabel()  # what the mouse is on, or else what the model wrote last
        self.line.setProperty("role", "muted")
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.progress = QProgressBar(maximum=1000, textVisible=False)
        self.plot.hovered.connect(self._show_hovered)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_M)
        column.addWidget(self.figures)
        column.addLayout(self._build_middle(), 1)
        column.addWidget(self.line)
        column.addWidget(self.progress)
        column.addLayout(self._build_controls())
        self.restyle()
        self.retranslate()

    def _build_middle(self) -> QHBoxLayout:
        plots = QVBoxLayout()
        plots.setSpacing(GAP_M)
        plots.addWidget(self.plot, 1)
        self.small_row = QWidget()
        row = QHBoxLayout(self.small_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_L)
        for plot, what in zip(self.small_plots, ("rate", "norm"), strict=True):
            plot.set_view("steps", what)
            row.addWidget(plot, 1)
        plots.addWidget(self.small_row)
        self.side, self.samples_title, self.browser = QWidget(), QLabel(), QTextBrowser()
        self.samples_title.setProperty("role", "muted")
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(GAP_S)
        side.addWidget(self.samples_title)
        side.addWidget(self.browser, 1)
        middle = QHBoxLayout()
        middle.setSpacing(GAP_L)
        middle.addLayout(plots, 3)
        middle.addWidget(self.side, 2)
        return middle

    def _build_controls(self) -> QHBoxLayout:
        self.pause_button, self.stop_button = QPushButton(), QPushButton()
        self.again_button, self.new_button = QPushButton(), QPushButton()
        for button, signal in (
            (self.pause_button, self.pause_wanted),
            (self.stop_button, self.stop_wanted),
            (self.again_button, self.continue_wanted),
            (self.new_button, self.new_wanted),
        ):
            button.clicked.connect(signal)
        self.view_choice, self.axis_choice = QComboBox(), QComboBox()
        for choice, names in ((self.view_choice, VIEWS), (self.axis_choice, AXES)):
            choice.addItems(names)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            choice.currentIndexChanged.connect(self._view_chosen)
        self.log_button = QToolButton(checkable=True)
        self.log_button.toggled.connect(self._view_chosen)
        self.compare_button = QToolButton()
        row = QHBoxLayout()
        row.setSpacing(GAP_M)
        for button in (self.pause_button, self.stop_button, self.again_button, self.new_button):
            row.addWidget(button)
        row.addStretch(1)
        for widget in (self.view_choice, self.axis_choice, self.log_button, self.compare_button):
            row.addWidget(widget)
        return row

    # --- What is shown ---------------------------------------------------------------------------

    def set_runs(self, runs: list[Curve]) -> None:
        """The first is the one in front."""
        for plot in (self.plot, *self.small_plots):
            plot.set_runs(runs if plot is self.plot else runs[:1])

    def set_figures(self, figures: list[tuple[str, str]], fraction: float) -> None:
        """Redraws the curves too: they have grown."""
        self.figures.set_figures(figures)
        self.progress.setValue(round(1000 * fraction))
        self.plot.redraw()
        if self.small_row.isVisibleTo(self):
            for plot in self.small_plots:
                plot.redraw()

    def set_samples(self, samples: list[TrainingSample]) -> None:
        """In the order in which they were written; the newest is shown on top."""
        self.samples = samples
        muted = f"style='color: {self.theme.muted}'"
        rows = [
            f"<p style='margin: 0 0 {self.theme.px(10)}px 0'>"
            f"<span {muted}>{t('pane.training.sample', step=f'{sample.step:,}')}</span><br>"
            f"<span {muted}>{_one_line(sample.prompt[-40:])}</span>{_one_line(sample.text)}</p>"
            for sample in reversed(samples)
        ]
        self.browser.setHtml("".join(rows))
        self._show_line()

    def set_buttons(self, running: bool, paused: bool, unfinished: bool, engine: bool) -> None:
        """What can be done now."""
        self.pause_button.setText(t("pane.training.resume" if paused else "pane.training.pause"))
        for button, shown in (
            (self.pause_button, running),
            (self.stop_button, running),
            (self.again_button, not running and unfinished),
            (self.new_button, not running),
        ):
            if button.isVisibleTo(self) != shown:
                button.setVisible(shown)
        self.again_button.setEnabled(engine)

    def _show_hovered(self, words: str) -> None:
        self._hovered = words
        self._show_line()

    def _show_line(self) -> None:
        words = self._hovered
        if not words and self.samples and not self.side.isVisibleTo(self):
            last = self.samples[-1]
            text = (last.prompt[-20:] + last.text).replace("\n", " ")
            words = f"{t('pane.training.sample', step=f'{last.step:,}')}: {text}"
        elided = self.line.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.line.width())
        if elided != self.line.text():
            self.line.setText(elided)

    # --- How it is looked at ---------------------------------------------------------------------

    def view(self) -> dict[str, int | bool]:
        axis, what = self.axis_choice.currentIndex(), self.view_choice.currentIndex()
        return {"axis": axis, "view": what, "log": self.log_button.isChecked()}

    def set_view(self, saved: dict[str, object]) -> None:
        """The inverse of `view`; what is missing or wrong stays as it is."""
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
        """Shows what there is room for."""
        width, height = self.width(), self.height()
        for widget in (self.axis_choice, self.log_button):
            widget.setVisible(width >= self.theme.px(ROOM_FOR_CHOICES))
        self.side.setVisible(width >= self.theme.px(ROOM_FOR_SAMPLES))
        for part in (self.figures, self.progress, self.plot.legend):
            part.setVisible(height >= self.theme.px(ROOM_FOR_FIGURES))
        self.line.setVisible(height >= self.theme.px(ROOM_FOR_LINE))
        self.figures.set_tall(height >= self.theme.px(ROOM_FOR_TALL))
        self.small_row.setVisible(height >= self.theme.px(ROOM_FOR_SMALL_PLOTS))
        self._show_line()

    def retranslate(self) -> None:
        self.again_button.setText(t("pane.training.continue"))
        self.stop_button.setText(t("pane.training.stop"))
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
        self.set_samples(self.samples)

    def restyle(self) -> None:
        self.small_row.setFixedHeight(self.theme.px(SMALL_PLOT))
        self.set_samples(self.samples)
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)


def _one_line(text: str) -> str:
    return escape(text, quote=False).replace("\n", "⏎ ")
