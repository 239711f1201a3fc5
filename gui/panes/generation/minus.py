"""What the pinned A gives the candidates for the next token, while the difference from it is shown."""

from PySide6.QtCore import QObject, Signal

from engine.messages.generation import Candidates, PinnedNext, PredictPinned
from gui.pane import Pane


class Minus(QObject):
    changed = Signal()  # A's answer is there

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._wanted: PredictPinned | None = None
        self._found: PinnedNext | None = None
        self.is_waiting = False

    def of(self, prompt: str, chosen: tuple[int, ...], candidates: Candidates) -> PinnedNext | None:
        """Return what A gives these candidates; ask for it and return None while it is not known, or if A cannot."""
        request = PredictPinned(prompt, chosen, tuple(map(int, candidates.ids)))
        if request != self._wanted:
            self._wanted, self._found, self.is_waiting = request, None, True
            self._pane.ask(request, self._arrived, ended=lambda end: self._ended(request))
        return self._found

    def forget(self) -> None:
        self._pane.drop("PredictPinned")
        self._wanted, self._found, self.is_waiting = None, None, False

    def _arrived(self, found: PinnedNext) -> None:
        self._found, self.is_waiting = found, False
        self.changed.emit()

    def _ended(self, request: PredictPinned) -> None:
        """Let the candidates be shown without A if it could not answer."""
        if self.is_waiting and request == self._wanted:
            self.is_waiting = False
            self.changed.emit()
