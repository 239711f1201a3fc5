"""A word in the status line where a text is none that the open model knows."""

from PySide6.QtCore import QObject, QTimer

from engine.messages.texts import AssessText, TextAssessment
from gui.i18n import number, t
from gui.requests import Requests
from gui.state import AppState
from gui.window.status_line import StatusLine

DELAY_MS = 600
SURPRISED = 0.7  # of the loss of pure guessing: a text above it is none that the model knows
MOST_CHARACTERS = 12  # that are named


class TextJudge(QObject):
    """Follows the tokens of the shared text; says nothing while a model learns: it knows no text yet."""

    def __init__(self, state: AppState, requests: Requests, status: StatusLine) -> None:
        super().__init__(status)
        self._state, self._requests, self._status = state, requests, status
        self._found: TextAssessment | None = None
        self._pause = QTimer(self, singleShot=True, interval=DELAY_MS, timeout=self._ask)
        state.tokens_changed.connect(self._pause.start)

    def stop(self) -> None:
        self._pause.stop()

    def _ask(self) -> None:
        self._found = None
        self.retranslate()
        if self._state.model is not None and self._state.text and not self._state.training:
            self._requests.ask(AssessText(self._state.text), self._judged, "judge")

    def _judged(self, found: TextAssessment) -> None:
        self._found = found
        self.retranslate()

    def retranslate(self) -> None:
        found, words = self._found, ""
        if found is not None and found.unknown:
            words = t("status.unknown", characters=found.unknown[:MOST_CHARACTERS])
        elif found is not None and found.loss > SURPRISED * found.guessing:
            words = t("status.surprised", loss=number(found.loss, 1), guessing=number(found.guessing, 1))
        self._status.set_warning(words)
