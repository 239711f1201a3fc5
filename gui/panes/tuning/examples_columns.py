"""Which columns of a file are the prompt and the answer."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from gui.i18n import t
from gui.layout import label, row
from gui.theme import GAP_M
from gui.themed import Themed


class ColumnChoice(Themed, QWidget):
    """Hidden unless the file has more than two columns, or none of them was recognised."""

    chosen = Signal(tuple)  # the names of both columns

    def __init__(self) -> None:
        super().__init__()
        self.boxes = (QComboBox(), QComboBox())
        self.labels = (label("muted"), label("muted"))
        for name, box in zip(self.labels, self.boxes, strict=True):
            name.setBuddy(box)
            box.activated.connect(self._activated)
        pairs = [widget for both in zip(self.labels, self.boxes, strict=True) for widget in both]
        self.setLayout(row(*pairs, 1, spacing=GAP_M))
        self.hide()
        self.retranslate()

    def set_columns(self, names: tuple[str, ...], chosen: tuple[str, str]) -> None:
        for box, name in zip(self.boxes, chosen, strict=True):
            box.clear()
            box.addItems(list(names))
            box.setCurrentIndex(box.findText(name))
        self.setVisible(len(names) > len(self.boxes) or (bool(names) and not all(chosen)))

    def _activated(self) -> None:
        names = tuple(box.currentText() for box in self.boxes)
        if all(names):
            self.chosen.emit(names)

    def retranslate(self) -> None:
        for name, caption in zip(self.labels, ("prompt", "answer"), strict=True):
            name.setText(t(f"pane.tuning.examples.column.{caption}"))
