"""The page on which answers are chosen: the prompt, the answers as cards, how many choices there are, the controls."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QSpinBox, QWidget

from engine.messages.choices import MOST_ANSWERS
from gui.layout import label, row, stack
from gui.panes.tuning.choices_cards import AnswerCards
from gui.panes.tuning.choices_meter import ChoiceMeter
from gui.part import Page
from gui.theme import GAP_M

KEYS = {
    **{Qt.Key(Qt.Key.Key_1 + place): f"choose_{place}" for place in range(MOST_ANSWERS)},
    Qt.Key.Key_0: "tie",
    Qt.Key.Key_Minus: "neither",
    Qt.Key.Key_Z: "undo",
    Qt.Key.Key_R: "renew",
    Qt.Key.Key_Return: "take",
    Qt.Key.Key_Enter: "take",
}


class ChoicesPage(Page):
    """The picture, and the controls below it. It receives the keys of KEYS wherever the focus is in it."""

    key_pressed = Signal(str)  # a name of KEYS

    def __init__(self) -> None:
        super().__init__()
        self.prompt, self.cards, self.meter = label("content-huge", wraps=True), AnswerCards(), ChoiceMeter()
        self.shown, self.tools = QWidget(), QWidget()
        stack(self.shown, self.prompt, self.cards, self.meter, spacing=GAP_M).setStretchFactor(self.cards, 1)
        self.take, self.tie, self.neither, self.undo, self.renew = (QPushButton() for _ in range(5))
        self.prompts, self.own, self.judge = QComboBox(), QLineEdit(), QLineEdit()
        self.count = QSpinBox(minimum=2, maximum=MOST_ANSWERS)
        self.by_hands, self.improve = QPushButton(), QPushButton()
        self.by_hands.setCheckable(True)
        self.improve.setProperty("primary", True)
        self.labels = {name: label("muted") for name in ("count", "judge")}
        acts = row(self.take, self.tie, self.neither, self.undo, self.renew, 1, self.improve, spacing=GAP_M)
        others = (self.labels["count"], self.count, self.by_hands, self.labels["judge"], self.judge)
        stack(self.tools, acts, row(self.prompts, self.own, *others, 1, spacing=GAP_M), spacing=GAP_M)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.cards.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def event(self, event: QEvent) -> bool:
        """Claim the keys of the page, which would show other panes."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _name_of(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = _name_of(event)
        if name:
            self.key_pressed.emit(name)
        else:
            super().keyPressEvent(event)


def _name_of(event: QKeyEvent) -> str:
    with_others = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
    return "" if with_others else KEYS.get(Qt.Key(event.key()), "")
