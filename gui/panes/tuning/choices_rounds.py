"""The answers of the open model that are chosen from, prompt by prompt; those to the next prompts are written ahead."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.messages.choices import Answers, WriteAnswers
from engine.messages.envelope import Ended
from gui.pane import Pane

AHEAD = 2  # prompts whose answers are written while people look at those before
KEPT = 50  # rounds that one can go back to
SLOT = "answers"


@dataclass(frozen=True)
class Round:
    """The answers to one prompt, and the weights that wrote them."""

    request: WriteAnswers
    weights: int  # AppState.weights_version
    texts: tuple[str, ...] = ()
    done: bool = False
    failed: bool = False

    @property
    def can_choose(self) -> bool:
        return self.done and len(self.texts) > 1


class Rounds(QObject):
    """Rounds with numbers from 0. One is written at a time: the one that is shown first, then those after it."""

    changed = Signal()

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._request_of: Callable[[int], WriteAnswers] | None = None
        self._rounds: dict[int, Round] = {}
        self._seeds = 0  # added to the seeds, so that other answers are written
        self._written = -1  # the number of the round that is being written
        self.number = 0  # of the round that is shown

    @property
    def current(self) -> Round | None:
        return self._rounds.get(self.number)

    def begin(self, request_of: Callable[[int], WriteAnswers]) -> None:
        """Begin with round 0; `request_of` returns what to ask for in the round of a number."""
        self._request_of, self.number = request_of, 0
        self._forget(lambda number: True)

    def forward(self) -> None:
        self._show(self.number + 1)

    def back_to(self, number: int) -> None:
        """Show an earlier round again, if it is kept."""
        if number in self._rounds:
            self._show(number)

    def renew(self, all_of_them: bool = True) -> None:
        """Write the answers anew that other weights have written: all of them, or only those not shown yet."""
        now = self._pane.state.weights_version
        old = {number for number, found in self._rounds.items() if found.weights != now}
        self._forget(lambda number: number in old and (number > self.number or (all_of_them and number == self.number)))

    def rewrite(self) -> None:
        """Write other answers to the prompt that is shown."""
        shown = self.current
        if shown is not None:
            self._seeds += 1
            self._forget(lambda number: number == self.number)

    def write(self) -> None:
        """Write the first of the current and the next rounds that is not written."""
        if self._request_of is None:
            return
        wanted = range(self.number, self.number + 1 + AHEAD)
        missing = [n for n in wanted if n not in self._rounds or not (self._rounds[n].done or self._rounds[n].failed)]
        if not missing or (self._pane.asking(SLOT) and self._written == missing[0]):
            return
        number = missing[0]
        request = self._request_of(number)
        begun = Round(replace(request, seed=request.seed + 1000 * self._seeds), self._pane.state.weights_version)
        self._rounds[number], self._written = begun, number
        self._pane.ask(begun.request, partial(self._add, number), SLOT, partial(self._ended, number))

    def stop(self) -> None:
        self._pane.drop(SLOT)

    def _show(self, number: int) -> None:
        self.number = number
        for old in [n for n in self._rounds if n < number - KEPT]:
            del self._rounds[old]
        self.changed.emit()
        self.write()

    def _forget(self, which: Callable[[int], bool]) -> None:
        for number in [n for n in self._rounds if which(n)]:
            del self._rounds[number]
        if self._written not in self._rounds:
            self.stop()
        self.changed.emit()
        self.write()

    def _add(self, number: int, found: Answers) -> None:
        if number in self._rounds:
            self._rounds[number] = replace(self._rounds[number], texts=found.texts, done=found.done)
            if number == self.number:
                self.changed.emit()

    def _ended(self, number: int, end: Ended) -> None:
        if end.outcome == "failed" and number in self._rounds:
            self._rounds[number] = replace(self._rounds[number], failed=True)
            if number == self.number:
                self.changed.emit()
        if end.outcome != "failed":
            self.write()
