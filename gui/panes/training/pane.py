"""Text in, a model that learns it, and every figure of its learning."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout

from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from engine.messages.status import Notice, Progress
from engine.messages.training import (
    EstimateTraining,
    ListPresets,
    ListRuns,
    Presets,
    ReadRun,
    RunSummary,
    SteerTraining,
    Train,
    TrainingEstimate,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from gui.engine_link import Job
from gui.i18n import t
from gui.pane import Pane, Table
from gui.panes.training.run_list import RunList
from gui.panes.training.run_page import RunPage
from gui.panes.training.runs import RunRecord, duration, new_folder, settings_from
from gui.panes.training.start_page import StartPage
from gui.settings import models_folder

REDRAW_MS = 500  # each redraw takes a core from the training for some milliseconds
WEIGHTS_MS = 1500  # how often the other panes look at the model that learns
ESTIMATE_MS = 400


class TrainingPane(Pane):
    id = "training"

    def build(self) -> None:
        self.record: RunRecord | None = None  # the run in front
        self.others: dict[str, RunRecord] = {}  # laid under it, by folder
        self.models = models_folder()
        self._estimate: TrainingEstimate | None = None
        self._preset = "30s"
        self._own: TrainingSettings | None = None  # set by hand, and no preset's
        self._job: Job | None = None  # of the run in progress
        self._preparing: Progress | None = None
        self._interrupted = False
        self._told_step = 0
        self._hidden: set[str] = set()  # runs taken out of the list
        self.start_page, self.run_page, self.run_list = StartPage(), RunPage(), RunList(self)
        self.pages = QStackedLayout(self.body)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.run_page)
        self._redraw = QTimer(self, interval=REDRAW_MS, timeout=self._draw)
        self._weights = QTimer(self, interval=WEIGHTS_MS, timeout=self._tell_weights)
        self._estimating = QTimer(self, interval=ESTIMATE_MS, singleShot=True, timeout=self._ask_estimate)
        self._wire()
        self.follow(self.state.corpus_changed, self.state.model_changed)

    def _wire(self) -> None:
        start, run, runs = self.start_page, self.run_page, self.run_list
        start.form.changed.connect(self._form_changed)
        start.start_wanted.connect(lambda: self.start(start.form.settings()))
        start.continue_wanted.connect(lambda: self.resume(self.state.model.folder if self.state.model else ""))
        start.cancel_wanted.connect(self.stop)
        start.open_wanted.connect(self.open_wanted)
        start.sample_wanted.connect(self.sample_wanted)
        start.back_wanted.connect(lambda: self._turn_to(run))
        run.pause_wanted.connect(self.pause_or_resume)
        run.stop_wanted.connect(self.stop)
        run.continue_wanted.connect(lambda: self.resume(self.record.folder if self.record else ""))
        run.new_wanted.connect(lambda: self._turn_to(start))
        run.compare_button.clicked.connect(self._open_list)
        runs.toggled.connect(self._compare)
        runs.model_wanted.connect(self.model_wanted)
        runs.removed.connect(self._remove)

    def _turn_to(self, page: StartPage | RunPage) -> None:
        self.pages.setCurrentWidget(page)
        self._show_start()
        self._draw()

    # --- Before a run ----------------------------------------------------------------------------

    def refresh(self) -> None:
        corpus, model = self.state.corpus, self.state.model
        if corpus is not None:
            self.ask(ListPresets(corpus.characters), self._show_presets)
            if self._job is None and (self.record is None or self.record.started.name != corpus.name):
                self.pages.setCurrentWidget(self.start_page)
        if model is not None and self._job is None and (self.record is None or self.record.folder != model.folder):
            self._show_past(model)
        self._show_start()

    def _show_past(self, model: ModelInfo) -> None:
        """The run behind the model that was opened."""
        if (Path(model.folder) / "run.json").is_file():
            self.ask(ReadRun(model.folder), self._past_told, slot="past", ended=lambda end: self._draw())

    def _past_told(self, event: object) -> None:
        if isinstance(event, TrainingStarted):
            self._begin(event)
            corpus = self.state.corpus
            self._turn_to(self.run_page if corpus is None or corpus.name == event.name else self.start_page)
        else:
            self._take(event)

    def _show_presets(self, presets: Presets) -> None:
        form = self.start_page.form
        if presets.settings != form.presets:
            own = self._own
            form.set_presets(presets.settings, self._preset)
            form.restyle()
            if own is not None:
                form.set_own(own)
        self._estimating.start()

    def _form_changed(self) -> None:
        form = self.start_page.form
        self._preset = form.chosen or self._preset
        self._own = None if form.chosen else form.settings()
        self._estimating.start()

    def _ask_estimate(self) -> None:
        if self.state.corpus is None or self._job is not None or not self.isVisible():
            return  # asked again when the pane is shown, or the run has ended
        self.start_page.estimate.setText(t("pane.training.estimating"))
        request = EstimateTraining(self.start_page.form.settings())
        self.ask(request, self._show_estimate, ended=self._estimated)

    def catch_up(self) -> None:
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._estimate is None:
            self._estimating.start()

    def _show_estimate(self, estimate: TrainingEstimate) -> None:
        self._estimate = estimate
        self.messages.clear()

    def _estimated(self, end: Ended) -> None:
        if end.outcome == "failed":
            self._estimate = None
        self.start_page.start_button.setEnabled(end.outcome != "failed")
        self._show_start()

    def _show_start(self) -> None:
        """The words and buttons of the first page."""
        page, corpus, estimate = self.start_page, self.state.corpus, self._estimate
        page.form.setVisible(corpus is not None and self._preparing is None)
        page.estimate.setVisible(corpus is not None and self._job is None)
        self._show_start_buttons()
        if corpus is None:
            page.headline.setText(t("pane.training.empty"))
            page.about.setText(t("pane.training.empty_words"))
            return
        page.headline.setText(corpus.name)
        values = {"characters": f"{corpus.characters:,}", "files": corpus.files, "encoding": corpus.encoding.upper()}
        page.about.setText(t("pane.training.about", **values))
        known = estimate is not None and estimate.settings == page.form.settings()
        page.estimate.setText(_estimate_words(estimate) if known and estimate else "")

    def _show_start_buttons(self) -> None:
        page, model, corpus = self.start_page, self.state.model, self.state.corpus
        if self._job is not None:
            page.show_buttons({page.cancel_button} if self._preparing else {page.back_button})
            return
        here = self.record is not None and model is not None and self.record.folder == model.folder
        unfinished = bool(model and model.resumable) and not (here and self.record and not self.record.unfinished)
        shown = {page.open_button}
        shown |= {page.start_button} if corpus is not None else {page.sample_button}
        shown |= {page.continue_button} if unfinished and self.engine.alive else set()
        shown |= {page.back_button} if self.record is not None else set()
        page.show_buttons(shown)

    # --- The run ---------------------------------------------------------------------------------

    def start(self, settings: TrainingSettings, folder: Path | None = None) -> None:
        """Begins a run on the open text, in a new folder of its own."""
        corpus = self.state.corpus
        if corpus is not None:
            folder = folder or new_folder(self.models, corpus.name)
            self._run(Train(corpus.paths, str(folder), settings, sample_prompt=self.state.text))

    def resume(self, folder: str) -> None:
        """Goes on with the run in `folder` from where it was saved."""
        if folder:
            self._run(Train((), folder, TrainingSettings(), resume=True, sample_prompt=self.state.text))

    def _run(self, request: Train) -> None:
        if self._job is not None:
            return
        self.messages.clear()
        for slot in ("EstimateTraining", "past"):
            self.drop(slot)
        self._interrupted = False
        self.state.set_training(True)
        self._job = self.ask(request, self._take, slot="train", ended=self._ended_run)
        self._show_preparing(Progress("progress.begin", None))
        self._show_buttons()

    def _show_preparing(self, progress: Progress | None) -> None:
        """Before the first step: on the first page, so that an earlier run does not seem to be this one."""
        self._preparing = progress
        words, fraction = (t(progress.key), progress.fraction) if progress else ("", None)
        self.start_page.set_preparing(words, fraction)
        self._show_start()
        if progress is not None:
            self.pages.setCurrentWidget(self.start_page)

    def pause_or_resume(self) -> None:
        paused = self.record is not None and self.record.paused
        self.ask(SteerTraining("resume" if paused else "pause"), lambda _: None)

    def stop(self) -> None:
        """Ends the run early and saves it; while it is being prepared there is nothing to save yet."""
        if self._preparing is not None and self._job is not None:
            self._job.cancel()
        else:
            self.ask(SteerTraining("stop"), lambda _: None)

    def _take(self, event: object) -> None:
        """One message of a run."""
        record = self.record
        if isinstance(event, Progress):
            self._show_preparing(event)
        elif isinstance(event, TrainingStarted):
            self._show_preparing(None)
            self._begin(event)
            self._redraw.start()
            self._weights.start()
            self._turn_to(self.run_page)
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
            self.run_page.set_samples(record.samples)
        elif isinstance(event, TrainingResult):
            record.result = event

    def _begin(self, started: TrainingStarted) -> None:
        if self.record is not None and self.record.folder != started.folder:
            self._lay_over(self.record)
        self.others.pop(started.folder, None)
        self.record = RunRecord.of(started)
        self._told_step = 0
        self._show_runs()
        self.run_page.set_samples(self.record.samples)
        self.subtitle_changed.emit()

    def _ended_run(self, end: Ended) -> None:
        self._redraw.stop()
        self._weights.stop()
        prepared, self._job = self._preparing is None, None
        self._show_preparing(None)
        self._interrupted = prepared and end.key == "error.engine_gone"
        self.state.set_training(False)
        self.state.set_progress(None)
        self.state.weights_changed.emit()
        if prepared and end.outcome != "done" and self.engine.alive and self.record is not None:
            self.model_wanted.emit(self.record.folder)  # what was saved, in place of what went wrong
        self._draw()
        self.subtitle_changed.emit()
        self._estimating.start()

    def _tell_weights(self) -> None:
        """To whom it may concern: the model has learned. Not while it pauses."""
        if self.record is not None and self.record.step != self._told_step:
            self._told_step = self.record.step
            self.state.weights_changed.emit()

    def engine_returned(self) -> None:
        super().engine_returned()
        if self._interrupted and self.record is not None:
            self.messages.show_key("notice.can_continue", name=self.record.curve.name)
        self._show_buttons()

    # --- Showing it ------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._show_buttons()
        record = self.record
        if record is None:
            return
        running = self._job is not None
        if running and self._preparing is None:
            self.state.set_progress(record.last)
        if self.run_page.isVisible():
            self.run_page.set_figures(record.figures(running), record.fraction)

    def _show_buttons(self) -> None:
        record, running = self.record, self._job is not None
        paused, unfinished = (record.paused, record.unfinished) if record is not None else (False, False)
        self.run_page.set_buttons(running, running and paused, unfinished, self.engine.alive)
        self._show_start_buttons()

    def _show_runs(self) -> None:
        if self.record is not None:
            self.run_page.set_runs([self.record.curve, *(other.curve for other in self.others.values())])

    # --- Runs laid over each other ---------------------------------------------------------------

    def _open_list(self) -> None:
        self.run_list.clear()
        self.ask(ListRuns(str(self.models)), self._add_to_list)
        self.run_list.open_below(self.run_page.compare_button)

    def _add_to_list(self, run: RunSummary) -> None:
        if run.folder not in self._hidden:
            self.run_list.add(run, self._curve_of(run.folder))

    def _curve_of(self, folder: str) -> Any:
        record = self.record if self.record and self.record.folder == folder else self.others.get(folder)
        return record.curve if record else None

    def _compare(self, folder: str, on: bool) -> None:
        if on:
            read: list[RunRecord] = []

            def told(event: object) -> None:
                if isinstance(event, TrainingStarted):
                    read.append(RunRecord.of(event))
                elif isinstance(event, TrainingPoints):
                    read[0].add(event)

            def ended(end: Ended) -> None:
                if read and end.outcome == "done":
                    self._lay_over(read[0])
                self._overlay_changed(folder)

            self.ask(ReadRun(folder), told, slot=f"compare {folder}", ended=ended)
        else:
            self.drop(f"compare {folder}")
            self.others.pop(folder, None)
            self._overlay_changed(folder)

    def _lay_over(self, record: RunRecord) -> None:
        """Gives a run a colour and a line of its own among the others."""
        taken = {other.curve.look for other in self.others.values()}
        record.curve.look = next(look for look in range(1, len(taken) + 2) if look not in taken)
        self.others[record.folder] = record

    def _overlay_changed(self, folder: str) -> None:
        self._show_runs()
        self.run_list.mark(folder, self._curve_of(folder))

    def _remove(self, folder: str) -> None:
        self._hidden.add(folder)
        self._compare(folder, False)

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if self.record is None:
            return ""
        started = self.record.started
        return t("pane.training.subtitle", name=started.name, parameters=f"{started.parameters:,}")

    def table(self) -> Table | None:
        if self.record is None or not len(self.record.curve):
            return None
        header = ("step", "tokens", "seconds", "loss", "smoothed", "validation_loss", "learning_rate", "gradient_norm")
        return Table(header, self.record.rows())

    def save(self) -> dict[str, Any]:
        own = asdict(self._own) if self._own is not None else None
        return {"preset": self._preset, "own": own, "hidden": sorted(self._hidden), **self.run_page.view()}

    def restore(self, saved: dict[str, Any]) -> None:
        self._preset = str(saved.get("preset", self._preset))
        self._own = settings_from(saved.get("own"))
        hidden = saved.get("hidden")
        self._hidden = {str(folder) for folder in hidden} if isinstance(hidden, list) else set()
        self.run_page.set_view(saved)

    def retranslate(self) -> None:
        self._show_start()
        self._draw()
        self.subtitle_changed.emit()


def _estimate_words(estimate: TrainingEstimate) -> str:
    return t(
        "pane.training.estimate",
        parameters=f"{estimate.parameters:,}",
        memory=f"{estimate.memory_bytes / 2**20:,.0f}",
        time=duration(estimate.seconds),
        steps=f"{estimate.steps:,}",
        speed=f"{estimate.tokens_per_second:,.0f}",
    )
