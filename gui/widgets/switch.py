"""A row of buttons of which one is on: which view of the same thing is shown."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from gui.theme import GAP_S


class Switch(QWidget):
    changed = Signal(str)  # the name of the choice, when it becomes another

    def __init__(self, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = tuple(names)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_S)
        for index in range(len(self._names)):
            button = QToolButton(checkable=True)
            self._group.addButton(button, index)
            row.addWidget(button)
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

    def _toggled(self, index: int, on: bool) -> None:
        if on:
            self.changed.emit(self._names[index])
