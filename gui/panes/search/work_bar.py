"""Long work in one line: what is done, how much of it, how long it will take, and Cancel."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from gui.i18n import t
from gui.theme import GAP_M
from gui.themed import Themed


class WorkBar(Themed, QWidget):
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.bar, self.cancel = QLabel(), QProgressBar(textVisible=False), QPushButton()
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_M)
        row.addWidget(self.words, 2)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        self.hide()
        self.retranslate()

    def set_progress(self, stage: str, done: int, total: int, seconds_left: float | None, name: str = "") -> None:
        """`stage` is a key under "progress."; `name` the file that was just read."""
        what, left = t(f"progress.{stage}"), "–"
        if seconds_left is not None:
            left = f"{round(seconds_left) // 60}:{round(seconds_left) % 60:02d}"
        words = t("progress.left", what=what, done=f"{done:,}", total=f"{total:,}", left=left)
        self.words.setText(f"{words}  {name}".rstrip())
        self.words.setToolTip(self.words.text())
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.bar.setAccessibleName(what)
        self.show()

    def retranslate(self) -> None:
        self.cancel.setText(t("window.cancel"))
