"""Tokenizing the shared text with the open model's tokenizer."""

from functools import partial

from PySide6.QtCore import QObject

from engine.messages.envelope import Ended
from engine.messages.tokens import Tokenize
from gui.doing import doing
from gui.requests import Requests
from gui.state import AppState
from gui.widgets.veil import Veil


class Tokenizing(QObject):
    """Asks the engine for new tokens when the text or the model has changed; `veil` dims the old ones until then."""

    def __init__(self, state: AppState, requests: Requests, veil: Veil) -> None:
        super().__init__(state)
        self._state, self._requests, self._veil = state, requests, veil
        for signal in (state.text_changed, state.model_changed):
            signal.connect(self._tokenize)

    def _tokenize(self) -> None:
        if self._state.model is None:
            self._requests.drop("tokens")
            self._veil.lift()
            self._state.set_tokens(None)
        else:
            request = Tokenize(self._state.text)
            self._veil.announce(partial(doing, request))
            self._requests.ask(request, self._state.set_tokens, "tokens", self._ended)

    def _ended(self, end: Ended) -> None:
        self._veil.lift()
        if end.outcome != "done":
            self._state.set_tokens(None)  # those of the text before are wrong
