"""The page shown while nothing is open: what Nakami is, and three ways to begin."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.i18n import t
from gui.layout import label
from gui.theme import GAP_L, GAP_M, GAP_XL, HUGE, LARGE, NORMAL
from gui.themed import Themed


class Welcome(Themed, QWidget):
    open_wanted = Signal()
    sample_wanted = Signal()
    model_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mark, self.headline, self.words, self.hint = (label() for _ in range(4))
        self.mark.setText("中身")
        self.sample, self.open, self.model = QPushButton(), QPushButton(), QPushButton()
        self.sample.setProperty("primary", True)
        self.hint.setProperty("role", "muted")
        for words in (self.mark, self.headline, self.words, self.hint):
            words.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(GAP_L)
        buttons.addStretch(1)
        for button, wanted in (
            (self.sample, self.sample_wanted),
            (self.open, self.open_wanted),
            (self.model, self.model_wanted),
        ):
            button.clicked.connect(wanted)
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget, gap in ((self.mark, GAP_M), (self.headline, GAP_L), (self.words, GAP_XL)):
            layout.addWidget(widget)
            layout.addSpacing(gap)
        layout.addLayout(buttons)
        layout.addSpacing(GAP_L)
        layout.addWidget(self.hint)
        layout.addStretch(3)
        self.restyle()
        self.retranslate()

    def restyle(self) -> None:
        self.mark.setStyleSheet(
            f"font-size: {self.theme.px(2 * HUGE)}px; font-weight: 700; color: {self.theme.accent};"
        )
        self.headline.setStyleSheet(f"font-size: {self.theme.px(HUGE)}px; font-weight: 600;")
        self.words.setStyleSheet(f"font-size: {self.theme.px(LARGE - 2)}px;")
        for button in (self.sample, self.open, self.model):
            button.setStyleSheet(
                f"font-size: {self.theme.px(NORMAL)}px; padding: {self.theme.px(12)}px {self.theme.px(24)}px;"
            )

    def retranslate(self) -> None:
        for widget, key in (
            (self.headline, "headline"),
            (self.words, "words"),
            (self.sample, "sample"),
            (self.open, "open"),
            (self.model, "model"),
            (self.hint, "hint"),
        ):
            widget.setText(t(f"welcome.{key}"))
