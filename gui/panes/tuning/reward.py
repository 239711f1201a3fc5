"""The view of the reward model: how well it predicts choices, what it has learned, and texts coloured by it."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.messages.choices import Choice, ColourByReward, FitReward, RewardedText, RewardFitted
from engine.messages.envelope import Ended
from engine.messages.status import Progress
from gui.i18n import t
from gui.pane import Pane
from gui.panes.tuning import reward_sentence
from gui.panes.tuning.choice_list import SharedChoices
from gui.panes.tuning.choices_page import RewardPage
from gui.panes.tuning.choices_table import is_best
from gui.panes.tuning.reward_picture import Coloured
from gui.text import shown_name

LISTED = 50  # of the last choices, whose answers can be coloured
LONGEST = 60  # characters of an entry in the list of texts
THE_TEXT = -1  # in place of a choice


@dataclass(frozen=True)
class Fitted:
    """A reward model, and the choices and weights that it was fitted to."""

    choices: tuple[Choice, ...]
    weights: int  # AppState.weights_version
    found: RewardFitted


class Reward(QObject):
    changed = Signal()

    def __init__(self, pane: Pane, page: RewardPage) -> None:
        super().__init__(pane)
        self.pane, self.page, self.shared = pane, page, SharedChoices.of(pane)
        self.fitted: Fitted | None = None
        self.coloured: dict[int, Coloured] = {}
        self._of: Hashable = None  # what the colours belong to
        self._wants_text = False  # whether the shared text is coloured, not the answers of a choice
        page.of.activated.connect(self._text_chosen)

    @property
    def is_current(self) -> bool:
        """Whether the reward model was fitted to the present choices and weights."""
        fitted = self.fitted
        now = (self.shared.decided, self.pane.state.weights_version)
        return fitted is not None and (fitted.choices, fitted.weights) == now

    def refresh(self) -> None:
        """Fit a reward model to the present choices, and colour the text that is chosen."""
        decided = self.shared.decided
        self._list_texts()
        if not decided:
            self.fitted = None
            self._show()
        elif self.is_current:
            self._colour()
        elif not self.pane.asking("FitReward"):
            fit = partial(self._fitted, decided, self.pane.state.weights_version)
            self.pane.ask(FitReward(decided), fit, ended=self._fitting_ended)

    def _fitting_ended(self, end: Ended) -> None:
        """Fit once more if choices or weights have changed meanwhile."""
        if end.outcome == "done" and not self.is_current:
            self.refresh()

    def _fitted(self, choices: tuple[Choice, ...], weights: int, found: Progress | RewardFitted) -> None:
        if isinstance(found, RewardFitted):
            self.fitted = Fitted(choices, weights, found)
            self._colour()

    # --- Colours ---------------------------------------------------------------------------------

    def _list_texts(self) -> None:
        """List the shared text and the last choices; choose the last one, unless the text was chosen."""
        of = self.page.of
        of.clear()
        of.addItem(t("pane.tuning.choices.reward.text"), THE_TEXT)
        decided = self.shared.decided
        for place in range(len(decided) - 1, max(-1, len(decided) - 1 - LISTED), -1):
            of.addItem(f"{place + 1}: {shown_name(decided[place].prompt, LONGEST)}", place)
        of.setCurrentIndex(0 if self._wants_text else min(1, of.count() - 1))

    def _text_chosen(self) -> None:
        self._wants_text = self.page.of.currentData() == THE_TEXT
        self._colour()

    def _colour(self) -> None:
        """Ask for the colours of the chosen text, or of the answers of the chosen choice."""
        fitted, place = self.fitted, self.page.of.currentData()
        if fitted is None or place is None:
            return
        self.coloured = {}
        self._of = (fitted, place, self.pane.state.text)
        if place == THE_TEXT:
            texts = [(t("pane.tuning.choices.reward.text"), ColourByReward(self.pane.state.text))]
        elif place < len(fitted.choices):
            choice = fitted.choices[place]
            texts = [
                (self._heading(choice, number), ColourByReward(answer, choice.prompt))
                for number, answer in enumerate(choice.answers)
            ]
        else:
            texts = []
        for number, (heading, request) in enumerate(texts):
            self.pane.ask(request, partial(self._add, number, heading, self._of), f"reward {number}")
        self._show()

    def _heading(self, choice: Choice, place: int) -> str:
        key = "preferred" if is_best(choice, place) else "other"
        return t(f"pane.tuning.choices.reward.{key}", number=place + 1)

    def _add(self, number: int, heading: str, of: Hashable, found: RewardedText) -> None:
        if of == self._of:
            self.coloured[number] = Coloured(heading, found)
            self._show()

    # --- What is shown ---------------------------------------------------------------------------

    def _show(self) -> None:
        page, fitted = self.page, self.fitted
        page.accuracy.setText(
            reward_sentence.accuracy_words(fitted.found) if fitted is not None else t("pane.tuning.choices.reward.none")
        )
        page.picture.show_texts([self.coloured[number] for number in sorted(self.coloured)])
        self.changed.emit()

    def sentence(self) -> str:
        return reward_sentence.learned_words(self.fitted.found) if self.fitted is not None else ""

    def retranslate(self) -> None:
        self.page.of.setAccessibleName(t("pane.tuning.choices.name.of"))
        self._list_texts()
        self._show()
        if self.fitted is not None:
            self._colour()
