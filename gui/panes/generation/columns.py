"""Continuations at several temperatures side by side."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.messages.generation import Generate, GeneratedToken, GeneratedTokens
from gui.pane import Pane
from gui.panes.generation.stage import COLUMNS

SLOT = "column"


class Columns(QObject):
    """Generates one text for each temperature in COLUMNS, one after the other.

    At once they would take several times as long: the model would read the other text again at each change.
    """

    changed = Signal()
    ended = Signal()  # all texts are complete

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self.texts: list[list[GeneratedToken]] = [[] for _ in COLUMNS]

    def play(self, request: Generate) -> None:
        """Generate as `request` does, but for the temperature."""
        self.texts = [[] for _ in COLUMNS]
        self._begin(request, 0)

    def stop(self) -> None:
        self._pane.drop(SLOT)

    def _begin(self, request: Generate, index: int) -> None:
        if index == len(COLUMNS):
            self.ended.emit()
            return
        one = replace(request, sampling=replace(request.sampling, temperature=COLUMNS[index]))
        self._pane.ask(one, partial(self._generated, index), SLOT, lambda _: self._begin(request, index + 1))

    def _generated(self, index: int, event: GeneratedTokens) -> None:
        self.texts[index] += event.tokens
        self.changed.emit()
