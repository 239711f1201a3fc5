"""Panes with several views: the views are parts, of which a switch shows one at a time."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from PySide6.QtCore import QObject, QSize, QTimer
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from engine.messages.envelope import Ended, Request
from gui.i18n import t
from gui.layout import column, row
from gui.pane import Pane, Table
from gui.requests import T
from gui.theme import GAP_M
from gui.widgets.segmented_control import SegmentedControl


class Page(QWidget):
    """A page: its picture, and the controls below it, which a compact tile hides."""

    shown: QWidget
    tools: QWidget


class Part(QObject):
    """One way to use the pane: a page, and the requests for what it shows. Only the page of one part is visible."""

    page: Page
    needs_text: ClassVar[bool] = False  # whether it shows something only for the shared text
    reports_context: ClassVar[bool] = False  # whether it reports how much of the text the model sees
    long_work: ClassVar[tuple[str, ...]] = ()  # slots of requests that are dropped while nobody sees the part

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.pane, self.state = pane, pane.state
        self.interrupted = False  # whether such a request was dropped

    def refresh(self) -> None:
        """Ask for what should be on the page now; called when it is shown, or has another text or model."""

    def on_shown(self) -> None:
        """Draw what arrived while the pane was hidden."""

    def on_left(self) -> None:
        """Drop long work that nobody sees; called when another part or another pane has taken its place.

        It is asked for again, by `refresh`, when the part is next shown.
        """
        for slot in filter(self.pane.asking, self.long_work):
            self.interrupted = True
            self.drop(slot)

    def cancel(self) -> None:
        """Cancel the long work, until the user wants it again; what it should have replaced stays dimmed."""
        for slot in self.long_work:
            self.pane.halt(slot)

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

    def subtitle(self) -> str:
        """Return the text beside the tile's title."""
        return ""

    def act(self, wanted: dict[str, Any]) -> None:
        """Do what a scene asks of the part."""

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


P = TypeVar("P", bound=Part)


class PartsPane(Pane):
    """A pane that shows one of its parts; the switch for them is at its top."""

    PARTS: ClassVar[Mapping[str, type[Part]]]  # by name, in the order of the switch

    def build(self) -> None:
        self.parts = {name: part(self) for name, part in self.PARTS.items()}
        self.mode, self.pages, self.empty = SegmentedControl(tuple(self.PARTS)), QStackedLayout(), self.empty_page()
        for page in (self.empty, *(part.page for part in self.parts.values())):
            self.pages.addWidget(page)
        whole = column(row(self.mode, 1), self.pages, spacing=GAP_M)
        whole.setStretchFactor(self.pages, 1)
        self.body.setLayout(whole)
        self.add_controls(self.mode, *(part.page.tools for part in self.parts.values()))
        self.mode.changed.connect(self._part_chosen)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(lambda: self.part.show_live(), lambda: self.can_show() and self.part.follows_live())

    def _part_chosen(self) -> None:
        """Show another part, without waiting for what the one before has asked for."""
        for part in self.parts.values():
            if part is not self.part:
                part.on_left()
        for slot in self.computes:
            self.drop(slot)
        self._refresh_when_seen()

    @property
    def part(self) -> Part:
        """The part that is shown."""
        return self.parts[self.mode.current]

    def part_of(self, kind: type[P]) -> P:
        """Return the part of this class."""
        return next(part for part in self.parts.values() if isinstance(part, kind))

    def refresh(self) -> None:
        there = self.can_show()
        self.pages.setCurrentWidget(self.part.page if there else self.empty)
        self.explain_empty(self.empty)
        self.adapt_layout()
        self.subtitle_changed.emit()
        if not self.part.reports_context:
            self.report_context(0, 0)
        if there:
            self.part.interrupted = False
            self.part.refresh()

    def can_show(self) -> bool:
        """Return whether the part has what it needs; else a page says what is missing."""
        return self.state.model is not None and (bool(self.state.text) or not self.part.needs_text)

    def on_shown(self) -> None:
        if self.can_show() and self.part.interrupted:
            self.refresh()
        elif self.can_show():
            self.part.on_shown()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        QTimer.singleShot(0, self, self._leave)  # later: a pane that moves to another tile is hidden for a moment

    def _leave(self) -> None:
        if not self.isVisible():
            self.part.on_left()

    def adapt_layout(self) -> None:
        self.part.adapt_layout(self.size())

    def act(self, wanted: dict[str, Any]) -> None:
        """Show the part `mode`, by default the first, and let it do the rest."""
        self.mode.choose(wanted["mode"] if wanted.get("mode") in self.PARTS else next(iter(self.PARTS)))
        self.part.act(wanted)

    def subtitle(self) -> str:
        return self.part.subtitle() if self.can_show() else ""

    def sentence(self) -> str:
        return self.part.sentence() if self.can_show() else ""

    def picture(self) -> QWidget:
        return self.part.page.shown if self.can_show() else self.body

    def table(self) -> Table | None:
        return self.part.table() if self.can_show() else None

    def save(self) -> dict[str, Any]:
        return {"mode": self.mode.current, **{name: part.save() for name, part in self.parts.items()}}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            if isinstance(saved.get(name), dict):
                part.restore(saved[name])
        self.mode.choose(saved["mode"] if saved.get("mode") in self.PARTS else next(iter(self.PARTS)))

    def retranslate(self) -> None:
        labels = {name: t(f"pane.{self.id}.mode.{name}") for name in self.PARTS}
        self.mode.set_labels(labels, t(f"pane.{self.id}.modes"))
        self.explain_empty(self.empty)
        for part in self.parts.values():
            part.retranslate()
        self.subtitle_changed.emit()
