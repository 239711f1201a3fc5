"""Tokenizing the shared text with the open model's tokenizer."""

from PySide6.QtCore import QObject

from engine.messages.tokens import Tokenize
from gui.requests import Requests
from gui.state import AppState


class Tokenizing(QObject):
    """Asks the engine for new tokens when the text or the model has changed."""

    def __init__(self, state: AppState, requests: Requests) -> None:
        super().__init__(state)
        self._state, self._requests = state, requests
        for signal in (state.text_changed, state.model_changed):
            signal.connect(self._tokenize)

    def _tokenize(self) -> None:
        if self._state.model is None:
            self._state.set_tokens(None)
        else:
            self._requests.ask(Tokenize(self._state.text), self._state.set_tokens, "tokens")
