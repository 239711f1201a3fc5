"""The base of every pane: it asks the engine, shows what comes back, and knows nothing of threads.

A pane is one file in gui/panes and one line in its table. It overrides `build` and `retranslate`, and
as needed `refresh`, `catch_up`, `fold`, `restyle`, `save`, `restore`, `show_example`, `subtitle`, `table`. Its words
lie under "pane.ID.".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from PySide6.QtCore import QTimer, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.messages.envelope import Ended, Request
from engine.messages.scenes import Example
from gui.engine_link import EngineLink, Job
from gui.i18n import t
from gui.requests import Requests, T
from gui.settings import Settings
from gui.state import AppState
from gui.themed import Themed
from gui.widgets.empty_page import EmptyPage
from gui.widgets.message_bar import MessageBar


@dataclass(frozen=True)
class PaneContext:
    """All that a pane may reach. There is nothing global to look anything up in."""

    state: AppState
    engine: EngineLink
    settings: Settings


@dataclass(frozen=True)
class Table:
    """What a pane shows, as numbers: for "save as CSV" and "copy"."""

    header: tuple[str, ...]
    rows: list[tuple[object, ...]]


class Pane(Themed, QWidget):
    id: ClassVar[str]
    icon: ClassVar[str]  # assets/icons/ICON.svg

    subtitle_changed = Signal()
    pane_wanted = Signal(str)  # "please show the pane with this id"
    open_wanted = Signal()  # "please let the user choose a text or model"
    model_wanted = Signal(str)  # "please open the model in this folder"
    sample_wanted = Signal()  # "please open the text that Nakami brings"

    def __init__(self, context: PaneContext) -> None:
        super().__init__()
        self.state = context.state
        self.engine = context.engine
        self.settings = context.settings
        self.shelf: QWidget | None = None  # whose child it is while no tile shows it, so that it goes with the window
        self._stale = True
        self.body = QWidget()
        self.messages = MessageBar()
        self._requests = Requests(context.engine, self.messages.show_failure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(self.body, 1)
        self.build()
        self.restyle()
        self.retranslate()

    # --- What a pane overrides -------------------------------------------------------------------

    def build(self) -> None:
        """Makes the widgets, inside `self.body`. Called once."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Asks the engine for what should be on screen now."""

    def catch_up(self) -> None:
        """Shown again, with nothing to ask anew: draws what arrived or was selected while it was hidden."""

    def fold(self) -> None:
        """Shows what there is room for; after every change of size."""

    def save(self) -> dict[str, Any]:
        """What this pane remembers until the next start; JSON values only."""
        return {}

    def restore(self, saved: dict[str, Any]) -> None:
        """The inverse of `save`; anything may be missing or wrong."""

    def show_example(self, example: Example) -> None:
        """Makes its own choices so that an example can be seen; text and selection are set already."""

    def subtitle(self) -> str:
        """The quiet words beside the title: what is being shown."""
        return ""

    def table(self) -> Table | None:
        """What is shown, as a table, or None if there is nothing to save."""
        return None

    # --- What the base does ----------------------------------------------------------------------

    def empty_page(self) -> EmptyPage:
        """For a pane that has nothing to show without a model and a text; its words come by `explain_empty`."""
        page = EmptyPage()
        page.pressed.connect(lambda: self.pane_wanted.emit("training"))
        self.state.opening_changed.connect(lambda: self.explain_empty(page))
        return page

    def explain_empty(self, page: EmptyPage) -> None:
        """Says what is missing and what to do about it, and what will be seen then."""
        state, headline, button = self.state, "", ""
        if state.model is None and state.opening:
            headline = t("pane.opening")
        elif state.model is None:
            headline, button = t("pane.no_model"), t("pane.train")
        elif not state.text:
            headline = t("pane.no_text")
        page.set_words(headline, t(f"pane.{self.id}.empty"), button)

    def ask(
        self,
        request: Request[T],
        show: Callable[[T], None],
        slot: str = "",
        ended: Callable[[Ended], None] | None = None,
    ) -> Job:
        """Sends a request; `show` gets every event. The newest question in a slot cancels the one before.

        The slot is the kind of request unless named. A failure is shown in the message bar; `ended` is
        called after that with how the job ended.
        """
        return self._requests.ask(request, show, slot or type(request).__name__, ended)

    def drop(self, slot: str) -> None:
        """Cancels what runs in a slot; nothing of it is shown any more."""
        self._requests.drop(slot)

    def asking(self, slot: str | None = None) -> bool:
        """Whether a question in this slot, or any at all, is still being answered."""
        return self._requests.asking(slot)

    def follow(self, *signals: SignalInstance) -> None:
        """`refresh` when one of them is emitted: at once if visible, else when the pane is next shown."""
        for signal in signals:
            signal.connect(self._refresh_when_seen)

    def _refresh_when_seen(self) -> None:
        if self.isVisible():
            self._stale = False
            self.refresh()
        else:
            self._stale = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self.fold)  # not at once: what it hides or shows changes sizes in the middle of this

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self.refresh()
        else:
            self.catch_up()

    def engine_returned(self) -> None:
        """A new engine is there: whatever was shown may be asked for again."""
        self._refresh_when_seen()

    def close_jobs(self) -> None:
        self._requests.close()
