"""The page of the Chat pane: the turns, the field for the next one, and the candidates of a token."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFrame,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.messages.generation import Candidates
from gui.i18n import t
from gui.layout import UNLIMITED, column, label, row, stack
from gui.panes.chat.context_bar import ContextBar
from gui.panes.chat.turn_view import TurnView
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL, icon
from gui.themed import Themed
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.card import Card
from gui.widgets.draw_strip import DrawStrip
from gui.widgets.sampling_controls import SamplingControls

EXAMPLES = ("one", "two", "three")
# Least pixels of the pane at zoom 1: the width with the candidates beside the chat, not below it; the height with the
# line of options, and with candidates below the chat.
WIDE, TALL = 560, 430
# Least heights of the pane at zoom 1 of the content with the invitation above the examples, with the note, with what
# the pane is for, and with the examples below each other.
ROOM_FOR_INVITATION, ROOM_FOR_NOTE, ROOM_FOR_PURPOSE, ROOM_FOR_COLUMN = 180, 340, 460, 640
WIDEST_SLIDER = 280  # pixels at zoom 1


class Composer(QPlainTextEdit):
    """The field for the next turn: Enter sends it, Shift+Enter begins a new line."""

    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class ChatPage(Themed, QWidget):
    example_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views: list[TurnView] = []
        self._has_note = True  # whether there is room for it
        self._follows = True  # the end of the chat is kept in view
        self.system, self.composer = QLineEdit(), Composer()
        self.note, self.figures, self.speed = label("content", wraps=True), label("content"), label("content")
        self.context = ContextBar()
        self.bars, self.bars_title = CandidateBars(), label("content", wraps=True)
        self.strip = DrawStrip(self.bars)
        self.controls, self.more_button = SamplingControls(columns=3), QPushButton()
        self.more_button.setCheckable(True)
        self.has_side = True  # whether there is room for the candidates
        self.form = QComboBox()
        self.template, self.thinking = QCheckBox(), QCheckBox()
        self.length_label, self.length = label(), QSpinBox()
        self.length_label.setBuddy(self.length)
        self.length.setRange(1, 5000)
        self.length.setValue(256)
        self.send, self.stop = QPushButton(), QPushButton()
        self.send.setProperty("primary", True)
        self.copy_all, self.clear, self.save_file = QPushButton(), QPushButton(), QPushButton()
        self.open_model = Card()
        for field in (self.system, self.composer):
            field.setProperty("role", "content")
        self.shown, self.tools = QWidget(), self._build_tools()
        left = self._build_left()
        right = column(self.bars_title, self.bars, self.strip, spacing=GAP_M)
        right.setStretchFactor(self.bars, 1)
        self.side = QWidget()
        self.side.setLayout(right)
        self.halves = row(left, self.side, spacing=GAP_L)
        self.halves.setStretch(0, 5)
        self.halves.setStretch(1, 3)
        self.shown.setLayout(self.halves)
        stack(self, self.system, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.restyle()
        self.retranslate()

    def _build_left(self) -> QLayout:
        self.examples = [Card() for _ in EXAMPLES]
        for card in self.examples:
            card.clicked.connect(lambda _=False, card=card: self.example_chosen.emit(card.written))
        self.welcome = QWidget()
        self.invitation, self.purpose = label("content-large", wraps=True), label("content", wraps=True)
        self.cards = row(*self.examples, self.open_model, spacing=GAP_M)
        welcome = column(self.invitation, self.purpose, self.cards, spacing=GAP_M)
        welcome.setStretchFactor(self.cards, 1)
        self.welcome.setLayout(welcome)
        self.turns = QVBoxLayout()
        self.turns.setSpacing(GAP_L)
        inside = QWidget()
        parts = column(self.note, self.welcome, self.turns, 1, spacing=GAP_M, margins=(0, GAP_S, 0, 0))
        parts.setStretchFactor(self.welcome, 1000)  # it fills the page while there are no turns
        inside.setLayout(parts)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inside)
        self.area.setMinimumHeight(1)
        self.area.verticalScrollBar().rangeChanged.connect(lambda *_: self._scroll_to_end())
        self.area.verticalScrollBar().actionTriggered.connect(self._scrolled)
        fill = row(self.context, self.figures, self.speed, spacing=GAP_M)
        fill.setStretch(0, 1)
        left = column(self.area, fill, spacing=GAP_M)
        left.setStretchFactor(self.area, 1)
        return left

    def _build_tools(self) -> QWidget:
        """Build the field for the next turn, a line of options, and more on demand."""
        sending = row(self.composer, column(self.send, self.stop, spacing=GAP_S), spacing=GAP_M)
        sending.setStretch(0, 1)
        temperature = self.controls.sliders["temperature"]
        options = (self.form, self.template, self.thinking, temperature, self.more_button)
        self.options, self.more = QWidget(), QWidget()
        line = row(*options, 1, self.clear, spacing=GAP_M)
        line.setStretch(options.index(temperature), 2)
        self.options.setLayout(line)
        rest = row(self.length_label, self.length, 1, self.copy_all, self.save_file, spacing=GAP_M)
        self.more.setLayout(column(self.controls, rest, spacing=GAP_M))
        self.more.hide()
        self.more_button.toggled.connect(self.more.setVisible)
        tools = QWidget()
        tools.setLayout(column(sending, self.options, self.more, spacing=GAP_M))
        return tools

    # --- Showing it ------------------------------------------------------------------------------

    def view(self, index: int) -> TurnView:
        """Return the view of a turn, made if there is none."""
        while len(self.views) <= index:
            self.views.append(TurnView())
            self.turns.addWidget(self.views[-1])
        return self.views[index]

    def show_views(self, count: int) -> None:
        """Show the first views only, and the example questions if there are none."""
        for index, view in enumerate(self.views):
            view.setVisible(index < count)
        self.welcome.setVisible(count == 0)

    def follow_end(self) -> None:
        """Scroll to the end, and stay there while it grows, until somebody scrolls up."""
        self._follows = True
        self._scroll_to_end()

    def _scroll_to_end(self) -> None:
        bar = self.area.verticalScrollBar()
        if self._follows and self.welcome.isHidden():
            bar.setValue(bar.maximum())

    def _scrolled(self, action: int) -> None:
        """Notice that somebody scrolls; the new position is not the bar's value yet."""
        bar = self.area.verticalScrollBar()
        self._follows = bar.sliderPosition() >= bar.maximum()

    def show_candidates(self, candidates: Candidates | None) -> None:
        self.bars.set_candidates(candidates)
        self.strip.show_draw()

    def set_busy(self, busy: bool, can_send: bool) -> None:
        self.send.setEnabled(can_send and not busy)
        self.stop.setEnabled(busy)

    def set_forms(self, forms: tuple[str, ...], thinks: bool) -> None:
        """Offer these forms; one must be chosen if the model has none of its own."""
        self.form.blockSignals(True)
        self.form.clear()
        for form in forms:
            self.form.addItem(t(f"pane.chat.form.{form}"), form)
        own = bool(forms) and forms[0] in ("template", "world")
        self.form.setCurrentIndex(0 if own else -1)
        self.form.setVisible(len(forms) > 1)
        self.form.blockSignals(False)
        self.thinking.setVisible(thinks)
        self.open_model.setVisible(bool(forms) and forms[0] != "template")
        self.show_form(forms)

    def show_form(self, forms: tuple[str, ...]) -> None:
        """Say what the chosen form is, if the model has no template, and show examples that suit it."""
        own = bool(forms) and forms[0] == "template"
        form = self.form.currentData() or "none"
        self.note.setText("" if own or not forms else t(f"pane.chat.note.{form}"))
        self._show_note()
        self._show_examples()

    def _show_note(self) -> None:
        self.note.setVisible(self._has_note and bool(self.note.text()))

    def _show_examples(self) -> None:
        kind = "world" if self.form.currentData() == "world" else "template"
        for name, card in zip(EXAMPLES, self.examples, strict=True):
            card.show_words("", (), "", t(f"pane.chat.example.{kind}_{name}"))

    def adapt_layout(self, room: QSize) -> None:
        """Show the widgets for which a pane of this size has room."""
        tall, wide = room.height() >= self.theme.px(TALL), room.width() >= self.theme.px(WIDE)
        self.halves.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self.has_side = wide or tall
        self.side.setMaximumHeight(UNLIMITED if wide else room.height() * 3 // 8)
        self.strip.setVisible(wide)
        self.strip.set_low(not tall)
        self.options.setVisible(tall)
        self._has_note = room.height() >= self.content.px(ROOM_FOR_NOTE)
        self._show_note()
        self.invitation.setVisible(room.height() >= self.content.px(ROOM_FOR_INVITATION))
        self.purpose.setVisible(room.height() >= self.content.px(ROOM_FOR_PURPOSE))
        down = room.height() >= self.content.px(ROOM_FOR_COLUMN)
        self.cards.setDirection(QBoxLayout.Direction.TopToBottom if down else QBoxLayout.Direction.LeftToRight)
        self.controls.sliders["temperature"].setMaximumWidth(self.theme.px(WIDEST_SLIDER))

    def fit_figures(self) -> None:
        """Show the numbers below the chat as far as there is room for them beside the bar."""
        halves = self.halves.direction() == QBoxLayout.Direction.LeftToRight and not self.side.isHidden()
        room = (self.width() * 5 // 8 if halves else self.width()) - self.context.minimumSizeHint().width()
        for words in (self.figures, self.speed):
            room -= words.sizeHint().width() + GAP_M
            words.setVisible(room >= 0)

    def retranslate(self) -> None:
        self.send.setText(t("pane.chat.send"))
        self.stop.setText(t("pane.chat.stop"))
        self.copy_all.setText(t("pane.chat.copy_all"))
        self.save_file.setText(t("pane.chat.save"))
        self.template.setText(t("pane.chat.show_template"))
        self.thinking.setText(t("pane.chat.thinking"))
        self.open_model.show_words("", (), "", t("pane.chat.open_smollm2"))
        self.bars_title.setText(t("pane.chat.candidates"))
        self.bars.setAccessibleName(t("pane.chat.candidates"))
        self.system.setPlaceholderText(t("pane.chat.system"))
        self.system.setAccessibleName(t("pane.chat.system"))
        self.composer.setPlaceholderText(t("pane.chat.placeholder"))
        self.composer.setAccessibleName(t("pane.chat.placeholder"))
        self.length_label.setText(t("pane.chat.length"))
        self.length.setAccessibleName(t("pane.chat.length"))
        self.more_button.setText(t("pane.chat.more"))
        self.invitation.setText(t("pane.chat.welcome"))
        self.purpose.setText(t("pane.chat.empty"))
        self.form.setPlaceholderText(t("pane.chat.choose_form"))
        self.form.setAccessibleName(t("pane.chat.choose_form"))
        for index in range(self.form.count()):
            self.form.setItemText(index, t(f"pane.chat.form.{self.form.itemData(index)}"))
        self._show_examples()

    def restyle(self) -> None:
        height = QFontMetrics(self.content.font(NORMAL)).lineSpacing()
        self.composer.setFixedHeight(2 * height + self.theme.px(NORMAL) + GAP_M)
        self.send.setIcon(icon("play", self.theme, "on_accent", 16))
