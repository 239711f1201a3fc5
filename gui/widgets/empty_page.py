"""The page of a pane that has nothing to show: what to do next, with a button that does it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.layout import label, row
from gui.theme import GAP_L, GAP_M


class EmptyPage(QWidget):
    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.headline, self.words = label("headline", wraps=True), label("muted", wraps=True)
        self.button = QPushButton()
        self.button.setProperty("primary", True)
        self.button.clicked.connect(self.pressed)
        column = QVBoxLayout(self)
        column.setSpacing(GAP_M)
        column.addStretch(2)
        for text in (self.headline, self.words):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(text)
        column.addSpacing(GAP_L)
        self._buttons = row(1, self.button, 1, spacing=GAP_M)
        column.addLayout(self._buttons)
        column.addStretch(3)

    def add_button(self) -> QPushButton:
        """Add a button in front of the others."""
        button = QPushButton()
        self._buttons.insertWidget(self._buttons.indexOf(self.button), button)
        return button

    def set_words(self, headline: str, words: str, button: str = "") -> None:
        """Set the headline, the words below it and the button's label; without a label the button is hidden."""
        self.headline.setText(headline)
        self.headline.setVisible(bool(headline))
        self.words.setText(words)
        self.button.setText(button)
        self.button.setVisible(bool(button))
