"""Writing: text generated token by token, the candidates after each sampling stage, and branches."""

import math
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QMenu

from engine.messages.envelope import Ended
from engine.messages.generation import Generate, GeneratedToken, GeneratedTokens
from gui.i18n import t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.generation import sentence
from gui.panes.generation.ahead import Ahead
from gui.panes.generation.columns import Columns
from gui.panes.generation.minus import Minus
from gui.panes.generation.moment import Moment
from gui.panes.generation.next_token import Key, NextToken
from gui.panes.generation.tables import branch_table, pinned_table, token_table
from gui.panes.generation.writing_page import WritingPage
from gui.part import Part
from gui.widgets.branches import Branches, Node
from gui.widgets.coloured_text import Span
from gui.widgets.token_spans import spans_of

SHOW_MS = 120  # between two redraws of a growing text
LIVE_TOKENS = 40


class Writing(Part):
    page: WritingPage
    reports_context = True

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.tree = Branches()
        self._before: Branches | None = None  # the text that "undo" restores
        self._removed: tuple[Branches, list[Node]] | None = None  # a removed branch, for "undo"
        self.moment = Moment("")  # what is shown
        self._playing = self._live_shown = False
        self._steps = (0, 0)  # the training steps of the first and last token of a text written in training
        self._column: tuple[int, int | None] = (0, None)  # side by side: the text, and its token, whose candidates show
        self._folder = ""  # of the model that wrote the text
        self.page, self.columns = WritingPage(), Columns(pane)
        self.next, self.ahead, self.minus = NextToken(pane), Ahead(pane), Minus(pane)
        self._connect()
        self._show_timer = timer(self, SHOW_MS, self._show, single_shot=True)
        self._make_keys()

    def _connect(self) -> None:
        page = self.page
        for button, act in (
            (page.play_button, self.play_or_pause),
            (page.step_button, self.step),
            (page.back_button, self.back),
            (page.copy_button, self.copy),
            (page.clear_button, self.clear),
        ):
            button.clicked.connect(act)
        page.side_button.toggled.connect(self._side_by_side)
        page.tree_button.toggled.connect(self._show_tree)
        for tree in (page.tree.page, page.stage.small_tree.page):
            tree.chosen.connect(self._go)
            tree.starred.connect(self._mark)
            tree.removed.connect(self._remove)
        page.column_wanted.connect(self._take_column)
        page.column_chosen.connect(lambda index: self._choose_column(index, None))
        for index, text in enumerate(page.columns):
            text.clicked.connect(lambda span, index=index: self._choose_column(index, span - 1 if span else None))
        self.columns.changed.connect(lambda: self._show_timer.isActive() or self._show_timer.start())
        self.columns.ended.connect(self._columns_ended)
        for found in (self.next, self.ahead, self.minus):
            found.changed.connect(self._show)
        self.next.failed.connect(self._not_predicted)
        page.minus.toggled.connect(self._show)
        page.minus.setVisible(self.state.pinned is not None)
        self.state.pinned_changed.connect(self._pinned_changed)
        page.color.currentIndexChanged.connect(self._show)
        page.controls.changing.connect(self._share_sampling)
        page.controls.changing.connect(self._settings_changed)
        page.bars.chosen.connect(self.take)
        page.text.clicked.connect(self._span_clicked)
        page.text.selectable = True
        page.text.menu_wanted.connect(self._open_menu)

    def _make_keys(self) -> None:
        for keys, act in (
            ("Space", self.play_or_pause),
            ("Right", self.step),
            ("Left", self.back),
            ("Home", self.home),
            ("Ctrl+Z", self.undo),
            ("Ctrl+Shift+C", self.copy),
        ):
            shortcut = QShortcut(QKeySequence(keys), self.page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    # --- Writing ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        folder = self.state.model.folder if self.state.model else ""
        if self.tree.prompt != self.state.text or self._folder != folder:
            self._folder = folder
            self._replace(Branches(self.state.text, folder))
        self._show_and_predict()

    def _replace(self, tree: Branches) -> None:
        """Begin a new text; "undo" restores the old one."""
        self._stop()
        if self.tree.root.children and not self._live_shown:
            self._before = self.tree
        self.tree, self._live_shown = tree, False

    def act(self, wanted: dict[str, Any]) -> None:
        """Restart the text; `write` so many tokens, at most up to `stop`, or `compare` temperatures side by side."""
        self.page.side_button.setChecked(False)
        self._replace(Branches(self.state.text, self._folder))
        if wanted.get("compare"):
            self.page.side_button.setChecked(True)  # generates at once
        elif wanted.get("write"):
            self._playing = True
            self._generate(wanted["write"], stop=wanted.get("stop", ""))
            self._show_buttons()
        else:
            self._show()
            self.predict()

    def play_or_pause(self) -> None:
        if self._playing:
            self._stop()
            self._show_and_predict()
            return
        if self.state.model is None:
            return
        self._keep_text()
        self.tree.go(self.tree.current.leaf())
        self._playing = True
        if self.page.side_button.isChecked():
            self.columns.play(self._request(self.page.length.value()))
        else:
            self._generate(self.page.length.value())
        self._show_buttons()

    def _request(self, tokens: int, first: int | None = None, stop: str = "") -> Generate:
        controls = self.page.controls
        settings, seed = controls.settings(), controls.seed.value()
        return Generate(self.tree.prompt, self.tree.ids(), first, tokens, settings, seed, stop=stop)

    def _generate(self, tokens: int, first: int | None = None, stop: str = "", slot: str = "generate") -> None:
        request = self._request(tokens, first, stop)
        self._steps = (0, 0)
        self.drop("generate" if slot == "live" else "live")
        self.ask(request, partial(self._generated, request), slot=slot, ended=self._ended)

    def _generated(self, request: Generate, event: GeneratedTokens) -> None:
        for token in event.tokens:
            self.tree.add(token)
        self._steps = self._steps[0] or event.step, event.step
        if event.following is not None:
            key = self._folder, self.tree.prompt, self.tree.ids(), request.sampling, request.seed
            self.next.keep(key, event.following)
        if not self._show_timer.isActive() and not self._live_shown:
            self._show_timer.start()  # a live sample is shown when it is complete: redrawing costs training speed

    def _ended(self, end: Ended) -> None:
        self._playing = False
        self._show_and_predict()

    def _stop(self) -> None:
        self._playing = False
        self.drop("generate")
        self.drop("live")
        self.columns.stop()

    def step(self) -> None:
        """Move to the next token on the branch visited last, or generate one."""
        if self.state.model is None or self._playing:
            return
        self._keep_text()
        if self.tree.on():
            self._show_and_predict()
        else:
            self._generate(1)

    def back(self) -> None:
        self._keep_text()
        self._stop()
        if self.tree.back():
            self._show_and_predict()

    def home(self) -> None:
        self._keep_text()
        self._stop()
        self.tree.go(self.tree.root)
        self._show_and_predict()

    def take(self, token_id: int) -> None:
        """Continue with another candidate, on a branch of its own."""
        self._keep_text()
        self._stop()
        for child in self.tree.current.children:
            if child.token is not None and child.token.id == token_id:
                self.tree.go(child)
                self._show_and_predict()
                return
        self._generate(1, first=token_id)

    def predict(self) -> None:
        """Ask for the candidates after the current token."""
        if self.state.model is not None and not self._playing and self.page.isVisible():
            self.next.want(self._key())

    def _not_predicted(self, key: Key) -> None:
        """Show a text without candidates, because they cannot be computed."""
        if key == self._key() and not self._playing:
            self.moment = Moment(self.tree.prompt, tuple(node.token for node in self.tree.current.path if node.token))
            self.page.stage.show_moment(self.moment, self._spans(self.moment), None)
            self.pane.subtitle_changed.emit()

    def _settings_changed(self) -> None:
        """Compute the candidates anew; a text written in training is written anew, with the weights of now."""
        if self._live_shown and self.follows_live() and self.state.training:
            self.show_live()
        else:
            self.predict()

    def _share_sampling(self) -> None:
        """Let the other panes use the settings of the sliders."""
        self.state.set_sampling(self.page.controls.settings(), self.page.controls.seed.value())

    # --- While a model is trained --------------------------------------------------------------------

    def _keep_text(self) -> None:
        """Stop replacing the text while a model is trained, because the user has changed it."""
        self._live_shown = False
        if self.state.training:
            self.page.live.setChecked(False)

    def follows_live(self) -> bool:
        """Return whether training may change the page now: not during generation."""
        return not (self._playing or self.page.side_button.isChecked() or self.state.model is None)

    def show_live(self) -> None:
        """Write the text anew with the new weights; of a text that the user generated, only compute what may follow."""
        by_hand = bool(self.tree.root.children) and not self._live_shown
        if by_hand or not self.page.live.isChecked():
            self.next.forget()
            self.ahead.forget()
            self.predict()
            return
        self.tree, self._live_shown = Branches(self.state.text, self._folder), True
        self._generate(LIVE_TOKENS, slot="live")

    # --- Several texts ---------------------------------------------------------------------------

    def _side_by_side(self, on: bool) -> None:
        self._stop()
        if on:
            self.page.tree_button.setChecked(False)
            self._keep_text()
            self._playing, self._column = True, (0, None)
            self.columns.play(self._request(self.page.length.value()))
        self._show_view()

    def _columns_ended(self) -> None:
        self._playing = False
        self._show_and_predict()  # the sliders may have moved in the meantime

    def _take_column(self, index: int) -> None:
        """Add one of the side-by-side continuations as a branch of the text."""
        if self.columns.texts[index]:
            self._stop()
            for token in self.columns.texts[index]:
                self.tree.add(token)
            self.page.side_button.setChecked(False)
            self._show_and_predict()

    def _choose_column(self, index: int, place: int | None) -> None:
        """Show the candidates of a token of one column, by default of the last one."""
        self._column = index, place
        self._show()

    def _show_tree(self, on: bool) -> None:
        if on:
            self.page.side_button.setChecked(False)
        self._show_view()

    def _show_view(self) -> None:
        page = self.page
        page.show_view(1 if page.side_button.isChecked() else 2 if page.tree_button.isChecked() else 0)
        self._show()

    def _mark(self, leaf: Node) -> None:
        self.tree.mark(leaf)
        self._show()

    # --- Branches, undo, copying -----------------------------------------------------------------

    def _go(self, node: Node) -> None:
        """Go to a token of the tree, or write the tokens up to one that was seen ahead."""
        self._keep_text()
        self._stop()
        if self.ahead.tree is not None and node in self.ahead.tree:
            for token in (step.token for step in node.path if step.token):
                self.tree.add(token)
        else:
            self.tree.go(node)
        self._show_and_predict()

    def _remove(self, leaf: Node) -> None:
        """Remove a branch; "undo" restores it."""
        self._stop()
        self._removed = (self.tree, leaf.path)
        self.tree.remove(leaf)
        self._show_and_predict()

    def clear(self) -> None:
        self._replace(Branches(self.state.text, self._folder))
        self._show_and_predict()

    def undo(self) -> None:
        """Restore the last removed branch, or the text before it was cleared or replaced.

        A text of another model is not restored: its token IDs mean nothing to this one.
        """
        self._stop()
        if self._removed is not None and self._removed[0] is self.tree:
            for node in self._removed[1]:
                if node.parent is not None and node not in node.parent.children:
                    node.parent.children.append(node)
            self.tree.go(self._removed[1][-1])
            self._removed = None
        elif self._before is not None and self._before.model == self._folder:
            self.tree, self._before = self._before, self.tree
        self._show_and_predict()

    def copy(self) -> None:
        QApplication.clipboard().setText(self.tree.prompt + self.tree.text())

    def menu(self) -> QMenu:
        """Return a menu of what can be done with the selected tokens, or else with all that were written."""
        found, menu = self.page.text.selected_text() or self.tree.text(), QMenu(self.page)
        wanted = {"mode": "origin", "span": found.strip()}
        origin = menu.addAction(t("pane.generation.origin"), lambda: self.pane.view_wanted.emit("inside", wanted))
        origin.setEnabled(bool(found.strip()))
        menu.addAction(t("pane.generation.copy"), lambda: QApplication.clipboard().setText(found))
        return menu

    def _open_menu(self, where: QPoint) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    # --- Showing it ------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show_and_predict()

    def _show_and_predict(self) -> None:
        self._show()
        self.predict()

    def _key(self) -> Key:
        """Return what the candidates for the next token depend on."""
        controls = self.page.controls
        return self._folder, self.tree.prompt, self.tree.ids(), controls.settings(), controls.seed.value()

    def _pinned_changed(self) -> None:
        """Offer the difference from A while a model is pinned as A."""
        self.minus.forget()
        self.page.minus.setVisible(self.state.pinned is not None)
        if self.state.pinned is None:
            self.page.minus.setChecked(False)
        self._show()

    def _now(self) -> Moment | None:
        """Return what should be shown, None while its candidates are not computed yet."""
        tree = self.tree
        written = tuple(node.token for node in tree.current.path if node.token)
        ahead = tuple(node.token for node in _ahead(tree.current) if node.token)
        if self._playing:
            drawn_from = tree.shown_candidates()
            return Moment(tree.prompt, written, ahead, drawn_from, is_past=True) if drawn_from else None
        candidates = self.next.of(self._key())
        if candidates is None:
            return None
        steps = self._steps if self._live_shown else (0, 0)
        pinned = self.minus.of(tree.prompt, tree.ids(), candidates) if self.page.minus.isChecked() else None
        if self.page.minus.isChecked() and self.minus.is_waiting:
            return None
        return Moment(tree.prompt, written, ahead, candidates, pinned=pinned, steps=steps)

    def _show(self) -> None:
        """Show the text, its candidates and its branches; those shown before stay until all of them are known."""
        self._show_timer.stop()
        if not self.page.isVisible():
            return
        stage, side, before = self.page.stage, self.page.side_button.isChecked(), self.moment
        now = self._column_moment() if side else self._now()
        if now is not None:
            self.moment = now
            if side:
                texts = [self._spans(Moment(self.tree.prompt, tuple(tokens))) for tokens in self.columns.texts]
                stage.show_columns(texts, self._column[0], now)
            else:
                stage.show_moment(now, self._spans(now), before)
                self._look_ahead()
                stage.show_branches(self.tree, self.ahead.tree, self._looks_ahead())
            self.pane.subtitle_changed.emit()
        if self.page.tree_button.isChecked():
            self.page.tree.set_tree(self.tree)
        self._show_buttons()

    def _looks_ahead(self) -> bool:
        """Return whether there is room for what the model would write next: not while a text is being written."""
        is_written = self._playing or self._live_shown or self.state.training
        return not (is_written or self.page.tree_button.isChecked() or self.moment.ahead or self.pane.compact)

    def _look_ahead(self) -> None:
        if self._looks_ahead() and len(self.tree.leaves()) < 2:
            self.ahead.want(self._folder, self.tree.prompt, self.tree.ids())
        else:
            self.ahead.forget()

    def _column_moment(self) -> Moment:
        """Return the chosen token of the chosen column, with the candidates that it was drawn from."""
        index, place = self._column
        tokens = self.columns.texts[index][: None if place is None else place + 1]
        return Moment(self.tree.prompt, tuple(tokens), (), tokens[-1].candidates if tokens else None, is_past=True)

    def _spans(self, moment: Moment) -> list[Span]:
        prompt = Span(moment.prompt, None, t("pane.generation.prompt"))
        written = spans_of(moment.written, list(map(self._value, moment.written)))
        return [prompt, *written, *spans_of(moment.ahead, [None] * len(moment.ahead))]

    def _value(self, token: GeneratedToken) -> float:
        """Return what the token's colour shows, 0..1."""
        if self.page.color.currentIndex() != 1:
            return token.probability
        vocabulary = self.state.model.vocabulary if self.state.model else 2
        return min(1.0, token.entropy / math.log(max(2, vocabulary)))

    def _show_buttons(self) -> None:
        self.page.set_writing(self._playing, self.tree.current.parent is not None)

    def _span_clicked(self, index: int) -> None:
        """Go to the clicked token; the tokens after it stay on the branch and are shown as text ahead."""
        nodes = [self.tree.root, *self.tree.current.path, *_ahead(self.tree.current)]
        if index < len(nodes):
            self._keep_text()
            self._stop()
            self.tree.current = nodes[index]
            self._show_and_predict()

    def sentence(self) -> str:
        return sentence.of_moment(self.moment)

    def adapt_layout(self, room: QSize) -> None:
        self.page.adapt_layout(room)

    # --- What every part has ---------------------------------------------------------------------

    def table(self) -> Table | None:
        """Return the current branch token by token, with the tree all branches, or the candidates beside those of A."""
        if self.moment.pinned is not None and self.moment.pinned.probabilities is not None:
            return pinned_table(self.moment)
        return branch_table(self.tree) if self.page.tree_button.isChecked() else token_table(self.tree)

    def save(self) -> dict[str, Any]:
        return {
            "sampling": self.page.controls.save(),
            "length": self.page.length.value(),
            "color": self.page.color.currentIndex(),
            "live": self.page.live.isChecked(),
            "more": self.page.more_button.isChecked(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("sampling"), dict):
            self.page.controls.restore(saved["sampling"])
            self._share_sampling()
        if isinstance(saved.get("length"), int):
            self.page.length.setValue(saved["length"])
        if saved.get("color") in (0, 1):
            self.page.color.setCurrentIndex(saved["color"])
        if isinstance(saved.get("live"), bool):
            self.page.live.setChecked(saved["live"])
        if isinstance(saved.get("more"), bool):
            self.page.more_button.setChecked(saved["more"])

    def retranslate(self) -> None:
        self._show()
        self._show_buttons()


def _ahead(node: Node) -> list[Node]:
    """Return the nodes after this one on the branch visited last."""
    nodes: list[Node] = []
    following = node.forward
    while following is not None:
        nodes.append(following)
        following = following.forward
    return nodes
