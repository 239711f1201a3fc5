"""The base class of every pane: it sends requests to the engine and shows the answers, without threads of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import QEvent, QRect, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QEnterEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QWidget

from engine.messages.envelope import Ended, Request
from engine.messages.status import LayersDone
from engine.messages.tokens import Tokenize
from gui.doing import Report, doing
from gui.engine_link import EngineLink, Job
from gui.i18n import t
from gui.layout import stack, tab_stops, timer
from gui.requests import Requests, T
from gui.run_controller import RunController
from gui.settings import Settings
from gui.state import AppState
from gui.themed import THEME_CHANGE, Themed
from gui.tuner import Tuner
from gui.widgets.empty_page import EmptyPage
from gui.widgets.entries import prepare_entries
from gui.widgets.message_bar import MessageBar
from gui.widgets.veil import Veil

LIVE_MS = 3500  # while a model is trained, a pane shows its new weights at most this often


@dataclass(frozen=True)
class PaneContext:
    """The objects that a pane uses; there are no global ones."""

    state: AppState
    engine: EngineLink
    settings: Settings
    runs: RunController
    tuner: Tuner


@dataclass(frozen=True)
class Table:
    """The content of a pane as a table, for "save as CSV" and "copy"."""

    header: tuple[str, ...]
    rows: list[tuple[object, ...]]


class Pane(Themed, QWidget):
    """One view of the model, in a tile of the workspace.

    To add a pane, make the package gui/panes/ID with a subclass in pane.py, add its line to gui/panes/__init__.py,
    its icon assets/icons/ID.svg and its sentences, whose keys begin with "pane.ID.".

    A subclass overrides `build` (its widgets, inside `self.body`) and `retranslate`, and as needed

    - `refresh` to ask the engine for what it shows, `on_shown` to draw what arrived while it was hidden;
      `follow` and `follow_live` say when,
    - `adapt_layout` and `restyle` for changes of size and theme,
    - `save` and `restore` for what it keeps between starts, `act` for what a scene makes it do,
    - `subtitle` and `sentence` for the tile's title and the line below it,
    - `picture` and `table` for its export.

    Its buttons, sliders and the like are registered by `add_controls`.
    """

    id: ClassVar[str]
    computes: ClassVar[tuple[str, ...]] = ()  # slots whose answers replace what is shown; it is dimmed until they come
    shows_tokens: ClassVar[bool] = False  # whether it shows the shared tokens, and is dimmed until they are new

    subtitle_changed = Signal()  # or the sentence
    pane_wanted = Signal(str)  # show the pane with this id
    pane_opened = Signal(str, QRect)  # the same; it grows from this part of the pane
    view_wanted = Signal(str, dict)  # the same, and let it `act` on this
    open_wanted = Signal()  # let the user choose a text or model
    model_wanted = Signal(str)  # open the model in this folder
    sample_wanted = Signal()  # open the built-in text
    encoding_chosen = Signal(str)  # read the text to train on in this encoding; "" for the detected one

    def __init__(self, context: PaneContext) -> None:
        super().__init__()
        self.state = context.state
        self.engine = context.engine
        self.settings = context.settings
        self.runs, self.tuner = context.runs, context.tuner
        self.hidden_parent: QWidget | None = (
            None  # parent while no tile shows the pane, so that Qt deletes it with the window
        )
        self._stale = True
        self._live: Callable[[], None] | None = None
        self._live_wanted: Callable[[], bool] = lambda: True
        self._live_missed = False  # the weights changed while the pane was hidden
        self._in_live = False  # True while requests are sent only because training goes on
        self._awaited: set[str] = set()  # the slots of `computes` without whose answers the pane is out of date
        self._live_pause = timer(self, LIVE_MS, single_shot=True)
        self._controls: list[QWidget] = []
        self.compact = False  # True while there is only room for the picture, without controls
        self._reported = (0, 0, 0)  # the tokens seen, those of the text, and the context
        self.body = QWidget()
        self.messages = MessageBar()
        self._requests = Requests(context.engine, self._show_failure)
        stack(self, self.messages, self.body).setStretch(1, 1)
        self.veil = Veil(self.body)
        self.state.text_changed.connect(self._withdraw_cut)
        if self.shows_tokens:
            for signal in (self.state.text_changed, self.state.model_changed):
                signal.connect(self._await_tokens)
        self.build()
        if self.shows_tokens:  # after the signal has drawn the new ones
            self.state.tokens_changed.connect(partial(self.settle, "tokens"))
        prepare_entries(self)
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]
        self.restyle()
        self.retranslate()

    def _show_failure(self, end: Ended) -> None:
        model = self.state.model
        if end.key == "error.device_full" and model is not None:  # the engine has moved the model
            self.state.set_model(replace(model, device="cpu"))
        self.messages.show_failure(end)

    # --- For subclasses to override --------------------------------------------------------------

    def build(self) -> None:
        """Make the widgets, inside `self.body`. Called once."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Ask the engine for what should be on screen now."""

    def on_shown(self) -> None:
        """Draw what arrived or was selected while the pane was hidden. Called when it is shown and nothing is stale."""

    def adapt_layout(self) -> None:
        """Show the widgets that there is room for. Called after every change of size."""

    def save(self) -> dict[str, Any]:
        """Return what the pane keeps until the next start, as JSON values."""
        return {}

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; missing and wrong values are ignored."""

    def act(self, wanted: dict[str, Any]) -> None:
        """Do what a scene asks of the pane, after its text and selection are set and `restore` was called."""

    def subtitle(self) -> str:
        """Return the text beside the tile's title: what is being shown."""
        return ""

    def sentence(self) -> str:
        """Return one sentence computed from what is shown: what it is, and where to look. "" if nothing is shown."""
        return ""

    def picture(self) -> QWidget:
        """Return the widget that is copied and saved as a picture."""
        return self.body

    def table(self) -> Table | None:
        """Return what is shown as a table, or None if there is nothing to save."""
        return None

    # --- For subclasses to call ------------------------------------------------------------------

    def add_controls(self, *widgets: QWidget) -> None:
        """Show these widgets in a compact pane only while the mouse or the keyboard focus is in it.

        The pane must not show or hide them otherwise; put what it does into a widget of their own.
        """
        self._controls += widgets

    def empty_page(self) -> EmptyPage:
        """Return a page to show while there is no model or text; `explain_empty` sets its text."""
        page = EmptyPage()
        page.pressed.connect(lambda: self.pane_wanted.emit("training"))
        self.state.opening_changed.connect(lambda: self.explain_empty(page))
        return page

    def explain_empty(self, page: EmptyPage) -> None:
        """Set the page's text: what is missing, what to do about it, and what the pane will show then."""
        state, headline, button = self.state, "", ""
        if state.model is None and state.opening:
            headline = t("pane.opening")
        elif state.model is None:
            headline, button = t("pane.no_model"), t("pane.train")
        elif not state.text:
            headline = t("pane.no_text")
        page.set_words(headline, self.promise(), button)

    def promise(self) -> str:
        """Return what the pane will show once there is a model or text."""
        return t(f"pane.{self.id}.empty")

    def ask(
        self,
        request: Request[T],
        show: Callable[[T], None],
        slot: str = "",
        ended: Callable[[Ended], None] | None = None,
    ) -> Job:
        """Send a request and call `show` with each answer. A new request in a slot cancels the one before.

        The default slot is the name of the request's class. A failure is shown in the message bar; after that
        `ended` is called with how the job ended.
        """
        slot = slot or type(request).__name__
        if slot not in self.computes:
            return self._requests.ask(request, show, slot, ended)
        if not self._in_live:
            self._awaited.add(slot)
            self.veil.announce(partial(doing, request))

        def end(outcome: Ended) -> None:
            if outcome.outcome == "done":
                self.settle(slot)
            else:
                self.veil.halt()
            if ended is not None:
                ended(outcome)

        return self._requests.ask(request, show, slot, end, partial(self._report, request))

    def _report(self, request: Request[Any], report: Report) -> None:
        """Show how far a request is."""
        share = report.done / report.layers if isinstance(report, LayersDone) else report.fraction
        self.veil.report(partial(doing, request, report), share)

    def _await_tokens(self) -> None:
        if self.state.model is not None:  # Tokenizing sends the request
            self._awaited.add("tokens")
            self.veil.announce(partial(doing, Tokenize(self.state.text)))

    def settle(self, slot: str) -> None:
        """Lift the veil, unless other answers are awaited: what this slot computes is shown, or not wanted any more."""
        self._awaited.discard(slot)
        if not self._awaited:
            self.veil.lift()

    def report_context(self, seen: int, tokens: int) -> None:
        """Show a notice if the model sees only the last tokens of the text here, once for each length of the text."""
        context = self.state.model.context if self.state.model is not None else 0
        if (seen, tokens, context) != self._reported:
            self._reported = seen, tokens, context
            self.messages.withdraw("notice.text_cut")
            if seen < tokens:
                self.messages.show_key("notice.text_cut", seen=seen, tokens=tokens, context=context)

    def _withdraw_cut(self) -> None:
        """Withdraw the notice of a cut text where there is none any more."""
        if not self.state.text:
            self.report_context(0, 0)

    def drop(self, slot: str) -> None:
        """Cancel the request in a slot; later answers to it are ignored."""
        self.settle(slot)
        self._requests.drop(slot)

    def halt(self, slot: str) -> None:
        """Cancel the request in a slot as the user wants; what its answer should have replaced stays dimmed."""
        self._requests.drop(slot)
        if slot in self._awaited:
            self.veil.halt()

    def asking(self, slot: str | None = None) -> bool:
        """Return whether a request in this slot, or in any, is still being answered."""
        return self._requests.asking(slot)

    def follow(self, *signals: SignalInstance) -> None:
        """Call `refresh` when one of the signals is emitted: at once if visible, else when the pane is next shown."""
        for signal in signals:
            signal.connect(self._refresh_when_seen)

    def _refresh_when_seen(self) -> None:
        if self.isVisible():
            self._stale = False
            self.refresh()
        else:
            self._stale = True

    def follow_live(self, show: Callable[[], None], wanted: Callable[[], bool] = lambda: True) -> None:
        """Call `show` when training has changed the open model's weights, if `wanted` returns True.

        At most every LIVE_MS while training goes on, and always with the weights at its end. A hidden pane shows
        them when it is next shown.
        """
        self._live, self._live_wanted = show, wanted
        self.state.weights_changed.connect(self._weights_changed)

    def _weights_changed(self) -> None:
        if not self.isVisible():
            self._live_missed = True
        elif not (self.state.training and self._live_pause.isActive()) and self._live_wanted():
            self._show_live()

    def _show_live(self) -> None:
        self._live_missed = False
        self._live_pause.start()
        if self._live is not None:
            self._in_live = self.state.training  # what is shown belongs to the present text and model, and is recent
            self._live()
            self._in_live = False

    def set_compact(self, compact: bool) -> None:
        """Adapt to a tile that has only room for the picture, or to one that has more."""
        if compact != self.compact:
            self.compact = compact
            self.show_controls()
            QTimer.singleShot(0, self, self.adapt_layout)

    def take_focus(self) -> None:
        """Put the keyboard into the pane: into its picture, or else its first control that is not a text field.

        In a text field, the keys that show other panes would be typed.
        """
        picture = self.picture()
        self.show_controls(wanted=True)
        stops = [widget for widget in tab_stops(self.body) if widget.isVisible()]
        chosen = next((w for w in stops if w is picture or picture.isAncestorOf(w)), next(iter(stops), self))
        chosen.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_controls(self, wanted: bool = False) -> None:
        """Show the controls, or hide them in a compact pane that neither mouse nor keyboard is in."""
        shown = wanted or not self.compact or self.underMouse() or self._has_keyboard()
        for widget in self._controls:
            widget.setVisible(shown)

    def _has_keyboard(self) -> bool:
        focused = QApplication.focusWidget()
        return focused is self or (focused is not None and self.isAncestorOf(focused))

    def _focus_moved(self) -> None:
        if self.compact:
            self.show_controls()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.show_controls()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.show_controls()

    def customEvent(self, event: QEvent) -> None:
        super().customEvent(event)
        if event.type() == THEME_CHANGE:  # its zooms decide what there is room for
            QTimer.singleShot(0, self, self.adapt_layout)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Later, because hiding and showing widgets in this event would change sizes again:
        QTimer.singleShot(0, self, self.adapt_layout)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._stale = self._live_missed = False
            self.refresh()
        else:
            self.on_shown()
            if self._live_missed and self._live_wanted():
                self._show_live()

    def engine_returned(self) -> None:
        """Refresh the pane, because a new engine has started."""
        self._refresh_when_seen()

    def close_jobs(self) -> None:
        self._requests.close()
