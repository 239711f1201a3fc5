"""The band above the panes at the first start: what Nakami is, and three ways to begin."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QMenu, QPushButton, QSizePolicy

from gui.i18n import t
from gui.layout import column, label, row
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed


class Invitation(Themed, QFrame):
    open_wanted = Signal()
    model_wanted = Signal()

    def __init__(self, examples: QMenu) -> None:
        super().__init__()
        self.setObjectName("notice")
        # Not Fixed: in a narrow window its words need more lines than its size hint has.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.headline, self.words = label("headline", wraps=True), label("content", wraps=True)
        self.examples, self.open, self.model, self.dismiss = (QPushButton() for _ in range(4))
        self.examples.setProperty("primary", True)
        self.examples.setMenu(examples)
        self.examples.setProperty("menu", True)
        self.open.clicked.connect(self.open_wanted)
        self.model.clicked.connect(self.model_wanted)
        self.dismiss.clicked.connect(self.withdraw)
        said = column(self.headline, self.words, spacing=GAP_S)
        parts = (said, self.examples, self.open, self.model, self.dismiss)
        whole = row(*parts, spacing=GAP_M, margins=(GAP_L, GAP_M, GAP_M, GAP_M))
        whole.setStretchFactor(said, 1)
        self.setLayout(whole)
        self.wanted = False  # True until the user has chosen something
        self.hide()
        self.retranslate()

    def withdraw(self) -> None:
        """Hide the invitation until the next start of the program."""
        self.wanted = False
        self.hide()

    def retranslate(self) -> None:
        for widget, key in (
            (self.headline, "headline"),
            (self.words, "words"),
            (self.examples, "examples"),
            (self.open, "open"),
            (self.model, "model"),
            (self.dismiss, "dismiss"),
        ):
            widget.setText(t(f"invitation.{key}"))
