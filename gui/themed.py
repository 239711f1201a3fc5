"""Mixins for objects that adapt to the program's theme and language by themselves."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from gui import theme
from gui.theme import Theme

THEME_CHANGE = QEvent.Type(QEvent.registerEventType())

if TYPE_CHECKING:
    Base = QWidget
    ObjectBase = QObject
else:
    Base = ObjectBase = object


class Themed(Base):
    """Mixin for widgets: calls `restyle` when the theme has changed and `retranslate` when the language has.

    It comes before the Qt class: `class Rail(Themed, QWidget)`. A widget that overrides one of the two calls it
    at the end of its own __init__.
    """

    @property
    def theme(self) -> Theme:
        """The program's theme."""
        return theme.current()

    @property
    def content(self) -> Theme:
        """The program's theme with the zoom of the content."""
        return theme.current().content

    def restyle(self) -> None:
        """Apply the theme, as far as style sheet and palette do not suffice."""

    def retranslate(self) -> None:
        """Set all text in the program's language."""

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def customEvent(self, event: QEvent) -> None:
        super().customEvent(event)
        if event.type() == THEME_CHANGE:
            self.restyle()


class Translated(ObjectBase):
    """Mixin for a QObject whose parent is a widget: calls `retranslate` when the language has changed."""

    def retranslate(self) -> None:
        """Set all text in the program's language."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        return super().event(event)


def apply(app: QApplication, chosen: Theme) -> None:
    """Set the theme of the whole program."""
    theme.apply(app, chosen)
    for widget in app.allWidgets():
        QCoreApplication.sendEvent(widget, QEvent(THEME_CHANGE))
