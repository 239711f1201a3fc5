"""A dialog with all models on this computer, from which one is opened, and with models to fetch."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QMenu, QPushButton, QToolButton, QWidget

from engine.messages.envelope import Ended
from engine.messages.models import ListModels, StoredModel, StoredModels
from gui.dialogs import documents
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.layout import column, label, row
from gui.requests import Requests
from gui.settings import Settings, models_folder
from gui.text import in_menu, size_words
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.entries import prepare_entries
from gui.widgets.message_bar import MessageBar
from gui.window.hub_panel import HubPanel
from gui.window.model_table import COLUMNS, ModelTable, origin_of, reason_of, short_count

WIDTH, HEIGHT = 1000, 700  # pixels at zoom 1, before the user chooses another size


def is_model(path: Path) -> bool:
    """Return whether a path is a model: a folder with a config.json, or a GGUF file, by whatever name."""
    try:
        if path.is_dir():
            return (path / "config.json").is_file()
        if path.suffix == ".gguf":
            return path.is_file()  # one that is damaged is reported when it is opened
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


class ModelChooser(Themed, QDialog):
    """Lists the models as the engine finds them; Return or a double click opens one.

    The order, the size of the dialog and the folders that the user adds are kept in the settings.
    """

    model_wanted = Signal(str)  # path

    def __init__(self, engine: EngineLink, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = settings
        self._models: dict[str, StoredModel] = {}  # by path
        self._wanted = ""  # path of a model that is selected when it has been found
        self.messages = MessageBar()
        self._requests = Requests(engine, self.messages.show_failure)
        self.search, self.count, self.about = QLineEdit(), label("muted"), label("muted", wraps=True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table, self.hub = ModelTable(), HubPanel(self._requests)
        self.open_button, self.refresh_button, self.show_button = QPushButton(), QPushButton(), QPushButton()
        self.folders_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.folders_button.setMenu(QMenu(self.folders_button))
        self._build()
        self._wire()
        self._restore()
        self.retranslate()
        self._enable()

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.search.setClearButtonEnabled(True)
        self.open_button.setProperty("primary", True)
        self.open_button.setDefault(True)
        above = row(self.search, self.count, self.refresh_button, self.folders_button, spacing=GAP_M)
        above.setStretchFactor(self.search, 1)
        below = row(self.about, self.show_button, self.open_button, spacing=GAP_M)
        below.setStretchFactor(self.about, 1)
        parts = (above, self.messages, self.table, below, self.hub)
        whole = column(*parts, spacing=GAP_M, margins=(GAP_L,) * 4)
        whole.setStretchFactor(self.table, 3)
        whole.setStretchFactor(self.hub, 2)
        self.setLayout(whole)
        prepare_entries(self)

    def _wire(self) -> None:
        self.search.textChanged.connect(lambda: self._show())
        self.table.selected.connect(lambda _: self._enable())
        self.table.opened.connect(self.open_one)
        self.open_button.clicked.connect(lambda: self.open_one(self.table.current))
        self.refresh_button.clicked.connect(self.refresh)
        self.show_button.clicked.connect(self._show_in_folder)
        self.hub.downloaded.connect(self._select_new)
        self.folders_button.menu().aboutToShow.connect(self._fill_folders)
        for keys, act in (("F5", self.refresh), ("Ctrl+F", self.search.setFocus)):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    # --- Finding ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for models again; those that are gone disappear when the search has ended."""
        self.messages.clear()
        found: dict[str, StoredModel] = {}

        def show(answer: StoredModels) -> None:
            found.update({model.path: model for model in answer.models})
            self._models |= found
            self._show()

        def ended(end: Ended) -> None:
            if end.outcome == "done":
                self._models = found
            self._show()

        request = ListModels(str(models_folder()), tuple(self._settings.model_folders))
        self._requests.ask(request, show, "list", ended)
        self._show()

    def _show(self) -> None:
        """Show the models whose name, family, origin or path contain all words of the search field."""
        words = self.search.text().lower().split()
        shown = [model for model in self._models.values() if all(word in _searched(model) for word in words)]
        self.table.show_models(shown)
        if self._wanted in self._models:
            self.table.select(self._wanted)
            self._wanted = ""
        if shown and self.table.current is None:
            self.table.select(self.table.rows.shown[0].path)
        self._enable()
        self.count.setText(self._count(len(shown)))

    def _count(self, shown: int) -> str:
        if self._requests.asking("list"):
            return t("models.looking", count=len(self._models))
        if shown < len(self._models):
            return t("models.matching", shown=shown, count=len(self._models))
        return t("models.found", count=shown)

    # --- Opening ---------------------------------------------------------------------------------

    def open_one(self, model: StoredModel | None) -> None:
        """Open a model and close the dialog; say why if it does not open."""
        if model is None:
            return
        if not model.opens:
            self.messages.show_key(model.reason, "bad", **model.arguments)
            return
        self.model_wanted.emit(model.path)
        self.accept()

    def _select_new(self, path: str) -> None:
        """Look for models again after a download, and select the new one."""
        self.search.clear()
        self._wanted = path
        self.open_button.setFocus()
        self.refresh()

    def _show_in_folder(self) -> None:
        if self.table.current is not None:
            path = Path(self.table.current.path)
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))

    def _enable(self) -> None:
        model = self.table.current
        self.open_button.setEnabled(model is not None and model.opens)
        self.show_button.setEnabled(model is not None)
        self.about.setText(_about(model) if model is not None else "")

    # --- The user's folders ----------------------------------------------------------------------

    def add_folder(self, path: str) -> None:
        """Search a folder for models from now on."""
        if path not in self._settings.model_folders:
            self._settings.model_folders.append(path)
        self.refresh()

    def remove_folder(self, path: str) -> None:
        """Search a folder no more; nothing is deleted."""
        self._settings.model_folders.remove(path)
        self.refresh()

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, t("models.add_folder"), documents())
        if name:
            self.add_folder(name)

    def _fill_folders(self) -> None:
        menu = self.folders_button.menu()
        menu.clear()
        menu.addAction(t("models.add_folder")).triggered.connect(lambda _=False: self._choose_folder())
        for path in self._settings.model_folders:
            action = menu.addAction(t("models.remove_folder", folder=in_menu(path)))
            action.triggered.connect(lambda _=False, path=path: self.remove_folder(path))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open a model that is dropped, or add a folder."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        model = next(filter(is_model, paths), None)
        if model is not None:
            self.model_wanted.emit(str(model))
            self.accept()
            return
        for folder in filter(Path.is_dir, paths):
            self.add_folder(str(folder))

    # --- The window ------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Up and Down in the search field move in the table, and Return in the name for the hub ask there."""
        if self.focusWidget() is self.hub.name and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.hub.go_on()
        elif self.focusWidget() is self.search and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.table.setFocus()
            self.table.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def _restore(self) -> None:
        kept = self._settings.model_chooser
        size, name = kept.get("size"), kept.get("sort")
        valid = isinstance(size, list) and len(size) == 2 and all(type(n) is int and 0 < n < 10_000 for n in size)
        width, height = size if valid and size else (self.theme.px(WIDTH), self.theme.px(HEIGHT))
        room = self.screen().availableSize()
        self.resize(min(width, room.width()), min(height, room.height()))
        self.table.sort_by(name if name in COLUMNS else "state", kept.get("descending") is True)

    def done(self, result: int) -> None:
        """Keep the order and the size, and end the search."""
        sort, descending = self.table.rows.sorted_by
        size = [self.width(), self.height()]
        self._settings.model_chooser = {"size": size, "sort": sort, "descending": descending}
        self._requests.close()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.reject()
        event.accept()

    def retranslate(self) -> None:
        self.setWindowTitle(t("models.title"))
        self.search.setPlaceholderText(t("models.search"))
        self.search.setAccessibleName(t("models.search"))
        self.open_button.setText(t("models.open"))
        self.refresh_button.setText(t("models.refresh"))
        self.show_button.setText(t("models.show"))
        self.folders_button.setText(t("models.folders"))
        self.folders_button.setToolTip(t("models.folders_tip"))
        self._show()


def _searched(model: StoredModel) -> str:
    """Return the lower-case text in which the words of the search field are looked up."""
    return " ".join((model.name, model.family, origin_of(model), model.path)).lower()


def _about(model: StoredModel) -> str:
    """Return the reason why a model does not open, or its figures; and where it is."""
    if not model.opens:
        return f"{reason_of(model)}\n{model.path}"
    memory, parameters = size_words(model.memory), short_count(model.parameters)
    return t("models.about", parameters=parameters, memory=memory) + f"\n{model.path}"
