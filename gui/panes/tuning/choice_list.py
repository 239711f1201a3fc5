"""The choices made so far, which the parts of the pane share. They are saved after every change."""

from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.choice_file import write_choices
from engine.errors import EngineError
from engine.messages.choices import Choice, ChoiceList, Prompts, ReadChoices
from engine.messages.envelope import Ended
from gui.pane import Pane
from gui.settings import choices_path

ENOUGH, SAFE = 12, 30  # decided choices: a small model learns from the first number, and reliably from the second
KEPT = 100  # states of the list that can be undone


class SharedChoices(QObject):
    """The list of choices, with undo and redo, and the prompts that they are about."""

    changed = Signal()  # the choices
    prompts_changed = Signal()

    def __init__(self, pane: Pane) -> None:
        """Use `of` instead, so that the parts of a pane share one list."""
        super().__init__(pane)
        self._pane, self.path = pane, choices_path()
        self._states: list[tuple[Choice, ...]] = [()]
        self._place = 0  # in the states
        self._is_read = False  # whether the choices of the last time have been read, or there are none
        self._saved: tuple[Choice, ...] = ()  # what the file has
        self.only: str | None = None  # the judge whose choices are learned from; None for all judges
        self.prompts: Prompts | None = None  # those of the little world or a file, and those that are held out

    @classmethod
    def of(cls, pane: Pane) -> "SharedChoices":
        """Return the list of this pane."""
        found = pane.findChild(cls)
        return found if isinstance(found, cls) else cls(pane)

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self._states[self._place]

    @property
    def decided(self) -> tuple[Choice, ...]:
        """The choices to learn from: those that prefer an answer to another one, of the judge `only` or of all."""
        return tuple(c for c in self.choices if c.pairs and (self.only is None or c.judge == self.only))

    @property
    def judges(self) -> tuple[str, ...]:
        """The names of all judges, in the order of their first choice."""
        return tuple(dict.fromkeys(choice.judge for choice in self.choices))

    def set_prompts(self, prompts: Prompts | None) -> None:
        self.prompts = prompts
        self.prompts_changed.emit()

    def learn_from(self, judge: str | None) -> None:
        """Learn from the choices of one judge, or from all if it is None."""
        if judge != self.only:
            self.only = judge
            self.changed.emit()

    # --- Changes ---------------------------------------------------------------------------------

    def add(self, *choices: Choice) -> None:
        self._set((*self.choices, *choices))

    def put(self, row: int, choice: Choice) -> None:
        """Replace the choice of a row."""
        self._set((*self.choices[:row], choice, *self.choices[row + 1 :]))

    def remove(self, rows: Collection[int]) -> None:
        wanted = set(rows)
        self._set(tuple(choice for row, choice in enumerate(self.choices) if row not in wanted))

    @property
    def can_undo(self) -> bool:
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        return self._place < len(self._states) - 1

    def undo(self) -> None:
        self._go_to(self._place - 1)

    def redo(self) -> None:
        self._go_to(self._place + 1)

    def _set(self, choices: tuple[Choice, ...]) -> None:
        if choices != self.choices:
            self._states = [*self._states[: self._place + 1], choices][-KEPT:]
            self._go_to(len(self._states) - 1)

    def _go_to(self, place: int) -> None:
        if 0 <= place < len(self._states):
            self._place = place
            self.changed.emit()
            self.save()

    # --- The file --------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the choices of the last time, once."""
        if self._is_read or self._pane.asking("ReadChoices"):
            self.save()
        elif self.path.is_file() and self.path.stat().st_size:
            self._pane.ask(ReadChoices(str(self.path)), self._add_read, ended=self._reading_ended)
        else:
            self._is_read = True

    def _add_read(self, found: ChoiceList) -> None:
        """Put the choices that were read before those made meanwhile."""
        self._is_read, self._saved = True, found.choices
        self._states = [(*found.choices, *state) for state in self._states]
        self.changed.emit()

    def _reading_ended(self, end: Ended) -> None:
        """Keep a file that cannot be read, and use another one from now on."""
        if end.outcome == "failed" and end.key != "error.engine_gone":
            self.path, self._is_read = _free(self.path), True
        self.save()

    def save(self) -> None:
        """Save the choices before anything else happens, so that a kill loses none.

        Not before those of the last time have been read. Writing 30 choices takes some milliseconds, 10,000 a tenth
        of a second.
        """
        if not self._is_read or self.choices == self._saved:
            return
        try:
            write_choices(self.path, self.choices)
            self._saved = self.choices
        except EngineError as error:
            self._pane.messages.show_failure(Ended(0, "failed", error.key, error.args_by_name))


def _free(path: Path) -> Path:
    """Return the first of PATH-2, PATH-3, … that does not exist."""
    number = 2
    while (other := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    return other
