"""The page of the choices: its three views, and below them the controls of the one that is shown."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QStackedLayout, QWidget

from engine.messages.choices import MOST_ANSWERS
from gui.layout import label, row, stack
from gui.panes.tuning.choices_cards import AnswerCards
from gui.panes.tuning.choices_meter import ChoiceMeter
from gui.panes.tuning.choices_table import ChoicesTable
from gui.panes.tuning.reward_picture import RewardPicture
from gui.part import Page
from gui.theme import GAP_M
from gui.widgets.segmented_control import SegmentedControl

VIEWS = ("choose", "list", "reward")
KEYS = {
    **{Qt.Key(Qt.Key.Key_1 + place): f"choose_{place}" for place in range(MOST_ANSWERS)},
    Qt.Key.Key_0: "tie",
    Qt.Key.Key_Minus: "neither",
    Qt.Key.Key_Z: "undo",
    Qt.Key.Key_R: "renew",
    Qt.Key.Key_Return: "take",
    Qt.Key.Key_Enter: "take",
    Qt.Key.Key_Delete: "remove",
}
ERRORS = (0, 10, 20, 30, 50)  # percent, of simulated judges
COUNTS = (12, 30, 60, 100)  # choices that they are let make


def _buttons(count: int) -> list[QPushButton]:
    return [QPushButton() for _ in range(count)]


class ChoosePage(QWidget):
    """The prompt, the answers as cards, and how many choices there are."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt, self.cards, self.meter = label("content-huge", wraps=True), AnswerCards(), ChoiceMeter()
        stack(self, self.prompt, self.cards, self.meter, spacing=GAP_M).setStretchFactor(self.cards, 1)
        self.cards.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.take, self.tie, self.neither, self.undo, self.renew, self.improve = _buttons(6)
        self.improve.setProperty("primary", True)
        self.acts = row(self.take, self.tie, self.neither, self.undo, self.renew, 1, self.improve, spacing=GAP_M)
        self.prompts, self.own, self.judge, self.count = QComboBox(), QLineEdit(), QLineEdit(), QComboBox()
        for count in range(2, MOST_ANSWERS + 1):
            self.count.addItem("", count)
        self.by_hands, self.judge_label = QPushButton(), label("muted")
        self.by_hands.setCheckable(True)
        self.settings = row(
            self.prompts, self.own, self.count, self.by_hands, self.judge_label, self.judge, 1, spacing=GAP_M
        )


class ListPage(QWidget):
    """How far the judges agree, and the table of the choices."""

    def __init__(self) -> None:
        super().__init__()
        self.agreement, self.table = label("content", wraps=True), ChoicesTable()
        stack(self, self.agreement, self.table, spacing=GAP_M).setStretchFactor(self.table, 1)
        self.remove, self.back, self.load, self.keep, self.simulate, self.judge_these = _buttons(6)
        self.only, self.taste, self.errors, self.count = (QComboBox() for _ in range(4))
        self.principle, self.opposite = QLineEdit(), QLineEdit()
        for percent in ERRORS:
            self.errors.addItem("", percent)
        for count in COUNTS:
            self.count.addItem("", count)
        self.acts = row(self.remove, self.back, self.load, self.keep, 1, self.only, spacing=GAP_M)
        parts = (self.taste, self.principle, self.opposite, self.errors, self.count, self.simulate, self.judge_these)
        self.settings = row(*parts, 1, spacing=GAP_M)


class RewardPage(QWidget):
    """How well the reward model predicts choices, and texts coloured by it."""

    def __init__(self) -> None:
        super().__init__()
        self.accuracy, self.picture = label("content-large", wraps=True), RewardPicture()
        stack(self, self.accuracy, self.picture, spacing=GAP_M).setStretchFactor(self.picture, 1)
        self.of = QComboBox()
        self.of.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.of.setMinimumContentsLength(24)
        self.acts, self.settings = row(self.of, 1), row()


class ChoicesPage(Page):
    """The views with a switch for them. The page receives the keys of KEYS wherever the focus is in it."""

    key_pressed = Signal(str)  # a name of KEYS

    def __init__(self) -> None:
        super().__init__()
        self.choose, self.list, self.reward = ChoosePage(), ListPage(), RewardPage()
        self.shown, self.tools, self.settings = QWidget(), QWidget(), QWidget()
        self.view, acts = SegmentedControl(VIEWS), QWidget()
        self._stacks = [QStackedLayout(holder) for holder in (self.shown, acts, self.settings)]
        for page in (self.choose, self.list, self.reward):
            for holder, parts in zip(self._stacks, (page, page.acts, page.settings), strict=True):
                if isinstance(parts, QWidget):
                    holder.addWidget(parts)
                else:
                    within = QWidget()
                    within.setLayout(parts)
                    holder.addWidget(within)
        above = row(self.view, acts, spacing=GAP_M)
        above.setStretchFactor(acts, 1)
        stack(self.tools, above, self.settings, spacing=GAP_M)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.view.changed.connect(self._show_view)

    def _show_view(self, name: str) -> None:
        for holder in self._stacks:
            holder.setCurrentIndex(VIEWS.index(name))

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
