"""The page before a run: text, settings, estimated cost, and buttons to start or continue one."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from gui.i18n import t
from gui.layout import column, label, row, stack
from gui.panes.training.run_form import RunForm
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.encoding_button import EncodingButton


class AsTallAsNeeded(QScrollArea):
    """A scroll area that is as tall as its content where there is room for it."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.inside = inside
        self.setWidget(inside)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:
        inside = self.inside
        width = max(self.viewport().width(), 1)
        tall = inside.heightForWidth(width) if inside.hasHeightForWidth() else inside.sizeHint().height()
        return QSize(inside.sizeHint().width(), tall)

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


class StartPage(Themed, QWidget):
    """The page before a run. The pane sets which buttons are shown, see `show_buttons`."""

    start_wanted = Signal()
    continue_wanted = Signal()
    open_wanted = Signal()
    sample_wanted = Signal()
    back_wanted = Signal()
    cancel_wanted = Signal()  # while a run is being prepared

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline, self.about, self.estimate = label("headline", True), label("muted", True), label("muted", True)
        self.encoding, self.form = EncodingButton(), RunForm()
        self.preparing, self.bar = label(), QProgressBar()
        self.bar.setTextVisible(False)
        about = row(self.about, self.encoding, 1, spacing=GAP_M)
        content = (self.headline, about, self.form, self.estimate, self.preparing, self.bar)
        inside = QWidget()
        inside.setLayout(column(*content, 1, spacing=GAP_M, margins=(0, GAP_S, GAP_M, 0)))
        self.above = AsTallAsNeeded(inside)
        stack(self, self.above, self._build_buttons(), 1, spacing=GAP_L)  # the buttons are outside the scroll area
        self.set_preparing("", None)
        self.restyle()
        self.retranslate()

    def _build_buttons(self) -> QBoxLayout:
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
        self.row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.setSpacing(GAP_M)
        for button, signal in self.buttons.items():
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def show_buttons(self, shown: set[QPushButton]) -> None:
        # Show before hiding: a hidden button passes its focus to a visible one, or out of the tile if there is none.
        for button in sorted(self.buttons, key=lambda button: button not in shown):
            button.setVisible(button in shown)
        self._arrange()

    def _arrange(self) -> None:
        """Arrange the buttons side by side, or below each other where their labels need it."""
        shown = [button for button in self.buttons if not button.isHidden()]
        needed = sum(button.sizeHint().width() + GAP_M for button in shown)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        narrow = needed > self.width() + GAP_M
        self.row.setDirection(down if narrow else across)
        tall = sum(button.sizeHint().height() + GAP_M for button in shown)
        self.above.setVisible(not narrow or self.height() > 2 * tall)  # less than a line would not be legible

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def set_preparing(self, words: str, fraction: float | None) -> None:
        """Show the preparation of a run and its progress, 0..1 or None if unknown; `words` = "" hides both."""
        self.preparing.setVisible(bool(words))
        self.bar.setVisible(bool(words))
        self.preparing.setText(words)
        self.bar.setRange(0, 1000 if fraction is not None else 0)  # (0, 0) shows a busy indicator
        self.bar.setValue(round(1000 * (fraction or 0.0)))

    def retranslate(self) -> None:
        self.start_button.setText(t("pane.training.start"))
        self.continue_button.setText(t("pane.training.continue"))
        self.cancel_button.setText(t("pane.training.cancel"))
        self.back_button.setText(t("pane.training.back"))
        self.open_button.setText(t("action.open_text"))
        self.sample_button.setText(t("action.sample"))
        self.bar.setAccessibleName(t("pane.training.progress"))
        self._arrange()

    def restyle(self) -> None:
        self._arrange()
