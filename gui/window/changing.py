"""Changing the open model: its interventions are made by the engine, and can be undone."""

from time import monotonic

from PySide6.QtCore import QObject

from engine.messages.envelope import Ended
from engine.messages.models import ChangeModel, Intervention, ModelChanged
from gui.requests import Requests
from gui.state import AppState

TOGETHER_SECONDS = 0.7  # changes that follow each other sooner, as while a fader is dragged, are undone together

Interventions = tuple[Intervention, ...]


class Changing(QObject):
    """Sends the interventions that a pane wishes for, and sets those that the engine has made.

    They belong to the open model: another one is opened without them.
    """

    def __init__(self, state: AppState, requests: Requests) -> None:
        super().__init__(state)
        self._state, self._requests = state, requests
        self._folder = ""  # of the model that the interventions belong to
        self._past: list[Interventions] = []
        self._future: list[Interventions] = []
        self._wished_at = 0.0
        self._sent: Interventions | None = None  # those that the engine has not made yet
        state.interventions_wished.connect(self._wish)
        state.model_changed.connect(self._model_changed)

    def take_back(self) -> None:
        self._state.wish_interventions(())

    def undo(self) -> None:
        self._step(self._past, self._future)

    def redo(self) -> None:
        self._step(self._future, self._past)

    def _step(self, taken: list[Interventions], kept: list[Interventions]) -> None:
        if taken:
            kept.append(self._state.interventions)
            self._send(taken.pop())

    def _wish(self, wanted: Interventions) -> None:
        present = self._state.interventions if self._sent is None else self._sent
        if self._state.model is None or wanted == present:
            return
        now = monotonic()
        if now - self._wished_at > TOGETHER_SECONDS:
            self._past.append(self._state.interventions)
        self._future.clear()
        self._wished_at = now
        self._send(wanted)

    def _send(self, wanted: Interventions) -> None:
        self._sent = wanted
        self._requests.ask(ChangeModel(wanted), self._made, "interventions", self._ended)

    def _made(self, answer: ModelChanged) -> None:
        self._state.set_interventions(answer.interventions)

    def _model_changed(self) -> None:
        """Make the interventions again in a model that was reopened, and forget those of another."""
        model = self._state.model
        if model is None:
            return  # it may be on its way
        if model.folder != self._folder:
            self._folder = model.folder
            self._requests.drop("interventions")
            self._sent = None
            self._past.clear()
            self._future.clear()
            self._state.set_interventions(())
        elif self._state.interventions:
            self._requests.ask(ChangeModel(self._state.interventions), self._made, "interventions", self._reopened)

    def _ended(self, end: Ended) -> None:
        self._sent = None
        if end.outcome != "done":  # what has shown the wish shows again what there is
            self._state.interventions_changed.emit()

    def _reopened(self, end: Ended) -> None:
        if end.outcome != "done":
            self._state.set_interventions(())
