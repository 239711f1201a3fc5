"""A line above a pane's content for failures and notices. It never blocks the pane."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QMessageBox, QPushButton, QSizePolicy, QWidget

from engine.messages.envelope import Arguments, Ended
from engine.messages.status import Notice
from gui.dialogs import prepare
from gui.i18n import t
from gui.layout import label, row, set_property
from gui.text import shown_name, tip
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed

BAD = "bad"  # the level of a failure


@dataclass(frozen=True)
class Message:
    """A sentence of assets/i18n, by its key."""

    key: str
    level: str = "info"
    arguments: Arguments = field(default_factory=dict)
    detail: str = ""
    offer: str = ""  # the key of a button's label
    accept: Callable[[], object] | None = None  # what the button does

    def words(self) -> str:
        """Return the sentence, with short names: a failure names a file without its folder."""
        return self._sentence(lambda name: shown_name(Path(name).name if self.level == BAD and is_path(name) else name))

    def full_words(self) -> str:
        """Return the sentence with whole names and paths."""
        return self._sentence(str)

    def offer_words(self) -> str:
        """Return the label of the button with what can be done about it, or "" if there is none."""
        return t(self.offer, **self.arguments) if self.offer else ""

    def _sentence(self, shown: Callable[[str], str]) -> str:
        return t(self.key, **{name: shown(a) if isinstance(a, str) else a for name, a in self.arguments.items()})


def is_path(name: str) -> bool:
    """Return whether a name is the absolute path of a file or folder, on this system."""
    return Path(name).is_absolute() and Path(name).name != ""


class MessageBar(Themed, QFrame):
    """Shows one message at a time: the newest failure, or else the newest notice. The others are shown after it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.label = label(wraps=True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.label.setMinimumWidth(1)  # a long name without spaces must not widen the window
        self.offer, self.details = QPushButton(), QPushButton()
        self.offer.clicked.connect(self._accept)
        self.details.clicked.connect(self._show_details)
        self.dismiss = QPushButton()
        self.dismiss.clicked.connect(self._dismiss)
        parts = row(
            self.label, self.offer, self.details, self.dismiss, spacing=GAP_M, margins=(GAP_L, GAP_S, GAP_M, GAP_S)
        )
        parts.setStretchFactor(self.label, 1)
        self.setLayout(parts)
        self._messages: list[Message] = []  # the oldest first
        self.hide()
        self.retranslate()

    @property
    def current(self) -> Message | None:
        """The message on screen."""
        failures = [message for message in self._messages if message.level == BAD]
        return next(reversed(failures or self._messages), None)

    @property
    def failed(self) -> bool:
        """True while the message on screen is a failure."""
        return self.current is not None and self.current.level == BAD

    def show_failure(self, end: Ended) -> None:
        self._add(Message(end.key, BAD, dict(end.arguments), end.detail))

    def show_notice(self, notice: Notice) -> None:
        self._add(Message(notice.key, arguments=dict(notice.arguments)))

    def show_key(self, key: str, level: str = "info", **arguments: str | int | float) -> None:
        self._add(Message(key, level, arguments))

    def show_offer(self, key: str, offer: str, accept: Callable[[], object], **arguments: str | int | float) -> None:
        """Show a notice with a button, whose label is the sentence `offer`; both may use the arguments."""
        self._add(Message(key, arguments=arguments, offer=offer, accept=accept))

    def clear(self) -> None:
        """Remove every message."""
        self._keep([])

    def clear_failures(self) -> None:
        """Remove the failures, because a new attempt has succeeded."""
        self._keep([message for message in self._messages if message.level != BAD])

    def withdraw(self, prefix: str) -> None:
        """Remove the messages whose key begins with `prefix`."""
        self._keep([message for message in self._messages if not message.key.startswith(prefix)])

    def retranslate(self) -> None:
        if self.current is not None:
            self.label.setText(self.current.words())
            full = self.current.full_words()
            self.label.setToolTip(tip(full if full != self.label.text() else ""))
            self.offer.setText(self.current.offer_words())
            self.details.setText(t("message.details"))
            self.dismiss.setText(t("message.dismiss"))

    def _add(self, message: Message) -> None:
        """Add a message; it replaces an older one with the same key."""
        self._keep([*(old for old in self._messages if old.key != message.key), message])

    def _dismiss(self) -> None:
        self._keep([message for message in self._messages if message is not self.current])

    def _keep(self, messages: list[Message]) -> None:
        self._messages = messages
        current = self.current
        if current is not None:
            set_property(self, "level", current.level)
            self.details.setVisible(bool(current.detail))
            self.offer.setVisible(bool(current.offer))
            self.retranslate()
        self.setVisible(current is not None)

    def _accept(self) -> None:
        current = self.current
        self._dismiss()
        if current is not None and current.accept is not None:
            current.accept()

    def _show_details(self) -> None:
        current = self.current
        if current is None:
            return
        box = prepare(QMessageBox(self), t("message.details"))
        box.setText(current.words())
        box.setDetailedText(current.detail)
        box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        box.open()
