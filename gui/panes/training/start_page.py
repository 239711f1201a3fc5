"""Before a run: the text, the presets, what they would cost, and the buttons that begin."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.i18n import t
from gui.panes.training.run_form import RunForm
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed


class AsTallAsNeeded(QScrollArea):
    """Scrolls only what finds no room."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__(widgetResizable=True)
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
        row = self._build_buttons()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, GAP_S, GAP_M, 0)
        column.setSpacing(GAP_M)
        for widget in (self.headline, self.about, self.form, self.estimate, self.preparing, self.bar):
            column.addWidget(widget)
        column.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(GAP_L)
        self.above = AsTallAsNeeded(inside)
        page.addWidget(self.above)
        page.addLayout(row)  # always in sight, however small the tile is
        page.addStretch(1)
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
        # First what comes, then what goes: the keys of a button that is hidden go on to one that is there,
        # and would leave the tile if there were none.
        for button in sorted(self.buttons, key=lambda button: button not in shown):
            button.setVisible(button in shown)
        self._arrange()

    def _arrange(self) -> None:
        """Side by side, or below each other where that would cut their words."""
        shown = [button for button in self.buttons if not button.isHidden()]
        needed = sum(button.sizeHint().width() + GAP_M for button in shown)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        narrow = needed > self.width() + GAP_M
        self.row.setDirection(down if narrow else across)
        tall = sum(button.sizeHint().height() + GAP_M for button in shown)
        self.above.setVisible(not narrow or self.height() > 2 * tall)  # half a line of words says nothing

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def set_preparing(self, words: str, fraction: float | None) -> None:
        """What is being done before the first step, and how far it has come; "" for nothing."""
        self.preparing.setVisible(bool(words))
        self.bar.setVisible(bool(words))
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
        self._arrange()

    def restyle(self) -> None:
        self._arrange()
