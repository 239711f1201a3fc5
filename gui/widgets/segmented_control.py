"""A segmented control: buttons of which exactly one is checked; where they have no room, a drop-down list."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QToolButton, QWidget

from gui.layout import row
from gui.text import tip
from gui.theme import GAP_S


class SegmentedControl(QWidget):
    changed = Signal(str)  # the name of the new choice

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = tuple(names)
        self._left_out: set[str] = set()
        self._group = QButtonGroup(self)
        self.list = QComboBox(sizeAdjustPolicy=QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.list.activated.connect(lambda index: self.choose(self.list.itemData(index)))
        for index in range(len(self._names)):
            button = QToolButton()
            button.setCheckable(True)
            self._group.addButton(button, index)
        self.setLayout(row(*self._group.buttons(), self.list, spacing=GAP_S))
        self.list.hide()
        self._group.button(0).setChecked(True)
        self._group.idToggled.connect(self._toggled)

    @property
    def current(self) -> str:
        return self._names[self._group.checkedId()]

    def choose(self, name: str) -> None:
        self._group.button(self._names.index(name)).setChecked(True)

    def button(self, name: str) -> QToolButton:
        found = self._group.button(self._names.index(name))
        assert isinstance(found, QToolButton)
        return found

    def set_labels(self, labels: dict[str, str], accessible_name: str) -> None:
        for name, label in labels.items():
            self.button(name).setText(label)
        self.setAccessibleName(accessible_name)
        self.list.setAccessibleName(accessible_name)
        self._fill()

    def leave_out(self, name: str, out: bool) -> None:
        """Hide a choice, or show it again if not `out`."""
        if (name in self._left_out) != out:
            self._left_out ^= {name}
            self._fill()

    def disable(self, name: str, why: str) -> None:
        """Show that a choice is not possible; `why` is its tip. Without a reason it is possible again."""
        self.button(name).setEnabled(not why)
        self.button(name).setToolTip(tip(why))
        self._fill()

    def _offered(self) -> list[str]:
        return [name for name in self._names if name not in self._left_out]

    def _fill(self) -> None:
        self.list.clear()
        for name in self._offered():
            self.list.addItem(self.button(name).text(), name)
            self.list.setItemData(self.list.count() - 1, self.button(name).toolTip(), Qt.ItemDataRole.ToolTipRole)
            if not self.button(name).isEnabled():
                self.list.setItemData(self.list.count() - 1, 0, Qt.ItemDataRole.UserRole - 1)  # Qt's flags of an item
        self.list.setCurrentIndex(self.list.findData(self.current))
        self._arrange()

    def _toggled(self, index: int, on: bool) -> None:
        if on:
            self.list.setCurrentIndex(self.list.findData(self._names[index]))
            self.changed.emit(self._names[index])

    # --- Room ------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        hints = [self.button(name).sizeHint() for name in self._offered()]
        width = sum(hint.width() for hint in hints) + GAP_S * (len(hints) - 1)
        return QSize(width, max(hint.height() for hint in hints))

    def minimumSizeHint(self) -> QSize:
        whole, least = self.sizeHint(), self.list.minimumSizeHint()
        return QSize(min(whole.width(), least.width()), max(whole.height(), least.height()))

    def _arrange(self) -> None:
        narrow = self.width() < self.sizeHint().width()
        for name in self._names:
            self.button(name).setVisible(not narrow and name not in self._left_out)
        self.list.setVisible(narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # the labels or the font have changed
            self._arrange()
        return super().event(event)
