"""Continuations at several temperatures side by side."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.messages.generation import Generate, GeneratedToken, GeneratedTokens
from gui.pane import Pane
from gui.panes.generation.stage import COLUMNS


class Columns(QObject):
    """Generates one text for each temperature in COLUMNS, all at once."""

    changed = Signal()
    ended = Signal()  # all texts are complete

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self.texts: list[list[GeneratedToken]] = [[] for _ in COLUMNS]

    def play(self, request: Generate) -> None:
        """Generate as `request` does, but for the temperature."""
        self.texts = [[] for _ in COLUMNS]
        for index, temperature in enumerate(COLUMNS):
            one = replace(request, sampling=replace(request.sampling, temperature=temperature))
            show = partial(self._generated, index)
            self._pane.ask(one, show, slot=f"column {index}", ended=lambda _: self._one_ended())

    def stop(self) -> None:
        for index in range(len(COLUMNS)):
            self._pane.drop(f"column {index}")

    def _generated(self, index: int, event: GeneratedTokens) -> None:
        self.texts[index] += event.tokens
        self.changed.emit()

    def _one_ended(self) -> None:
        if not any(self._pane.asking(f"column {index}") for index in range(len(COLUMNS))):
            self.ended.emit()
