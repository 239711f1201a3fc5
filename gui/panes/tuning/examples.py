"""Supervised fine-tuning in the window: pairs of prompt and answer, and the model as it learns from them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFileDialog

from engine.messages.comparing import Pin, Pinned
from engine.messages.examples import CheckedPairs, CheckPairs, ExampleTokens, ShowExample
from engine.messages.models import ModelInfo
from engine.messages.moments import AnswerQuestions, ListMoments, Moments, ReturnTo, SaveTuned
from engine.messages.status import Progress
from engine.messages.tuning import (
    Adaptation,
    ListPairSets,
    Pair,
    Pairs,
    PairSet,
    ReadPairs,
    ScaleAdaptation,
    StationAnswers,
    TuneOnPairs,
)
from gui import i18n
from gui.dialogs import documents
from gui.doing import doing
from gui.i18n import duration, number, percent, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.tuning import examples_sentence
from gui.panes.tuning.examples_answers import Answer
from gui.panes.tuning.examples_curves import LOSSES, SHARES, Curves, curves_of
from gui.panes.tuning.examples_page import ExamplesPage
from gui.panes.tuning.examples_settings import DEFAULT
from gui.part import Part
from gui.text import shown_name
from gui.tuner import TuningRecord
from gui.widgets.coloured_text import Span

METHOD = "examples"
CHECK_MS = 400  # without a change, after which the pairs are checked
MOST_KEPT = 500  # pairs of the user that are kept until the next start
NO_MOMENTS = Moments((), 0)
ROOM_FOR_SIDE = 620  # pixels at zoom 1 of the pane's width


@dataclass(frozen=True)
class Before:
    """What is shown before a run; both belong to the open model."""

    tokens: ExampleTokens | None = None
    checked: CheckedPairs | None = None


@dataclass(frozen=True)
class After:
    """What can be done with the model of a finished run while it is open, and its answers if its LoRA is scaled."""

    moments: Moments = NO_MOMENTS
    adaptation: Adaptation | None = None
    answers: StationAnswers | None = None

    @property
    def scale(self) -> float:
        return self.adaptation.scale if self.adaptation is not None else 1.0


class Examples(Part):
    page: ExamplesPage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.tuner, self.sets = pane.tuner, list[PairSet]()
        self.before, self.after, self.curves = Before(), After(), Curves({}, 0.0)
        self._tuned_pairs = dict[str, str]()  # the answer to each prompt of the run
        self._path, self._file = "", Pairs("", ())  # that the pairs were read from
        self.page = page = ExamplesPage()
        self._checking = timer(self, CHECK_MS, self._check, single_shot=True)
        self._wire_page(page)
        for signal in (self.tuner.record_changed, self.tuner.measured, self.tuner.progressed):
            signal.connect(self._draw_run)
        self.tuner.preparing_changed.connect(self._draw_run)
        self.tuner.ended.connect(self._ended)
        self.tuner.failed.connect(pane.messages.show_failure)
        self.tuner.noticed.connect(pane.messages.show_notice)
        self.state.model_changed.connect(self._model_changed)
        self.state.training_changed.connect(self._show_buttons)
        page.show_run(False)

    def _wire_page(self, page: ExamplesPage) -> None:
        page.sets.activated.connect(self._set_chosen)
        page.open.clicked.connect(self._open)
        page.add.clicked.connect(page.table.add_row)
        page.remove.clicked.connect(page.table.remove_rows)
        page.table.file_dropped.connect(self.read)
        page.columns.chosen.connect(lambda names: self.read(self._path, names))
        page.table.rows.changed.connect(self._pairs_changed)
        page.table.row_changed.connect(self._show_example)
        page.settings.changed.connect(self._draw_lora)
        page.start.clicked.connect(lambda: self._start())
        page.pause.clicked.connect(self.tuner.pause_or_resume)
        page.stop.clicked.connect(self.tuner.stop)
        page.again.clicked.connect(lambda: self._show_run(False))
        page.back.clicked.connect(lambda: self._show_run(True))
        page.compare.clicked.connect(self._compare)
        page.moments.changed.connect(lambda step: self.ask(ReturnTo(int(step)), self._returned))
        page.scale.changed.connect(lambda scale: self.ask(ScaleAdaptation(scale), self._scaled))
        page.keep.clicked.connect(lambda: self.ask(SaveTuned(), self._saved))

    @property
    def record(self) -> TuningRecord | None:
        """The run on examples in progress, or the last one."""
        record = self.tuner.record
        return record if record is not None and record.started.method == METHOD else None

    # --- The pairs -------------------------------------------------------------------------------

    def refresh(self) -> None:
        if not self.sets:
            self.ask(ListPairSets(i18n.language()), self._add_set)
        if self.before.checked is None:
            self._check()
        self._draw_run()

    def _model_changed(self) -> None:
        self.before, self.after = Before(), After()

    def _add_set(self, found: PairSet) -> None:
        self.sets.append(found)
        self.page.sets.addItem(self._name(found))
        model = self.state.model
        suited = "world" if model is None or model.family == "nakami" else "chat"
        if not self.page.table.rows.pairs and found.suits == suited:
            self.page.table.rows.set_pairs(found.pairs)
        self._name_set()

    def _name(self, found: PairSet) -> str:
        return t(f"pane.tuning.set.{found.id}", language=i18n.LANGUAGES[found.language], count=len(found.pairs))

    def _set_chosen(self, index: int) -> None:
        self.page.table.rows.set_pairs(self.sets[index].pairs)

    def _name_set(self) -> None:
        """Show the name of the set that is in the table, or none."""
        pairs = self.page.table.rows.pairs
        self.page.sets.setCurrentIndex(next((i for i, s in enumerate(self.sets) if s.pairs == pairs), -1))
        self.page.sets.setPlaceholderText(t("pane.tuning.examples.own", count=len(pairs)))

    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.pane, t("pane.tuning.examples.open_tip"), documents(), t("pane.tuning.examples.files")
        )
        if path:
            self.read(path)

    def read(self, path: str, columns: tuple[str, str] | None = None) -> None:
        """Read the pairs of a file into the table, from these two columns or from those that are guessed."""

        def show(found: Pairs) -> None:
            self._path = path
            self._read(found)

        self.ask(ReadPairs(path, columns), show)

    def _read(self, found: Pairs) -> None:
        self._file = found
        self.page.columns.set_columns(found.columns, found.chosen)
        self.page.table.rows.set_pairs(found.pairs)
        self.page.settings.name.setText(found.name)
        self._show_run(False)

    def _pairs_changed(self) -> None:
        self._name_set()
        if self.page.table.rows.pairs != self._file.pairs:
            self.page.columns.hide()
        self._checking.start()
        self._show_buttons()

    def pairs(self) -> tuple[Pair, ...]:
        """Return the pairs that are complete."""
        return tuple(pair for pair in self.page.table.rows.pairs if pair.prompt.strip() and pair.answer.strip())

    # --- What would be learned -------------------------------------------------------------------

    def _check(self) -> None:
        """Ask which pairs count, and for the tokens of the selected one."""
        self._checking.stop()
        if self.state.model is None or not self.page.isVisible():
            return
        pairs = self.pairs()
        if pairs:
            self.ask(CheckPairs(pairs, DEFAULT.held_out, DEFAULT.seed), self._checked)
        else:
            self._set_before(Before())
        self._show_example()

    def _show_example(self) -> None:
        pair = self.page.table.current_pair()
        if pair is not None and self.state.model is not None:
            self.ask(ShowExample(pair), lambda tokens: self._set_before(replace(self.before, tokens=tokens)))

    def _checked(self, checked: CheckedPairs | Progress) -> None:
        if isinstance(checked, CheckedPairs):
            self._set_before(replace(self.before, checked=checked))
            self.page.settings.suggest(checked.questions)

    def _set_before(self, before: Before) -> None:
        self.before = before
        self._draw_before()

    def _draw_before(self) -> None:
        tokens, page = self.before.tokens, self.page
        tint = page.content.series_color(1)
        spans = zip(tokens.pieces, tokens.counts, strict=True) if tokens is not None else ()
        page.example.set_spans(
            [
                Span(piece, None, t(f"pane.tuning.examples.{'counts' if counts else 'read'}"), tint if counts else None)
                for piece, counts in spans
            ]
        )
        page.checked.setText(self._remarks())
        self._draw_lora()
        self.pane.subtitle_changed.emit()

    def _remarks(self) -> str:
        """Return how the pairs are divided, and which of them do not count."""
        checked, rows = self.before.checked, self.page.table.rows.pairs
        if checked is None:
            return ""
        figures = {"train": number(checked.train), "held_out": number(checked.held_out)}
        found = [t("pane.tuning.examples.remark.divided", **figures)]
        for name, count in (
            ("incomplete", len(rows) - len(self.pairs())),
            ("duplicates", checked.duplicates),
            ("too_long", checked.too_long),
        ):
            if count:
                found.append(t(f"pane.tuning.examples.remark.{name}", count=count))
        return " ".join(found)

    def _draw_lora(self) -> None:
        checked = self.before.checked
        if checked is not None and checked.matrices:
            rank = self.page.settings.lora()
            rows, columns = max(checked.matrices, key=lambda shape: shape[1])  # the widest fits best
            self.page.lora.set_shape(rows, columns, rank, checked.adapted(rank), checked.parameters)

    # --- The run ---------------------------------------------------------------------------------

    def _start(self, scene: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Start a run: by the settings, or for the steps and with the questions of a scene."""
        pairs, form = self.pairs(), self.page.settings
        if not pairs or self.tuner.running or self.state.training:
            return
        name = form.name.text().strip() or form.name.placeholderText()
        settings, questions = form.settings(self.page.seconds.value), form.asked()
        if scene:
            settings, questions = replace(settings, steps=scene["steps"], seconds=None), tuple(scene["questions"])
        self._tuned_pairs = {pair.prompt.strip(): pair.answer for pair in pairs}
        self.tuner.start(TuneOnPairs(pairs, self.tuner.folder_for(name), settings, questions))
        self._show_run(True)

    def _ended(self) -> None:
        """Ask what can be done with the model of the run."""
        self._draw_run()
        if self.is_open:
            self.ask(ListMoments(), lambda found: self._set_after(replace(self.after, moments=found)))
            self.ask(ScaleAdaptation(), lambda found: self._set_after(replace(self.after, adaptation=found)))

    @property
    def is_open(self) -> bool:
        """True if the open model is that of the finished run."""
        record, model = self.record, self.state.model
        return not self.tuner.running and record is not None and model is not None and model.folder == record.folder

    def _set_after(self, after: After) -> None:
        self.after = after
        self._draw_run()

    def _returned(self, found: Moments) -> None:
        self._set_after(replace(self.after, moments=found, answers=None))
        self.drop("AnswerQuestions")  # of the weights before
        if self.after.scale != 1:  # the run has reported answers of the whole adaptation alone
            self._ask_questions()
        self.state.note_training_steps()  # every pane shows these weights

    def _scaled(self, found: Adaptation) -> None:
        self._set_after(replace(self.after, adaptation=found))
        self.state.note_training_steps()
        self._ask_questions()

    def _ask_questions(self) -> None:
        record = self.record
        if record is not None and record.answers:
            self.ask(AnswerQuestions(record.answers[-1].prompts), self._answered)

    def _answered(self, found: StationAnswers) -> None:
        self._set_after(replace(self.after, answers=found))

    def _saved(self, found: ModelInfo) -> None:
        self.pane.messages.show_key("notice.tuned_saved", folder=found.folder)

    def _moment(self) -> float | None:
        """Return the second of the moment that the open model is at, None for the last one."""
        record, moments = self.record, self.after.moments
        if record is None or not self.is_open or not moments.steps or moments.step == moments.steps[-1]:
            return None
        return next((one.seconds for one in record.measured if one.step == moments.step), None)

    def _show_run(self, shown: bool) -> None:
        self.page.show_run(shown)
        self._draw_run()

    def _draw_run(self) -> None:
        """Show what the run has reported, and which buttons are possible."""
        record = self.record
        self.curves = curves_of(record) if record is not None and not self.tuner.preparing else Curves({}, 0.0)
        self.page.curves.set_curves(self.curves if self.curves.points else None, self._moment())
        self.page.answers.set_answers(self._answers(record))
        self.page.state.setText(self._progress())
        self._show_buttons()
        self.pane.subtitle_changed.emit()

    def _answers(self, record: TuningRecord | None) -> list[Answer]:
        if record is None or not record.answers or self.tuner.preparing:
            return []
        first, last = record.answers[0], record.answers[-1]
        if self.is_open and self.after.answers is not None:
            last = self.after.answers
        elif self._moment() is not None:
            last = next((found for found in record.answers if found.step == self.after.moments.step), last)
        texts = zip(last.prompts, first.texts, last.texts, strict=True)
        return [Answer(prompt, old, new, self._tuned_pairs.get(prompt.strip(), "")) for prompt, old, new in texts]

    def _progress(self) -> str:
        """Return what the run does, or where its model is saved."""
        preparing, record = self.tuner.preparing, self.record
        if preparing is not None and self.tuner.running:
            return doing(TuneOnPairs((), ""), preparing)
        if record is None:
            return ""
        if self.tuner.running:
            left = record.last.seconds_left if record.last is not None else 0.0
            key = "paused" if self.tuner.paused else "running"
            return t(f"pane.tuning.examples.{key}", step=number(record.step), left=duration(left))
        key = "interrupted" if self.tuner.interrupted else "saved"
        return t(f"pane.tuning.examples.{key}", folder=shown_name(record.folder))

    def _show_buttons(self) -> None:
        page, tuner = self.page, self.tuner
        running, here = tuner.running, self.record is not None
        page.start.setEnabled(bool(self.pairs()) and not running and not self.state.training)
        page.remove.setEnabled(bool(page.table.rows.pairs))
        page.back.setVisible(here)
        page.pause.setText(t(f"pane.tuning.examples.{'resume' if tuner.paused else 'pause'}"))
        page.pause.setVisible(running and tuner.preparing is None)
        page.stop.setVisible(running)
        page.again.setVisible(not running)
        page.compare.setVisible(not running and here)
        self._show_after()

    def _show_after(self) -> None:
        """Show the sliders that the model of a finished run has."""
        page, moments, adaptation = self.page, self.after.moments, self.after.adaptation
        page.moments.setVisible(len(moments.steps) > 1)
        if moments.steps:
            page.moments.set_values(moments.steps, moments.step)
        adapted = adaptation is not None and adaptation.rank > 0
        page.scale.setVisible(adapted)
        page.keep.setVisible(adapted)
        page.scale.set_value(self.after.scale)
        page.after.setVisible(self.is_open and (adapted or len(moments.steps) > 1))

    def _compare(self) -> None:
        """Pin the model before the run as A, and show both on one text."""
        record = self.record
        if record is not None:
            self.ask(Pin(record.started.base), self._pinned)

    def _pinned(self, pinned: Pinned | Progress) -> None:
        if isinstance(pinned, Pinned):
            self.state.set_pinned(pinned)
            self.pane.view_wanted.emit("generation", {"mode": "compare"})

    # --- In words --------------------------------------------------------------------------------

    def shown_curves(self) -> Curves:
        """Return what was measured up to the moment that the open model is at."""
        moment = self._moment()
        return self.curves if moment is None else self.curves.until(moment)

    def subtitle(self) -> str:
        right = self.shown_curves().last("right") if self.after.scale == 1 or not self.is_open else None
        if self.page.shows_run and right is not None:
            return t("pane.tuning.right", share=percent(right))
        return t("pane.tuning.examples.subtitle", count=len(self.pairs()))

    def sentence(self) -> str:
        if self.page.shows_run:
            if self.is_open and self.after.scale != 1:
                return examples_sentence.scaled(self.after.scale)
            return examples_sentence.of_a_run(self.shown_curves())
        return examples_sentence.before_a_run(self.before.tokens, self.before.checked)

    def table(self) -> Table | None:
        """Return the measurements of the run, or the pairs."""
        if self.page.shows_run:
            names = [name for name in (*SHARES, *LOSSES) if name in self.curves.points]
            moments = sorted({seconds for name in names for seconds, _ in self.curves.points[name]})
            points = {name: dict(self.curves.points[name]) for name in names}
            rows: list[tuple[object, ...]] = [(at, *(points[name].get(at, "") for name in names)) for at in moments]
            return Table(("seconds", *names), rows) if rows else None
        pairs = self.pairs()
        return Table(("prompt", "answer"), [(pair.prompt, pair.answer) for pair in pairs]) if pairs else None

    def adapt_layout(self, room: QSize) -> None:
        wide = room.width() > self.pane.theme.px(ROOM_FOR_SIDE) and not self.pane.compact
        self.page.side.setVisible(wide)
        self.page.answers.setVisible(wide)

    # --- Scenes ----------------------------------------------------------------------------------

    def act(self, wanted: dict[str, Any]) -> None:
        """Show the ready set `set` in the program's language, and tune on it for `steps`, asking the `questions`."""
        found = list[PairSet]()
        if "set" in wanted:
            self.ask(ListPairSets(i18n.language()), found.append, "set", lambda _: self._show_set(found, wanted))

    def _show_set(self, sets: list[PairSet], wanted: dict[str, Any]) -> None:
        for one in (one for one in sets[::-1] if one.id == wanted["set"]):  # last the one in the program's language
            self.page.table.rows.set_pairs(one.pairs)
        self._show_run(False)
        if "steps" in wanted and (self.tuner.running or self.state.training):
            self.pane.messages.show_key("error.run_in_progress", level="bad")
        elif "steps" in wanted:
            self._start(wanted)

    # --- Keeping ---------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return the settings, and the pairs of the user unless they are many."""
        pairs = self.page.table.rows.pairs
        own = pairs and len(pairs) <= MOST_KEPT and all(found.pairs != pairs for found in self.sets)
        kept = {"pairs": [[pair.prompt, pair.answer] for pair in pairs]} if own else {}
        opened = {"opened": self.page.opened.isChecked(), "seconds": self.page.seconds.value}
        return {**self.page.settings.save(), **opened, **kept}

    def restore(self, saved: dict[str, Any]) -> None:
        self.page.settings.restore(saved)
        self.page.opened.setChecked(saved.get("opened") is True)
        seconds = saved.get("seconds")
        self.page.seconds.set_value(seconds if isinstance(seconds, int | float) else DEFAULT.seconds or 0.0)
        pairs = saved.get("pairs")
        if isinstance(pairs, list):
            rows = [pair for pair in pairs if isinstance(pair, list) and len(pair) == len(("prompt", "answer"))]
            self.page.table.rows.set_pairs(Pair(str(prompt), str(answer)) for prompt, answer in rows)

    def retranslate(self) -> None:
        for index, found in enumerate(self.sets):
            self.page.sets.setItemText(index, self._name(found))
        self._name_set()
        self._draw_before()
        self._draw_run()
