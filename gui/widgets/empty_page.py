"""The page of a pane that has nothing to show: what to do next, with a button that does it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.theme import GAP_L, GAP_M


class EmptyPage(QWidget):
    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.headline, self.words, self.button = QLabel(), QLabel(), QPushButton()
        self.headline.setProperty("role", "headline")
        self.words.setProperty("role", "muted")
        self.button.setProperty("primary", True)
        self.button.clicked.connect(self.pressed)
        column = QVBoxLayout(self)
        column.setSpacing(GAP_M)
        column.addStretch(2)
        for label in (self.headline, self.words):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addSpacing(GAP_L)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GAP_M)
        self._buttons.addStretch(1)
        self._buttons.addWidget(self.button)
        self._buttons.addStretch(1)
        column.addLayout(self._buttons)
        column.addStretch(3)

    def add_button(self) -> QPushButton:
        """Add a button in front of the others."""
        button = QPushButton()
        self._buttons.insertWidget(self._buttons.indexOf(self.button), button)
        return button

    def set_words(self, headline: str, words: str, button: str = "") -> None:
        """Set headline, words and the button's label; without a label there is no button."""
        self.headline.setText(headline)
        self.headline.setVisible(bool(headline))
        self.words.setText(words)
        self.button.setText(button)
        self.button.setVisible(bool(button))
