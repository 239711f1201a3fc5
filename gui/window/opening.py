"""Opening texts and models: chosen in a dialog, dropped, or opened recently."""

import sys
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo, OpenModel
from engine.messages.status import Notice, Progress
from engine.messages.texts import InspectText, TextInfo, WriteWorld
from gui import i18n
from gui.dialogs import documents, prepare
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.requests import Requests
from gui.samples import SMOLLM2
from gui.settings import Settings, models_folder, world_path
from gui.text import in_menu
from gui.theme import ASSETS
from gui.window.model_chooser import ModelChooser, is_model

WORLD_MEGABYTES = 12.0  # more than a run of some minutes reads


class Opening(QObject):
    """Asks for files, and asks the engine to open them."""

    text_opened = Signal(object, bool)  # TextInfo, and whether the user has just asked for it
    model_asked = Signal()  # a request to open a model was sent
    model_coming = Signal(object)  # Notice: what is being opened, and how much memory it takes
    model_opened = Signal(object)  # ModelInfo
    noticed = Signal(object)  # Notice about the opened model
    ended = Signal()  # opening a model or writing a text has ended, with success or not

    def __init__(self, window: QWidget, engine: EngineLink, requests: Requests, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._engine, self._requests, self._settings = window, engine, requests, settings
        self.folders: dict[str, str] = {}  # of the models opened, by what was asked for: a path, or "smollm2"

    # --- On this computer ------------------------------------------------------------------------

    def open_paths(self, paths: list[str]) -> None:
        """Open texts and a model; a folder with a config.json is a model, and so are a GGUF file and "smollm2"."""
        models = [path for path in paths if path == SMOLLM2 or is_model(Path(path))]
        texts = tuple(path for path in paths if path not in models)
        if models:
            self.open_model(models[0])
        if texts:
            self.inspect(texts)

    def inspect(self, paths: tuple[str, ...], quiet: bool = False, encoding: str = "") -> None:
        """Open texts as the corpus to train on. `quiet`: not asked for by the user; do nothing if a file is gone."""
        if quiet and not all(Path(path).exists() for path in paths):
            return
        self._requests.ask(InspectText(paths, encoding), lambda info: self._text_arrived(info, not quiet), "inspect")

    def open_sample(self) -> None:
        self.inspect((str(ASSETS / "samples" / f"{i18n.language()}.txt"),))

    def open_world(self, quiet: bool = False) -> None:
        """Open the little world, the built-in model's training text; write its file first if there is none."""
        path = world_path()

        def ended(end: Ended) -> None:
            self.ended.emit()
            if end.outcome == "done":
                self.inspect((str(path),), quiet)

        if path.is_file():
            self.inspect((str(path),), quiet)
        else:
            self._requests.ask(WriteWorld(str(path), WORLD_MEGABYTES), lambda _: None, "world", ended)

    def open_model(self, folder: str) -> None:
        request = OpenModel(folder, "float16" if self._settings.weights == "float16" else "int8")
        self._requests.ask(request, partial(self._model_arrived, folder), "model", lambda _: self.ended.emit())
        self.model_asked.emit()

    def toggle_weights(self, model: ModelInfo | None) -> None:
        """Keep the weights of large models as 8 bits or as 16; open the model again if it is one."""
        self._settings.weights = "int8" if self._settings.weights == "float16" else "float16"
        if model is not None and model.weights in ("float16", "int8"):
            self.open_model(model.folder)

    def is_opening_model(self) -> bool:
        return self._requests.asking("model")

    def _text_arrived(self, info: TextInfo, asked: bool) -> None:
        self._settings.remember(info.paths[0])
        self.text_opened.emit(info, asked)

    def _model_arrived(self, asked: str, info: ModelInfo | Notice | Progress) -> None:
        if isinstance(info, Progress):
            return  # the status line shows it
        if isinstance(info, Notice):
            (self.model_coming if info.key == "notice.opening" else self.noticed).emit(info)
            return
        self.folders[asked] = info.folder
        self._settings.remember(info.folder)
        self.model_opened.emit(info)

    # --- Choosing --------------------------------------------------------------------------------

    def choose_text(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self._window, t("action.open_text"), self._last_folder())
        if names:
            self.open_paths(names)

    def choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, t("action.open_folder"), self._last_folder())
        if name:
            self.open_paths([name])

    def choose_model(self) -> ModelChooser:
        """Show the models on this computer, and return the dialog; the window can be used beside it."""
        open_ones = self._window.findChildren(ModelChooser)
        if open_ones:
            open_ones[0].raise_()
            open_ones[0].activateWindow()
            return open_ones[0]
        chooser = ModelChooser(self._engine, self._settings, self._window)
        chooser.model_wanted.connect(self.open_model)
        prepare(chooser, chooser.windowTitle()).show()
        chooser.refresh()
        return chooser

    def choose_hub_model(self) -> None:
        """Show the models, with the cursor in the field for a name on the hub."""
        self.choose_model().hub.name.setFocus()

    def choose_model_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, t("action.open_model"), self._last_folder())
        if name:
            self.open_model(name)

    def choose_gguf(self) -> None:
        names = f"{t('window.gguf_files')} (*.gguf)"
        name, _ = QFileDialog.getOpenFileName(self._window, t("action.open_gguf"), self._last_folder(), names)
        if name:
            self.open_model(name)

    def _last_folder(self) -> str:
        """Return the folder where the user last opened something of their own, or else that for documents."""
        folders = (Path(path).parent for path in self._settings.recent)
        return str(next((folder for folder in folders if folder.is_dir() and not _is_hidden(folder)), documents()))

    def fill_recent(self, menu: QMenu) -> None:
        """Fill the menu with the recent texts and models that still exist."""
        menu.clear()
        for path in self._settings.recent:
            if Path(path).exists():
                menu.addAction(in_menu(path)).triggered.connect(lambda _=False, path=path: self.open_paths([path]))
        menu.setEnabled(not menu.isEmpty())

    def accept_drag(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def take_drop(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.open_paths(paths)


def _is_hidden(folder: Path) -> bool:
    """Return whether a folder is one that its user does not look into: of a program, or of Nakami itself."""
    places = (ASSETS.parent, Path(sys.prefix), models_folder().parent)
    return any(folder.is_relative_to(place) for place in places) or any(part.startswith(".") for part in folder.parts)
