"""Writing: text generated token by token, the candidates after each sampling stage, and branches."""

import math
from functools import partial
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication

from engine.messages.envelope import Ended
from engine.messages.generation import (
    Candidates,
    ContextUsed,
    Generate,
    GeneratedToken,
    GeneratedTokens,
    PredictNext,
)
from gui.i18n import number, percent, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.generation.columns import Columns
from gui.panes.generation.part import Part
from gui.panes.generation.tables import branch_table, token_table
from gui.panes.generation.writing_page import WritingPage
from gui.text import in_menu
from gui.widgets.branches import Branches, Node
from gui.widgets.coloured_text import Span, marked

SHOW_MS = 120  # between two redraws of a growing text
LIVE_TOKENS = 40


class Writing(Part):
    page: WritingPage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.tree = Branches()
        self._before: Branches | None = None  # the text that "undo" restores
        self._removed: tuple[Branches, list[Node]] | None = None  # a removed branch, for "undo"
        self._playing = self._live_shown = False
        self._folder = ""  # of the model that wrote the text
        self.page, self.columns = WritingPage(), Columns(pane)
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
        page.tree.page.chosen.connect(self._go)
        page.tree.page.starred.connect(self._mark)
        page.tree.page.removed.connect(self._remove)
        page.column_wanted.connect(self._take_column)
        self.columns.changed.connect(lambda: self._show_timer.isActive() or self._show_timer.start())
        self.columns.ended.connect(self._columns_ended)
        page.branch_menu.aboutToShow.connect(self._fill_branches)
        page.color.currentIndexChanged.connect(self._show)
        page.controls.changing.connect(self.predict)
        page.bars.chosen.connect(self.take)
        page.text.clicked.connect(self._span_clicked)

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
            self._replace(Branches(self.state.text))
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
        self._replace(Branches(self.state.text))
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

    def _generate(self, tokens: int, first: int | None = None, stop: str = "") -> None:
        self.ask(self._request(tokens, first, stop), self._generated, slot="generate", ended=self._ended)

    def _generated(self, event: GeneratedTokens) -> None:
        for token in event.tokens:
            self.tree.add(token)
        if not self._show_timer.isActive() and not self._live_shown:
            self._show_timer.start()  # a live sample is shown when it is complete: redrawing costs training speed

    def _ended(self, end: Ended) -> None:
        self._playing = False
        self._show_and_predict()

    def _stop(self) -> None:
        self._playing = False
        self.drop("generate")
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
        """Ask for the candidates after the current token; its logits are cached in the engine."""
        if self.state.model is None or self._playing or not self.page.isVisible():
            return
        request = PredictNext(
            self.tree.prompt, self.tree.ids(), self.page.controls.settings(), self.page.controls.seed.value()
        )
        self.ask(request, self._predicted)

    def _predicted(self, event: ContextUsed | Candidates) -> None:
        if isinstance(event, ContextUsed):
            self.pane.report_context(event.seen, event.tokens)
        else:
            self.page.set_candidates(event)

    # --- While a model is trained --------------------------------------------------------------------

    def _keep_text(self) -> None:
        """Stop replacing the text while a model is trained, because the user has changed it."""
        self._live_shown = False
        self.page.live_words.clear()
        if self.state.training:
            self.page.live.setChecked(False)

    def follows_live(self) -> bool:
        """Return whether training may replace the text: not during generation, nor a text that the user generated."""
        busy = self._playing or self.page.side_button.isChecked() or self.state.model is None
        by_hand = bool(self.tree.root.children) and not self._live_shown
        return self.page.live.isChecked() and not busy and not by_hand

    def show_live(self) -> None:
        self.tree, self._live_shown = Branches(self.state.text), True
        progress = self.state.progress
        step = int(progress.steps[-1]) if progress is not None and len(progress.steps) else 0
        self.page.live_words.setText(t("pane.generation.live_at", step=number(step)) if step else "")
        self._generate(LIVE_TOKENS)

    # --- Several texts ---------------------------------------------------------------------------

    def _side_by_side(self, on: bool) -> None:
        self._stop()
        if on:
            self.page.tree_button.setChecked(False)
            self._keep_text()
            self._playing = True
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

    def _fill_branches(self) -> None:
        self.page.branch_menu.clear()
        for leaf in self.tree.leaves():
            words = "".join(marked(node.token.piece) for node in leaf.path if node.token)
            menu = self.page.branch_menu.addMenu(in_menu(f"{words[:18]} … {words[-18:]}" if len(words) > 40 else words))
            menu.addAction(t("pane.generation.go"), partial(self._go, leaf))
            menu.addAction(t("pane.generation.remove"), partial(self._remove, leaf))
        if self.page.branch_menu.isEmpty():
            self.page.branch_menu.addAction(t("pane.generation.no_branches")).setEnabled(False)

    def _go(self, node: Node) -> None:
        self._keep_text()
        self._stop()
        self.tree.go(node)
        self._show_and_predict()

    def _remove(self, leaf: Node) -> None:
        """Remove a branch; "undo" restores it."""
        self._stop()
        self._removed = (self.tree, leaf.path)
        self.tree.remove(leaf)
        self._show_and_predict()

    def clear(self) -> None:
        self._replace(Branches(self.state.text))
        self._show_and_predict()

    def undo(self) -> None:
        """Restore the last removed branch, or the text before it was cleared or replaced."""
        self._stop()
        if self._removed is not None and self._removed[0] is self.tree:
            for node in self._removed[1]:
                if node.parent is not None and node not in node.parent.children:
                    node.parent.children.append(node)
            self.tree.go(self._removed[1][-1])
            self._removed = None
        elif self._before is not None:
            self.tree, self._before = self._before, self.tree
        self._show_and_predict()

    def copy(self) -> None:
        QApplication.clipboard().setText(self.tree.prompt + self.tree.text())

    # --- Showing it ------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show_and_predict()

    def _show_and_predict(self) -> None:
        self._show()
        self.predict()

    def _show(self) -> None:
        self._show_timer.stop()
        if not self.page.isVisible():
            return
        if self.page.side_button.isChecked():
            self.page.set_columns([[self._prompt_span(), *map(self._span, tokens)] for tokens in self.columns.texts])
        elif self.page.tree_button.isChecked():
            self.page.tree.set_tree(self.tree)
        else:
            written = [self._span(node.token) for node in self.tree.current.path if node.token]
            ahead = [Span(n.token.text, None, self._words(n.token)) for n in _ahead(self.tree.current) if n.token]
            self.page.set_text([self._prompt_span(), *written], ahead)
        shown = self.tree.shown_candidates()
        if self._playing and shown is not None and not self.page.side_button.isChecked():
            self.page.set_candidates(shown)
        self._show_buttons()

    def _prompt_span(self) -> Span:
        return Span(self.tree.prompt, None, t("pane.generation.prompt"))

    def _span(self, token: GeneratedToken) -> Span:
        if self.page.color.currentIndex() == 1:
            vocabulary = self.state.model.vocabulary if self.state.model else 2
            value = min(1.0, token.entropy / math.log(max(2, vocabulary)))
        else:
            value = token.probability
        return Span(token.text, value, self._words(token))

    def _words(self, token: GeneratedToken) -> str:
        share, entropy = percent(token.probability, 1), number(token.entropy, 2)
        return t("pane.generation.token", piece=marked(token.piece), id=token.id, percent=share, entropy=entropy)

    def _show_buttons(self) -> None:
        self.page.set_writing(self._playing, self.tree.current.parent is not None, len(self.tree.leaves()))

    def _span_clicked(self, index: int) -> None:
        """Go to the clicked token; the tokens after it stay on the branch and are shown as text ahead."""
        nodes = [self.tree.root, *self.tree.current.path, *_ahead(self.tree.current)]
        if index < len(nodes):
            self._keep_text()
            self._stop()
            self.tree.current = nodes[index]
            self._show_and_predict()

    def adapt_layout(self, room: QSize) -> None:
        self.page.adapt_layout(room)

    # --- What every part has ---------------------------------------------------------------------

    def table(self) -> Table | None:
        """Return the current branch token by token, or with the tree all branches."""
        return branch_table(self.tree) if self.page.tree_button.isChecked() else token_table(self.tree)

    def save(self) -> dict[str, Any]:
        return {
            "sampling": self.page.controls.save(),
            "length": self.page.length.value(),
            "color": self.page.color.currentIndex(),
            "live": self.page.live.isChecked(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("sampling"), dict):
            self.page.controls.restore(saved["sampling"])
        if isinstance(saved.get("length"), int):
            self.page.length.setValue(saved["length"])
        if saved.get("color") in (0, 1):
            self.page.color.setCurrentIndex(saved["color"])
        if isinstance(saved.get("live"), bool):
            self.page.live.setChecked(saved["live"])

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
