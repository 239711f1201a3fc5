"""What the model would write next: a branch for each of the likeliest tokens, continued by the likeliest ones."""

from PySide6.QtCore import QObject, Signal

from engine.messages.envelope import Ended
from engine.messages.generation import AheadToken, LookAhead
from engine.messages.status import Progress
from gui.layout import timer
from gui.pane import Pane
from gui.widgets.branches import Branches

REST_MS = 400  # without a change of the text, after which the engine looks ahead


class Ahead(QObject):
    changed = Signal()  # the tree is there

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self._wanted: tuple[str, str, tuple[int, ...]] | None = None  # model, prompt and tokens after it
        self._growing = Branches()
        self.tree: Branches | None = None  # once all of its branches are known
        self._rest = timer(self, REST_MS, self._ask, single_shot=True)

    def want(self, model: str, prompt: str, chosen: tuple[int, ...]) -> None:
        """Look ahead from another text; ask the engine when the text has rested."""
        if self._wanted != (model, prompt, chosen):
            self.forget()
            self._wanted = model, prompt, chosen
            self._rest.start()

    def forget(self) -> None:
        """Drop what was seen ahead of a text that is no longer shown, or with other weights."""
        self._rest.stop()
        self._pane.drop("ahead")
        self._wanted = self.tree = None

    def _ask(self) -> None:
        if self._wanted is not None:
            model, prompt, chosen = self._wanted
            self._growing = Branches(prompt, model)
            self._pane.ask(LookAhead(prompt, chosen), self._grow, "ahead", self._ended)

    def _grow(self, event: Progress | AheadToken) -> None:
        if isinstance(event, Progress):
            return
        tree = self._growing
        if event.branch == len(tree.root.children):
            tree.go(tree.root)
        tree.add(event.token)

    def _ended(self, end: Ended) -> None:
        if end.outcome == "done" and self._growing.root.children:
            self._growing.go(self._growing.root)
            self.tree = self._growing
            self.changed.emit()
