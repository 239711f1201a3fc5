"""Choices: people say which answer of the model they prefer, prompt by prompt."""

from functools import partial
from typing import Any, Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton

from engine.messages.choices import MOST_ANSWERS, Choice, ListPrompts, Prompts, WriteAnswers
from gui import i18n
from gui.dialogs import documents
from gui.i18n import t
from gui.layout import set_property
from gui.pane import Pane, Table
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.choices_listing import Listing
from gui.panes.tuning.choices_page import VIEWS, ChoicesPage
from gui.panes.tuning.choices_rounds import Rounds
from gui.panes.tuning.choices_sentence import sentence
from gui.panes.tuning.reward import Reward
from gui.part import Part

SOURCES = ("animals", "stories", "own", "file")  # of prompts
BUTTONS = ("take", "tie", "neither", "undo", "renew", "by_hands", "improve")
LOW, NARROW = 380, 700  # pixels at zoom 1: below them there is no room for settings, or for all buttons
HANDFUL = 4  # choices after which the reward model is fitted anew
OWN_TOKENS = 48  # of an answer to a prompt that was typed


class Choices(Part):
    page: ChoicesPage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shared, self.rounds = SharedChoices.of(pane), Rounds(pane)
        self.page = ChoicesPage()
        self.listing, self.reward = Listing(pane, self.page.list), Reward(pane, self.page.reward)
        self.file = ""  # with prompts
        self._chosen: list[tuple[Choice, int]] = []  # with the number of the round
        self._own = ""  # the prompt that was typed
        self._prompts_of = ("", "", "")  # source, language and file of the prompts shown
        page = self.page.choose
        for source in SOURCES:
            page.prompts.addItem("", source)
        for name in BUTTONS:
            getattr(page, name).clicked.connect(partial(self._act, name))
        page.cards.chosen.connect(self.choose)
        page.cards.order_changed.connect(self._draw)
        page.prompts.activated.connect(self._source_chosen)
        page.own.editingFinished.connect(self._begin_own)
        page.count.currentIndexChanged.connect(self._begin)
        self.page.key_pressed.connect(self._act_on_key)
        self.page.view.changed.connect(self._view_chosen)
        self.rounds.changed.connect(self._draw)
        self.shared.changed.connect(self._list_changed)
        self.reward.changed.connect(pane.subtitle_changed)

    @property
    def source(self) -> str:
        return str(self.page.choose.prompts.currentData())

    @property
    def view(self) -> str:
        return self.page.view.current

    # --- Prompts and answers ---------------------------------------------------------------------

    def refresh(self) -> None:
        self.shared.read()
        wanted = (self.source, i18n.language(), self.file)
        if wanted != self._prompts_of:
            self._prompts_of = wanted
            self._ask_for_prompts()
        self._refresh_view()
        if self.pane.isAncestorOf(QApplication.focusWidget() or self.page.window()):
            self.page.choose.cards.setFocus(Qt.FocusReason.OtherFocusReason)

    def _refresh_view(self) -> None:
        """Ask for what the view shows."""
        if self.view == "list":
            self.listing.refresh()
        elif self.view == "reward":
            self.reward.refresh()
        else:
            self.rounds.renew()
            self.rounds.write()
        self._draw()

    def _view_chosen(self) -> None:
        if self.pane.isVisible():
            self._refresh_view()

    def _list_changed(self) -> None:
        """Show another list of choices; fit the reward model after each handful."""
        if self.view != "choose" and self.pane.isVisible():
            self._refresh_view()
        elif self.pane.isVisible() and len(self.shared.decided) % HANDFUL == 0:
            self.reward.refresh()
        self._draw()

    def show_live(self) -> None:
        """Write the answers anew: while training goes on, only those that nobody has seen."""
        if self.view == "reward":
            self.reward.refresh()
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
            kind: Literal["animals", "stories"] = "stories" if source == "stories" else "animals"
            request = ListPrompts(kind, "ja" if language == "ja" else "en", file if source == "file" else "")
            self.ask(request, self._show_prompts)

    def _show_prompts(self, found: Prompts) -> None:
        self.shared.set_prompts(found)
        self._begin()

    def _source_chosen(self) -> None:
        if self.source == "file":
            path, _ = QFileDialog.getOpenFileName(self.pane, t("pane.tuning.choices.source.file"), documents())
            if not path:
                self.page.choose.prompts.setCurrentIndex(SOURCES.index(self._prompts_of[0]))
                return
            self.file = path
        self.refresh()
        if self.source == "own":
            self.page.choose.own.setFocus()

    def _begin_own(self) -> None:
        if self.source == "own" and self.page.choose.own.text().strip() != self._own:
            self._begin()

    def _begin(self) -> None:
        """Write answers to the prompts from the first one."""
        found, page = self.shared.prompts, self.page.choose
        self._own = page.own.text().strip()
        prompts = found.prompts if found is not None else (self._own,)
        tokens = found.tokens if found is not None else OWN_TOKENS
        if prompts[0] and self._prompts_of[0]:
            self._chosen.clear()
            self.rounds.begin(partial(_request, prompts, int(page.count.currentData()), tokens))

    # --- Choosing --------------------------------------------------------------------------------

    def _act(self, name: str) -> None:
        getattr(self, name)()

    def _act_on_key(self, name: str) -> None:
        if self.view == "list":
            self.listing.act(name)
        elif self.view == "choose" and name.startswith("choose_"):
            self.choose(int(name[-1]))
        elif self.view == "choose" and name in BUTTONS:
            self._act(name)

    def choose(self, place: int) -> None:
        """Prefer one answer to all others."""
        shown = self.rounds.current
        if shown is not None and place < len(shown.texts):
            self._add(tuple(1 if other == place else 2 for other in range(len(shown.texts))))

    def take(self) -> None:
        """Take the order of the cards, or the hands counted."""
        cards = self.page.choose.cards
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
            choice = Choice(shown.request.prompt, shown.texts, ranks, self.page.choose.judge.text().strip())
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

    def by_hands(self) -> None:
        self.page.choose.cards.count_hands(self.page.choose.by_hands.isChecked())
        self._draw()

    def improve(self) -> None:
        self.pane.view_wanted.emit("tuning", {"mode": "improve"})

    # --- What is shown ---------------------------------------------------------------------------

    def _draw(self) -> None:
        page, shown = self.page.choose, self.rounds.current
        ready = shown is not None and shown.can_choose
        page.prompt.setText(shown.request.prompt if shown is not None else "")
        page.cards.show_texts(shown.texts if shown is not None else (), ready)
        page.meter.show_count(len(self.shared.decided))
        for button in (page.tie, page.take):
            button.setEnabled(ready)
        page.neither.setEnabled(shown is not None and (shown.done or shown.failed))
        page.take.setVisible(page.cards.is_ranked or page.cards.counts_hands)
        page.undo.setEnabled(self.shared.can_undo)
        page.improve.setVisible("improve" in getattr(self.pane, "PARTS", ()))
        page.improve.setEnabled(bool(self.shared.decided))
        page.own.setVisible(self.source == "own")
        self.pane.subtitle_changed.emit()

    def adapt_layout(self, room: QSize) -> None:
        """Hide the settings and the meter in a low tile, and in a narrow one a button that has a key."""
        page = self.page.choose
        theme = page.cards.content
        low = room.height() < theme.px(LOW)
        self.page.settings.setVisible(not low)
        page.meter.setVisible(not low)
        set_property(page.prompt, "role", "content-large" if low else "content-huge")
        page.renew.setVisible(room.width() >= theme.px(NARROW))

    def sentence(self) -> str:
        if self.view == "reward":
            return self.reward.sentence()
        shown = self.rounds.current
        if self.view == "choose" and shown is not None and shown.done and not shown.can_choose:
            return t("pane.tuning.choices.says.same")
        return sentence(self.shared.decided) if shown is not None or self.view == "list" else ""

    def subtitle(self) -> str:
        return t("pane.tuning.choices.count", count=len(self.shared.decided))

    def table(self) -> Table | None:
        rows: list[tuple[object, ...]] = [
            (choice.prompt, answer, rank, choice.judge)
            for choice in self.shared.choices
            for answer, rank in zip(choice.answers, choice.ranks or ("",) * MOST_ANSWERS, strict=False)
        ]
        header = tuple(t(f"pane.tuning.choices.saved_column.{name}") for name in ("prompt", "answer", "rank", "judge"))
        return Table(header, rows) if rows else None

    def save(self) -> dict[str, Any]:
        page = self.page.choose
        return {
            "view": self.view,
            "source": self.source,
            "file": self.file,
            "own": page.own.text(),
            "count": page.count.currentData(),
            "judge": page.judge.text(),
            "principle": self.page.list.principle.text() if self.page.list.principle.isModified() else "",
            "opposite": self.page.list.opposite.text() if self.page.list.opposite.isModified() else "",
        }

    def restore(self, saved: dict[str, Any]) -> None:
        page = self.page.choose
        listed = self.page.list
        fields = {"own": page.own, "judge": page.judge, "principle": listed.principle, "opposite": listed.opposite}
        for name, field in fields.items():
            if saved.get(name) and isinstance(saved[name], str):
                field.setText(saved[name])
                field.setModified(True)
        if page.count.findData(saved.get("count")) >= 0:
            page.count.setCurrentIndex(page.count.findData(saved["count"]))
        if isinstance(saved.get("file"), str):
            self.file = saved["file"]
        if saved.get("source") in SOURCES and (saved["source"] != "file" or self.file):
            page.prompts.setCurrentIndex(SOURCES.index(saved["source"]))
        if saved.get("view") in VIEWS:
            self.page.view.choose(saved["view"])
        self._draw()

    def act(self, wanted: dict[str, Any]) -> None:
        """Show the view `view`, by default the one in which answers are chosen."""
        self.page.view.choose(wanted["view"] if wanted.get("view") in VIEWS else VIEWS[0])

    def retranslate(self) -> None:
        page = self.page.choose
        views = {name: t(f"pane.tuning.choices.view.{name}") for name in VIEWS}
        self.page.view.set_labels(views, t("pane.tuning.choices.name.view"))
        for name in BUTTONS:
            button: QPushButton = getattr(page, name)
            button.setText(t(f"pane.tuning.choices.{name}"))
            button.setToolTip(t(f"pane.tuning.choices.tip.{name}"))
        for index, source in enumerate(SOURCES):
            page.prompts.setItemText(index, t(f"pane.tuning.choices.source.{source}"))
        for index in range(page.count.count()):
            page.count.setItemText(index, t("pane.tuning.choices.answers", count=page.count.itemData(index)))
        for name, field in (("prompts", page.prompts), ("own", page.own), ("answers", page.count)):
            field.setAccessibleName(t(f"pane.tuning.choices.name.{name}"))
        page.judge_label.setText(t("pane.tuning.choices.name.judge"))
        page.judge.setAccessibleName(t("pane.tuning.choices.name.judge"))
        page.own.setPlaceholderText(t("pane.tuning.choices.name.own"))
        page.meter.show_count(page.meter.count)
        self.listing.retranslate()
        self.reward.retranslate()
        self._draw()


def _request(prompts: tuple[str, ...], count: int, tokens: int, number: int) -> WriteAnswers:
    """Return what is asked for in a round: each time that all prompts have been used, other answers to them."""
    return WriteAnswers(prompts[number % len(prompts)], count, tokens, seed=1 + number)
