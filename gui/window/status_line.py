"""The line at the bottom of the window: what the engine does, how fast, and which model is open."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from gui.i18n import t
from gui.layout import label
from gui.text import tip
from gui.theme import GAP_L, GAP_S
from gui.themed import Themed


class Dot(Themed, QWidget):
    """A coloured dot for the state of the engine, which a label names beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "muted"
        self.setFixedSize(10, 10)

    def set_color(self, name: str) -> None:
        self.name = name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color(self.name))
        painter.drawEllipse(1, 1, 8, 8)


class StatusLine(Themed, QWidget):
    restart_wanted = Signal()
    take_back_wanted = Signal()  # all changes in the model

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.dot = Dot()
        self.engine = label()
        self.activity = label("muted")
        self.warning = label("warning")
        self.model = label("muted")
        self.restart = QPushButton()
        self.restart.clicked.connect(self.restart_wanted)
        self.restart.hide()
        self.changes = QPushButton()
        self.changes.clicked.connect(self.take_back_wanted)
        self.changes.hide()
        for text in (self.activity, self.model):
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.model.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GAP_L, GAP_S, GAP_L, GAP_S)
        layout.setSpacing(GAP_L)
        for widget, stretch in (
            (self.dot, 0),
            (self.engine, 0),
            (self.restart, 0),
            (self.activity, 3),
            (self.warning, 0),
            (self.changes, 0),
            (self.model, 2),
        ):
            layout.addWidget(widget, stretch)
        self._state, self._doing, self._model = "starting", "", ""
        self.model.installEventFilter(self)
        self.set_warning("")
        self.activity.hide()
        self.restyle()
        self.retranslate()

    def set_engine(self, state: str, doing: str = "") -> None:
        """Show one of "starting", "ready", "training", "paused", "saving", "gone"; or what a ready engine is doing."""
        self._state, self._doing = state, doing if state == "ready" else ""
        colors = {"ready": "good", "training": "accent", "gone": "bad", "paused": "warning"}
        self.dot.set_color("accent" if self._doing else colors.get(state, "muted"))
        self.restart.setVisible(state == "gone")
        self.retranslate()

    def set_activity(self, words: str) -> None:
        if words != self.activity.text():
            self.activity.setText(words)
            self.activity.setVisible(bool(words))  # leave the space to the model's name

    def set_warning(self, words: str) -> None:
        self.warning.setText(words)
        self.warning.setVisible(bool(words))

    def set_changes(self, words: str, explained: str = "") -> None:
        """Show the button that takes back what is changed in the model, or hide it if there is nothing."""
        self.changes.setText(words)
        self.changes.setToolTip(tip(explained))
        self.changes.setVisible(bool(words))

    def set_model(self, words: str, explained: str = "") -> None:
        """Show the model; on hover, the words without a cut, or what is `explained`."""
        self._model = words
        self.model.setToolTip(tip(explained or words))
        self._elide()

    def _elide(self) -> None:
        """Shorten the model's name with an ellipsis where there is no room."""
        metrics = self.model.fontMetrics()
        self.model.setText(metrics.elidedText(self._model, Qt.TextElideMode.ElideRight, self.model.width()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._elide()
        return super().eventFilter(watched, event)

    def restyle(self) -> None:
        self.set_engine(self._state, self._doing)

    def retranslate(self) -> None:
        self.engine.setText(self._doing or t(f"status.{self._state}"))
        self.restart.setText(t("status.restart"))
