"""The base class of the parts of the Generation pane: writing, and scoring a text."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QSize
from PySide6.QtWidgets import QWidget

from engine.messages.envelope import Ended, Request
from gui.pane import Pane, Table
from gui.requests import T


class Page(QWidget):
    """A page: its picture, and the controls below it, which a compact tile hides."""

    shown: QWidget
    tools: QWidget


class Part(QObject):
    """One way to use the pane: a page, and the requests for what it shows. Only the page of one part is visible."""

    page: Page

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.pane, self.state = pane, pane.state

    def refresh(self) -> None:
        """Ask for what should be on the page now; called when it is shown, or has another text or model."""

    def on_shown(self) -> None:
        """Draw what arrived while the pane was hidden."""

    def show_live(self) -> None:
        """Show the new weights of a model in training."""

    def follows_live(self) -> bool:
        """Return whether training may change the page now."""
        return True

    def adapt_layout(self, room: QSize) -> None:
        """Show the widgets that there is room for."""

    def sentence(self) -> str:
        """Return what the page shows and where to look, in one sentence."""
        return ""

    def table(self) -> Table | None:
        """Return what is shown as a table, or None."""
        return None

    def save(self) -> dict[str, Any]:
        """Return what is kept until the next start."""
        return {}

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; missing and wrong values are ignored."""

    def retranslate(self) -> None:
        """Set all text in the program's language."""

    def ask(
        self,
        request: Request[T],
        show: Callable[[T], None],
        slot: str = "",
        ended: Callable[[Ended], None] | None = None,
    ) -> None:
        """Send a request, as Pane.ask does."""
        self.pane.ask(request, show, slot, ended)

    def drop(self, slot: str) -> None:
        self.pane.drop(slot)
