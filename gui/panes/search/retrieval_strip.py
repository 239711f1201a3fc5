"""The steps of an answer in a row, each highlighted when done; a click shows the result of a step."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from gui import layout
from gui.text import tip
from gui.themed import Themed

ARROW = 18  # pixels between two steps


class RetrievalStrip(Themed, QWidget):
    chosen = Signal(str)

    def __init__(self, steps: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps = tuple(steps)
        self.buttons = {step: QPushButton() for step in steps}
        self._names: dict[str, str] = dict.fromkeys(steps, "")
        self._states: dict[str, str] = dict.fromkeys(steps, "waiting")
        self._figures: dict[str, str] = dict.fromkeys(steps, "")
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for index, button in enumerate(self.buttons.values()):
            button.setCheckable(True)
            button.setProperty("step", "waiting")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, index)
            self._row.addWidget(button, 1)
        self._group.idToggled.connect(lambda index, on: self.chosen.emit(self.steps[index]) if on else None)
        self.restyle()

    @property
    def current(self) -> str:
        index = self._group.checkedId()
        return self.steps[index] if index >= 0 else self.steps[0]

    def choose(self, step: str) -> None:
        self.buttons[step].setChecked(True)

    def set_names(self, names: Mapping[str, str]) -> None:
        self._names.update(names)
        self._show()

    def set_states(self, states: Mapping[str, str], figures: Mapping[str, str], words: Mapping[str, str]) -> None:
        """Set the state ("waiting", "running", "done", "left_out") and the result in brief of each step.

        `words` are the names of the states.
        """
        for step, button in self.buttons.items():
            layout.set_property(button, "step", states[step])
            button.setAccessibleDescription(f"{words[states[step]]} {figures[step]}".strip())
            button.setToolTip(tip(f"{self._names[step]}: {figures[step] or words[states[step]]}"))
        self._states, self._figures = dict(states), dict(figures)
        self._show()

    def restyle(self) -> None:
        self._row.setSpacing(self.theme.px(ARROW))
        self._show()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(400), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), super().minimumSizeHint().height())

    def _show(self) -> None:
        """Show the name and the result, the name alone in less room, or the step's number where no name fits."""
        room = self.width() / len(self.steps) - self.theme.px(ARROW)
        roomy = room > self.theme.px(112)
        for step, button in self.buttons.items():
            metrics = button.fontMetrics()
            lines = [self._names[step], self._figures[step] or "–"] if roomy else [self._names[step]]
            space = round(room - self.theme.px(14))
            shown = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, space) for line in lines]
            button.setText("\n".join(shown) if shown[0].strip("…") else str(self.steps.index(step) + 1))
            button.setAccessibleName(self._names[step])
        self.updateGeometry()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move along the steps by Left and Right. A group of buttons handles only Up and Down."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step:
            index = (self.steps.index(self.current) + step) % len(self.steps)
            self.choose(self.steps[index])
            self.buttons[self.steps[index]].setFocus()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint an arrow between every two steps, highlighted once the second one has begun."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            start = self.buttons[before].geometry().right() + 4
            end = self.buttons[after].geometry().left() - 3
            middle, tip = self.height() / 2, self.theme.px(4)
            has_begun = self._states[after] in ("done", "running")
            painter.setPen(QPen(self.theme.color("accent" if has_begun else "cut"), 1.6))
            painter.drawLine(QPointF(start, middle), QPointF(end, middle))
            corners = [QPointF(end - tip, middle - tip), QPointF(end, middle), QPointF(end - tip, middle + tip)]
            painter.drawPolyline(QPolygonF(corners))
