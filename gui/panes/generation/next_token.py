"""The candidates for the next token after a text, asked for once."""

from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended
from engine.messages.generation import Candidates, ContextUsed, PredictNext, SamplingSettings
from gui.pane import Pane

Key = tuple[str, str, tuple[int, ...], SamplingSettings, int]  # model, prompt, tokens after it, settings, seed


class NextToken(QObject):
    changed = Signal()  # the candidates that were wanted are there
    failed = Signal(object)  # Key: they cannot be computed

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._known: tuple[Key, Candidates] | None = None
        self._used: tuple[Key, ContextUsed] | None = None  # how much of a text the model sees

    def of(self, key: Key) -> Candidates | None:
        """Return the candidates, None while they are not known."""
        return self._known[1] if self._known is not None and self._known[0] == key else None

    def want(self, key: Key) -> None:
        """Ask for the candidates, unless they are known; the engine caches their logits."""
        if self.of(key) is not None:
            self._pane.drop("PredictNext")
            self._report(key)
            return
        _, prompt, ids, settings, seed = key
        request = PredictNext(prompt, ids, settings, seed)
        self._pane.ask(request, partial(self._arrived, key), ended=partial(self._ended, key))

    def keep(self, key: Key, candidates: Candidates) -> None:
        """Keep candidates that came with a text that was written."""
        self._known = key, candidates

    def forget(self) -> None:
        """Forget what was computed with other weights."""
        self._known = None

    def _arrived(self, key: Key, event: ContextUsed | Candidates) -> None:
        if isinstance(event, ContextUsed):
            self._used = key, event
            self._report(key)
        elif isinstance(event, Candidates):
            self._known = key, event
            self.changed.emit()

    def _report(self, key: Key) -> None:
        if self._used is not None and self._used[0] == key:
            self._pane.report_context(self._used[1].seen, self._used[1].tokens)

    def _ended(self, key: Key, end: Ended) -> None:
        if end.outcome == "failed":
            self.failed.emit(key)
