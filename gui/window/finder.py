"""What the palette (Ctrl+K) finds: panes, examples, models and commands."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QWidget

from engine.messages.models import ListModels, StoredModels
from gui import i18n
from gui.i18n import LANGUAGES, t
from gui.panes import KEYS, PANE_IDS
from gui.requests import Requests
from gui.samples import BUILTIN, SMOLLM2
from gui.scenes import Scene, in_language
from gui.settings import Settings, models_folder
from gui.window.actions import Actions
from gui.window.opening import Opening
from gui.window.palette import Choice, Palette

LIST = "palette"  # the slot of the request for models


class Finder:
    """Opens the palette, and adds the models that the engine finds on this computer while it is open."""

    def __init__(self, window: QWidget, requests: Requests, settings: Settings, opening: Opening) -> None:
        self._window, self._requests, self._settings, self._opening = window, requests, settings, opening

    def open(
        self,
        actions: Actions,
        scenes: list[Scene],
        show_pane: Callable[[str], object],
        play: Callable[[Scene], object],
    ) -> Palette:
        """Show the palette over the window, and return it."""
        choices = [
            Choice("pane", *_in_both(f"pane.{p}.title"), partial(show_pane, p), KEYS.get(p, "")) for p in PANE_IDS
        ]
        choices += [
            Choice("example", in_language(scene.title, i18n.language()), str(scene.title), partial(play, scene))
            for scene in scenes
        ]
        choices += [
            self._model(t("status.builtin"), str(BUILTIN)),
            self._model("SmolLM2-135M-Instruct", SMOLLM2),
        ]
        choices += [
            Choice("command", *_in_both(f"action.{name}"), action.trigger, actions.keys_of(name))
            for name, action in actions.by_name.items()
            if action.isEnabled() and not name.startswith("show_") and name not in ("builtin", "smollm2", "find")
        ]
        palette = Palette(choices, self._window)
        palette.finished.connect(lambda _: self._requests.drop(LIST))
        request = ListModels(str(models_folder()), tuple(self._settings.model_folders))
        self._requests.ask(request, lambda found: palette.add(self._found(found)), LIST)
        palette.open()
        return palette

    def _model(self, name: str, path: str) -> Choice:
        return Choice("model", name, path, partial(self._opening.open_model, path))

    def _found(self, found: StoredModels) -> list[Choice]:
        opens = [model for model in found.models if model.opens and model.origin != "bundled"]
        return [self._model(model.name, model.path) for model in opens if Path(model.path) != BUILTIN]


def _in_both(key: str) -> tuple[str, str]:
    """Return a sentence in the current language, and in all languages."""
    return t(key).rstrip("…"), " ".join(t(key, language) for language in LANGUAGES)
