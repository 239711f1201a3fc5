"""The Training pane: settings of a run, its progress, and the curves of several runs."""

from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from engine.messages.envelope import Ended
from engine.messages.training import (
    EstimateTraining,
    ListPresets,
    ListRuns,
    LoggedReport,
    Presets,
    ReadRun,
    RunSummary,
    TrainingEstimate,
    TrainingPoints,
    TrainingSettings,
    TrainingStarted,
)
from gui.curve import Curve
from gui.encoding_dialog import choose_encoding
from gui.i18n import duration, language, number, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.training.run_list import RunList
from gui.panes.training.run_page import RunPage
from gui.panes.training.sentence import about_run, about_start
from gui.panes.training.start_page import StartPage
from gui.runs import RunRecord, settings_from
from gui.settings import world_path

ESTIMATE_MS = 400
LONG_RUN = 150.0  # seconds
BEGINNING = 600  # characters of the built-in text that are shown


class TrainingPane(Pane):
    id = "training"

    def build(self) -> None:
        self.others: dict[str, RunRecord] = {}  # compared with the run in front, by folder
        self._estimates: dict[TrainingSettings, TrainingEstimate] = {}  # measured since the last run
        self._written: list[RunSummary] = []  # earlier runs, the newest first
        self._preset = "30s"
        self._own: TrainingSettings | None = None  # settings by hand that belong to no preset
        self._hidden: set[str] = set()  # folders of the runs removed from the list
        self.start_page, self.run_page, self.run_list = StartPage(), RunPage(), RunList(self)
        self.pages = QStackedLayout(self.body)
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.run_page)
        self.add_controls(self.run_page.options, self.run_page.controls)
        self._estimating = timer(self, ESTIMATE_MS, self._ask_estimate, single_shot=True)
        self._wire()
        self.follow(self.state.corpus_changed, self.state.model_changed)

    def _wire(self) -> None:
        self._wire_runs()
        start, run, runs = self.start_page, self.run_page, self.run_list
        start.form.changed.connect(self._form_changed)
        start.start_wanted.connect(lambda: self.runs.start(start.form.settings()))
        start.continue_wanted.connect(self._continue_open_model)
        start.cancel_wanted.connect(self.runs.stop)
        start.open_wanted.connect(self.open_wanted)
        start.encoding.clicked.connect(self._choose_encoding)
        start.sample_wanted.connect(self.sample_wanted)
        start.run_wanted.connect(self.model_wanted)
        start.back_wanted.connect(lambda: self._show_page(run))
        run.pause_wanted.connect(self.runs.pause_or_resume)
        run.stop_wanted.connect(self.runs.stop)
        run.continue_wanted.connect(self._continue_record)
        run.more_wanted.connect(self._train_on)
        run.moment_wanted.connect(self._open_other_moment)
        run.pinned_wanted.connect(lambda: self.view_wanted.emit("generation", {"mode": "compare"}))
        run.new_wanted.connect(lambda: self._show_page(start))
        run.compare_button.clicked.connect(self._open_list)
        runs.toggled.connect(self._compare)
        runs.model_wanted.connect(self.model_wanted)
        runs.removed.connect(self._remove)

    def _wire_runs(self) -> None:
        runs = self.runs
        self.state.training_changed.connect(self._training_changed)
        self.state.pinned_changed.connect(self._show_buttons)
        runs.preparing_changed.connect(self._show_preparing)
        runs.record_changed.connect(self._show_record)
        runs.progressed.connect(self._draw)
        runs.sampled.connect(self._show_samples)
        runs.noticed.connect(self.messages.show_notice)
        runs.failed.connect(self.messages.show_failure)
        runs.ended.connect(self._run_ended)

    def _show_page(self, page: StartPage | RunPage) -> None:
        self.pages.setCurrentWidget(page)
        self._show_start()
        self._draw()

    # --- Before a run ----------------------------------------------------------------------------

    def refresh(self) -> None:
        corpus, model, record = self.state.corpus, self.state.model, self.runs.record
        if corpus is not None:
            self.ask(ListPresets(corpus.characters), self._show_presets)
            if not self.runs.running and (record is None or record.started.name != corpus.name):
                self.pages.setCurrentWidget(self.start_page)
        self._ask_runs()
        if model is not None and (record is None or record.folder != model.folder):
            self.runs.read(model.folder)
        self._show_start()
        self._show_buttons()

    def _ask_runs(self) -> None:
        """Ask for the earlier runs, to show what they have written."""
        written: list[RunSummary] = []

        def ended(end: Ended) -> None:
            self._written = [run for run in written if run.folder not in self._hidden]
            self.start_page.form.set_runs(self._written)
            self._show_start()

        self.ask(ListRuns(str(self.runs.models)), written.append, "written", ended)

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

    @property
    def _estimate(self) -> TrainingEstimate | None:
        """The estimate for the chosen settings, if they have been measured."""
        return self._estimates.get(self.start_page.form.settings())

    def _ask_estimate(self) -> None:
        """Measure the chosen settings, then the presets that have not been measured yet."""
        if self.state.corpus is None or self.runs.running or not self.isVisible():
            return  # `_estimating` starts again when the pane is shown or the run ends
        form = self.start_page.form
        settings = next((s for s in (form.settings(), *form.presets.values()) if s not in self._estimates), None)
        self._show_start()
        if settings is not None:
            if settings == form.settings():
                self.start_page.estimate.setText(t("pane.training.estimating"))
            self.ask(EstimateTraining(settings), self._show_estimate, ended=self._estimated)
        else:
            self.start_page.start_button.setEnabled(True)

    def on_shown(self) -> None:
        self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._estimate is None:
            self._estimating.start()

    def _show_estimate(self, estimate: TrainingEstimate) -> None:
        self._estimates[estimate.settings] = estimate
        self.messages.clear()

    def _estimated(self, end: Ended) -> None:
        self.start_page.start_button.setEnabled(end.outcome != "failed")
        self._show_start()
        if end.outcome == "done":
            self._ask_estimate()

    def _show_start(self) -> None:
        """Set the text and buttons of the start page."""
        page, corpus, estimate = self.start_page, self.state.corpus, self._estimate
        self.subtitle_changed.emit()
        page.show_form(corpus is not None)
        page.form.setEnabled(self.runs.preparing is None)
        page.set_runs(self._written, corpus is None)
        page.estimate.setVisible(corpus is not None and not self.runs.running)
        self._show_start_buttons()
        if corpus is None:
            page.encoding.show_encoding("", True, 0)
            page.headline.setText(t("pane.training.empty"))
            page.show_sample(_beginning(world_path()))
            return
        page.headline.setText(corpus.name)
        page.excerpt.show_text(t("pane.training.reads"), corpus.excerpt)
        about = t("pane.training.about", characters=number(corpus.characters), files=corpus.files)
        differing = t("encodings.several", count=corpus.differing) if corpus.differing else ""
        page.about.setText(" · ".join(filter(None, (about, differing))))
        page.encoding.show_encoding(corpus.encoding, corpus.certain, corpus.replaced)
        page.form.set_estimates(self._estimates)
        page.few_steps.set_estimate(None if self.runs.running else estimate)
        page.estimate.setText(_estimate_words(estimate) if estimate is not None else "")

    def _show_start_buttons(self) -> None:
        page, model, record = self.start_page, self.state.model, self.runs.record
        if self.runs.running:
            page.show_buttons({page.cancel_button} if self.runs.preparing else {page.back_button})
            return
        finished = record is not None and model is not None and record.folder == model.folder and not record.unfinished
        unfinished = model is not None and model.resumable and not finished
        shown = {page.start_button, page.open_button} if self.state.corpus is not None else set()
        shown |= {page.continue_button} if unfinished and self.engine.alive else set()
        shown |= {page.back_button} if record is not None else set()
        page.show_buttons(shown)

    def _choose_encoding(self) -> None:
        corpus = self.state.corpus
        if corpus is not None:
            choose_encoding(self.engine, corpus.paths[0], corpus.encoding, self, self.encoding_chosen.emit)

    # --- The run ---------------------------------------------------------------------------------

    def _continue_open_model(self) -> None:
        if self.state.model is not None:
            self.runs.resume(self.state.model.folder)

    def _continue_record(self) -> None:
        if self.runs.record is not None:
            self.runs.resume(self.runs.record.folder)

    def _train_on(self) -> None:
        if self.runs.record is not None:
            self.runs.resume(self.runs.record.folder, more_seconds(self.runs.record))

    def _open_other_moment(self) -> None:
        """Open the best moment, or the last one if the best is open."""
        record, model = self.runs.record, self.state.model
        if record is not None and record.best is not None:
            is_open = model is not None and model.folder == record.best.folder
            self.model_wanted.emit(record.folder if is_open else record.best.folder)

    def _training_changed(self) -> None:
        if self.state.training:
            self.messages.clear()
            self.drop("EstimateTraining")

    def _show_preparing(self) -> None:
        """Show the preparation on the start page, so that an earlier run is not mistaken for this one."""
        progress = self.runs.preparing
        words, fraction = (t(progress.key), progress.fraction) if progress else ("", None)
        self.start_page.set_preparing(words, fraction)
        self._show_start()
        if progress is not None:
            self.pages.setCurrentWidget(self.start_page)

    def _show_record(self, replaced: RunRecord | None) -> None:
        """Put the new record in front; the one before stays in the plot for comparison."""
        record, corpus = self.runs.record, self.state.corpus
        if record is None:
            return
        if replaced is not None and replaced.folder != record.folder:
            self._add_to_comparison(replaced)
        self.others.pop(record.folder, None)
        self._show_curves()
        self._show_samples()
        self.subtitle_changed.emit()
        of_this_text = corpus is None or corpus.name == record.started.name
        self._show_page(self.run_page if self.runs.running or of_this_text else self.start_page)

    def _show_samples(self) -> None:
        if self.runs.record is not None:
            self.run_page.set_samples(self.runs.record.samples)

    def _run_ended(self) -> None:
        self._draw()
        self.subtitle_changed.emit()
        self._estimates.clear()  # the computer may have been busy with the run before
        self._estimating.start()
        self._ask_runs()

    def engine_returned(self) -> None:
        super().engine_returned()
        if self.runs.interrupted and self.runs.record is not None:
            self.messages.show_key("notice.can_continue", name=self.runs.record.curve.name)
        self._show_buttons()

    def _draw(self) -> None:
        self._show_buttons()
        record = self.runs.record
        if record is not None and self.run_page.isVisible():
            self.run_page.set_figures(record.figures(self.runs.running), record.fraction)
            self.subtitle_changed.emit()

    def _show_buttons(self) -> None:
        runs = self.runs
        unfinished = runs.record is not None and runs.record.unfinished
        pinned = self.state.pinned is not None
        self.run_page.set_buttons(runs.running, runs.paused, unfinished, self.engine.alive, pinned)
        if runs.record is not None:
            length = "30s" if more_seconds(runs.record) < 60 else "5m"
            self.run_page.more_button.setText(t(f"pane.training.more.{length}"))
        self.run_page.set_moment("" if runs.running else self._moment_words())
        self._show_start_buttons()

    def _moment_words(self) -> str:
        record, model = self.runs.record, self.state.model
        if record is None or record.best is None:
            return ""
        if model is not None and model.folder == record.best.folder:
            return t("pane.training.open_last", step=number(record.step))
        return t("pane.training.open_best", step=number(record.best.step))

    def _show_curves(self) -> None:
        if self.runs.record is not None:
            self.run_page.set_runs([self.runs.record.curve, *(other.curve for other in self.others.values())])

    # --- Comparing runs --------------------------------------------------------------------------

    def _open_list(self) -> None:
        self.run_list.clear()
        self.ask(ListRuns(str(self.runs.models)), self._add_to_list)
        self.run_list.open_below(self.run_page.compare_button, self)

    def _add_to_list(self, run: RunSummary) -> None:
        if run.folder not in self._hidden:
            self.run_list.add(run, self._curve_of(run.folder))

    def _curve_of(self, folder: str) -> Curve | None:
        front = self.runs.record
        record = front if front and front.folder == folder else self.others.get(folder)
        return record.curve if record else None

    def _compare(self, folder: str, on: bool) -> None:
        if on:
            read: list[RunRecord] = []

            def show(report: LoggedReport) -> None:
                if isinstance(report, TrainingStarted):
                    read.append(RunRecord.of(report))
                elif isinstance(report, TrainingPoints):
                    read[0].add(report)

            def ended(end: Ended) -> None:
                if read and end.outcome == "done":
                    self._add_to_comparison(read[0])
                self._overlay_changed(folder)

            self.ask(ReadRun(folder), show, slot=f"compare {folder}", ended=ended)
        else:
            self.drop(f"compare {folder}")
            self.others.pop(folder, None)
            self._overlay_changed(folder)

    def _add_to_comparison(self, record: RunRecord) -> None:
        """Add a run to the comparison, in a colour and line style that no other has."""
        taken = {other.curve.look for other in self.others.values()}
        record.curve.look = next(look for look in range(1, len(taken) + 2) if look not in taken)
        self.others[record.folder] = record

    def _overlay_changed(self, folder: str) -> None:
        self._show_curves()
        self.run_list.mark(folder, self._curve_of(folder))

    def _remove(self, folder: str) -> None:
        self._hidden.add(folder)
        self._compare(folder, False)

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if self.runs.record is None:
            return ""
        started = self.runs.record.started
        return t("pane.training.subtitle", name=started.name, parameters=number(started.parameters))

    def sentence(self) -> str:
        record, estimate = self.runs.record, self._estimate
        if self.pages.currentWidget() is self.run_page:
            return "" if record is None else about_run(record.curve, record.best)
        is_shown = estimate is not None and self.state.corpus is not None and not self.runs.running
        return about_start(estimate) if estimate is not None and is_shown else ""

    def picture(self) -> QWidget:
        return self.run_page.middle if self.pages.currentWidget() is self.run_page else self.body

    def table(self) -> Table | None:
        record = self.runs.record
        if record is None or not len(record.curve):
            return None
        header = ("step", "tokens", "seconds", "loss", "smoothed", "validation_loss", "learning_rate", "gradient_norm")
        return Table(header, record.rows())

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


def more_seconds(record: RunRecord) -> float:
    """Return for how many seconds a run goes on at a time: half a minute, or five for a run of minutes."""
    return 30.0 if not len(record.curve) or record.curve.seconds[-1] < LONG_RUN else 300.0


def _beginning(path: Path) -> str:
    """Return the first lines of the little world in the window's language, or "" if it has not been written."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(20 * BEGINNING).splitlines()
    except (OSError, ValueError):
        return ""
    own = [line for line in lines if line and line.isascii() == (language() != "ja")]
    lengths = accumulate(len(line) + 1 for line in own)
    return " ".join(line for line, length in zip(own, lengths, strict=True) if length <= BEGINNING)


def _estimate_words(estimate: TrainingEstimate) -> str:
    return t(
        "pane.training.estimate",
        parameters=number(estimate.parameters),
        memory=number(estimate.memory_bytes / 2**20),
        time=duration(estimate.seconds),
        steps=number(estimate.steps),
        speed=number(estimate.tokens_per_second),
    )
