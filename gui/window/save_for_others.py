"""A dialog that saves the open model in a format that other programs open."""

from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from engine.messages.envelope import Ended
from engine.messages.models import ModelInfo
from engine.messages.saving import SavedModel, SaveForOthers
from engine.messages.status import Progress
from gui import layout
from gui.engine_link import EngineLink
from gui.i18n import t
from gui.requests import Requests
from gui.settings import Settings
from gui.text import shown_name, size_words
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.message_bar import MessageBar

Form = Literal["huggingface", "gguf"]
Weights = Literal["float16", "float32", "q8_0"]
FORMS: tuple[Form, ...] = ("huggingface", "gguf")
WEIGHTS: dict[Weights, float] = {"float16": 2.0, "float32": 4.0, "q8_0": 34 / 32}  # bytes of a number
WEIGHT_NAMES: tuple[Weights, ...] = tuple(WEIGHTS)
WIDTH = 560  # pixels at zoom 1


class SaveDialog(Themed, QDialog):
    """Asks for format, precision and place, shows the progress, and where the model was saved."""

    def __init__(self, engine: EngineLink, settings: Settings, model: ModelInfo, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings, self._model = settings, model
        self._saved: SavedModel | None = None
        self._confirmed = ""  # an existing file that the user wants to replace
        self.messages = MessageBar()
        self._requests = Requests(engine, self.messages.show_failure)
        self.form, self.weights, self.place = QComboBox(), QComboBox(), QLineEdit()
        self.form.addItems(list(FORMS))
        self.choose, self.show_folder, self.bar = QPushButton(), QPushButton(), QProgressBar()
        self.about, self.outcome = layout.label("muted", wraps=True), layout.label(wraps=True)
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Save | kinds.Cancel)
        self._build()
        self._wire()
        self._restore(settings.save_for_others)
        self.retranslate()
        self.restyle()

    def _build(self) -> None:
        fields: dict[str, QWidget] = {"form": self.form, "weights": self.weights, "place": self.place}
        self.labels = {name: layout.label() for name in fields}
        form = QFormLayout()
        for name, widget in fields.items():
            self.labels[name].setBuddy(widget)
            form.addRow(
                self.labels[name],
                layout.row(self.place, self.choose, spacing=GAP_M) if name == "place" else layout.row(widget),
            )
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        done = layout.row(self.outcome, self.show_folder, spacing=GAP_M)
        done.setStretchFactor(self.outcome, 1)
        items = (form, self.about, self.messages, self.bar, done, 1, self.buttons)
        self.setLayout(layout.column(*items, spacing=GAP_M, margins=(GAP_L,) * 4))
        for hidden in (self.bar, self.outcome, self.show_folder):
            hidden.hide()

    def _wire(self) -> None:
        self.form.currentIndexChanged.connect(self._form_changed)
        self.weights.currentIndexChanged.connect(self._describe)
        self.choose.clicked.connect(self._choose_place)
        self.place.textChanged.connect(self._show_buttons)
        self.buttons.accepted.connect(self._save)
        self.buttons.rejected.connect(self.reject)
        self.show_folder.clicked.connect(self._open_folder)
        self.finished.connect(lambda _: self._requests.close())  # cancels saving, which leaves nothing behind

    # --- Choosing --------------------------------------------------------------------------------

    @property
    def chosen_form(self) -> Form:
        return FORMS[max(self.form.currentIndex(), 0)]

    @property
    def chosen_weights(self) -> Weights:
        return WEIGHT_NAMES[max(self.weights.currentIndex(), 0)]

    def _restore(self, saved: dict[str, Any]) -> None:
        """Choose what was chosen last time."""
        self.form.setCurrentIndex(FORMS.index(saved["form"]) if saved.get("form") in FORMS else 0)
        self._fill_weights()
        self.weights.setCurrentIndex(max(self.weights.findData(saved.get("weights")), 0))
        folder = str(saved.get("folder", ""))
        self._propose(Path(folder) if folder and Path(folder).is_dir() else Path.home())

    def _propose(self, folder: Path) -> None:
        """Propose a name that does not exist yet."""
        suffix = ".gguf" if self.chosen_form == "gguf" else ""
        names = (
            f"{self._model.name}{count}{suffix}" for count in ("-export", *(f"-export-{i}" for i in range(2, 100)))
        )
        self.place.setText(str(next((path for name in names if not (path := folder / name).exists()), folder)))

    def _form_changed(self) -> None:
        self._fill_weights()
        self._propose(Path(self.place.text()).parent)
        self._describe()

    def _fill_weights(self) -> None:
        """Offer the precisions of the format."""
        chosen = self.weights.currentData()
        self.weights.blockSignals(True)
        self.weights.clear()
        for name in WEIGHT_NAMES if self.chosen_form == "gguf" else WEIGHT_NAMES[:-1]:
            self.weights.addItem(t(f"window.save.{name}"), name)
        self.weights.setCurrentIndex(max(self.weights.findData(chosen), 0))
        self.weights.blockSignals(False)

    def _choose_place(self) -> None:
        asks = self.chosen_form == "gguf"
        options = QFileDialog.Option(0) if asks else QFileDialog.Option.DontConfirmOverwrite
        names = f"{t('window.gguf_files')} (*.gguf)" if asks else ""
        name, _ = QFileDialog.getSaveFileName(self, t("action.save_model"), self.place.text(), names, options=options)
        if name:
            self._confirmed = name
            self.place.setText(name)

    def _describe(self) -> None:
        size = round(self._model.parameters * WEIGHTS[self.chosen_weights])
        words = t(f"window.save.about_{self.chosen_form}")
        self.about.setText(f"{words} {t('window.save.size', size=size_words(size))}")
        QTimer.singleShot(0, self, self._make_room)

    def _make_room(self) -> None:
        """Grow to the height that the wrapped texts need at this width."""
        self.resize(self.width(), max(self.height(), self.heightForWidth(self.width())))

    # --- Saving ----------------------------------------------------------------------------------

    def _save(self) -> None:
        typed = self.place.text().strip()
        replaces, path = typed == self._confirmed, str(Path.home() / typed.removeprefix("~/"))
        form, weights = self.chosen_form, self.chosen_weights
        self._settings.save_for_others = {"form": form, "weights": weights, "folder": str(Path(path).parent)}
        self.messages.clear()
        self._saved = None
        request = SaveForOthers(self._model.folder, form, path, weights, replaces)
        self._requests.ask(request, self._show, "save", self._ended)
        self.bar.setValue(0)
        self._show_buttons()

    def _show(self, answer: Progress | SavedModel) -> None:
        if isinstance(answer, Progress):
            self.bar.setValue(round(1000 * (answer.fraction or 0.0)))
        else:
            self._saved = answer

    def _ended(self, _: Ended) -> None:
        self._show_buttons()
        self.retranslate()

    def _show_buttons(self) -> None:
        saving, saved = self._requests.asking("save"), self._saved is not None
        self.bar.setVisible(saving)
        for shown in (self.outcome, self.show_folder):
            shown.setVisible(saved and not saving)
        for field in (self.form, self.weights, self.place, self.choose):
            field.setEnabled(not saving)
        save = self.buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setEnabled(not saving and bool(self.place.text().strip()))
        self._name_cancel()
        QTimer.singleShot(0, self, self._make_room)

    def _name_cancel(self) -> None:
        """Call the button "Close" once the model is saved."""
        ended = self._saved is not None and not self._requests.asking("save")
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(
            t("window.close") if ended else t("window.cancel")
        )

    def _open_folder(self) -> None:
        if self._saved is not None:
            path = Path(self._saved.path)
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))

    def retranslate(self) -> None:
        for name, caption in self.labels.items():
            caption.setText(t(f"window.save.{name}"))
        for index, form in enumerate(FORMS):
            self.form.setItemText(index, t(f"window.save.{form}"))
        self._fill_weights()
        self.choose.setText(t("window.save.choose"))
        self.show_folder.setText(t("window.save.show"))
        self.bar.setAccessibleName(t("progress.saving"))
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setText(t("window.save.save"))
        if self._saved is not None:
            size = size_words(self._saved.bytes)
            self.outcome.setText(t("window.save.done", path=shown_name(self._saved.path), size=size))
        self._name_cancel()
        self._describe()

    def restyle(self) -> None:
        self.setMinimumWidth(self.theme.px(WIDTH))
