"""A line above a pane's content: what happened, what was kept, what to do. It never blocks."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QSizePolicy, QWidget

from engine.messages.envelope import Arguments, Ended
from engine.messages.status import Notice
from gui.i18n import t
from gui.layout import set_property
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed


class MessageBar(Themed, QFrame):
    """Shows one message at a time, kept as a key so that it follows a change of language."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.details = QPushButton()
        self.details.clicked.connect(self._show_details)
        self.dismiss = QPushButton()
        self.dismiss.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GAP_L, GAP_S, GAP_M, GAP_S)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.details)
        layout.addWidget(self.dismiss)
        self._key, self._detail = "", ""
        self._arguments: Arguments = {}
        self.hide()
        self.retranslate()

    def show_failure(self, end: Ended) -> None:
        self._show(end.key, dict(end.arguments), end.detail, "bad")

    def show_notice(self, notice: Notice) -> None:
        self._show(notice.key, dict(notice.arguments), "", "info")

    def show_key(self, key: str, level: str = "info", **arguments: str | int | float) -> None:
        self._show(key, arguments, "", level)

    def clear(self) -> None:
        self._key = ""
        self.hide()

    def retranslate(self) -> None:
        if self._key:
            self.label.setText(t(self._key, **self._arguments))
            self.details.setText(t("message.details"))
            self.dismiss.setText(t("message.dismiss"))

    def _show(self, key: str, arguments: Arguments, detail: str, level: str) -> None:
        self._key, self._arguments, self._detail = key, arguments, detail
        set_property(self, "level", level)
        self.details.setVisible(bool(detail))
        self.retranslate()
        self.show()

    def _show_details(self) -> None:
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(t("message.details"))
        box.setText(t(self._key, **self._arguments))
        box.setDetailedText(self._detail)
        box.open()
