"""Examples for the model that Nakami brings: each sets model, text, pane and selection, and says what to look at."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu

from engine.messages.scenes import Example, Examples, ListExamples
from gui import i18n
from gui.i18n import t
from gui.pane import Pane
from gui.requests import Requests
from gui.samples import BUILTIN
from gui.state import AppState
from gui.window.opening import Opening

FIRST = "pronoun"  # what the very first start shows


class ExampleGuide(QObject):
    """Plays one example at a time, step by step as model and tokens arrive; the newest takes over."""

    playing = Signal(object)  # Example: it has begun
    played = Signal()  # it is on screen

    def __init__(
        self,
        menu: QMenu,
        state: AppState,
        requests: Requests,
        opening: Opening,
        show_alone: Callable[[str], None],
        pane: Callable[[str], Pane],
    ) -> None:
        super().__init__(menu)
        self._menu, self._state, self._requests, self._opening = menu, state, requests, opening
        self._show_alone, self._pane = show_alone, pane
        self.examples: dict[str, Example] = {}
        self._current: Example | None = None
        self._first = ""
        state.model_changed.connect(self._model_arrived)
        state.tokens_changed.connect(self._tokens_arrived)

    def load(self, first: str = "") -> None:
        """Asks the engine for the examples; `first` is played as soon as they are here."""
        self._first = first
        self._requests.ask(ListExamples(), self._loaded, "examples")

    def _loaded(self, found: Examples) -> None:
        self.examples = {example.key: example for example in found.examples}
        self.retranslate()
        if self._first in self.examples:
            self._begin(self._first)

    def retranslate(self) -> None:
        self._menu.clear()
        self._menu.setToolTipsVisible(True)
        for key in self.examples:
            action = self._menu.addAction(t(f"example.{key}.title"), lambda key=key: self.play(key))
            action.setToolTip(t(f"example.{key}.look"))

    # --- Playing one -----------------------------------------------------------------------------

    def play(self, key: str) -> None:
        """With all the room for the pane that the example is about."""
        self._show_alone(self.examples[key].pane)
        self._begin(key)

    def _begin(self, key: str) -> None:
        self._current = self.examples[key]
        self.playing.emit(self._current)
        if self._model_is_open():
            self._set_text()
        else:
            self._opening.open_model(str(BUILTIN))

    def _model_is_open(self) -> bool:
        model = self._state.model
        return model is not None and Path(model.folder) == BUILTIN

    def _model_arrived(self) -> None:
        if self._current is not None and self._model_is_open():
            self._set_text()

    def _set_text(self) -> None:
        assert self._current is not None
        text = self._current.texts.get(i18n.language())
        if text is None:
            self._finish()
        elif self._state.tokens is not None and self._state.tokens.text == text == self._state.text:
            self._tokens_arrived()
        else:
            self._state.set_text(text)

    def _tokens_arrived(self) -> None:
        tokens = self._state.tokens
        if self._current is None or tokens is None or not self._model_is_open():
            return
        if tokens.text == self._current.texts.get(i18n.language()):
            self._state.select_token(self._state.token_of(self._current.select.get(i18n.language(), "")))
            self._finish()

    def _finish(self) -> None:
        example, self._current = self._current, None
        assert example is not None
        self._pane(example.pane).show_example(example)
        self.played.emit()
