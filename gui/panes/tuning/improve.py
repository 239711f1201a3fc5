"""Improvement: the open model changes so that it writes what was preferred, by DPO or by a policy gradient."""

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, Literal, get_args

from PySide6.QtCore import QSize

from engine.messages.choices import Choice, ChoiceList, ListPrompts, Prompts, SimulateChoices, Taste
from engine.messages.comparing import Pin, Pinned
from engine.messages.envelope import Ended
from engine.messages.improving import Improve, ImprovingSettings
from engine.messages.moments import Moments, ReturnTo
from engine.messages.status import Progress
from gui import i18n
from gui.i18n import t
from gui.pane import Pane, Table
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.examples_answers import Answer
from gui.panes.tuning.improve_page import BETAS, LIMITS, SECONDS, ImprovePage
from gui.panes.tuning.improve_sentence import formula, sentence
from gui.panes.tuning.improve_shown import MEASURES, METHODS, ImproveShown, losses_of
from gui.part import Part
from gui.tuner import TuningRecord

YES_OR_NO: tuple[Taste, ...] = tuple(taste for taste in get_args(Taste) if taste != "short")  # of a single text
# The prepared experiment: for each taste, the prompts that are chosen about, and the tokens of an answer at most.
HACKED: dict[Taste, tuple[Literal["animals", "stories"], int]] = {"joy": ("stories", 40), "polite": ("animals", 24)}
JAPANESE: tuple[Taste, ...] = ("polite",)  # the built-in model's English texts are hardly ever polite
HACK_CHOICES, HACK_STEPS = 30, 60
HACK_RATE = 1e-3
QUESTIONS = 3
WORLD_KINDS: tuple[Literal["animals", "stories"], ...] = ("animals", "stories")
LANGUAGES: tuple[Literal["ja", "en"], ...] = ("ja", "en")
OWN_TOKENS = 48  # of an answer to a prompt that is not of the little world
ROOM_FOR_SIDE = 620  # pixels at zoom 1 of the pane's width


class Improving(Part):
    page: ImprovePage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shared, self.tuner, self.page = SharedChoices.of(pane), pane.tuner, ImprovePage()
        self.known: list[Prompts] = []  # all prompts of the little world
        self.request: Improve | None = None  # of the run that is shown
        self._asked: Improve | None = None  # of the run that is prepared
        self.chosen: int | None = None  # the moment that is looked at
        page = self.page
        page.start.clicked.connect(self._start)
        page.stop.clicked.connect(self.tuner.stop)
        page.pause.clicked.connect(self.tuner.pause_or_resume)
        page.back.clicked.connect(self._return)
        page.compare.clicked.connect(self._compare)
        page.plot.chosen.connect(self._choose)
        page.method.changed.connect(self._draw)
        page.leash.changing.connect(self._draw)
        page.menu.triggered.connect(lambda action: self.hack(action.data()))
        self.shared.changed.connect(self._draw)
        self.tuner.record_changed.connect(self._begun)
        for signal in (self.tuner.measured, self.tuner.ended, self.tuner.preparing_changed, self.tuner.progressed):
            signal.connect(self._draw)
        self.state.training_changed.connect(self._draw)

    @property
    def record(self) -> TuningRecord | None:
        """The run of improvement in progress, or the last one."""
        record = self.tuner.record
        return record if record is not None and record.started.method in METHODS else None

    def shown(self) -> ImproveShown:
        """Return what the run has shown so far; before the first one, what it would learn from."""
        record, page = self.record, self.page
        if record is None:
            return ImproveShown(page.method.current, page.leash.value, choices=len(self.shared.decided))
        request, result = self.request, record.result
        settings = request.settings if request is not None else ImprovingSettings()
        return ImproveShown(
            method=record.started.method,
            beta=settings.beta if settings.beta is not None else page.leash.value,
            most_kl=settings.most_kl,
            judged=request is not None and bool(request.judge),
            choices=record.started.train,
            moments=tuple(record.measured),
            answers=tuple(record.answers),
            chosen=self.chosen,
            losses=losses_of(record),
            reason=result.reason if result is not None else "",
        )

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.shared.read()
        if not self.known:
            for request in (ListPrompts(*kind) for kind in product(WORLD_KINDS, LANGUAGES)):
                self.ask(request, self.known.append, f"ListPrompts {request.kind} {request.language}")
        self._draw()

    def follows_live(self) -> bool:
        return False  # the run itself reports what is shown

    def _start(self) -> None:
        page = self.page
        seconds, limit = page.time.currentData(), page.limit.currentData()
        settings = ImprovingSettings(
            method=next(method for method in METHODS if method == page.method.current),
            seconds=float(seconds) or None,
            beta=page.leash.value,
            most_kl=limit or None,
        )
        self._improve(self.shared.decided, settings)

    def _improve(self, choices: tuple[Choice, ...], settings: ImprovingSettings, tokens: int = 0) -> None:
        """Start a run on these choices, measured on prompts that are held out if they are of the little world."""
        if not choices or self.tuner.running or self.state.training:
            return
        asked = list(dict.fromkeys(choice.prompt for choice in choices))
        world = next((found for found in self.known if set(asked) <= {*found.prompts, *found.held_out}), None)
        held_out = tuple(p for p in world.held_out if p not in asked) if world is not None else ()
        judges = {choice.judge for choice in choices}
        judge: Taste | Literal[""] = next((taste for taste in YES_OR_NO if judges == {taste}), "")
        self._asked = Improve(
            choices,
            self.tuner.folder_for(settings.method),
            replace(settings, tokens=tokens or (world.tokens if world is not None else OWN_TOKENS)),
            prompts=world.prompts if world is not None else (),
            held_out=held_out,
            questions=(held_out or tuple(asked))[:QUESTIONS],
            judge=judge,
        )
        self.tuner.start(self._asked)

    def _begun(self) -> None:
        """Show the run whose preparation has ended, from its beginning."""
        if self.record is not None:
            self.request, self.chosen = self._asked, None
        self._draw()

    def hack(self, taste: Taste) -> None:
        """Let a simulated judge choose, then make the reward grow without a leash."""
        if self.tuner.running or self.state.training:
            return
        found = list[Choice]()
        language: Literal["ja", "en"] = "ja" if i18n.language() == "ja" else "en"
        request = SimulateChoices(taste, 0.0, HACK_CHOICES, HACKED[taste][0], language)
        self.ask(request, partial(_replace, found), "HackChoices", partial(self._hack_with, taste, found))

    def _hack_with(self, taste: Taste, found: list[Choice], end: Ended) -> None:
        if end.outcome == "done" and not found:
            self.pane.messages.show_key("pane.tuning.improve.undecided")
        elif end.outcome == "done":
            settings = ImprovingSettings(
                method="reinforce", steps=HACK_STEPS, learning_rate=HACK_RATE, beta=0.0, most_kl=None
            )
            self.page.method.choose("reinforce")
            self.page.leash.set_value(0.0)
            self._improve(tuple(found), settings, HACKED[taste][1])

    @property
    def is_open(self) -> bool:
        """True if the open model is that of the finished run."""
        record, model = self.record, self.state.model
        return not self.tuner.running and record is not None and model is not None and model.folder == record.folder

    def _return(self) -> None:
        """Set the model back to the moment that is looked at."""
        shown = self.shown()
        if self.is_open and shown.moments:
            self.ask(ReturnTo(shown.moments[shown.place].step), self._returned)

    def _returned(self, found: Moments) -> None:
        self.state.note_training_steps()  # every pane shows these weights
        self.pane.messages.show_key("pane.tuning.improve.returned", step=found.step)

    def _compare(self) -> None:
        """Pin the model before the run as A, and show both on one text."""
        record = self.record
        if record is not None:
            self.ask(Pin(record.started.base), self._pinned)

    def _pinned(self, pinned: Pinned | Progress) -> None:
        if isinstance(pinned, Pinned):
            self.state.set_pinned(pinned)
            self.pane.view_wanted.emit("generation", {"mode": "compare"})

    # --- Showing ---------------------------------------------------------------------------------

    def _choose(self, place: int) -> None:
        last = len(self.shown().moments) - 1
        self.chosen = place if place < last or not self.tuner.running else None
        self._draw()

    def on_shown(self) -> None:
        self._draw()

    def _draw(self) -> None:
        page, shown, running = self.page, self.shown(), self.tuner.running
        page.plot.set_data(shown)
        page.answers.set_answers(_answers(shown))
        page.answers.setVisible(bool(shown.answers))
        page.plot.setVisible(bool(shown.moments))
        page.formula.setText(formula(shown))
        page.settings.setEnabled(not running)
        page.start.setVisible(not running)
        page.start.setEnabled(bool(self.shared.decided) and not self.state.training)
        page.hack.setEnabled(not self.state.training)
        page.stop.setVisible(running)
        page.pause.setVisible(running)
        page.pause.setText(t("pane.tuning.improve.resume" if self.tuner.paused else "pane.tuning.improve.pause"))
        page.compare.setEnabled(self.record is not None)
        page.back.setEnabled(self.is_open and bool(shown.moments))
        self.pane.subtitle_changed.emit()

    def adapt_layout(self, room: QSize) -> None:
        self.page.side.setVisible(room.width() > self.pane.theme.px(ROOM_FOR_SIDE) and not self.pane.compact)

    def subtitle(self) -> str:
        shown = self.shown()
        if shown.reason:
            return t(shown.reason)
        return t("pane.tuning.improve.learns", count=shown.choices)

    def sentence(self) -> str:
        return sentence(self.shown())

    def table(self) -> Table | None:
        shown = self.shown()
        rows: list[tuple[object, ...]] = [
            (moment.step, moment.seconds, *(moment.values.get(name, "") for name in MEASURES))
            for moment in shown.moments
        ]
        names = ("step", "seconds", *MEASURES)
        return Table(tuple(t(f"pane.tuning.improve.column.{name}") for name in names), rows) if rows else None

    def act(self, wanted: dict[str, Any]) -> None:
        """Begin the experiment `hack`, for the taste that it names."""
        if wanted.get("hack") in HACKED:
            self.hack(wanted["hack"])

    def save(self) -> dict[str, Any]:
        page = self.page
        values = {"seconds": page.time.currentData(), "limit": page.limit.currentData()}
        return {"method": page.method.current, "beta": page.leash.value, **values}

    def restore(self, saved: dict[str, Any]) -> None:
        page = self.page
        if saved.get("method") in METHODS:
            page.method.choose(saved["method"])
        if saved.get("beta") in BETAS:
            page.leash.set_value(saved["beta"])
        if saved.get("seconds") in SECONDS:
            page.time.setCurrentIndex(SECONDS.index(saved["seconds"]))
        if saved.get("limit") in LIMITS:
            page.limit.setCurrentIndex(LIMITS.index(saved["limit"]))

    def retranslate(self) -> None:
        self.page.retranslate()
        self.page.menu.clear()
        for taste in HACKED if i18n.language() == "ja" else set(HACKED) - set(JAPANESE):
            self.page.menu.addAction(t(f"pane.tuning.improve.hacking.{taste}")).setData(taste)
        self._draw()


def _replace(kept: list[Choice], found: ChoiceList) -> None:
    kept[:] = found.choices


def _answers(shown: ImproveShown) -> list[Answer]:
    """Return the fixed questions with the answers before the run and at the moment looked at."""
    now = shown.answers_now
    if now is None:
        return []
    before = shown.answers[0]
    return [Answer(*parts) for parts in zip(now.prompts, before.texts, now.texts, strict=True)]
