"""Models to fetch from the Hugging Face hub: a short list, or any name, with the size before the download."""

import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHeaderView, QLineEdit, QProgressBar, QPushButton, QWidget

from engine.messages.envelope import Ended
from engine.messages.models import AskHub, Downloaded, DownloadModel, HubOffer
from engine.messages.status import Progress
from gui.i18n import duration, t
from gui.layout import label, row, stack
from gui.requests import Requests
from gui.settings import models_folder
from gui.text import shown_name, size_words
from gui.theme import ASSETS, GAP_M
from gui.themed import Themed
from gui.widgets.column_model import ColumnModel, RowTable

COLUMNS = ("name", "use", "languages", "licence", "size")
LINK = "https://huggingface.co/"


@dataclass(frozen=True, slots=True)
class HubEntry:
    name: str
    use: str  # "models.use.USE" says what the model is good for
    licence: str
    languages: tuple[str, ...]
    bytes: int  # of the download, roughly
    checkpoints: tuple[str, ...] = ()  # revisions with moments of its training


def read_entries() -> list[HubEntry]:
    listed = tomllib.loads((ASSETS / "models" / "hub.toml").read_text("utf-8"))["model"]
    return [
        HubEntry(**entry | {"languages": tuple(entry["languages"]), "checkpoints": tuple(entry.get("checkpoints", ()))})
        for entry in listed
    ]


class HubPanel(Themed, QWidget):
    """Asks the hub for the size of a model first, and downloads it when the user has seen it."""

    downloaded = Signal(str)  # the model's folder

    def __init__(self, requests: Requests) -> None:
        super().__init__()
        self._requests = requests
        self._offer: HubOffer | None = None
        self._arrived = ""  # the model that has just been downloaded
        self._begun: tuple[float, float] | None = None  # time and share at the first progress of a download
        self.title, self.note = label("title"), label("muted", wraps=True)
        self.rows = _Entries()
        self.table = RowTable(self.rows)
        self.name, self.checkpoint, self.progress = QLineEdit(), QComboBox(), QProgressBar()
        self.button, self.cancel = QPushButton(), QPushButton()
        self._build()
        self.table.selectionModel().currentRowChanged.connect(lambda index, _: self._choose(index.row()))
        self.table.row_opened.connect(lambda _: self.go_on())
        self.name.textChanged.connect(lambda: self._name_changed())
        self.checkpoint.currentIndexChanged.connect(lambda _: self._forget_offer())
        self.button.clicked.connect(self.go_on)
        self.cancel.clicked.connect(self.stop)
        self.rows.show_items(read_entries())
        self.retranslate()

    def _build(self) -> None:
        self.table.setSelectionMode(RowTable.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(COLUMNS.index("use"), QHeaderView.ResizeMode.Stretch)
        self.checkpoint.setMinimumContentsLength(10)
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.button.setAutoDefault(False)
        self.cancel.setAutoDefault(False)
        self.cancel.hide()
        entry = row(self.name, self.checkpoint, self.button, self.cancel, spacing=GAP_M)
        entry.setStretchFactor(self.name, 1)
        parts = stack(self, self.title, self.table, entry, self.progress, self.note, spacing=GAP_M)
        parts.setStretchFactor(self.table, 1)

    # --- Choosing --------------------------------------------------------------------------------

    def chosen(self) -> tuple[str, str]:
        """Return the name and the revision; a link to the hub and NAME@REVISION are understood too."""
        name, _, revision = self.name.text().strip().removeprefix(LINK).strip("/").partition("@")
        return name, revision or str(self.checkpoint.currentData() or "")

    def _choose(self, number: int) -> None:
        if 0 <= number < len(self.rows.shown):
            self.name.setText(self.rows.shown[number].name)

    def _name_changed(self) -> None:
        """Offer the checkpoints of the model, if it has any; the first choice is the trained model."""
        name, _ = self.chosen()
        entry = next((entry for entry in self.rows.shown if entry.name == name), None)
        blocked = self.checkpoint.blockSignals(True)
        self.checkpoint.clear()
        self.checkpoint.addItem(t("models.hub.trained"), "")
        for revision in entry.checkpoints if entry else ():
            self.checkpoint.addItem(revision, revision)
        self.checkpoint.blockSignals(blocked)
        self.checkpoint.setVisible(self.checkpoint.count() > 1)
        self._forget_offer()

    def _forget_offer(self) -> None:
        if not self._requests.asking("hub"):
            self._offer, self._arrived = None, ""
            self._show_state()

    # --- Asking and downloading ------------------------------------------------------------------

    def go_on(self) -> None:
        """Ask the hub for the size of the chosen model, or download it if the size is on screen."""
        name, revision = self.chosen()
        if not name or self._requests.asking("hub"):
            return
        folder = str(models_folder())
        if self._offer is None:
            self._requests.ask(AskHub(name, folder, revision), self._show_offer, "hub", self._ended)
        else:
            self._begun = None
            self.progress.setValue(0)
            self._requests.ask(DownloadModel(name, folder, revision), self._show_progress, "hub", self._ended)
        self._show_state()

    def stop(self) -> None:
        """Cancel what is going on; what has arrived is kept."""
        self._requests.drop("hub")
        self._offer = None
        self._show_state()

    def _show_offer(self, offer: HubOffer) -> None:
        self._offer = offer

    def _show_progress(self, event: Progress | Downloaded) -> None:
        if isinstance(event, Downloaded):
            self._arrived = self.chosen()[0]
            self.downloaded.emit(event.folder)
            return
        share = event.fraction or 0.0
        self._begun = self._begun or (time.monotonic(), share)
        self.progress.setValue(round(100 * share))
        self.note.setText(self._progress_words(share))

    def _progress_words(self, share: float) -> str:
        """Return how much has arrived, and the time left at the mean speed so far."""
        assert self._offer is not None
        done, size = size_words(round(share * self._offer.size)), size_words(self._offer.size)
        begun, first = self._begun or (0.0, share)
        if share - first < 0.005:
            return t("models.hub.arrived", done=done, size=size)
        left = (1.0 - share) * (time.monotonic() - begun) / (share - first)
        return t("models.hub.arriving", done=done, size=size, left=duration(left))

    def _ended(self, end: Ended) -> None:
        if end.outcome != "done" or self.progress.isVisible():
            self._offer = None
        self._show_state()

    def _show_state(self) -> None:
        asking, offer = self._requests.asking("hub"), self._offer
        downloading = asking and offer is not None
        self.progress.setVisible(downloading)
        self.cancel.setVisible(asking)
        self.button.setVisible(not asking)
        self.button.setEnabled(bool(self.chosen()[0]))
        for widget in (self.name, self.checkpoint, self.table):
            widget.setEnabled(not asking)
        self.button.setText(t("models.hub.download" if offer else "models.hub.ask"))
        if downloading:
            self.note.setText(self._progress_words(self.progress.value() / 100))
        elif asking:
            self.note.setText(t("models.hub.asking"))
        elif offer:
            self.note.setText(self._offer_words(offer))
        else:
            done = t("models.hub.done", name=shown_name(self._arrived)) if self._arrived else ""
            self.note.setText(done or t("models.hub.note"))

    def _offer_words(self, offer: HubOffer) -> str:
        if not offer.left:
            return t("models.hub.present")
        key = "models.hub.size" if offer.left == offer.size else "models.hub.rest"
        sizes = {"left": offer.left, "size": offer.size, "free": offer.free}
        return t(key, folder=shown_name(str(models_folder())), **{n: size_words(size) for n, size in sizes.items()})

    def retranslate(self) -> None:
        self.title.setText(t("models.hub.title"))
        self.table.setAccessibleName(t("models.hub.title"))
        self.name.setPlaceholderText(t("models.hub.name"))
        self.name.setAccessibleName(t("models.hub.name"))
        self.checkpoint.setAccessibleName(t("models.hub.checkpoint"))
        self.checkpoint.setToolTip(t("models.hub.checkpoint"))
        self.progress.setAccessibleName(t("models.hub.progress"))
        self.cancel.setText(t("window.cancel"))
        self.rows.update_texts()
        if self.checkpoint.count():
            self.checkpoint.setItemText(0, t("models.hub.trained"))
        else:
            self._name_changed()
        self._show_state()


class _Entries(ColumnModel):
    columns, numeric = COLUMNS, ("size",)

    def heading(self, column: str) -> str:
        return t(f"models.hub.column.{column}")

    def text(self, item: HubEntry, column: str) -> str:
        match column:
            case "use":
                return t(f"models.use.{item.use}")
            case "languages":
                return ", ".join(t(f"models.language.{code}") for code in item.languages)
            case "size":
                return size_words(item.bytes)
        return str(getattr(item, column))

    def look(self, item: HubEntry, column: str, role: int) -> Any:
        return t(f"models.use.{item.use}") if role == Qt.ItemDataRole.ToolTipRole else None

    def ordered(self, items: Sequence[HubEntry], column: str, descending: bool) -> list[HubEntry]:
        return sorted(items, key=lambda entry: entry.bytes)
