"""The list of keys (F1), beside which the window can be used."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QScrollArea, QWidget

from gui.i18n import t
from gui.layout import label, stack
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed
from gui.window.actions import Actions


class KeyList(Themed, QDialog):
    """The actions with keys, in two columns, at the lower right of the window."""

    def __init__(self, actions: Actions, window: QWidget) -> None:
        super().__init__(window, Qt.WindowType.Tool)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions = actions
        self._shown = [name for name in actions.by_name if actions.keys_of(name)]
        self._window, self._page, self._area = window, QWidget(), QScrollArea(widgetResizable=True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidget(self._page)
        stack(self, self._area)
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(GAP_L, GAP_L, GAP_L, GAP_L)
        self._grid.setHorizontalSpacing(GAP_L)
        self._grid.setVerticalSpacing(GAP_S)
        self.rows = [(label("keys"), label()) for _ in self._shown]
        half = (len(self.rows) + 1) // 2
        for place, pair in enumerate(self.rows):
            for side, words in enumerate(pair):
                self._grid.addWidget(words, place % half, 3 * (place // half) + side)
        self._grid.setColumnMinimumWidth(2, GAP_M)
        self.retranslate()
        self.resize(self.sizeHint())
        corner = window.mapToGlobal(window.rect().bottomRight())
        self.move(corner.x() - self.width() - GAP_L, corner.y() - self.height() - 2 * GAP_L)

    def sizeHint(self) -> QSize:
        """Return the size of the whole list, or in large type that of the window, in which it is scrolled."""
        bar = self._area.verticalScrollBar().sizeHint().width()
        return (self._page.sizeHint() + QSize(bar, 2)).boundedTo(self._window.size())

    def retranslate(self) -> None:
        self.setWindowTitle(t("action.keys"))
        for (keys, words), name in zip(self.rows, self._shown, strict=True):
            keys.setText(self._actions.keys_of(name))
            words.setText(t(f"action.{name}"))
