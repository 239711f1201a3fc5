"""The page of a pane without content: an explanation, and a button for the next step."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from gui.layout import column, label, row
from gui.theme import GAP_L, GAP_M


class EmptyPage(QWidget):
    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.headline, self.words = label("content-huge", wraps=True), label("content-large", wraps=True)
        self.button = QPushButton()
        self.button.setProperty("primary", True)
        self.button.clicked.connect(self.pressed)
        self.headline.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._buttons = row(1, self.button, 1, spacing=GAP_M)
        middle = column(self.headline, self.words, spacing=GAP_M)
        self.setLayout(column(2, middle, self._buttons, 3, spacing=GAP_M + GAP_L, margins=(GAP_M,) * 4))

    def add_button(self) -> QPushButton:
        """Add a button to the left of the main button."""
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
