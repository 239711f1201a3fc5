"""Base classes of widgets that paint themselves."""

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.text import tip
from gui.theme import Theme
from gui.themed import Themed

Policy = QSizePolicy.Policy


class Painted(Themed, QWidget):
    """A painted widget, which is repainted in a new theme and shows `describe_at` the mouse as its tooltip."""

    def __init__(
        self, parent: QWidget | None = None, *, across: Policy = Policy.Expanding, down: Policy = Policy.Preferred
    ) -> None:
        super().__init__(parent)
        self.setSizePolicy(across, down)

    @property
    def theme(self) -> Theme:
        """The program's theme with the zoom of the content, which a painted widget is."""
        return self.content

    def describe_at(self, point: QPoint) -> str:
        """Return the description of what is painted at `point`, or ""."""
        return ""

    def restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = self.describe_at(event.pos())
            QToolTip.showText(event.globalPos(), tip(words) or self.toolTip(), self)
            return True
        return super().event(event)


class PaintedRows(Painted):
    """A painted list: up and down move the current row, Return chooses it."""

    chosen = Signal(int)

    def __init__(
        self, parent: QWidget | None = None, *, across: Policy = Policy.Expanding, down: Policy = Policy.Preferred
    ) -> None:
        super().__init__(parent, across=across, down=down)
        self.current = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def row_count(self) -> int:
        """Return how many rows can be chosen."""
        raise NotImplementedError

    def choose(self, row: int) -> None:
        """Make `row` current and emit `chosen`; a row that does not exist changes nothing."""
        if 0 <= row < self.row_count():
            self.current = row
            self.update()
            self.chosen.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = self.row_count()
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and count:
            self.current = (self.current + (1 if event.key() == Qt.Key.Key_Down else -1)) % count
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose(self.current)
        else:
            super().keyPressEvent(event)
