"""The Tokens pane: the text as tokens, merges, tokenizers compared, vocabulary, Zipf's law, and the context."""

from typing import Any

import numpy as np
from PySide6.QtWidgets import QStackedWidget, QWidget

from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeSteps,
    ReplayMerges,
    TokenizerColumn,
    Vocabulary,
)
from gui import layout
from gui.i18n import number, t
from gui.pane import Pane, Table
from gui.panes.tokens.context_ruler import ContextRuler
from gui.panes.tokens.merge_steps import MergeSteps as MergeStepsView
from gui.panes.tokens.token_flow import TokenFlow
from gui.panes.tokens.tokenizer_table import TokenizerTable
from gui.panes.tokens.vocabulary_table import COLUMNS, VocabularyTable
from gui.panes.tokens.zipf_plot import ZipfPlot
from gui.text import visible
from gui.theme import GAP_M
from gui.widgets.legend import Entry, Legend
from gui.widgets.segmented_control import SegmentedControl

VIEWS = ("chips", "compare", "vocabulary", "zipf", "ruler")
LOW, ROOM_FOR_MERGES = 150, 240  # pixels at zoom 1 of the pane's height: the chips come first


class TokensPane(Pane):
    id = "tokens"

    def build(self) -> None:
        self.columns: list[TokenizerColumn] = []
        self._listed: tuple[object, ...] = ()  # the model, and the text in which its tokens were counted
        self.flow, self.merges = TokenFlow(), MergeStepsView()
        self.compare, self.vocabulary = TokenizerTable(), VocabularyTable()
        self.zipf, self.ruler, self.view = ZipfPlot(), ContextRuler(), SegmentedControl(VIEWS)
        self.figures, self.empty = layout.label("figure", wraps=True), self.empty_page()
        self.legend, self.zipf_caption = Legend(), layout.label("muted", wraps=True)
        self._lay_out()
        self.flow.selected.connect(self.state.select_token)
        self.view.changed.connect(self._view_changed)
        self.compare.sentences_changed.connect(self._ask)
        self.zipf.hovered.connect(self._hovered)
        self.follow(self.state.tokens_changed, self.state.corpus_changed)
        self.state.selection_changed.connect(self._selected)

    def _lay_out(self) -> None:
        chips, zipf = QWidget(), QWidget()
        layout.stack(chips, self.figures, self.legend, self.flow, self.merges, spacing=GAP_M).setStretch(2, 1)
        layout.stack(zipf, self.zipf, self.zipf_caption, spacing=GAP_M).setStretch(0, 1)
        self.stack = QStackedWidget()
        for widget in (chips, self.compare, self.vocabulary, zipf, self.ruler):
            self.stack.addWidget(widget)
        whole = layout.stack(self.body, layout.row(self.view, 1), self.stack, self.empty, spacing=GAP_M)
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
        self.flow.set_tokens(tokens if there else None)
        self._show_figures()
        self._selected()
        if there:
            self._ask()
        self.subtitle_changed.emit()

    def _view_changed(self, view: str) -> None:
        self.stack.setCurrentIndex(VIEWS.index(view))
        self.subtitle_changed.emit()
        if self.state.tokens is not None:
            self._ask()

    def _ask(self) -> None:
        """Request the data that the current view needs and does not have yet."""
        view, text, model = self.view.current, self.state.text, self.state.model
        if view == "compare":
            self._arriving: list[TokenizerColumn] = []
            sentences = (self.compare.english.text(), self.compare.japanese.text())
            self.ask(CompareTokenizers(text, *sentences, self._paths()), self._add_column)
        elif view in ("vocabulary", "zipf"):
            counted_in = (model and model.folder, self._paths() or text)
            if counted_in != self._listed:
                self._listed = counted_in
                self.ask(ListVocabulary(text, self._paths()), self._show_vocabulary)

    def _selected(self) -> None:
        """Show the merges of the selected token, or of the first."""
        self.flow.set_current(self.state.token)
        tokens = self.state.tokens
        if tokens is None or not len(tokens.ids):
            self.merges.set_steps(())
        elif self.isVisible():
            token = self.state.token or 0
            self.ask(ReplayMerges(self.state.text, token, self._paths()), self._show_merges)

    def on_shown(self) -> None:
        self._selected()

    def adapt_layout(self) -> None:
        height = self.height()
        for label in (self.figures, self.legend):
            label.setVisible(height > self.theme.px(LOW))
        self.merges.set_room(height > self.theme.px(ROOM_FOR_MERGES))

    def _show_merges(self, merges: MergeSteps) -> None:
        self.merges.set_steps(merges.steps if len(merges.steps) > 1 else ())

    def _add_column(self, column: TokenizerColumn) -> None:
        self._arriving.append(column)
        if column.name == "scripts":  # the last tokenizer
            self.columns = self._arriving
            self.compare.set_columns(self.columns)

    def _show_vocabulary(self, vocabulary: Vocabulary) -> None:
        self.vocabulary.set_vocabulary(vocabulary)
        counts = vocabulary.counts
        self._by_count = np.argsort(-counts, kind="stable")
        self.zipf.set_counts(counts[self._by_count][: np.count_nonzero(counts)])

    # --- Showing ---------------------------------------------------------------------------------

    def _show_figures(self) -> None:
        tokens = self.state.tokens
        if tokens is None or not len(tokens.pieces):
            return
        count, characters = len(tokens.pieces), len(tokens.text)
        ratio = number(characters / count, 2)
        self.figures.setText(t("pane.tokens.figures", tokens=number(count), characters=number(characters), ratio=ratio))
        self._show_legend(list(dict.fromkeys(tokens.kinds)))
        model = self.state.model
        self.ruler.set_text(count, (model.name, model.context) if model is not None else None)

    def _show_legend(self, kinds: list[str]) -> None:
        colors = ((kind, self.flow.color_of(kind).name()) for kind in kinds)
        self.legend.set_entries(
            [Entry(t(f"widget.token.kind.{kind}"), marker=color, glyph="■") for kind, color in colors]
        )

    def _hovered(self, rank: int) -> None:
        if rank < 0:
            self.zipf_caption.setText(t("pane.tokens.zipf.law"))
            return
        piece = visible(self.vocabulary.model.vocabulary.pieces[self._by_count[rank]])
        self.zipf_caption.setText(
            t("pane.tokens.zipf.ranked", rank=number(rank + 1), piece=piece, count=int(self.zipf.counts[rank]))
        )

    def subtitle(self) -> str:
        model = self.state.model
        return t("pane.tokens.subtitle", vocabulary=number(model.vocabulary)) if model is not None else ""

    def table(self) -> Table | None:
        view, tokens = self.view.current, self.state.tokens
        if view == "compare":
            return Table(self.compare.header(), self.compare.rows())
        if view in ("vocabulary", "zipf"):
            return Table(COLUMNS, self.vocabulary.rows())
        if view == "ruler":
            return Table(("model", "least", "most"), list(self.ruler.bars()))
        if tokens is None:
            return None
        places = (tokens.starts, tokens.ends, tokens.byte_starts, tokens.byte_ends)
        header = ("piece", "id", "start", "end", "byte_start", "byte_end", "kind")
        return Table(header, list(zip(tokens.pieces, tokens.ids, *places, tokens.kinds, strict=True)))

    def save(self) -> dict[str, Any]:
        sentences = [self.compare.english.text(), self.compare.japanese.text()]
        return {"view": self.view.current, "price": self.compare.price.value(), "sentences": sentences}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("view") in VIEWS:
            self.view.choose(saved["view"])
        if isinstance(saved.get("price"), int | float):
            self.compare.price.setValue(saved["price"])
        sentences = saved.get("sentences")
        if isinstance(sentences, list) and len(sentences) == 2:
            self.compare.english.setText(str(sentences[0]))
            self.compare.japanese.setText(str(sentences[1]))

    def retranslate(self) -> None:
        self.zipf_caption.setText(t("pane.tokens.zipf.law"))
        self.flow.setAccessibleName(t("pane.tokens.title"))
        self.view.set_labels({view: t(f"pane.tokens.view.{view}") for view in VIEWS}, t("pane.tokens.view_name"))
        if not self.compare.english.text() and not self.compare.japanese.text():
            for field, language in ((self.compare.english, "en"), (self.compare.japanese, "ja")):
                field.setText(t("pane.tokens.sentence", language))
        self.ruler.setAccessibleName(t("pane.tokens.view.ruler"))
        self.refresh()
