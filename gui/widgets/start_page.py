"""Before a run: the text, the presets, what they would cost, and the buttons that begin."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gui.i18n import t
from gui.theme import GAP_L, GAP_M, GAP_S, Theme
from gui.widgets.run_form import RunForm


class StartPage(QScrollArea):
    """Which of the buttons make sense is the pane's to say."""

    start_wanted = Signal()
    continue_wanted = Signal()
    open_wanted = Signal()
    sample_wanted = Signal()
    back_wanted = Signal()
    cancel_wanted = Signal()  # while a run is being prepared

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline, self.about, self.estimate = QLabel(), QLabel(), QLabel()
        self.headline.setProperty("role", "headline")
        for label in (self.headline, self.about, self.estimate):
            label.setWordWrap(True)
        for label in (self.about, self.estimate):
            label.setProperty("role", "muted")
        self.form = RunForm()
        self.preparing, self.bar = QLabel(), QProgressBar(textVisible=False)
        self.start_button, self.continue_button, self.cancel_button = QPushButton(), QPushButton(), QPushButton()
        self.open_button, self.sample_button, self.back_button = QPushButton(), QPushButton(), QPushButton()
        self.start_button.setProperty("primary", True)
        self.buttons = {
            self.start_button: self.start_wanted,
            self.cancel_button: self.cancel_wanted,
            self.continue_button: self.continue_wanted,
            self.sample_button: self.sample_wanted,
            self.open_button: self.open_wanted,
            self.back_button: self.back_wanted,
        }
        row = QHBoxLayout()
        row.setSpacing(GAP_M)
        for button, signal in self.buttons.items():
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, GAP_S, GAP_M, 0)
        column.setSpacing(GAP_M)
        for widget in (self.headline, self.about, self.form, self.estimate, self.preparing, self.bar):
            column.addWidget(widget)
        column.addSpacing(GAP_S)
        column.addLayout(row)
        column.addStretch(1)
        column.setSpacing(GAP_L)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        self.set_preparing("", None)

    def show_buttons(self, shown: set[QPushButton]) -> None:
        for button in self.buttons:
            button.setVisible(button in shown)

    def set_preparing(self, words: str, fraction: float | None) -> None:
        """What is being done before the first step, and how far it has come; "" for nothing."""
        self.preparing.setVisible(bool(words))
        self.bar.setVisible(bool(words))
        self.form.setEnabled(not words)
        self.preparing.setText(words)
        self.bar.setRange(0, 1000 if fraction is not None else 0)  # a range of nothing moves to and fro
        self.bar.setValue(round(1000 * (fraction or 0.0)))

    def retranslate(self) -> None:
        self.start_button.setText(t("pane.training.start"))
        self.continue_button.setText(t("pane.training.continue"))
        self.cancel_button.setText(t("pane.training.cancel"))
        self.back_button.setText(t("pane.training.back"))
        self.open_button.setText(t("action.open_text"))
        self.sample_button.setText(t("action.sample"))
        self.bar.setAccessibleName(t("pane.training.progress"))
        self.form.retranslate()

    def restyle(self, theme: Theme) -> None:
        self.form.restyle(theme)
