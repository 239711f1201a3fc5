"""The progress of a change of the collection: its stage, how much is done, the time left, and Cancel."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QWidget

from engine.messages.documents import IndexProgress
from gui import layout
from gui.i18n import duration, number, t
from gui.text import shown_name, tip
from gui.theme import GAP_M
from gui.themed import Themed


class WorkBar(Themed, QWidget):
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.bar, self.cancel = layout.label(), QProgressBar(), QPushButton()
        self.bar.setTextVisible(False)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.cancel.clicked.connect(self.cancelled)
        row = layout.row(self.words, self.bar, self.cancel, spacing=GAP_M)
        row.setStretch(0, 2)
        row.setStretch(1, 1)
        self.setLayout(row)
        self.hide()
        self.retranslate()

    def set_progress(self, progress: IndexProgress) -> None:
        what = t(f"progress.{progress.stage}")
        left = "–" if progress.seconds_left is None else duration(progress.seconds_left)
        words = t("progress.left", what=what, done=number(progress.done), total=number(progress.total), left=left)
        self.words.setText(f"{words}  {shown_name(Path(progress.name).name)}".rstrip())
        self.words.setToolTip(tip(self.words.text()))
        self.bar.setRange(0, max(1, progress.total))
        self.bar.setValue(progress.done)
        self.bar.setAccessibleName(what)
        self.show()

    def retranslate(self) -> None:
        self.cancel.setText(t("window.cancel"))
