"""Starting the engine, and showing its state, its activity and the open model in the status line."""

from PySide6.QtCore import QObject, Signal

from engine.messages.status import EngineReady, Hello, Notice
from gui.changes import change_words
from gui.engine_link import EngineLink
from gui.i18n import duration, number, t
from gui.requests import Requests
from gui.samples import name_of
from gui.state import AppState
from gui.text import tip
from gui.themed import Translated
from gui.window.engine_jobs import EngineJobs
from gui.window.opening import Opening
from gui.window.status_line import StatusLine


class EngineStatus(Translated, QObject):
    """Starts the engine, restarts it on request, and keeps the status line up to date."""

    restarted = Signal()  # a new engine runs, in which no model is open

    def __init__(
        self, status: StatusLine, state: AppState, engine: EngineLink, requests: Requests, opening: Opening
    ) -> None:
        super().__init__(status)
        self._status, self._state, self._engine, self._requests = status, state, engine, requests
        self._engine_state = "starting"  # or "ready", "saving", "gone"
        self.jobs = EngineJobs(self, engine)
        self.jobs.changed.connect(self._show_state)
        status.restart_wanted.connect(self.restart)
        engine.died.connect(lambda: self._set_engine("gone"))
        opening.model_coming.connect(self._show_notice)
        for signal in (state.training_changed, state.progress_changed, opening.ended):
            signal.connect(self._show_activity)
        for signal in (
            state.model_changed,
            state.opening_changed,
            state.pinned_changed,
            state.interventions_changed,
        ):
            signal.connect(self._show_model)
        self.retranslate()

    def start(self) -> None:
        self._engine.start()
        self._requests.ask(Hello(), self._ready, "hello")

    def restart(self) -> None:
        self._set_engine("starting")
        self._state.set_pinned(None)  # it was in the engine that is gone
        self.start()
        self.restarted.emit()

    def show_saving(self) -> None:
        """Show "saving" until the window closes, whatever the engine still reports."""
        self.jobs.stop()
        self._set_engine("saving")

    def _ready(self, ready: EngineReady) -> None:
        self._set_engine("ready")
        self._status.engine.setToolTip(tip(f"{ready.device_name} · {ready.threads}"))

    def _set_engine(self, state: str) -> None:
        self._engine_state = state
        self._show_activity()

    # --- What the status line shows --------------------------------------------------------------

    def _show_state(self) -> None:
        points, state = self._state.progress, self._engine_state
        if self._state.training and state != "saving":
            state = "paused" if points is not None and points.paused else "training"
        self._status.set_engine(state, self.jobs.words)

    def _show_activity(self) -> None:
        self._show_state()
        points = self._state.progress
        if self._engine_state == "saving" or not self._state.training or points is None:
            self._status.set_activity("")
            return
        step = int(points.steps[-1]) if len(points.steps) else 0
        words = {
            "step": number(step),
            "speed": number(points.tokens_per_second),
            "left": duration(points.seconds_left),
        }
        self._status.set_activity(t("status.activity", **words))

    def _show_notice(self, notice: Notice) -> None:
        self._status.set_activity(t(notice.key, **notice.arguments))

    def _show_model(self) -> None:
        model = self._state.model
        if model is None:
            self._status.set_model(t("pane.opening" if self._state.opening else "status.no_model"))
        else:
            device = t(f"status.device.{model.device}")
            weights = t(f"status.weights.{model.weights}")
            parameters = number(model.parameters)
            words = t("status.model", name=name_of(model), parameters=parameters, weights=weights, device=device)
            costs = [t("status.cost.file", bits=number(model.file_bits, 1))] if model.file_bits else []
            costs += [t("status.cost.int8")] if model.weights == "int8" else []
            pinned = self._state.pinned.info if self._state.pinned is not None else None
            words = t("status.pinned", name=name_of(pinned), model=words) if pinned else words
            self._status.set_model(words, "\n".join((words, *costs)))
        changes = self._state.interventions if model is not None else ()
        words = t("status.changes", count=len(changes)) if changes else ""
        self._status.set_changes(words, "\n".join(map(change_words, changes)))

    def retranslate(self) -> None:
        self._show_model()
        self.jobs.show_now()
        self._show_activity()
