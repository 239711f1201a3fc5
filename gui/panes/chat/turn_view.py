"""One turn of a chat: its role and buttons, and its text with the colours of its tokens."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QToolButton, QWidget

from gui.i18n import t
from gui.layout import column, label, row
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText, Span


class WholeText(ColouredText):
    """A coloured text as tall as its lines; the page around it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_spans(self, spans: list[Span], current: int | None = None) -> None:
        if spans != self.page.spans or current != self.page.current:
            self.page.set_spans(spans, current)
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.page.lay_out()
        self.setFixedHeight(self.page.minimumHeight() + GAP_S)

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)


class TurnView(Themed, QWidget):
    edit_wanted = Signal()
    copy_wanted = Signal()
    again_wanted = Signal()
    on_wanted = Signal()  # go on with an answer that was cut off
    variant_wanted = Signal(int)  # -1 the previous variant, 1 the next

    def __init__(self) -> None:
        super().__init__()
        self.role, self.state, self.place = label("content-large"), label("content"), label("muted")
        self.text = WholeText()
        self.edit, self.copy, self.again, self.on = QToolButton(), QToolButton(), QToolButton(), QToolButton()
        self.before, self.after = QToolButton(), QToolButton()
        self.before.setArrowType(Qt.ArrowType.LeftArrow)
        self.after.setArrowType(Qt.ArrowType.RightArrow)
        for button, signal in (
            (self.edit, self.edit_wanted),
            (self.copy, self.copy_wanted),
            (self.again, self.again_wanted),
            (self.on, self.on_wanted),
        ):
            button.clicked.connect(signal)
        self.before.clicked.connect(lambda: self.variant_wanted.emit(-1))
        self.after.clicked.connect(lambda: self.variant_wanted.emit(1))
        self.buttons = QWidget()
        variants = row(self.before, self.place, self.after, spacing=2)
        self.buttons.setLayout(row(variants, self.on, self.again, self.edit, self.copy, spacing=GAP_M))
        head = row(self.role, self.state, 1, self.buttons, spacing=GAP_M)
        self.setLayout(column(head, self.text, spacing=GAP_S))
        self.retranslate()

    def set_turn(self, role: str, state: str, place: int, variants: int, cut: bool) -> None:
        """Show the role, a word about the turn's state, which variant it is, and whether it can go on."""
        self.role.setText(t(f"pane.chat.role.{role}"))
        self.state.setText(state)
        several, answer = variants > 1, role == "assistant"
        self.place.setText(f"{place + 1} / {variants}")
        for widget in (self.before, self.place, self.after):
            widget.setVisible(several)
        self.before.setEnabled(place > 0)
        self.after.setEnabled(place < variants - 1)
        self.again.setVisible(answer)
        self.on.setVisible(answer and cut)
        self.text.setAccessibleName(t(f"pane.chat.role.{role}"))

    def retranslate(self) -> None:
        self.edit.setText(t("pane.chat.edit"))
        self.copy.setText(t("pane.chat.copy"))
        self.again.setText(t("pane.chat.again"))
        self.on.setText(t("pane.chat.go_on"))
        self.before.setAccessibleName(t("pane.chat.variant_before"))
        self.after.setAccessibleName(t("pane.chat.variant_after"))
        self.before.setToolTip(t("pane.chat.variant_before"))
        self.after.setToolTip(t("pane.chat.variant_after"))
        self.again.setToolTip(t("pane.chat.tip_again"))
        self.edit.setToolTip(t("pane.chat.tip_edit"))
