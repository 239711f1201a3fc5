"""The view that lists the choices: they are changed, removed, loaded and saved there, and other judges add theirs."""

from dataclasses import replace
from functools import partial
from typing import Literal

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from engine.messages.choices import (
    Agreement,
    Choice,
    ChoiceList,
    ChoicesWritten,
    JudgeChoices,
    Judged,
    MeasureAgreement,
    ReadChoices,
    SimulateChoices,
    WriteChoices,
)
from engine.messages.envelope import Ended
from gui import i18n
from gui.dialogs import documents
from gui.i18n import number, percent, t
from gui.pane import Pane
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.choices_page import ListPage
from gui.panes.tuning.judge_names import BY_PRINCIPLE, TASTES, is_person, shown_judge

PRINCIPLE = "principle"
JUDGES = (*TASTES, PRINCIPLE)
SLOT = "judge"
FILES = "JSONL (*.jsonl)"


class Listing(QObject):
    def __init__(self, pane: Pane, page: ListPage) -> None:
        super().__init__(pane)
        self.pane, self.page, self.shared = pane, page, SharedChoices.of(pane)
        self.agreement: Agreement | None = None
        self.agreeing: tuple[str, float] | None = None  # the last judge, and how often it agrees
        self.progress = 0  # choices of the judge that is at work
        self._found: tuple[Choice, ...] = ()
        for judge in JUDGES:
            page.taste.addItem("", judge)
        page.table.preferred.connect(self.prefer)
        page.remove.clicked.connect(self.remove)
        page.back.clicked.connect(self.shared.undo)
        page.load.clicked.connect(self.load)
        page.keep.clicked.connect(self.keep)
        page.simulate.clicked.connect(self.simulate)
        page.judge_these.clicked.connect(self.judge_these)
        page.taste.currentIndexChanged.connect(self.draw)
        for field in (page.principle, page.opposite):
            field.textChanged.connect(self.draw)
        page.only.activated.connect(lambda: self.shared.learn_from(page.only.currentData()))

    # --- Changing choices ------------------------------------------------------------------------

    def prefer(self, row: int, place: int) -> None:
        """Prefer one answer of a choice to all others."""
        choice = self.shared.choices[row]
        if place < len(choice.answers):
            self.rank(row, tuple(1 if other == place else 2 for other in range(len(choice.answers))))

    def rank(self, row: int, ranks: tuple[int, ...]) -> None:
        choice = self.shared.choices[row]
        self.shared.put(row, Choice(choice.prompt, choice.answers, ranks, choice.judge))

    def act(self, name: str) -> None:
        """Change the selected choices by a key of the page."""
        for row in self.page.table.selected():
            if name.startswith("choose_"):
                self.prefer(row, int(name[-1]))
            elif name == "tie":
                self.rank(row, (1,) * len(self.shared.choices[row].answers))
            elif name == "neither":
                self.rank(row, ())
        if name == "remove":
            self.remove()
        elif name == "undo":
            self.shared.undo()

    def remove(self) -> None:
        self.shared.remove(self.page.table.selected())

    def load(self) -> None:
        """Add the choices of a file to the list."""
        title = t("pane.tuning.choices.load")
        path, _ = QFileDialog.getOpenFileName(self.pane, title, documents(), FILES)
        if path:
            self.pane.ask(ReadChoices(path), self._add_loaded, "load choices")

    def _add_loaded(self, found: ChoiceList) -> None:
        self.shared.add(*found.choices)

    def keep(self) -> None:
        """Save the choices to a file."""
        title = t("pane.tuning.choices.keep")
        path, _ = QFileDialog.getSaveFileName(self.pane, title, f"{documents()}/choices.jsonl", FILES)
        if path:
            self.pane.ask(WriteChoices(path, self.shared.choices), self._report_saved, "save choices")

    def _report_saved(self, saved: ChoicesWritten) -> None:
        self.pane.messages.show_key("pane.tuning.choices.saved", count=saved.count, file=saved.path)

    # --- Other judges ----------------------------------------------------------------------------

    @property
    def judge(self) -> str:
        """The taste or the principle that is chosen; "" for a principle that lacks words or an opposite."""
        taste = str(self.page.taste.currentData())
        if taste != PRINCIPLE:
            return taste
        return self.page.principle.text().strip() if self.page.opposite.text().strip() else ""

    @property
    def errors(self) -> float:
        return float(self.page.errors.currentData()) / 100

    @property
    def at_work(self) -> bool:
        return self.pane.asking(SLOT)

    def simulate(self) -> None:
        """Let the simulated judge choose between new answers, or stop it."""
        if self._stopped():
            return
        taste = next((taste for taste in TASTES if taste == self.judge), None)
        if taste is not None:
            kind: Literal["animals", "stories"] = "stories" if taste == "happy_end" else "animals"
            count, seed = int(self.page.count.currentData()), 1 + len(self.shared.choices)
            request = SimulateChoices(
                taste, self.errors, count, kind, "ja" if i18n.language() == "ja" else "en", seed=seed
            )
            self.pane.ask(request, self._add_found, SLOT, self._ended)
        self.draw()

    def judge_these(self) -> None:
        """Let the judge rank the answers that people have ranked, or stop it."""
        if self._stopped():
            return
        judge, taste = self.judge, next((taste for taste in TASTES if taste == self.judge), None)
        choices = self.of_others(judge)
        if judge and choices:
            principle = ("", "") if taste else (judge, self.page.opposite.text().strip())
            request = JudgeChoices(choices, taste, *principle, errors=self.errors if taste else 0.0)
            name = judge if taste else f"{BY_PRINCIPLE}{judge}"
            self.pane.ask(request, partial(self._add_judged, name), SLOT, self._ended)
        self.draw()

    def of_others(self, judge: str) -> tuple[Choice, ...]:
        """Return the choices of people, or else those of all judges but this one."""
        people = tuple(choice for choice in self.shared.choices if is_person(choice.judge))
        return people or tuple(choice for choice in self.shared.choices if choice.judge != judge)

    def _stopped(self) -> bool:
        """Stop the judge that is at work, and keep its choices; return whether there was one."""
        stopped = self.at_work
        if stopped:
            self.pane.drop(SLOT)
            self._keep_found()
        return stopped

    def _add_found(self, found: ChoiceList) -> None:
        self._found = found.choices
        self.draw()

    def _add_judged(self, judge: str, found: Judged) -> None:
        self._found = tuple(replace(choice, judge=judge) for choice in found.choices)
        if found.agreeing is not None:
            self.agreeing = judge, found.agreeing
        self.draw()

    def _ended(self, end: Ended) -> None:
        self._keep_found()

    def _keep_found(self) -> None:
        found, self._found = self._found, ()
        self.shared.add(*found)
        self.draw()

    # --- What is shown ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Measure again how far the judges agree."""
        self.agreement = None
        if len(self.shared.judges) > 1:
            self.pane.ask(MeasureAgreement(self.shared.choices), self._show_agreement)
        self.page.table.show_choices(self.shared.choices)
        self._fill_only()
        self.draw()

    def _show_agreement(self, found: Agreement) -> None:
        self.agreement = found
        self.draw()

    def _fill_only(self) -> None:
        only, shared = self.page.only, self.shared
        only.clear()
        only.addItem(t("pane.tuning.choices.everyone"), None)
        for judge in shared.judges:
            only.addItem(t("pane.tuning.choices.only", judge=shown_judge(judge)), judge)
        only.setCurrentIndex(max(0, only.findData(shared.only)))
        only.setVisible(len(shared.judges) > 1)

    def agreement_words(self) -> str:
        """Return how far the judges agree, and how often the last other judge does; "" if there is only one."""
        words, found = [], self.agreement
        if found is not None and found.kappa is not None:
            key, of = f"pane.tuning.choices.kappa.{found.word}", number(found.kappa, 2)
            shared = t("pane.tuning.choices.agreement", count=found.choices, observed=percent(found.observed))
            words.append(t("pane.tuning.choices.kappa_is", shared=shared, kappa=of, word=t(key)))
        elif found is not None and found.choices:
            words.append(t("pane.tuning.choices.agreement", count=found.choices, observed=percent(found.observed)))
        if self.agreeing is not None:
            judge, share = self.agreeing
            words.append(t("pane.tuning.choices.agrees", judge=shown_judge(judge), share=percent(share)))
        return ("" if i18n.language() == "ja" else " ").join(words)

    def draw(self) -> None:
        page = self.page
        principle, judge = page.taste.currentData() == PRINCIPLE, self.judge
        for words in (page.principle, page.opposite):
            words.setVisible(principle)
        for field in (page.errors, page.count, page.simulate):
            field.setVisible(not principle)
        agreement = self.agreement_words()
        page.agreement.setText(agreement)
        page.agreement.setVisible(bool(agreement))
        stop = t("pane.tuning.choices.stop", count=len(self._found))
        page.simulate.setText(stop if self.at_work else t("pane.tuning.choices.simulate"))
        page.judge_these.setText(stop if self.at_work else t("pane.tuning.choices.judge_these"))
        page.judge_these.setEnabled(self.at_work or bool(judge and self.of_others(judge)))
        page.remove.setEnabled(bool(self.shared.choices))
        page.keep.setEnabled(bool(self.shared.choices))
        page.back.setEnabled(self.shared.can_undo)

    def retranslate(self) -> None:
        page = self.page
        for name in ("remove", "back", "load", "keep"):
            getattr(page, name).setText(t(f"pane.tuning.choices.{name}"))
        for name in ("remove", "back", "load", "keep", "simulate", "judge_these"):
            getattr(page, name).setToolTip(t(f"pane.tuning.choices.tip.{name}"))
        for name in ("only", "taste", "errors", "count"):
            getattr(page, name).setAccessibleName(t(f"pane.tuning.choices.name.{name}"))
        for name in ("principle", "opposite"):
            field = getattr(page, name)
            field.setAccessibleName(t(f"pane.tuning.choices.name.{name}"))
            field.setToolTip(t(f"pane.tuning.choices.tip.{name}"))
            if not field.isModified():
                field.setText(t(f"pane.tuning.choices.{name}"))
        for index, judge in enumerate(JUDGES):
            page.taste.setItemText(
                index, shown_judge(judge) if judge != PRINCIPLE else t("pane.tuning.choices.by_principle")
            )
        for index in range(page.errors.count()):
            share = percent(page.errors.itemData(index) / 100)
            page.errors.setItemText(index, t("pane.tuning.choices.errors", share=share))
        for index in range(page.count.count()):
            page.count.setItemText(index, t("pane.tuning.choices.count", count=page.count.itemData(index)))
        self._fill_only()
        self.draw()
