"""The field with the text that all panes share: one line high, growing with its content up to three."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.layout import timer
from gui.themed import Themed
from gui.widgets.entries import PlainEntry

SETTLE_MS = 150  # without a key press, after which typing has paused
MOST_LINES = 3


class Prompt(Themed, PlainEntry):
    """Emits `settled` when typing has paused; text that an input method is still composing is left out."""

    settled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.typed = False  # whether the last change was the user's, not one by `set_text`
        self.setObjectName("prompt")
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(False)  # a file dropped here is opened by the window, not pasted as its path
        self._most = MOST_LINES
        self._timer = timer(self, SETTLE_MS, lambda: self.settled.emit(self.toPlainText()), single_shot=True)
        self.textChanged.connect(self._changed)
        self.document().documentLayout().documentSizeChanged.connect(lambda: self._fit())
        self.restyle()

    def set_text(self, text: str) -> None:
        """Replace the text; this can be undone like typing."""
        if text != self.toPlainText():
            cursor = self.textCursor()
            cursor.select(cursor.SelectionType.Document)
            cursor.insertText(text)
            self.typed = False

    def _changed(self) -> None:
        self.typed = True
        self._timer.start()

    def set_single_line(self, single: bool) -> None:
        """Show only one line, which scrolls, where other widgets need the space."""
        self._most = 1 if single else MOST_LINES
        self._fit()

    def restyle(self) -> None:
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(400, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Update the height, which depends on the style's borders; they are known only after the first resize."""
        super().resizeEvent(event)
        if self.height() != self._height():
            self.updateGeometry()

    def _height(self) -> int:
        lines = min(self._most, max(1, round(self.document().size().height())))
        self.ensurePolished()
        edges = self.height() - self.viewport().height() if self.viewport().height() > 0 else 0
        margin = round(2 * self.document().documentMargin())
        return lines * self.fontMetrics().lineSpacing() + margin + max(edges, 2)

    def _fit(self) -> None:
        overflow = self.document().size().height() > self._most
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if overflow else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(policy)
        self.updateGeometry()
