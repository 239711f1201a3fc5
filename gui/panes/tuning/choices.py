"""Choices: people say which answer of the model they prefer, prompt by prompt."""

from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from engine.messages.choices import MOST_ANSWERS, Choice, ListPrompts, Prompts, WriteAnswers
from gui import i18n
from gui.dialogs import documents
from gui.i18n import t
from gui.pane import Pane, Table
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.choices_page import ChoicesPage
from gui.panes.tuning.choices_rounds import Rounds
from gui.panes.tuning.choices_sentence import sentence
from gui.part import Part
from gui.widgets.message_bar import MessageBar

SOURCES = ("animals", "stories", "own", "file")  # of prompts
BUTTONS = ("take", "tie", "neither", "undo", "renew", "by_hands", "improve")
OWN_TOKENS = 48  # of an answer to a prompt that was typed


class Choices(Part):
    page: ChoicesPage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shared, self.rounds = SharedChoices.of(pane), Rounds(pane)
        self.file = ""  # with prompts
        self._chosen: list[tuple[Choice, int]] = []  # with the number of the round
        self._prompts_of = ("", "", "")  # source, language and file of the prompts shown
        self.page = page = ChoicesPage()
        for source in SOURCES:
            page.prompts.addItem("", source)
        page.cards.chosen.connect(self.choose)
        page.cards.order_changed.connect(self._draw)
        page.key_pressed.connect(self._act_on_key)
        for button, act in (
            (page.take, self.take),
            (page.tie, self.tie),
            (page.neither, self.neither),
            (page.undo, self.undo),
            (page.renew, self.renew),
            (page.improve, self._improve),
        ):
            button.clicked.connect(act)
        page.by_hands.toggled.connect(self._count_hands)
        page.prompts.activated.connect(self._source_chosen)
        page.own.editingFinished.connect(self._begin)
        page.count.valueChanged.connect(self._begin)
        self.rounds.changed.connect(self._draw)
        self.shared.changed.connect(self._draw)

    @property
    def messages(self) -> MessageBar:
        return self.pane.messages

    @property
    def source(self) -> str:
        return str(self.page.prompts.currentData())

    # --- Prompts and answers ---------------------------------------------------------------------

    def refresh(self) -> None:
        self.shared.read()
        wanted = (self.source, i18n.language(), self.file)
        if wanted != self._prompts_of:
            self._prompts_of = wanted
            self._ask_for_prompts()
        self.rounds.renew()
        self.rounds.write()
        if self.pane.isAncestorOf(QApplication.focusWidget() or self.page.window()):
            self.page.cards.setFocus(Qt.FocusReason.OtherFocusReason)
        self._draw()

    def show_live(self) -> None:
        """Write the answers anew: while training goes on, only those that nobody has seen."""
        self.rounds.renew(all_of_them=not self.state.training)

    def on_left(self) -> None:
        self.rounds.stop()

    def on_shown(self) -> None:
        self.rounds.write()

    def _ask_for_prompts(self) -> None:
        source, language, file = self._prompts_of
        if source == "own":
            self.shared.set_prompts(None)
            self._begin()
        else:
            kind, path = ("animals", file) if source == "file" else (source, "")
            self.ask(ListPrompts(kind, language, path), self._show_prompts)  # type: ignore[arg-type]

    def _show_prompts(self, found: Prompts) -> None:
        self.shared.set_prompts(found)
        self._begin()

    def _source_chosen(self) -> None:
        if self.source == "file":
            path, _ = QFileDialog.getOpenFileName(self.pane, t("pane.tuning.choices.source.file"), documents())
            if not path:
                self.page.prompts.setCurrentIndex(SOURCES.index(self._prompts_of[0]))
                return
            self.file = path
        self.page.own.setVisible(self.source == "own")
        self.refresh()
        if self.source == "own":
            self.page.own.setFocus()

    def _begin(self) -> None:
        """Write answers to the prompts from the first one."""
        found, count = self.shared.prompts, self.page.count.value()
        prompts = found.prompts if found is not None else (self.page.own.text().strip(),)
        tokens = found.tokens if found is not None else OWN_TOKENS
        if prompts[0]:
            self._chosen.clear()
            self.rounds.begin(partial(_request, prompts, count, tokens))

    # --- Choosing --------------------------------------------------------------------------------

    def _act_on_key(self, name: str) -> None:
        if name.startswith("choose_"):
            self.choose(int(name[-1]))
        else:
            getattr(self, name)()

    def choose(self, place: int) -> None:
        """Prefer one answer to all others."""
        shown = self.rounds.current
        if shown is not None and place < len(shown.texts):
            self._add(tuple(1 if other == place else 2 for other in range(len(shown.texts))))

    def take(self) -> None:
        """Take the order of the cards, or the hands counted."""
        cards = self.page.cards
        if cards.counts_hands:
            self._add(cards.hand_ranks())
        elif cards.is_ranked:
            self._add(cards.ranks())

    def tie(self) -> None:
        shown = self.rounds.current
        self._add((1,) * len(shown.texts) if shown is not None else ())

    def neither(self) -> None:
        self._add(())

    def _add(self, ranks: tuple[int, ...]) -> None:
        shown = self.rounds.current
        if shown is not None and shown.can_choose:
            choice = Choice(shown.request.prompt, shown.texts, ranks, self.page.judge.text().strip())
            self._chosen.append((choice, self.rounds.number))
            self.shared.add(choice)
            self.rounds.forward()
        elif shown is not None and (shown.done or shown.failed) and not ranks:
            self.rounds.forward()  # there is nothing to choose from

    def undo(self) -> None:
        """Undo the last change of the list; if it was a choice, its answers are shown again."""
        before = self.shared.choices
        self.shared.undo()
        if self._chosen and before and before[-1] == self._chosen[-1][0] and self.shared.choices == before[:-1]:
            self.rounds.back_to(self._chosen.pop()[1])

    def renew(self) -> None:
        self.rounds.rewrite()

    def _count_hands(self, wanted: bool) -> None:
        self.page.cards.count_hands(wanted)
        self._draw()

    def _improve(self) -> None:
        self.pane.view_wanted.emit("tuning", {"mode": "improve"})

    # --- What is shown ---------------------------------------------------------------------------

    def _draw(self) -> None:
        page, shown = self.page, self.rounds.current
        page.prompt.setText(shown.request.prompt if shown is not None else "")
        page.cards.show_texts(shown.texts if shown is not None else (), shown is not None and shown.can_choose)
        page.meter.show_count(len(self.shared.decided))
        ready = shown is not None and shown.can_choose
        for button in (page.tie, page.neither):
            button.setEnabled(ready)
        page.take.setVisible(page.cards.is_ranked or page.cards.counts_hands)
        page.take.setEnabled(ready)
        page.undo.setEnabled(self.shared.can_undo)
        page.improve.setVisible("improve" in getattr(self.pane, "PARTS", ()))
        page.improve.setEnabled(bool(self.shared.decided))
        self.pane.subtitle_changed.emit()

    def sentence(self) -> str:
        return sentence(self.shared.choices) if self.rounds.current is not None else ""

    def subtitle(self) -> str:
        return t("pane.tuning.choices.count", count=len(self.shared.decided))

    def table(self) -> Table | None:
        rows: list[tuple[object, ...]] = [
            (choice.prompt, answer, rank, choice.judge)
            for choice in self.shared.choices
            for answer, rank in zip(choice.answers, choice.ranks or ("",) * MOST_ANSWERS, strict=False)
        ]
        names = ("prompt", "answer", "rank", "judge")
        return Table(tuple(t(f"pane.tuning.choices.column.{name}") for name in names), rows) if rows else None

    def save(self) -> dict[str, Any]:
        page = self.page
        return {
            "source": self.source,
            "file": self.file,
            "own": page.own.text(),
            "count": page.count.value(),
            "judge": page.judge.text(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        page = self.page
        for field, name in ((page.own, "own"), (page.judge, "judge")):
            if isinstance(saved.get(name), str):
                field.setText(saved[name])
        if isinstance(saved.get("count"), int):
            page.count.setValue(saved["count"])
        if isinstance(saved.get("file"), str):
            self.file = saved["file"]
        if saved.get("source") in SOURCES and (saved["source"] != "file" or self.file):
            page.prompts.setCurrentIndex(SOURCES.index(saved["source"]))
        page.own.setVisible(self.source == "own")

    def retranslate(self) -> None:
        page = self.page
        for name in BUTTONS:
            button: QPushButton = getattr(page, name)
            button.setText(t(f"pane.tuning.choices.{name}"))
            button.setToolTip(t(f"pane.tuning.choices.tip.{name}"))
        for index, source in enumerate(SOURCES):
            page.prompts.setItemText(index, t(f"pane.tuning.choices.source.{source}"))
        for name, field in (("prompts", page.prompts), ("own", page.own), ("count", page.count), ("judge", page.judge)):
            field.setAccessibleName(t(f"pane.tuning.choices.name.{name}"))
        for name, words in page.labels.items():
            words.setText(t(f"pane.tuning.choices.name.{name}"))
        page.own.setPlaceholderText(t("pane.tuning.choices.name.own"))
        self._draw()


def _request(prompts: tuple[str, ...], count: int, tokens: int, number: int) -> WriteAnswers:
    """Return what is asked for in a round: each time that all prompts have been used, other answers to them."""
    return WriteAnswers(prompts[number % len(prompts)], count, tokens, seed=1 + number)
