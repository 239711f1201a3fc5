"""The status line's warning about a text that is unlike what the open model was trained on."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from engine.messages.texts import AssessText, TextAssessment
from gui.i18n import number, t
from gui.layout import timer
from gui.requests import Requests
from gui.state import AppState
from gui.text import visible
from gui.themed import Translated
from gui.window.status_line import StatusLine

DELAY_MS = 600
SURPRISED = 0.7  # share of the loss of uniform guessing above which a text is unknown to the model
MOST_CHARACTERS = 12  # unknown characters that are listed


class TextWarning(Translated, QObject):
    """Warns of unknown characters in the shared text, or of a high loss; not while a model is being trained."""

    def __init__(
        self, state: AppState, requests: Requests, status: StatusLine, is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(status)
        self._state, self._requests, self._status, self._is_busy = state, requests, status, is_busy
        self._found: TextAssessment | None = None
        self._pause = timer(self, DELAY_MS, self._ask, single_shot=True)
        state.tokens_changed.connect(self._pause.start)
        for signal in (state.text_changed, state.model_changed):
            signal.connect(self._withdraw)

    def stop(self) -> None:
        self._pause.stop()

    def _withdraw(self) -> None:
        """Withdraw what was found out about another text or by another model."""
        self._requests.drop("assess")
        self._found = None
        self.retranslate()

    def _ask(self) -> None:
        self._withdraw()
        if self._is_busy():
            self._pause.start()  # what the panes have asked for comes first
        elif self._state.model is not None and self._state.text and not self._state.training:
            self._requests.ask(AssessText(self._state.text), self._assessed, "assess")

    def _assessed(self, found: TextAssessment) -> None:
        self._found = found
        self.retranslate()

    def retranslate(self) -> None:
        found, words = self._found, ""
        if found is not None and found.unknown:
            quoted = (t("tile.quoted", text=visible(character)) for character in found.unknown[:MOST_CHARACTERS])
            words = t("status.unknown", characters=" ".join(quoted))
        elif found is not None and found.loss > SURPRISED * found.guessing:
            numbers = {"loss": number(found.loss, 1), "guessing": number(found.guessing, 1)}
            is_foreign = found.loss > found.guessing
            words = t("status.foreign", **numbers) if is_foreign else t("status.surprised", **numbers)
        self._status.set_warning(words)
