"""Which token looks at which: all heads as a mosaic, one of them large, and how one query comes by its weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

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
from gui.pane import Pane, Table
from gui.panes.attention.badges import HeadBadges
from gui.panes.attention.lines import AttentionLines
from gui.panes.attention.mosaic import Mosaic
from gui.panes.attention.steps import AttentionStepsView
from gui.theme import GAP_L, GAP_M
from gui.widgets.heatmap import Heatmap
from gui.widgets.segmented_control import SegmentedControl

VIEWS = ("matrix", "lines", "steps")
ROOM_FOR_ALL = 300  # pixels at zoom 1 of the pane's height


class AttentionPane(Pane):
    id = "attention"

    def build(self) -> None:
        self.pieces: tuple[str, ...] = ()
        self.first = 0
        self.layers: list[NDArray[np.float16]] = []  # [head, query, key] a layer; pooled for long texts
        self.exact: dict[tuple[int, int], NDArray[np.float16]] = {}  # single heads of long texts
        self.steps: AttentionSteps | None = None
        self._arriving: list[NDArray[np.float16]] = []
        self._look_at = ""  # words of the text; the head that looks at them has still to be found
        self._build_widgets()
        self._lay_out()
        self._scores_are_old = True  # they depend on the weights alone, not on the text
        self.state.model_changed.connect(self._forget_scores)
        self.state.weights_changed.connect(self._forget_scores)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(self.refresh)
        self.state.selection_changed.connect(self._selected)

    def _build_widgets(self) -> None:
        self.heatmap, self.mosaic, self.lines = Heatmap(), Mosaic(), AttentionLines()
        self.steps_view, self.badges = AttentionStepsView(), HeadBadges()
        self.view = SegmentedControl(VIEWS)
        self.heatmap.row_chosen.connect(self._row_chosen)
        self.lines.row_chosen.connect(self._row_chosen)
        self.mosaic.chosen.connect(self.state.select_head)
        self.badges.chosen.connect(self.state.select_head)
        self.view.changed.connect(self._view_changed)
        self.strongest, self.title, self.empty = QLabel(), QLabel(), self.empty_page()
        self.strongest.setProperty("role", "figure")
        self.strongest.setWordWrap(True)
        self.title.setProperty("role", "muted")

    def _lay_out(self) -> None:
        self.large = QStackedWidget()
        for widget in (self.heatmap, _scrolled(self.lines), _scrolled(self.steps_view)):
            self.large.addWidget(widget)
        head = QHBoxLayout()
        head.addWidget(self.view)
        head.addStretch(1)
        self.main, self.side = QWidget(), QWidget()
        left = QVBoxLayout(self.main)
        left.setContentsMargins(0, 0, 0, 0)
        left.addLayout(head)
        left.addWidget(self.large, 1)
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(GAP_M)
        for part, stretch in ((self.strongest, 0), (self.title, 0), (self.mosaic, 1), (self.badges, 0)):
            side.addWidget(part, stretch)
        row = QHBoxLayout(self.body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_L)
        row.addWidget(self.empty, 1)
        row.addWidget(self.main, 3)
        row.addWidget(self.side, 2)

    # --- Asking ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        if self.state.model is None or not self.state.text:
            self.layers = []
            self.drop("Attend")
            self._draw()
            return
        self._arriving = []
        self.ask(Attend(self.state.text), self._arrived)
        if self._scores_are_old:
            self._scores_are_old = False
            self.ask(ScoreHeads(), self._scored)

    def _forget_scores(self) -> None:
        self._scores_are_old = True

    def _arrived(self, event: AttentionLayer) -> None:
        """All layers are shown together, so that no picture mixes two moments of a model that learns."""
        self._arriving.append(event.weights)
        if event.layer + 1 < event.layers:
            return
        self.pieces, self.first, self.layers = event.pieces, event.first, self._arriving
        self._arriving, self.exact = [], {}
        self.mosaic.set_weights(self.layers)
        layers, heads = len(self.layers), len(self.layers[0])
        if self.state.layer >= layers or self.state.head >= heads:
            self.state.select_head(min(self.state.layer, layers - 1), min(self.state.head, heads - 1))
        self._find_head()
        self._selected()

    def catch_up(self) -> None:
        self._selected()

    def _scored(self, event: HeadScores) -> None:
        self.badges.set_scores(event.scores)
        self.mosaic.set_badges(self.badges.badges())
        self.fold()

    def _selected(self) -> None:
        """Another token, layer or head: all heads are here already, only the steps of another query are not."""
        if not self.layers or not self.isVisible():
            return
        place = self._place()
        if self.pooled and place not in self.exact:
            self.ask(AttendHead(self.state.text, *place), lambda event: self._rows_arrived(place, event))
        self._explain()
        self._draw()

    def _explain(self) -> None:
        if self.view.current != "steps" or not self.layers:
            return
        layer, query = self._place()[0], self._row()
        known = self.steps is not None and (self.steps.layer, self.steps.query) == (layer, query)
        if not known or self.state.training or not self.steps_view.fits(self.pieces[: query + 1]):
            self.ask(ExplainAttention(self.state.text, layer, query), self._explained)

    def _explained(self, steps: AttentionSteps) -> None:
        self.steps = steps
        self._draw()

    def _rows_arrived(self, place: tuple[int, int], event: AttentionRows) -> None:
        if len(event.weights) == len(self.pieces):
            self.exact = {place: event.weights}  # one at a time: a long text's heads are large
            self._draw()

    def act(self, wanted: dict[str, Any]) -> None:
        """Choose the head that attends most from the selected token to the words `look_at`."""
        self._look_at = wanted.get("look_at", "")
        self._find_head()

    def _find_head(self) -> None:
        tokens, target = self.state.tokens, self.state.token_of(self._look_at)
        if tokens is None or target is None:
            self._look_at = ""
        elif self.pieces == tokens.pieces[self.first :] and not self.pooled and self.layers:
            self._look_at = ""
            shares_LH = np.stack([layer[:, self._row(), target - self.first] for layer in self.layers])
            layer, head = np.unravel_index(int(shares_LH.argmax()), shares_LH.shape)
            self.state.select_head(int(layer), int(head))

    # --- Showing ---------------------------------------------------------------------------------

    @property
    def pooled(self) -> bool:
        """Whether the text is so long that only pictures of its heads are here."""
        return bool(self.layers) and self.layers[0].shape[-1] < len(self.pieces)

    def weights(self) -> NDArray[np.float16]:
        """[query, key] of the chosen head; of a long text enlarged from its picture until the exact ones come."""
        layer, head = self._place()
        if not self.pooled:
            return self.layers[layer][head]
        exact = self.exact.get((layer, head))
        if exact is not None:
            return exact
        size = -(-len(self.pieces) // self.layers[layer].shape[-1])
        large = self.layers[layer][head].repeat(size, axis=0).repeat(size, axis=1)
        return large[: len(self.pieces), : len(self.pieces)]

    def _draw(self) -> None:
        shown = bool(self.layers)
        for widget in (self.main, self.side):
            widget.setVisible(shown)
        self.empty.setVisible(not shown)
        self.subtitle_changed.emit()
        if not shown:
            self.explain_empty(self.empty)
            return
        row, weights = self._row(), self.weights()
        layer, head = self._place()
        self.mosaic.set_current(layer, head)
        self.heatmap.set_data(weights, self.pieces, row)
        self.strongest.setText(self.heatmap.describe(row))
        if self.view.current == "lines":
            self.lines.set_data(weights, self.pieces, row)
        elif self.view.current == "steps" and self.steps is not None and self.steps.layer == layer:
            self.steps_view.set_data(self.steps, head, self.pieces)

    def _place(self) -> tuple[int, int]:
        return min(self.state.layer, len(self.layers) - 1), min(self.state.head, len(self.layers[0]) - 1)

    def _row(self) -> int:
        """The query that is looked at: the selected token, or the last."""
        chosen = self.state.token
        index = len(self.pieces) - 1 if chosen is None else chosen - self.first
        return index if 0 <= index < len(self.pieces) else len(self.pieces) - 1

    def _row_chosen(self, row: int) -> None:
        self.state.select_token(row + self.first)

    def _view_changed(self, view: str) -> None:
        self.large.setCurrentIndex(VIEWS.index(view))
        self._explain()
        self._draw()

    def fold(self) -> None:
        roomy = self.height() > self.theme.px(ROOM_FOR_ALL)
        self.badges.setVisible(roomy and self.badges.scores.size > 0)
        self.title.setVisible(roomy)
        self.view.setVisible(roomy)

    # --- What every pane has ---------------------------------------------------------------------

    def subtitle(self) -> str:
        if not self.layers:
            return ""
        layer, head = self._place()
        return t("pane.attention.subtitle", layer=layer + 1, head=head + 1)

    def table(self) -> Table | None:
        if not self.layers:
            return None
        rows = [(piece, *map(float, row)) for piece, row in zip(self.pieces, self.weights(), strict=True)]
        return Table(("query", *self.pieces), rows)

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
    area = QScrollArea(widgetResizable=True)
    area.setWidget(widget)
    return area
