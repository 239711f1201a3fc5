"""The Tokens pane: the text as tokens with its merges and other tokenizers, context, vocabulary, Zipf's law."""

from typing import Any

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QWidget

from engine.messages.envelope import Ended
from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeSteps,
    ReplayMerges,
    TokenizerColumn,
    Tokens,
    Vocabulary,
)
from gui import layout
from gui.i18n import number, t
from gui.pane import Pane, Table
from gui.panes.tokens import sentence
from gui.panes.tokens.context_page import ContextPage
from gui.panes.tokens.merge_tree import MergeTree
from gui.panes.tokens.rulers import Rulers
from gui.panes.tokens.sentence import longest
from gui.panes.tokens.token_flow import TokenFlow
from gui.panes.tokens.vocabulary_table import COLUMNS, VocabularyTable
from gui.panes.tokens.zipf_plot import NAMED, ZipfPlot
from gui.samples import name_of
from gui.text import visible
from gui.theme import GAP_L, GAP_M
from gui.widgets.segmented_control import SegmentedControl

VIEWS = ("text", "context", "vocabulary", "zipf")
LEAST_TEXT = 82  # pixels at zoom 1 of the content
MOST_TEXT = 0.45  # of the height


class TokensPane(Pane):
    id = "tokens"
    computes = ("ReplayMerges", "ListVocabulary")
    shows_tokens = True

    def build(self) -> None:
        self.token: int | None = None  # the selected one of another tokenizer than the open model's
        self._listed: tuple[object, ...] = ()  # the model, and the text in which its tokens were counted
        self.flow, self.rulers, self.tree = TokenFlow(), Rulers(), MergeTree()
        self.vocabulary, self.zipf = VocabularyTable(), ZipfPlot()
        self.context, self.view = ContextPage(), SegmentedControl(VIEWS)
        self.empty, self.zipf_caption = self.empty_page(), layout.label("content", wraps=True)
        self._lay_out()
        self.add_controls(self.bar, self.context.length, self.vocabulary.search)
        self.flow.selected.connect(self._select)
        self.rulers.chosen.connect(self._choose_tokenizer)
        self.view.changed.connect(self._view_changed)
        self.context.changed.connect(self.subtitle_changed)
        self.zipf.hovered.connect(self._hovered)
        self.follow(self.state.tokens_changed, self.state.corpus_changed)
        self.state.selection_changed.connect(self._selected)

    def _lay_out(self) -> None:
        text, zipf, self.bar = QWidget(), QWidget(), QWidget()
        column = layout.stack(text, self.flow, self.rulers, self.tree, 1, spacing=GAP_L)
        column.setStretch(0, 1000)  # in a compact pane, where its height is not fixed
        column.setStretch(2, 1000)
        layout.stack(zipf, self.zipf, self.zipf_caption, spacing=GAP_M).setStretch(0, 1)
        self.stack = QStackedWidget()
        for widget in (text, self.context, self.vocabulary, zipf):
            self.stack.addWidget(widget)
        self.bar.setLayout(layout.row(self.view, 1, self.tree.controls))
        whole = layout.stack(self.body, self.bar, self.stack, self.empty, spacing=GAP_M)
        whole.setStretch(1, 1)
        whole.setStretch(2, 1)

    # --- Asking ----------------------------------------------------------------------------------

    def _paths(self) -> tuple[str, ...]:
        return self.state.corpus.paths if self.state.corpus is not None else ()

    def refresh(self) -> None:
        tokens = self.state.tokens
        there = tokens is not None and len(tokens.pieces) > 0
        self.stack.setVisible(there)
        self.view.setVisible(there)
        self.empty.setVisible(not there)
        self.explain_empty(self.empty)
        self.token = None
        self.rulers.clear(name_of(self.state.model) if self.state.model is not None else "")
        self.rulers.show_chosen("model")
        self._show_context()
        self._show_text()
        if there:
            self._ask()

    def _view_changed(self, view: str) -> None:
        self.stack.setCurrentIndex(VIEWS.index(view))
        self.adapt_layout()
        self.subtitle_changed.emit()
        if self.state.tokens is not None:
            self._ask()

    def _ask(self) -> None:
        """Request the data that the current view needs and does not have yet."""
        view, text, model = self.view.current, self.state.text, self.state.model
        if view == "text" and not self.rulers.columns:
            english, japanese = (t("pane.tokens.sentence", language) for language in ("en", "ja"))
            request = CompareTokenizers(text, english, japanese, self._paths())
            self.ask(request, self._add_column, ended=self._compared)
        elif view in ("vocabulary", "zipf"):
            counted_in = (model and model.folder, self._paths() or text)
            if counted_in != self._listed:
                self._listed = counted_in
                counting = ListVocabulary(text, self._paths())
                self.ask(counting, self._show_vocabulary, ended=lambda _: self.subtitle_changed.emit())

    def _add_column(self, column: TokenizerColumn) -> None:
        self.rulers.add(column)
        self.adapt_layout()

    def _compared(self, end: Ended) -> None:
        if end.outcome == "done":
            self.rulers.settle()
            self.adapt_layout()

    # --- The text, its tokenizers and a word --------------------------------------------------------

    def _shown_tokens(self) -> Tokens | None:
        """Return the tokens on screen: of the open model, or of the tokenizer that was chosen."""
        name = self.rulers.shown
        return self.state.tokens if name == "model" else self.rulers.columns[name].tokens

    def _selected_token(self) -> int | None:
        return self.state.token if self.rulers.shown == "model" else self.token

    def _choose_tokenizer(self, row: int) -> None:
        self.rulers.show_chosen(self.rulers.names[row])
        self.token = None
        self._show_text()

    def _select(self, token: int | None) -> None:
        if self.rulers.shown == "model":
            self.state.select_token(token)
        else:
            self.token = token
            self._selected()

    def _show_text(self) -> None:
        tokens = self._shown_tokens()
        self.flow.set_tokens(tokens if tokens is not None and len(tokens.ids) else None)
        self.tree.set_word(None)
        self._selected()
        self.adapt_layout()
        self.subtitle_changed.emit()

    def _selected(self) -> None:
        """Show how the word of the selected token was built, or that of the longest."""
        tokens, token = self._shown_tokens(), self._selected_token()
        self.flow.set_current(token)
        if tokens is None or not len(tokens.ids):
            return
        self.rulers.set_lit((int(tokens.starts[token]), int(tokens.ends[token])) if token is not None else None)
        if self.isVisible():
            token = token if token is not None else longest(tokens)
            request = ReplayMerges(tokens.text, token, self._paths(), tokenizer=self.rulers.shown)
            self.ask(request, self._show_merges)
        self.adapt_layout()

    def on_shown(self) -> None:
        self._selected()

    def _show_merges(self, word: MergeSteps) -> None:
        tokens = self._shown_tokens()
        if tokens is not None and word.token < len(tokens.ids):
            is_special = tokens.kinds[word.token] == "special"
            self.tree.set_word(word, tokens.pieces[word.token], is_special, in_opened=bool(self._paths()))
            self.adapt_layout()

    def adapt_layout(self) -> None:
        """Divide the height between the text, the rulers and the tree; without room for both there is one of them.

        What the text leaves over is given to the tree, and what that cannot use to the rulers.
        """
        room, least = self.stack.height(), self.content.px(LEAST_TEXT)
        one = self.tree if self._selected_token() is not None else self.rulers
        choices: list[list[Rulers | MergeTree]] = [[]] if self.compact else [[self.rulers, self.tree], [one], []]
        for parts in choices:
            rest = room - sum(part.heights()[0] + GAP_L for part in parts)
            if rest >= least:
                break
        self.rulers.setVisible(self.rulers in parts)
        self.tree.setVisible(self.tree in parts)
        self.tree.controls.setVisible(self.tree in parts and self.view.current == "text")
        self.flow.set_most(round(min(rest, max(room * MOST_TEXT, least))) if parts else None)
        if self.rulers in parts:
            (lowest, highest), tree = self.rulers.heights(), self.tree.heights()[1] + GAP_L
            free = room - GAP_L - self.flow.height() - (tree if self.tree in parts else 0)
            self.rulers.setFixedHeight(max(lowest, min(highest, free)))

    # --- The other views -------------------------------------------------------------------------

    def _show_context(self) -> None:
        tokens, model = self.state.tokens, self.state.model
        count = len(tokens.ids) if tokens is not None else 0
        self.context.set_text(count, (name_of(model), model.context) if model is not None else None)

    def _show_vocabulary(self, vocabulary: Vocabulary) -> None:
        self.vocabulary.set_vocabulary(vocabulary)
        counts = vocabulary.counts
        self._by_count = np.argsort(-counts, kind="stable")
        occurring = self._by_count[: np.count_nonzero(counts)]
        names = [visible(vocabulary.pieces[occurring[rank]]) for rank in NAMED if rank < len(occurring)]
        self.zipf.set_counts(counts[occurring], names)
        self.subtitle_changed.emit()

    def _hovered(self, rank: int) -> None:
        if rank < 0:
            self.zipf_caption.setText(t("pane.tokens.zipf.law"))
            return
        piece = visible(self.vocabulary.model.vocabulary.pieces[self._by_count[rank]])
        self.zipf_caption.setText(
            t("pane.tokens.zipf.ranked", rank=number(rank + 1), piece=piece, count=int(self.zipf.counts[rank]))
        )

    # --- For the tile ----------------------------------------------------------------------------

    def subtitle(self) -> str:
        model, name = self.state.model, self.rulers.shown
        if model is None:
            return ""
        if self.view.current == "text" and name != "model":
            return t("pane.tokens.subtitle_of", name=t(f"pane.tokens.tokenizers.{name}"))
        return t("pane.tokens.subtitle", vocabulary=number(model.vocabulary))

    def sentence(self) -> str:
        view, tokens = self.view.current, self._shown_tokens()
        if tokens is None or not len(tokens.ids):
            return ""
        if view == "text":
            return sentence.of_split(tokens)
        if view == "context":
            return sentence.of_context(self.context.tokens, self.context.model[1] if self.context.model else 0)
        if self.asking("ListVocabulary"):
            return ""  # the vocabulary on screen is that of another text or model
        vocabulary = self.vocabulary.model.vocabulary
        return sentence.of_vocabulary(vocabulary) if view == "vocabulary" else sentence.of_frequencies(vocabulary)

    def picture(self) -> QWidget:
        pictures = {"context": self.context.picture, "vocabulary": self.vocabulary.view}
        return pictures.get(self.view.current) or self.stack.currentWidget() or self.stack

    def table(self) -> Table | None:
        view, tokens = self.view.current, self._shown_tokens()
        if view in ("vocabulary", "zipf"):
            return Table(COLUMNS, self.vocabulary.rows())
        if view == "context":
            rows: list[tuple[object, ...]] = [(block.name, block.note, block.tokens) for block in self.context.blocks()]
            return Table(("name", "note", "tokens"), rows)
        if tokens is None:
            return None
        places = (tokens.starts, tokens.ends, tokens.byte_starts, tokens.byte_ends)
        header = ("piece", "id", "start", "end", "byte_start", "byte_end", "kind")
        return Table(header, list(zip(tokens.pieces, tokens.ids, *places, tokens.kinds, strict=True)))

    def save(self) -> dict[str, Any]:
        return {"view": self.view.current, "length": int(self.context.length.value)}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("view") in VIEWS:
            self.view.choose(saved["view"])
        if isinstance(saved.get("length"), int):
            self.context.set_length(saved["length"])

    def retranslate(self) -> None:
        self.zipf_caption.setText(t("pane.tokens.zipf.law"))
        self.flow.page.setAccessibleName(t("pane.tokens.title"))
        self.rulers.setAccessibleName(t("pane.tokens.rulers.name"))
        self.view.set_labels({view: t(f"pane.tokens.view.{view}") for view in VIEWS}, t("pane.tokens.view_name"))
        self.refresh()
