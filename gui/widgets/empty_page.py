"""What a pane says while it has nothing to show: what to do next, with the button that does it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

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
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def set_words(self, headline: str, words: str, button: str = "") -> None:
        """An empty `button` is one that would not help."""
        self.headline.setText(headline)
        self.headline.setVisible(bool(headline))
        self.words.setText(words)
        self.button.setText(button)
        self.button.setVisible(bool(button))
