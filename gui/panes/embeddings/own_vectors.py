"""The user's own vectors: chosen in a dialog or dropped on the pane, and read by the engine."""

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog

from engine.messages.embeddings import OpenVectors, OwnVectors as Opened
from engine.messages.envelope import Ended
from gui.i18n import t
from gui.pane import Pane

VECTORS, LABELS = (".tsv", ".npy"), (".tsv", ".txt")


class OwnVectors(QObject):
    opened = Signal()
    failed = Signal()

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self._pane = pane
        self.path = ""  # the file that was opened last, or in the session before
        self.info: Opened | None = None  # None while the engine has not read it

    @property
    def name(self) -> str:
        return Path(self.path).name

    def choose(self) -> None:
        """Let the user choose a file in a dialog, and open it."""
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        folder = str(Path(self.path).parent) if self.path else documents
        patterns = f"{t('pane.embeddings.files')} (*{' *'.join(VECTORS)})"
        name, _ = QFileDialog.getOpenFileName(self._pane, t("pane.embeddings.file"), folder, patterns)
        if name:
            self.open(name)

    def open(self, path: str, labels: str = "") -> None:
        """Let the engine read a file of vectors, and one of labels."""
        self._pane.messages.clear()
        self._pane.ask(OpenVectors(path, labels), self._opened, ended=self._ended)

    def forget(self) -> None:
        """Note that the engine is a new one, which has not read the file."""
        self.info = None

    def _opened(self, info: Opened) -> None:
        self.info, self.path = info, info.file
        self.opened.emit()

    def _ended(self, end: Ended) -> None:
        if end.outcome == "failed":
            if self.info is None:
                self.path = ""  # so that it is not tried again and again
            self.failed.emit()


def dropped(data: QMimeData) -> tuple[str, ...]:
    """Return the files of vectors and of labels that were dropped, () if there is no file of vectors."""
    files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    vectors = [file for file in files if file.suffix.lower() in VECTORS and not _is_of_labels(file)]
    labels = [file for file in files if file not in vectors[:1] and file.suffix.lower() in LABELS]
    return tuple(map(str, (*vectors[:1], *labels[:1]))) if vectors else ()


def _is_of_labels(file: Path) -> bool:
    return any(word in file.stem.lower() for word in ("metadata", "labels"))
