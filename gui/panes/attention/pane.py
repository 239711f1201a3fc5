"""Which tokens attend to which: one head on the text itself, as a matrix, and step by step; beside it all heads."""

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QStackedWidget, QWidget

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
from gui.changes import factors_of
from gui.i18n import t
from gui.layout import label, row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.attention.arcs import AttentionArcs
from gui.panes.attention.badges import HeadBadges
from gui.panes.attention.difference import DifferencePage, difference, difference_sentence
from gui.panes.attention.film import AttentionFilm
from gui.panes.attention.mosaic import Mosaic
from gui.panes.attention.patterns import Patterns, Shown, with_steps
from gui.panes.attention.scrubber import Scrubber
from gui.panes.attention.sentence import sentence, strongest
from gui.text import word
from gui.theme import GAP_L, GAP_M
from gui.widgets.heatmap import Heatmap
from gui.widgets.segmented_control import SegmentedControl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIEWS = ("sentence", "matrix", "steps", "minus")
ORDERS = ("layer", "look")  # of the heads
ROOM_FOR_MATRIX, ROOM_FOR_BADGES = 500, 480  # pixels at zoom 1 of the content, of the pane's height, below the sentence


class AttentionPane(Pane):
    id = "attention"
    computes = ("Attend", "ExplainAttention")

    def build(self) -> None:
        self.patterns: Patterns | None = None  # the latest to arrive
        self.shown: Shown | None = None
        self._layers: list[NDArray[np.float16]] = []  # received of the next patterns
        self.exact: tuple[tuple[int, int], NDArray[np.float16]] | None = None  # one head of a long text, not pooled
        self.steps: AttentionSteps | None = None
        self._explained: tuple[Patterns, int, int] | None = None  # the patterns, layer and row of `steps`
        self._key: tuple[tuple[str, ...], int, int] | None = None  # chosen by the user: the pieces, the row, the key
        self._pinned: Patterns | None = None  # those of A, while the difference is shown
        self._pinned_text = ""  # the text for which they were asked last
        self._pinned_layers: list[NDArray[np.float16]] = []  # received of them
        self._look_at = ""  # words of the text: select the head that attends to them most
        self._build_widgets()
        self._lay_out()
        self._scores_are_old = True  # they depend on the weights alone, not on the text
        self.state.model_changed.connect(self._forget_scores)
        self.state.weights_changed.connect(self._forget_scores)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(self.refresh)
        self.state.selection_changed.connect(self._show_selection)
        self.state.pinned_changed.connect(self._pinned_changed)
        self._pinned_changed()

    def _build_widgets(self) -> None:
        self.arcs, self.heatmap, self.mosaic = AttentionArcs(), Heatmap(), Mosaic()
        self.film, self.badges = AttentionFilm(), HeadBadges()
        self.scrubber, self.minus = Scrubber(self.film), DifferencePage()
        self.view, self.order = SegmentedControl(VIEWS), SegmentedControl(ORDERS)
        self.title, self.empty = label("muted"), self.empty_page()
        self.arcs.row_chosen.connect(self._row_chosen)
        self.heatmap.row_chosen.connect(self._row_chosen)
        self.heatmap.key_chosen.connect(self._key_chosen)
        self.mosaic.chosen.connect(self.state.select_head)
        self.badges.chosen.connect(self.state.select_head)
        self.state.interventions_changed.connect(self._mark_changes)
        self.minus.map.row_chosen.connect(self._row_chosen)
        self.minus.map.key_chosen.connect(self._key_chosen)
        self.minus.head_chosen.connect(self.state.select_head)
        self.view.changed.connect(self._view_changed)
        self.order.changed.connect(lambda _: self._draw())

    def _lay_out(self) -> None:
        self.main, self.large, self.overview = QWidget(), QStackedWidget(), QWidget()
        self.controls, self.beneath, self.side, self.footer = QWidget(), QWidget(), QWidget(), QWidget()
        self.controls.setLayout(in_a_row(self.view, 1, self.title, self.order, spacing=GAP_M))
        stack(self.side, self.mosaic)
        self._across = in_a_row(self.heatmap, self.side, spacing=GAP_L)
        self.beneath.setLayout(self._across)
        upper = stack(self.overview, self.arcs, self.beneath, spacing=GAP_M)
        for place, part in enumerate((42, 58)):
            upper.setStretch(place, part)
        for widget in (self.overview, self.film, self.minus):
            self.large.addWidget(widget)
        stack(self.footer, self.badges, self.scrubber)
        stack(self.main, self.controls, self.large, self.footer, spacing=GAP_M).setStretchFactor(self.large, 1)
        stack(self.body, self.empty, self.main)
        self.add_controls(self.controls, self.footer)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        text = self.state.text
        if self.state.model is None or not text:
            self.drop("Attend")
            self.patterns = self.shown = None
            self._draw()
            return
        if self.shown is None:
            self._draw()  # the empty page no longer asks for a text or a model
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
        self.state.select_head(*self.patterns.within(self.state.layer, self.state.head))
        self._find_head()
        self._show_selection()

    def on_shown(self) -> None:
        self._show_selection()

    def _scores_arrived(self, event: HeadScores) -> None:
        self.badges.set_scores(event)
        self.mosaic.set_badges(self.badges.badges())
        self.adapt_layout()

    def _show_selection(self) -> None:
        """Show the selected token, layer and head, once all that is shown of them has arrived.

        Only exact patterns of long texts and steps need the engine.
        """
        if self.patterns is None or not self.isVisible():
            return
        patterns, place, row = self.patterns, self._place(self.patterns), self._row(self.patterns)
        if patterns.are_pooled and (self.exact is None or self.exact[0] != place):
            self.ask(AttendHead(patterns.text, *place), lambda event: self._head_arrived(place, event))
            return
        wanted = patterns, place[0], row
        if self.view.current == "steps" and self._explained != wanted:
            self.ask(ExplainAttention(patterns.text, place[0], row), lambda steps: self._steps_arrived(wanted, steps))
            return
        if self.view.current == "minus" and (self._pinned is None or self._pinned.text != patterns.text):
            if not (self.asking("AttendA") and self._pinned_text == patterns.text):
                self._pinned_text, self._pinned_layers = patterns.text, []
                request = Attend(patterns.text, pinned=True)
                self.ask(request, lambda event: self._pinned_arrived(patterns.text, event), "AttendA")
            return
        self.shown = self._selected(patterns, place, row)
        self._draw()

    def _pinned_changed(self) -> None:
        """Offer the difference from A while a model is pinned as A."""
        self._pinned = None
        self.drop("AttendA")
        self.view.leave_out("minus", self.state.pinned is None)
        if self.view.current == "minus" and self.state.pinned is None:
            self.view.choose("matrix")
        self._show_selection()

    def _pinned_arrived(self, text: str, event: AttentionLayer) -> None:
        self._pinned_layers.append(event.weights)
        if event.layer + 1 == event.layers:
            self._pinned = Patterns(text, event.pieces, event.first, self._pinned_layers)
            found = None if self.patterns is None else difference(self.patterns, self._pinned)
            if found is not None:
                self.state.select_head(*found.most())
            self._show_selection()

    def _selected(self, patterns: Patterns, place: tuple[int, int], row: int) -> Shown:
        weights: NDArray[np.floating] = patterns.of_head(*place)
        if self.exact is not None and self.exact[0] == place:
            weights = self.exact[1]
        if self.view.current != "steps" or self.steps is None:
            pinned = self._pinned if self.view.current == "minus" else None
            return Shown(patterns, *place, row, weights, pinned=pinned)
        return with_steps(Shown(patterns, *place, row, weights), self.steps)

    def _head_arrived(self, place: tuple[int, int], event: AttentionRows) -> None:
        self.exact = place, event.weights  # only one: the patterns of a long text are large
        self._show_selection()

    def _steps_arrived(self, wanted: tuple[Patterns, int, int], steps: AttentionSteps) -> None:
        self._explained, self.steps = wanted, steps
        self._show_selection()

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

    def _chosen_key(self, shown: Shown) -> int | None:
        """Return the key that the user has chosen in this row."""
        return self._key[2] if self._key is not None and self._key[:2] == (shown.pieces, shown.row) else None

    def _draw(self) -> None:
        shown = self.shown
        self.main.setVisible(shown is not None)
        self.empty.setVisible(shown is None)
        self.subtitle_changed.emit()
        if shown is None:
            self.explain_empty(self.empty)
            return
        sorts = self.order.current == "look"
        if sorts and self._chosen_key(shown) is None:
            self._key = shown.pieces, shown.row, strongest(shown.weights, shown.row, 1)[0]
        key = self._chosen_key(shown)
        self.arcs.set_data(shown.weights, shown.pieces, shown.row)
        self.heatmap.set_data(shown.weights, shown.pieces, shown.row, key)
        at = None if key is None or not sorts else key // shown.pooling
        self.mosaic.set_weights(shown.patterns.layers, shown.row // shown.pooling, at, pooled=shown.pooling > 1)
        self.mosaic.set_current(shown.layer, shown.head)
        self._name_orders(word(shown.pieces[strongest(shown.weights, shown.row, 1)[0] if key is None else key]))
        if shown.pinned is not None:
            found = difference(shown.patterns, shown.pinned)
            self.minus.set_data(found, shown.layer, shown.head, shown.row, self._chosen_key(shown))
        if shown.steps is not None:
            self.film.set_data(shown.steps, shown.head, shown.pieces)

    def _name_orders(self, key: str) -> None:
        labels = {order: t(f"pane.attention.order.{order}", word=key) for order in ORDERS}
        self.order.set_labels(labels, t("pane.attention.order.name"))
        arrangement = "sorted" if self.order.current == "look" else "turned" if self.mosaic.turned else "title"
        self.title.setText(t(f"pane.attention.mosaic.{arrangement}"))

    def _row_chosen(self, row: int) -> None:
        if self.patterns is not None:
            self.state.select_token(row + self.patterns.first)

    def _key_chosen(self, key: int) -> None:
        if self.shown is not None:
            self._key = self.shown.pieces, self.shown.row, key
            self._draw()

    def _view_changed(self, view: str) -> None:
        self.large.setCurrentWidget({"steps": self.film, "minus": self.minus}.get(view, self.overview))
        self.adapt_layout()
        self._show_selection()
        if view == "steps" and self.isVisible():
            self.film.setFocus()  # so that Space plays the next picture

    def adapt_layout(self) -> None:
        """Show as much as there is room for: in a low pane the sentence stands alone, as large as it can be."""
        view = self.view.current
        beside = not self.compact or self.width() >= 2 * self.height()  # the matrix is a square
        below = not self.compact and self.height() >= self.content.px(ROOM_FOR_MATRIX)
        heads = beside if view == "matrix" else below
        self.arcs.setVisible(view == "sentence")
        self.beneath.setVisible(view == "matrix" or heads)
        self.side.setVisible(heads)
        self.order.setVisible(view in ("sentence", "matrix") and heads)
        self.title.setVisible(view in ("sentence", "matrix") and heads)
        self.scrubber.setVisible(view == "steps")
        for part, share in zip((self.heatmap, self.side), (3, 2) if view == "matrix" else (2, 3), strict=True):
            self._across.setStretchFactor(part, share)
        roomy = self.height() > self.content.px(ROOM_FOR_BADGES)
        self.badges.setVisible(view in ("sentence", "matrix") and roomy and self.badges.scores.size > 0)

    def subtitle(self) -> str:
        if self.shown is None:
            return ""
        return t("pane.attention.subtitle", layer=self.shown.layer + 1, head=self.shown.head + 1)

    def sentence(self) -> str:
        shown = self.shown
        if shown is None:
            return ""
        if shown.pinned is not None:
            return difference_sentence(difference(shown.patterns, shown.pinned), shown.layer, shown.head)
        return sentence(shown.weights, shown.pieces, shown.row)

    def picture(self) -> QWidget:
        return self.large

    def table(self) -> Table | None:
        if self.shown is None:
            return None
        pieces, weights, pinned = self.shown.pieces, self.shown.weights, self.shown.pinned
        found = None if pinned is None else difference(self.shown.patterns, pinned)
        if found is not None:
            weights = found.of_head(self.shown.layer, self.shown.head)
        rows = [(piece, *map(float, row)) for piece, row in zip(pieces, weights, strict=True)]
        return Table(("query", *pieces), rows)

    def save(self) -> dict[str, Any]:
        return {"view": self.view.current, "order": self.order.current}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("view") in VIEWS and (saved["view"] != "minus" or self.state.pinned is not None):
            self.view.choose(saved["view"])
        if saved.get("order") in ORDERS:
            self.order.choose(saved["order"])

    def _mark_changes(self) -> None:
        """Mark the heads that are changed in the model."""
        factors = factors_of(self.state.interventions)
        self.mosaic.set_changed({(layer, head): f for (layer, head), f in factors.items() if head is not None})

    def retranslate(self) -> None:
        self.view.set_labels({view: t(f"pane.attention.view.{view}") for view in VIEWS}, t("pane.attention.view_name"))
        self.arcs.setAccessibleName(t("pane.attention.view.sentence"))
        self.heatmap.setAccessibleName(t("pane.attention.view.matrix"))
        self.minus.retranslate()
        self.film.setAccessibleName(t("pane.attention.view.steps"))
        self.mosaic.setAccessibleName(t("pane.attention.mosaic.title"))
        self._draw()
