"""Text in, a model that learns it, and every figure of its learning."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.messages import (
    Ended,
    EstimateTraining,
    ListPresets,
    ModelInfo,
    Notice,
    Presets,
    Progress,
    ReadRun,
    SteerTraining,
    Train,
    TrainingEstimate,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from gui.i18n import t
from gui.pane import Pane, Table
from gui.runs import RunRecord, earlier_runs, new_folder
from gui.settings import models_folder
from gui.theme import GAP_L, GAP_M, GAP_S, Theme
from gui.widgets.loss_plot import LossPlot
from gui.widgets.run_form import RunForm

REDRAW_MS = 500  # each redraw takes a core from the training for some 10 ms
WEIGHTS_MS = 1500  # how often the other panes look at the model that learns
ESTIMATE_MS = 400
AXES = ("steps", "tokens", "seconds")
VIEWS = ("loss", "perplexity", "rate", "norm")
ROOM_FOR_SAMPLES = 760  # pixels of width at zoom 1


class TrainingPane(Pane):
    id, icon = "training", "training"

    def build(self) -> None:
        self.record: RunRecord | None = None
        self.others: dict[str, RunRecord] = {}
        self.models = models_folder()
        self._estimate: TrainingEstimate | None = None
        self._preset = "30s"
        self._prepared: Progress | None = None
        self.pages = QStackedLayout(self.body)
        self.pages.addWidget(self._build_form())
        self.pages.addWidget(self._build_run())
        self._redraw = QTimer(self, interval=REDRAW_MS, timeout=self._draw)
        self._weights = QTimer(self, interval=WEIGHTS_MS, timeout=self.state.weights_changed.emit)
        self._estimating = QTimer(self, interval=ESTIMATE_MS, singleShot=True, timeout=self._ask_estimate)
        self.follow(self.state.corpus_changed, self.state.model_changed)

    # --- Before a run ----------------------------------------------------------------------------

    def _build_form(self) -> QWidget:
        self.headline, self.about, self.estimate = QLabel(), QLabel(), QLabel()
        self.headline.setProperty("role", "headline")
        for label in (self.about, self.estimate):
            label.setProperty("role", "muted")
            label.setWordWrap(True)
        self.form = RunForm()
        self.form.changed.connect(self._form_changed)
        self.start_button, self.continue_button = QPushButton(), QPushButton()
        self.open_button, self.sample_button, self.back_button = QPushButton(), QPushButton(), QPushButton()
        self.start_button.setProperty("primary", True)
        self.start_button.clicked.connect(lambda: self.start(self.form.settings()))
        self.continue_button.clicked.connect(self.resume)
        self.open_button.clicked.connect(self.open_wanted)
        self.sample_button.clicked.connect(self.sample_wanted)
        self.back_button.clicked.connect(lambda: self.pages.setCurrentIndex(1))
        buttons = QHBoxLayout()
        for button in (
            self.start_button,
            self.continue_button,
            self.open_button,
            self.sample_button,
            self.back_button,
        ):
            buttons.addWidget(button)
        buttons.addStretch(1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, GAP_S, GAP_M, 0)
        column.setSpacing(GAP_L)
        for widget in (self.headline, self.about, self.form, self.estimate):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addStretch(1)
        page = QScrollArea(widgetResizable=True)
        page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page.setWidget(inside)
        return page

    def refresh(self) -> None:
        corpus, model = self.state.corpus, self.state.model
        self.form.setVisible(corpus is not None)
        self.start_button.setVisible(corpus is not None)
        self.sample_button.setVisible(corpus is None)
        self.continue_button.setVisible(bool(model and model.resumable and not self.state.training))
        self.back_button.setVisible(self.record is not None)
        if corpus is not None:
            self.ask(ListPresets(corpus.characters), self._show_presets)
            if not self.state.training and (self.record is None or self.record.started.name != corpus.name):
                self.pages.setCurrentIndex(0)
        if model is not None and self.record is None and not self.state.training:
            self._show_past(model)
        self._show_words()

    def _show_past(self, model: ModelInfo) -> None:
        """The run behind the model that was opened."""
        if (Path(model.folder) / "run.json").is_file():
            self.ask(ReadRun(model.folder), self._past_told, slot="past", ended=lambda end: self._draw())

    def _past_told(self, event: object) -> None:
        if isinstance(event, TrainingStarted):
            self._begin(event)
            if self.state.corpus is not None:
                self.pages.setCurrentIndex(0 if self.state.corpus.name != event.name else 1)
        else:
            self._take(event)

    def _show_presets(self, presets: Presets) -> None:
        self.form.set_presets(presets.settings, self._preset)
        self.restyle(self.theme)

    def _form_changed(self) -> None:
        self._preset = self.form.chosen or self._preset
        self._estimating.start()

    def _ask_estimate(self) -> None:
        if self.state.corpus is not None and not self.state.training and self.isVisible():
            self.estimate.setText(t("pane.training.estimating"))
            request = EstimateTraining(self.state.corpus.paths, self.form.settings())
            self.ask(request, self._show_estimate, ended=self._estimated)

    def _show_estimate(self, estimate: TrainingEstimate) -> None:
        self._estimate = estimate
        self.messages.clear()

    def _estimated(self, end: Ended) -> None:
        if end.outcome == "failed":
            self._estimate = None
        self.start_button.setEnabled(end.outcome != "failed")
        self._show_words()

    def _show_words(self) -> None:
        corpus, estimate = self.state.corpus, self._estimate
        if corpus is None:
            self.headline.setText(t("pane.training.empty"))
            self.about.setText(t("pane.training.empty_words"))
            self.estimate.setText("")
            return
        self.headline.setText(corpus.name)
        values = {
            "characters": f"{corpus.characters:,}",
            "files": corpus.files,
            "encoding": corpus.encoding.upper(),
        }
        self.about.setText(t("pane.training.about", **values))
        if estimate is not None and estimate.settings == self.form.settings():
            self.estimate.setText(
                t(
                    "pane.training.estimate",
                    parameters=f"{estimate.parameters:,}",
                    memory=f"{estimate.memory_bytes / 2**20:,.0f}",
                    time=duration(estimate.seconds),
                    steps=f"{estimate.steps:,}",
                    speed=f"{estimate.tokens_per_second:,.0f}",
                )
            )

    # --- The run ---------------------------------------------------------------------------------

    def _build_run(self) -> QWidget:
        page = QWidget()
        self.figures, self.hover = QLabel(), QLabel()
        self.hover.setProperty("role", "muted")
        self.figures.setWordWrap(True)
        self.plot = LossPlot()
        self.plot.hovered.connect(self.hover.setText)
        self.progress = QProgressBar(maximum=1000, textVisible=False)
        self.pause_button, self.stop_button, self.new_button = QPushButton(), QPushButton(), QPushButton()
        self.again_button = QPushButton()
        self.pause_button.clicked.connect(self.pause_or_resume)
        self.stop_button.clicked.connect(self.stop)
        self.new_button.clicked.connect(lambda: self.pages.setCurrentIndex(0))
        self.again_button.clicked.connect(self.resume)
        self.axis_choice, self.view_choice = QComboBox(), QComboBox()
        self.axis_choice.addItems(AXES)
        self.view_choice.addItems(VIEWS)
        for choice in (self.axis_choice, self.view_choice):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            choice.currentIndexChanged.connect(self._view_chosen)
        self.compare_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.compare_menu = QMenu(self.compare_button)
        self.compare_menu.aboutToShow.connect(self._fill_compare)
        self.compare_button.setMenu(self.compare_menu)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_M)
        for button in (self.pause_button, self.stop_button, self.again_button, self.new_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        for widget in (self.view_choice, self.axis_choice, self.compare_button):
            buttons.addWidget(widget)
        self.samples = QTextBrowser()
        self.samples_title = QLabel()
        self.samples_title.setProperty("role", "muted")
        self.side = QWidget()
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 0, 0, 0)
        side.addWidget(self.samples_title)
        side.addWidget(self.samples, 1)
        middle = QHBoxLayout()
        middle.addWidget(self.plot, 3)
        middle.addWidget(self.side, 2)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_M)
        column.addWidget(self.figures)
        column.addLayout(middle, 1)
        column.addWidget(self.hover)
        column.addWidget(self.progress)
        column.addLayout(buttons)
        return page

    def start(self, settings: TrainingSettings, folder: Path | None = None) -> None:
        """Begins a run on the open text, in a new folder of its own."""
        corpus = self.state.corpus
        if corpus is None or self.state.training:
            return
        folder = folder or new_folder(self.models, corpus.name)
        self._run(Train(corpus.paths, str(folder), settings, sample_prompt=self.state.text))

    def resume(self) -> None:
        """Continues the run that is shown, or the one behind the open model."""
        model = self.state.model
        folder = self.record.started.folder if self.record else model.folder if model else ""
        if folder and not self.state.training:
            self._run(Train((), folder, TrainingSettings(), resume=True, sample_prompt=self.state.text))

    def _run(self, request: Train) -> None:
        self.messages.clear()
        self.drop("EstimateTraining")
        self.state.set_training(True)
        self._show_buttons()
        self.ask(request, self._take, slot="train", ended=self._ended_run)

    def pause_or_resume(self) -> None:
        paused = self.record is not None and self.record.last is not None and self.record.last.paused
        self.ask(SteerTraining("resume" if paused else "pause"), lambda _: None)

    def stop(self) -> None:
        self.ask(SteerTraining("stop"), lambda _: None)

    def _take(self, event: object) -> None:
        """One message of a run."""
        record = self.record
        if isinstance(event, Progress):
            self._prepared = event
            self.figures.setText(t(event.key) + ("" if event.fraction is None else f" {event.fraction:.0%}"))
            self.pages.setCurrentIndex(1)
        elif isinstance(event, TrainingStarted):
            self._begin(event)
            self._redraw.start()
            self._weights.start()
            self.pages.setCurrentIndex(1)
        elif isinstance(event, ModelInfo):
            self.state.set_model(event)
        elif isinstance(event, Notice):
            self.messages.show_notice(event)
        elif record is None:
            return
        elif isinstance(event, TrainingPoints):
            record.add(event)
        elif isinstance(event, TrainingSample):
            record.samples.append(event)
            self._show_samples()
        elif isinstance(event, TrainingResult):
            record.result = event

    def _begin(self, started: TrainingStarted) -> None:
        if self.record is not None and self.record.started.folder != started.folder:
            self.others.setdefault(self.record.started.folder, self.record)
        self.others.pop(started.folder, None)
        self.record = RunRecord.of(started)
        self._show_runs()
        self._show_samples()
        self.subtitle_changed.emit()

    def _ended_run(self, end: Ended) -> None:
        self._redraw.stop()
        self._weights.stop()
        self.state.set_training(False)
        self.state.set_progress(None)
        self.state.weights_changed.emit()
        if end.outcome == "failed" and self.record is None:
            self.pages.setCurrentIndex(0)
        self._draw()
        self.subtitle_changed.emit()

    def engine_returned(self) -> None:
        super().engine_returned()
        if self.record is not None and self.record.result is None:
            self.messages.show_key("notice.can_continue", name=self.record.curve.name)
        self._show_buttons()

    # --- Showing it ------------------------------------------------------------------------------

    def _draw(self) -> None:
        record = self.record
        self._show_buttons()
        if record is None:
            return
        if self.state.training:
            self.state.set_progress(record.last)
        if self.isVisible() and self.pages.currentIndex() == 1:
            self.plot.redraw()
            self._show_figures(record)

    def _show_figures(self, record: RunRecord) -> None:
        curve, last = record.curve, record.last
        if last is None or not len(curve.steps):
            return
        validation = float(curve.validation[-1]) if len(curve.validation) else float("nan")
        words = t(
            "pane.training.figures",
            step=f"{record.step:,}",
            loss=f"{curve.smoothed[-1]:.3f}",
            validation=f"{validation:.3f}",
            perplexity=f"{min(1e9, 2.718281828 ** min(validation, 20.0)):,.1f}",
            speed=f"{last.tokens_per_second:,.0f}",
            left=duration(last.seconds_left),
        )
        if words != self.figures.text():
            self.figures.setText(words)
        done = last.fraction if self.state.training else 1.0
        self.progress.setValue(round(1000 * done))

    def _show_buttons(self) -> None:
        running = self.state.training
        paused = bool(self.record and self.record.last and self.record.last.paused)
        unfinished = self.record is not None and (self.record.last is None or self.record.last.fraction < 1.0)
        self.pause_button.setText(t("pane.training.resume" if paused else "pane.training.pause"))
        for button, shown in (
            (self.pause_button, running),
            (self.stop_button, running),
            (self.again_button, not running and unfinished),
            (self.new_button, not running),
        ):
            if button.isVisibleTo(self) != shown:
                button.setVisible(shown)

    def _show_samples(self) -> None:
        if self.record is None:
            return
        colors = {"muted": self.theme.muted}
        rows = [
            f"<p style='margin: 0 0 10px 0'><span style='color: {colors['muted']}'>"
            f"{t('pane.training.sample', step=f'{sample.step:,}')}</span><br>"
            f"<span style='color: {colors['muted']}'>{_escaped(sample.prompt[-40:])}</span>{_escaped(sample.text)}</p>"
            for sample in reversed(self.record.samples)
        ]
        self.samples.setHtml("".join(rows))

    def _show_runs(self) -> None:
        if self.record is not None:
            chosen = [other.curve for other in self.others.values()]
            self.plot.set_runs([self.record.curve, *chosen])

    def _view_chosen(self) -> None:
        self.plot.set_view(AXES[self.axis_choice.currentIndex()], VIEWS[self.view_choice.currentIndex()])
        self.plot.retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.setVisible(self.width() >= self.theme.px(ROOM_FOR_SAMPLES))
        self.hover.setVisible(self.height() >= self.theme.px(300))

    # --- Runs laid over each other ---------------------------------------------------------------

    def _fill_compare(self) -> None:
        self.compare_menu.clear()
        shown = self.record.started.folder if self.record else ""
        for folder in earlier_runs(self.models):
            if str(folder) == shown:
                continue
            action = self.compare_menu.addAction(folder.name)
            action.setCheckable(True)
            action.setChecked(str(folder) in self.others)
            action.toggled.connect(lambda on, folder=str(folder): self._compare(folder, on))
        if self.compare_menu.isEmpty():
            self.compare_menu.addAction(t("pane.training.no_runs")).setEnabled(False)

    def _compare(self, folder: str, on: bool) -> None:
        if not on:
            self.others.pop(folder, None)
            self._show_runs()
            return

        def told(event: object) -> None:
            if isinstance(event, TrainingStarted):
                self.others[folder] = RunRecord.of(event)
            elif isinstance(event, TrainingPoints):
                self.others[folder].add(event)

        self.ask(ReadRun(folder), told, slot=f"compare {folder}", ended=lambda end: self._show_runs())

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if self.record is None:
            return ""
        started = self.record.started
        return t("pane.training.subtitle", name=started.name, parameters=f"{started.parameters:,}")

    def table(self) -> Table | None:
        if self.record is None or not len(self.record.curve.steps):
            return None
        curve = self.record.curve
        held_out = dict(zip(curve.validation_steps.tolist(), curve.validation.tolist(), strict=True))
        header = (
            "step",
            "tokens",
            "seconds",
            "loss",
            "smoothed",
            "validation_loss",
            "learning_rate",
            "gradient_norm",
        )
        columns = (curve.steps, curve.along("tokens"), curve.seconds, curve.losses, curve.smoothed)
        rest = (curve.rates, curve.norms)
        rows = [
            (*(c[i] for c in columns), held_out.get(float(step), ""), *(c[i] for c in rest))
            for i, step in enumerate(curve.steps.tolist())
        ]
        return Table(header, rows)

    def save(self) -> dict[str, Any]:
        return {
            "preset": self._preset,
            "axis": self.axis_choice.currentIndex(),
            "view": self.view_choice.currentIndex(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self._preset = str(saved.get("preset", self._preset))
        for choice, name in ((self.axis_choice, "axis"), (self.view_choice, "view")):
            if isinstance(saved.get(name), int) and 0 <= saved[name] < choice.count():
                choice.setCurrentIndex(saved[name])

    def retranslate(self) -> None:
        for button, key in (
            (self.start_button, "start"),
            (self.continue_button, "continue"),
            (self.again_button, "continue"),
            (self.stop_button, "stop"),
            (self.new_button, "new"),
            (self.back_button, "back"),
            (self.compare_button, "compare"),
        ):
            button.setText(t(f"pane.training.{key}"))
        self.open_button.setText(t("action.open_text"))
        self.sample_button.setText(t("action.sample"))
        for choice, names, group in ((self.axis_choice, AXES, "axis"), (self.view_choice, VIEWS, "what")):
            for index, name in enumerate(names):
                choice.setItemText(index, t(f"widget.loss.{group}.{name}"))
        self.axis_choice.setAccessibleName(t("pane.training.axis"))
        self.view_choice.setAccessibleName(t("pane.training.view"))
        self.samples_title.setText(t("pane.training.samples"))
        self.form.retranslate()
        self.plot.retranslate()
        self._show_words()
        self._show_buttons()
        self._show_samples()
        if self.record is not None:
            self._show_figures(self.record)
        self.subtitle_changed.emit()

    def restyle(self, theme: Theme) -> None:
        super().restyle(theme)
        self.form.restyle(theme)
        self.plot.restyle(theme)
        self.figures.setFont(theme.font(13))
        self._show_samples()


def duration(seconds: float) -> str:
    """0:52, 12:05 or 8:00:00."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "⏎ ")
