"""A slider with its name and its value, over any increasing list of values.

`changing` is emitted for every new value, `changed` once when the slider has come to rest.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSlider, QWidget

from gui.layout import label, row, timer
from gui.text import tip
from gui.theme import GAP_M

REST_MS = 300  # without a new value, after which a slider moved by keyboard or wheel is at rest


class LabelledSlider(QWidget):
    changing = Signal(float)
    changed = Signal(float)

    def __init__(self, values: Sequence[float], form: Callable[[float], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = list(values)
        self._form = form
        self.name = label()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(self._values) - 1)
        self.slider.setPageStep(max(1, len(self._values) // 10))
        self.figure = label()
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.name.setBuddy(self.slider)
        self.setLayout(row(self.name, self.slider, self.figure, spacing=GAP_M))
        self._rest = timer(self, REST_MS, self._rested, single_shot=True)
        self._moving = False  # whether `changed` is still to be emitted
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderReleased.connect(self._rested)
        self._show_value()

    @property
    def value(self) -> float:
        return self._values[self.slider.value()]

    def set_value(self, value: float) -> None:
        """Move to the nearest of the values without emitting a signal."""
        nearest = min(range(len(self._values)), key=lambda i: abs(self._values[i] - value))
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(nearest)
        self.slider.blockSignals(blocked)
        self._show_value()

    def set_values(self, values: Sequence[float], value: float) -> None:
        """Offer other values, at least one, and move to the nearest to `value` without emitting a signal."""
        blocked = self.slider.blockSignals(True)
        self._values = list(values)
        self.slider.setRange(0, len(self._values) - 1)
        self.slider.blockSignals(blocked)
        self.set_value(value)

    def set_label(self, name: str, words: str = "") -> None:
        self.name.setText(name)
        self.setToolTip(tip(words))
        self.slider.setAccessibleName(name)
        self._show_value()

    def _show_value(self) -> None:
        widest = max(
            self.fontMetrics().horizontalAdvance(self._form(v)) for v in (self._values[0], self._values[-1], self.value)
        )
        self.figure.setMinimumWidth(widest + GAP_M)
        self.figure.setText(self._form(self.value))
        self.slider.setAccessibleDescription(self._form(self.value))

    def _moved(self) -> None:
        self._moving = True
        self._show_value()
        self.changing.emit(self.value)
        self._rest.start()

    def _rested(self) -> None:
        if self._moving and not self.slider.isSliderDown():
            self._moving = False
            self._rest.stop()
            self.changed.emit(self.value)
