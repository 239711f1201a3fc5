"""Which tokens attend to which: all heads as a mosaic, one of them large, and the steps to one row of its pattern."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QWidget

from engine.messages.attention import (
    Attend,
    AttendHead,
    AttentionLayer,
    AttentionRows,
    AttentionSteps,
    ExplainAttention,
    HeadScores,
    ScoreHeads,
)
from gui.i18n import t
from gui.layout import label, row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.attention.badges import HeadBadges
from gui.panes.attention.lines import AttentionLines
from gui.panes.attention.mosaic import Mosaic
from gui.panes.attention.patterns import Patterns
from gui.panes.attention.steps import AttentionStepsView
from gui.theme import GAP_L, GAP_M
from gui.widgets.heatmap import Heatmap
from gui.widgets.segmented_control import SegmentedControl

VIEWS = ("matrix", "lines", "steps")
MANY_HEADS = 64  # from which the mosaic has as much room as the matrix
ROOM_FOR_ALL = 300  # pixels at zoom 1 of the pane's height


class AttentionPane(Pane):
    id = "attention"
    computes = ("Attend",)

    def build(self) -> None:
        self.patterns: Patterns | None = None
        self._layers: list[NDArray[np.float16]] = []  # received of the next patterns
        self.exact: tuple[tuple[int, int], NDArray[np.float16]] | None = None  # one head of a long text, not pooled
        self.steps: AttentionSteps | None = None
        self._explained: tuple[Patterns, int, int] | None = None  # the patterns, layer and row of `steps`
        self._look_at = ""  # words of the text: select the head that attends to them most
        self._build_widgets()
        self._lay_out()
        self._scores_are_old = True  # they depend on the weights alone, not on the text
        self.state.model_changed.connect(self._forget_scores)
        self.state.weights_changed.connect(self._forget_scores)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(self.refresh)
        self.state.selection_changed.connect(self._show_selection)

    def _build_widgets(self) -> None:
        self.heatmap, self.mosaic, self.lines = Heatmap(), Mosaic(), AttentionLines()
        self.steps_view, self.badges = AttentionStepsView(), HeadBadges()
        self.view = SegmentedControl(VIEWS)
        self.strongest, self.title, self.empty = label("figure", wraps=True), label("muted"), self.empty_page()
        self.heatmap.row_chosen.connect(self._row_chosen)
        self.lines.row_chosen.connect(self._row_chosen)
        self.mosaic.chosen.connect(self.state.select_head)
        self.badges.chosen.connect(self.state.select_head)
        self.view.changed.connect(self._view_changed)

    def _lay_out(self) -> None:
        self.large, self.main, self.side = QStackedWidget(), QWidget(), QWidget()
        for widget in (self.heatmap, _scrolled(self.lines), _scrolled(self.steps_view)):
            self.large.addWidget(widget)
        stack(self.main, in_a_row(self.view, 1), self.large, spacing=GAP_M).setStretchFactor(self.large, 1)
        side = stack(self.side, self.strongest, self.title, self.mosaic, self.badges, spacing=GAP_M)
        side.setStretchFactor(self.mosaic, 1)
        self._whole = in_a_row(self.empty, self.main, self.side, spacing=GAP_L)
        for place, share in enumerate((1, 3, 2)):
            self._whole.setStretch(place, share)
        self.body.setLayout(self._whole)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        text = self.state.text
        if self.state.model is None or not text:
            self.drop("Attend")
            self.patterns = None
            self._draw()
            return
        self._layers = []
        self.ask(Attend(text), lambda layer: self._layer_arrived(text, layer))
        if self._scores_are_old:
            self._scores_are_old = False
            self.ask(ScoreHeads(), self._scores_arrived)

    def _forget_scores(self) -> None:
        self._scores_are_old = True

    def _layer_arrived(self, text: str, event: AttentionLayer) -> None:
        """Show all layers together, so that no picture mixes two moments of a model in training."""
        self._layers.append(event.weights)
        if event.layer + 1 < event.layers:
            return
        self.patterns, self.exact = Patterns(text, event.pieces, event.first, self._layers), None
        self.drop("AttendHead")
        self.report_context(len(event.pieces), event.first + len(event.pieces))
        self.mosaic.set_weights(self.patterns.layers)
        many = len(self._layers) * len(event.weights) > MANY_HEADS
        self._whole.setStretchFactor(self.side, 3 if many else 2)
        self.state.select_head(*self.patterns.within(self.state.layer, self.state.head))
        self._find_head()
        self._show_selection()

    def on_shown(self) -> None:
        self._show_selection()

    def _scores_arrived(self, event: HeadScores) -> None:
        self.badges.set_scores(event.scores)
        self.mosaic.set_badges(self.badges.badges())
        self.adapt_layout()

    def _show_selection(self) -> None:
        """Show the selected token, layer and head. Only exact patterns of long texts and steps need the engine."""
        if self.patterns is None or not self.isVisible():
            return
        place = self._place(self.patterns)
        if self.patterns.are_pooled and (self.exact is None or self.exact[0] != place):
            self.ask(AttendHead(self.patterns.text, *place), lambda event: self._head_arrived(place, event))
        self._explain()
        self._draw()

    def _head_arrived(self, place: tuple[int, int], event: AttentionRows) -> None:
        self.exact = place, event.weights  # only one: the patterns of a long text are large
        self._draw()

    def _explain(self) -> None:
        """Request the steps of the selected row, if they are shown and are not here yet."""
        if self.view.current != "steps" or self.patterns is None:
            return
        patterns, (layer, _), row = self.patterns, self._place(self.patterns), self._row(self.patterns)
        wanted = patterns, layer, row
        if wanted != self._explained:
            self.ask(ExplainAttention(patterns.text, layer, row), lambda steps: self._steps_arrived(wanted, steps))

    def _steps_arrived(self, wanted: tuple[Patterns, int, int], steps: AttentionSteps) -> None:
        self._explained, self.steps = wanted, steps
        self._draw()

    def act(self, wanted: dict[str, Any]) -> None:
        """Select the head that attends most from the selected token to the words `look_at`."""
        self._look_at = wanted.get("look_at", "")
        self._find_head()

    def _find_head(self) -> None:
        tokens, target = self.state.tokens, self.state.token_of(self._look_at)
        if tokens is None or target is None:
            self._look_at = ""
            return
        patterns = self.patterns
        if patterns is not None and patterns.pieces == tokens.pieces[patterns.first :] and not patterns.are_pooled:
            self._look_at = ""
            self.state.select_head(*patterns.strongest_head(self._row(patterns), target - patterns.first))

    # --- Showing ---------------------------------------------------------------------------------

    def _place(self, patterns: Patterns) -> tuple[int, int]:
        """Return the selected layer and head."""
        return patterns.within(self.state.layer, self.state.head)

    def _row(self, patterns: Patterns) -> int:
        """Return the row of the selected token, or the last."""
        return patterns.row_of(self.state.token)

    def _weights(self, patterns: Patterns) -> NDArray[np.float16]:
        """Return the selected head's pattern [query, key]; a pooled one is enlarged until the exact one arrives."""
        place = self._place(patterns)
        if self.exact is not None and self.exact[0] == place:
            return self.exact[1]
        return patterns.of_head(*place)

    def _draw(self) -> None:
        patterns = self.patterns
        for widget in (self.main, self.side):
            widget.setVisible(patterns is not None)
        self.empty.setVisible(patterns is None)
        self.subtitle_changed.emit()
        if patterns is None:
            self.explain_empty(self.empty)
            return
        row, weights, (layer, head) = self._row(patterns), self._weights(patterns), self._place(patterns)
        self.mosaic.set_current(layer, head)
        self.heatmap.set_data(weights, patterns.pieces, row)
        self.strongest.setText(self.heatmap.describe(row))
        if self.view.current == "lines":
            self.lines.set_data(weights, patterns.pieces, row)
        elif self.view.current == "steps" and self.steps is not None and self._explained == (patterns, layer, row):
            self.steps_view.set_data(self.steps, head, patterns.pieces)

    def _row_chosen(self, row: int) -> None:
        if self.patterns is not None:
            self.state.select_token(row + self.patterns.first)

    def _view_changed(self, view: str) -> None:
        self.large.setCurrentIndex(VIEWS.index(view))
        self._explain()
        self._draw()

    def adapt_layout(self) -> None:
        roomy = self.height() > self.theme.px(ROOM_FOR_ALL)
        self.badges.setVisible(roomy and self.badges.scores.size > 0)
        self.title.setVisible(roomy)
        self.view.setVisible(roomy)

    def subtitle(self) -> str:
        if self.patterns is None:
            return ""
        layer, head = self._place(self.patterns)
        return t("pane.attention.subtitle", layer=layer + 1, head=head + 1)

    def table(self) -> Table | None:
        if self.patterns is None:
            return None
        pieces, weights = self.patterns.pieces, self._weights(self.patterns)
        rows = [(piece, *map(float, row)) for piece, row in zip(pieces, weights, strict=True)]
        return Table(("query", *pieces), rows)

    def save(self) -> dict[str, Any]:
        return {"view": self.view.current}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("view") in VIEWS:
            self.view.choose(saved["view"])

    def retranslate(self) -> None:
        self.title.setText(t("pane.attention.mosaic.title"))
        self.view.set_labels({view: t(f"pane.attention.view.{view}") for view in VIEWS}, t("pane.attention.view_name"))
        self.heatmap.setAccessibleName(t("pane.attention.title"))
        self.lines.setAccessibleName(t("pane.attention.view.lines"))
        self.steps_view.setAccessibleName(t("pane.attention.view.steps"))
        self.mosaic.setAccessibleName(t("pane.attention.mosaic.title"))
        self._draw()


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(widget)
    return area
