"""The lens: the next token that each layer would give, the way of one answer through the layers, and who wrote it."""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from engine.messages.envelope import Ended
from engine.messages.inside import LensGrid, LogitParts, ReadLens, SplitLogit
from gui.i18n import number, percent, t
from gui.layout import label, row as in_a_row, stack, timer
from gui.pane import Pane, Table
from gui.panes.inside.lens_difference import (
    DifferencePicture,
    LensDifference,
    lens_difference,
    lens_difference_sentence,
)
from gui.panes.inside.lens_picture import LensPicture
from gui.panes.inside.lens_sentence import guessing_sentence, sentence
from gui.panes.inside.logit_bars import LogitBars
from gui.panes.inside.rank_plot import RankPlot
from gui.part import Page, Part
from gui.text import tip, visible, word
from gui.theme import GAP_L, GAP_M, NORMAL
from gui.widgets.bar_list import Bar, BarList

TYPING_MS = 300
ROOM_FOR_SIDE, ROOM_FOR_CANDIDATES = 700, 620  # pixels at zoom 1 of the content, of the pane's width and height


@dataclass(frozen=True)
class Shown:
    """A lens, and the text and the size of the vocabulary that it belongs to."""

    text: str
    vocabulary: int
    grid: LensGrid
    is_difference: bool = False  # whether the difference from A is shown
    pinned: LensGrid | None = None  # that of A, if it has as many tokens in its vocabulary

    @property
    def difference(self) -> LensDifference | None:
        return None if self.pinned is None else lens_difference(self.grid, self.pinned)


class LensPage(Page):
    """The table of layers and tokens, and beside it the selected cell and the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.difference, self.ranks = LensPicture(), DifferencePicture(), RankPlot()
        self.candidates = BarList(most=1.0, size_of_type=NORMAL)
        self.bars = LogitBars()
        self.candidates_title, self.bars_title = label("content", wraps=True), label("content", wraps=True)
        self.word, self.word_label, self.minus = QLineEdit(), label(), QPushButton()
        self.tuned = QPushButton()
        for switch in (self.minus, self.tuned):
            switch.setCheckable(True)
        self.shown, self.side, self.tools = QWidget(), QWidget(), QWidget()
        self.tools.setLayout(in_a_row(self.word_label, self.word, self.tuned, self.minus, 1, spacing=GAP_M))
        beside = (self.candidates_title, self.candidates, self.ranks, self.bars_title, self.bars)
        stack(self.side, *beside, spacing=GAP_M).setStretchFactor(self.ranks, 1)
        across = in_a_row(self.layers, self.difference, self.side, spacing=GAP_L)
        for place, share in enumerate((3, 3, 2)):
            across.setStretch(place, share)
        self.difference.hide()
        self.shown.setLayout(across)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Lens(Part):
    page: LensPage
    needs_text = reports_context = True

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.shown: Shown | None = None
        self.parts: LogitParts | None = None
        self._pinned: tuple[tuple[str, int], LensGrid] | None = None  # A's; the text, and the token after it
        self._layer: int | None = None  # the selected row; None is the last
        self.page = LensPage()
        self.page.word.setMaximumWidth(pane.theme.px(220))
        self._typing = timer(self, TYPING_MS, self.refresh, single_shot=True)
        self.page.word.textChanged.connect(lambda: self._typing.start())
        self.page.layers.chosen.connect(self._cell_chosen)
        self.page.difference.chosen.connect(self._cell_chosen)
        self.page.minus.toggled.connect(self._minus_toggled)
        self.page.tuned.toggled.connect(lambda _: self.refresh())
        self.state.selection_changed.connect(self._selection_changed)
        self.state.pinned_changed.connect(self._pinned_changed)
        self._pinned_changed()

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        text, model = self.state.text, self.state.model
        vocabulary = 0 if model is None else model.vocabulary
        tuned = self.page.tuned.isChecked() and not self.page.minus.isChecked()  # A is read through the plain lens
        request = ReadLens(text, self.page.word.text(), tuned=tuned)
        self.ask(request, lambda grid: self._read(Shown(text, vocabulary, grid)), ended=self._ended)

    def _ended(self, end: Ended) -> None:
        if end.key == "error.origin_unknown":  # nothing to train a tuned lens on
            self.page.tuned.setChecked(False)

    def show_live(self) -> None:
        self.refresh()

    def _read(self, shown: Shown) -> None:
        """Show a lens, with that of A if the difference is wanted and both have as many tokens in the vocabulary."""
        pinned = self.state.pinned
        comparable = pinned is not None and pinned.info is not None and pinned.info.vocabulary == shown.vocabulary
        shown = replace(shown, is_difference=self.page.minus.isChecked(), pinned=None)
        if not (shown.is_difference and comparable):
            self._arrived(shown)
            return
        key = shown.text, int(shown.grid.targets[-1])
        if self._pinned is not None and self._pinned[0] == key:
            self._arrived(replace(shown, pinned=self._pinned[1]))
            return
        request = ReadLens(shown.text, last=key[1], pinned=True)
        self.ask(request, lambda grid: self._pinned_read(shown, key, grid), "ReadLensA")

    def _pinned_read(self, shown: Shown, key: tuple[str, int], grid: LensGrid) -> None:
        self._pinned = key, grid
        self._arrived(replace(shown, pinned=grid))

    def _pinned_changed(self) -> None:
        """Offer the difference from A while a model is pinned as A."""
        self._pinned = None
        self.drop("ReadLensA")
        self.page.minus.setVisible(self.state.pinned is not None)
        if self.state.pinned is None:
            self.page.minus.setChecked(False)
        elif self.page.minus.isChecked():
            self._minus_toggled()

    def _minus_toggled(self) -> None:
        self.drop("ReadLensA")
        if self.page.tuned.isChecked():
            self.refresh()
        elif self.shown is not None:
            self._read(self.shown)

    def _arrived(self, shown: Shown) -> None:
        self.shown, self.parts = shown, None
        self.pane.report_context(len(shown.grid.pieces), shown.grid.first + len(shown.grid.pieces))
        self._split()
        self._draw()

    def _split(self) -> None:
        """Ask for the parts of the selected column's logit."""
        if self.shown is None:
            return
        shown, column = self.shown, self._column(self.shown.grid)
        request = SplitLogit(shown.text, shown.grid.first + column, int(shown.grid.targets[column]))
        self.ask(request, lambda parts: self._parts_arrived(shown, column, parts))

    def _parts_arrived(self, shown: Shown, column: int, parts: LogitParts) -> None:
        if shown is self.shown and column == self._column(shown.grid):
            self.parts = parts
            self._draw()

    # --- Selection -------------------------------------------------------------------------------

    def _column(self, grid: LensGrid) -> int:
        """Return the column of the selected token, or the last."""
        last = len(grid.pieces) - 1
        token = self.state.token
        return last if token is None else min(max(0, token - grid.first), last)

    def _row(self, grid: LensGrid) -> int:
        return len(grid.ids) - 1 if self._layer is None else min(self._layer, len(grid.ids) - 1)

    def _cell_chosen(self, row: int, column: int) -> None:
        if self.shown is not None:
            self._layer = row
            self.state.select_token(column + self.shown.grid.first)
            self._draw()

    def _selection_changed(self) -> None:
        if self.page.isVisible() and self.shown is not None:
            self.parts = None
            self._split()
            self._draw()

    def on_shown(self) -> None:
        if self.shown is not None and self.page.layers.column != self._column(self.shown.grid):
            self._selection_changed()

    # --- Showing ---------------------------------------------------------------------------------

    def _draw(self) -> None:
        shown = self.shown
        self.pane.subtitle_changed.emit()
        if shown is None:
            return
        grid = shown.grid
        row, column = self._row(grid), self._column(grid)
        target = word(grid.names[int(grid.targets[column])])
        found = shown.difference
        self.page.layers.setVisible(found is None)
        self.page.difference.setVisible(found is not None)
        self.page.layers.set_data(grid, row, column)
        if found is not None:
            self.page.difference.set_difference(found, row, column)
        title = t("pane.inside.way" if found is None else "pane.inside.minus.way", word=target)
        ranks, then = grid.target_ranks[:, column], None if found is None else found.then.target_ranks[:, column]
        self.page.ranks.set_data(ranks, grid.target_probabilities[:, column], title, row, then)
        self.page.candidates_title.setText(self.page.layers.describe(row, column))
        self.page.candidates.set_bars(
            [
                Bar(visible(grid.names[int(token)]), float(share), percent(float(share), 1))
                for token, share in zip(grid.ids[row, column], grid.probabilities[row, column], strict=True)
            ]
        )
        self.page.bars_title.setText(t("pane.inside.parts", word=target))
        self.page.bars.set_parts(self.parts)

    def adapt_layout(self, room: QSize) -> None:
        px = self.pane.content.px
        self.page.side.setVisible(room.width() > px(ROOM_FOR_SIDE) and not self.pane.compact)
        roomy = room.height() > px(ROOM_FOR_CANDIDATES)
        self.page.candidates.setVisible(roomy)
        self.page.candidates_title.setVisible(roomy)

    def subtitle(self) -> str:
        if self.shown is None:
            return ""
        bits = self.shown.grid.tuned
        if not bits:
            return t("pane.inside.subtitle")
        plain, tuned = (number(sum(column) / len(column), 1) for column in zip(*bits, strict=True))
        return t("pane.inside.tuned.subtitle", plain=plain, tuned=tuned)

    def sentence(self) -> str:
        if self.shown is None:
            return ""
        grid = self.shown.grid
        column = self._column(grid)
        piece = grid.names[int(grid.targets[column])]
        guessed = guessing_sentence(grid.target_probabilities[-1, :-1], self.shown.vocabulary)
        if self.shown.is_difference:
            return guessed or lens_difference_sentence(self.shown.difference, column)
        return guessed or sentence(grid.target_ranks[:, column], grid.target_probabilities[:, column], piece)

    def table(self) -> Table | None:
        """Return a row for each layer and token: its likeliest next token, and the target's probability and rank.

        With the difference also those of A, and the difference of the log-probabilities in nats.
        """
        if self.shown is None:
            return None
        grid, found = self.shown.grid, self.shown.difference
        rows: list[tuple[object, ...]] = []
        for layer in range(len(grid.ids)):
            for column, piece in enumerate(grid.pieces):
                likeliest, target = int(grid.ids[layer, column, 0]), int(grid.targets[column])
                figures = (grid.probabilities[layer, column, 0], grid.target_probabilities[layer, column])
                names = grid.names[likeliest], grid.names[target]
                rank = int(grid.target_ranks[layer, column])
                row = (layer, piece, names[0], float(figures[0]), names[1], float(figures[1]), rank)
                rows.append(row if found is None else (*row, *found.figures(layer, column)))
        header = ("layer", "token", "next", "probability", "target", "target_probability", "target_rank")
        more = () if found is None else ("a_next", "a_target_probability", "a_target_rank", "difference_nats")
        return Table((*header, *more), rows)

    def save(self) -> dict[str, Any]:
        return {"word": self.page.word.text()}  # not the tuned lens, which would be trained at each start

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("word"), str):
            self.page.word.setText(saved["word"])

    def retranslate(self) -> None:
        self.page.word_label.setText(t("pane.inside.word"))
        self.page.tuned.setText(t("pane.inside.tuned.switch"))
        self.page.tuned.setToolTip(tip(t("pane.inside.tuned.tip")))
        self.page.minus.setText(t("pane.inside.minus.switch"))
        self.page.minus.setToolTip(t("pane.inside.minus.tip"))
        self.page.difference.setAccessibleName(t("pane.inside.minus.title"))
        self.page.word.setPlaceholderText(t("pane.inside.word_hint"))
        self.page.word.setAccessibleName(t("pane.inside.word"))
        self.page.layers.setAccessibleName(t("pane.inside.mode.lens"))
        self.page.candidates.setAccessibleName(t("pane.inside.candidates"))
        self.page.bars.setAccessibleName(t("pane.inside.parts_name"))
        self.page.ranks.setAccessibleName(t("pane.inside.after_layer"))
        self._draw()
