"""The Embeddings pane: vectors as a map, an analogy, an axis between two words, and the paths through the layers."""

from typing import Any

from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from engine.messages.embeddings import (
    EmbeddingPaths,
    LookUp,
    TokenRow,
    TracePaths,
    VectorSource,
)
from gui import i18n
from gui.i18n import t
from gui.layout import row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.embeddings import sentence
from gui.panes.embeddings.hover_label import HoverLabel
from gui.panes.embeddings.map_controls import VIEWS, MapControls
from gui.panes.embeddings.map_requests import MapRequests
from gui.panes.embeddings.own_vectors import OwnVectors, dropped
from gui.panes.embeddings.point_colors import PointColors
from gui.panes.embeddings.projection import AxisMap, LayerPaths, Projection, VectorMap
from gui.panes.embeddings.turned_view import TurnedView
from gui.panes.embeddings.vector_details import VectorDetails
from gui.panes.embeddings.vector_plot import VectorPlot
from gui.panes.embeddings.word_views import WordViews
from gui.theme import GAP_L, GAP_S
from gui.widgets.legend import Legend

ROOM_FOR_SIDE = 620  # pixels at zoom 1: width
TALL = 300  # height
MOST_FOUND = 300  # points that a search or a lasso marks
SLOTS = ("Project", "FindAnalogy", "ProjectOnAxis", "TracePaths", "CompareVectors")
PICTURES = dict(zip(VIEWS, SLOTS, strict=True))


class EmbeddingsPane(Pane):
    id = "embeddings"
    computes = (*PICTURES.values(), "LookUp")

    def build(self) -> None:
        self.shown: Projection | None = None
        self._looked_up: LookUp | None = None  # the last request for a row
        self._by_hand = False  # whether the user has looked up the row that is shown
        self._flies = False  # whether the view flies to the row when it arrives
        self._words: list[str] = []  # words to look up once the map is complete
        self._build_widgets()
        self._lay_out()
        self.setAcceptDrops(True)
        self.follow(self.state.model_changed)
        self.follow_live(self.refresh, self._follows_training)
        self.state.model_changed.connect(self._model_changed)
        self.state.pinned_changed.connect(self._pinned_changed)
        self.state.tokens_changed.connect(self._text_changed)
        self.state.selection_changed.connect(self._selection_changed)

    def _build_widgets(self) -> None:
        self.plot, self.details, self.legend, self.controls = VectorPlot(), VectorDetails(), Legend(), MapControls()
        self.maps = MapRequests(self, self.controls)
        self.words, self.own = WordViews(self, self.details), OwnVectors(self)
        self.analogy, self.turned = self.words.picture, TurnedView()
        self.colors = PointColors(self, self.controls, self.plot, self.legend)
        self.empty, self.point = self.empty_page(), HoverLabel(self.plot, self._describe)
        self.plot.clicked.connect(self._clicked)
        self.plot.lassoed.connect(lambda found: self.plot.set_lit(found[:MOST_FOUND] or None))
        self.details.token_chosen.connect(self._look_up)
        self.maps.arrived.connect(self._map_arrived)
        self.maps.named.connect(self._map_named)
        self.maps.ended.connect(self._update_controls)
        self.words.analogy_wanted.connect(lambda: self.words.ask_analogy(self._source))
        self.words.axis_wanted.connect(lambda: self.words.ask_axis(self._source))
        self.words.analogy_shown.connect(self._update_controls)
        self.words.axis_found.connect(self._show)
        self.words.failed.connect(self._words_failed)
        self.own.opened.connect(self._own_opened)
        self.own.failed.connect(self._update_controls)
        self.controls.source.changed.connect(self._source_changed)
        self.controls.view.changed.connect(self._view_changed)
        self.controls.method.changed.connect(self._method_changed)
        self.controls.dims.changed.connect(self._method_changed)
        self.turned.changed.connect(self._update_controls)
        self.turned.chosen.connect(self._select)
        self.controls.color_changed.connect(lambda _: self.colors.show(self.shown))
        self.controls.file.clicked.connect(self.own.choose)
        self.controls.search.textChanged.connect(self._search)
        self.controls.search.returnPressed.connect(self._look_up_found)
        self.controls.reset.clicked.connect(self._show_whole)
        self.controls.stop.clicked.connect(self._stop)

    def _lay_out(self) -> None:
        pictures = QWidget()
        stack(pictures, self.legend, self.plot, self.analogy, self.turned, spacing=GAP_S)
        self.pictures = pictures
        middle = in_a_row(pictures, self.details, spacing=GAP_L)
        middle.setStretchFactor(pictures, 5)
        middle.setStretchFactor(self.details, 2)
        self.top = QWidget()
        stack(self.top, self.controls, self.words.analogy, self.words.axis, spacing=GAP_S)
        self.add_controls(self.top)
        whole = stack(self.body, self.top, self.empty, middle, spacing=GAP_S)
        whole.setStretchFactor(self.empty, 1)
        whole.setStretchFactor(middle, 1)

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        controls = self.controls
        self._looked_up = None  # an answer on its way may come from the weights before
        for slot in PICTURES.values():
            if slot != PICTURES[controls.chosen_view]:
                self.drop(slot)
        if controls.chosen_view != "layers":
            self.report_context(0, 0)
        if self._source == "own" and self.own.info is None:
            self._clear()
            if self.own.path:
                self.own.open(self.own.path)
        elif controls.vector_source == "model" and self.state.model is None:
            for slot in PICTURES.values():
                self.drop(slot)
            self._clear()
        else:
            self._ask_picture()
        self._update_controls()
        self._mark_selection()

    def _ask_picture(self) -> None:
        view = self.controls.chosen_view
        if view == "layers":
            if self.state.text:
                self.ask(TracePaths(self.state.text, self.controls.dimensions), self._paths_arrived)
        elif view == "minus":
            self.turned.ask(self, self.controls.dimensions, self._rows_of_text())
        elif view == "map":
            self.maps.ask(self._rows_of_text())
        elif view == "axis":
            self.words.ask_axis(self._source)
        else:
            self.words.ask_examples(self._source)
            if all(self.words.analogy.words):
                self.words.ask_analogy(self._source)

    @property
    def _source(self) -> VectorSource:
        return self.controls.vector_source

    def _follows_training(self) -> bool:
        """Return whether the picture follows training: only one that is computed in one step does."""
        return not self.controls.is_iterative and self._source == "model"

    def _pinned_changed(self) -> None:
        """Offer the difference from A while a model is pinned as A."""
        self.turned.set_found(None)
        if self.state.pinned is None and self.controls.view.current == "minus":
            self.controls.view.choose("map")
        elif self.controls.chosen_view == "minus":
            self._refresh_when_seen()
        self._update_controls()

    def _model_changed(self) -> None:
        """Forget what was found in the model before."""
        self.maps.forget()
        self.turned.set_found(None)
        if self._source == "model":
            self._clear()

    def _text_changed(self) -> None:
        if self.controls.chosen_view == "layers" or self._misses_tokens():
            self._refresh_when_seen()
        else:
            self._mark_selection()
            if self.controls.chosen_color in ("position", "loss"):
                self.colors.show(self.shown)

    def _rows_of_text(self) -> tuple[int, ...]:
        tokens = self.state.tokens
        if tokens is None or self._source != "model":
            return ()
        return tuple(dict.fromkeys(tokens.ids.tolist()))[:MOST_FOUND]

    def _misses_tokens(self) -> bool:
        """Return whether the map is a sample of the rows in which tokens of the text are missing."""
        if not isinstance(self.shown, VectorMap) or not self.shown.is_sample or self.controls.is_iterative:
            return False
        shown = self.shown
        return any(shown.index_of(row) < 0 for row in self._rows_of_text() if row not in self.maps.wanted)

    def _source_changed(self) -> None:
        self.maps.source_chosen, self.maps.weak = True, None
        self._clear()
        if self._source == "own" and not self.own.path:
            self.own.choose()
        self._method_changed()

    def _view_changed(self) -> None:
        """Clear the panel, which may list what was found in the view before."""
        self.details.clear()
        self._by_hand = self.state.token is not None
        self._method_changed()

    def _method_changed(self) -> None:
        self.plot.set_paths([])
        self.refresh()

    def _clear(self) -> None:
        """Show nothing, because the source of the vectors has changed or is gone."""
        self.shown, self._by_hand = None, False
        self.words.clear()
        self.drop("LookUp")
        self.details.clear()

    def _stop(self) -> None:
        """Cancel the projection; the points stay where they are."""
        self.drop("Project")
        self._update_controls()

    # --- Answers ---------------------------------------------------------------------------------

    def _map_arrived(self, shown: VectorMap) -> None:
        self._show(shown)
        if shown.map.fraction >= 1.0:
            self._look_up_words()

    def _map_named(self, shown: VectorMap) -> None:
        self.shown = shown
        self.plot.show_regions(shown.regions)

    def _paths_arrived(self, paths: EmbeddingPaths) -> None:
        self.report_context(len(paths.pieces), paths.first + len(paths.pieces))
        self._show(LayerPaths(paths))

    def _show(self, shown: Projection) -> None:
        """Plot a map, an axis or paths. The view stays as the user has set it, if it suits them."""
        before, self.shown = self.shown, shown
        self.plot.show_projection(shown, before)
        if isinstance(shown, VectorMap):
            self.controls.set_columns([name for name in shown.rows.values if name != "norm"])
        self.colors.show(shown)
        self._update_controls()
        self._mark_selection()

    def _words_failed(self) -> None:
        self.shown = None
        self.details.clear()
        self._update_controls()

    # --- Selection -------------------------------------------------------------------------------

    def _selection_changed(self) -> None:
        self._by_hand = self.state.token is not None
        self._mark_selection()

    def _mark_selection(self) -> None:
        """Mark the selected token and all tokens of the text, and look up the row of the selected or last one."""
        tokens, chosen = self.state.tokens, self.state.token
        if tokens is None or not len(tokens.ids) or self.controls.chosen_view == "analogy":
            return
        if self.controls.chosen_view == "minus":
            self.turned.mark(None if chosen is None else int(tokens.ids[chosen]), self._rows_of_text())
            self.subtitle_changed.emit()
            return
        rows = [row for token in range(len(tokens.ids)) if (row := self._row_of(token)) is not None]
        if isinstance(self.shown, LayerPaths):
            point = self.shown.point_of(chosen)
            self.plot.set_paths(self.shown.lines(point))
            self.plot.set_named([self.plot.paths[0][-1]])  # the beginning, before the first layer
            self.plot.set_marked([] if point is None else [point])
        elif self.shown is not None:
            self.plot.mark_text([self.shown.index_of(row) for row in dict.fromkeys(rows)][:MOST_FOUND])
        wanted = self._row_of(chosen) if chosen is not None else rows[-1] if rows else None
        if wanted is not None and self.isVisible() and not (chosen is None and self._by_hand):
            self._ask_row(wanted)

    def _row_of(self, token: int) -> int | None:
        """Return the row of a token of the text; with word vectors that of the word which it is, if it is one."""
        tokens = self.state.tokens
        assert tokens is not None
        if self._source == "model":
            return int(tokens.ids[token])
        word = tokens.pieces[token].strip().lower()
        return self.shown.row_named(word) if isinstance(self.shown, (VectorMap, AxisMap)) else None

    def _ask_row(self, row: int) -> None:
        """Request a row, unless it is being answered already: each map of a movement asks for the same."""
        request = LookUp(row, source=self._source, language=i18n.language())
        if request != self._looked_up or not self.asking("LookUp"):
            self._looked_up = request
            self.ask(request, self._row_arrived)

    def _row_arrived(self, row: TokenRow) -> None:
        self.details.show_row(row)
        if isinstance(self.shown, (VectorMap, AxisMap)):
            near = zip(row.near.ids.tolist(), row.near.cosines.tolist(), strict=True)
            points = [(self.shown.index_of(token), cosine) for token, cosine in near]
            joined = self._by_hand and isinstance(self.shown, VectorMap)
            self.plot.choose(self.shown.index_of(row.id), points if joined else [], self._flies)
        self._flies = False
        self.subtitle_changed.emit()

    def on_shown(self) -> None:
        self._mark_selection()

    def _clicked(self, index: int) -> None:
        """Select the token of the point in all panes, or show its row here; nothing for a click beside all points."""
        if isinstance(self.shown, LayerPaths):
            self.state.select_token(self.shown.token_at(index) if index >= 0 else None)
        elif self.shown is not None and index >= 0:
            self._look_up(int(self.shown.rows.ids[index]))
        elif self.shown is not None:
            self._by_hand = False
            self.plot.choose(-1, [], False)
            self.state.select_token(None)

    def _look_up(self, row: int) -> None:
        """Select the token with this row in all panes if the text contains it; else show the row here."""
        self._by_hand = True
        if not self._select(row):
            self._ask_row(row)

    def _select(self, row: int) -> bool:
        """Select the token with this row in all panes, if the text contains it and another one is selected."""
        count = len(self.state.tokens.ids) if self.state.tokens is not None else 0
        token = next((token for token in range(count) if self._row_of(token) == row), None)
        if token is not None and token != self.state.token:
            self.state.select_token(token)
            return True
        return False

    def _search(self, text: str) -> None:
        """Dim all points but those whose names contain the text."""
        for picture in (self.plot, self.turned):
            picture.search(text)

    def _look_up_found(self) -> None:
        """Look up the shortest name that was found and fly there; the next one if that is shown already."""
        if self.controls.chosen_view == "minus":
            self.turned.look_up(self.controls.search.text())
            return
        found = self.plot.containing(self.controls.search.text())
        if not found or not isinstance(self.shown, (VectorMap, AxisMap)):
            return
        rows = [int(self.shown.rows.ids[index]) for index in found]
        now = self.details.row.id if self.details.row is not None and self._by_hand else -1
        self._flies = True
        self._look_up(rows[(rows.index(now) + 1) % len(rows)] if now in rows else rows[0])

    def _show_whole(self) -> None:
        self.controls.search.clear()
        self.plot.set_lit(None)
        for plot in (self.plot, self.turned.plot):
            plot.fly_to(())

    def act(self, wanted: dict[str, Any]) -> None:
        """Look up the words `look_up`: one with its neighbours, or the A, B and C of A − B + C."""
        self._words = wanted.get("look_up", [])
        self.maps.source_chosen = True
        if len(self._words) == len(self.words.analogy.fields):
            self.words.analogy.set_words(self._words)
            self._words = []
            self.controls.view.choose("analogy")
            self.words.ask_analogy(self._source)
            return
        self.controls.view.choose("map")
        if isinstance(self.shown, VectorMap) and not self.asking("Project"):
            self._look_up_words()

    def _look_up_words(self) -> None:
        words, self._words = self._words, []
        if words and isinstance(self.shown, VectorMap):
            row = self.shown.row_named(words[0])
            if row is not None:
                self.plot.fit()  # the words before may have changed the view
                self._look_up(row)

    # --- Own vectors -----------------------------------------------------------------------------

    def _own_opened(self) -> None:
        self._clear()
        if self._source == "own":
            self._method_changed()
        else:
            self.controls.source.choose("own")

    def engine_returned(self) -> None:
        self.own.forget()
        super().engine_returned()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()  # the window opens other files

    def dropEvent(self, event: QDropEvent) -> None:
        files = dropped(event.mimeData())
        if files:
            event.acceptProposedAction()
            self.own.open(*files)

    # --- Showing ---------------------------------------------------------------------------------

    @property
    def _is_shown(self) -> bool:
        """True if the engine has answered what the chosen view shows."""
        picture = {"analogy": self.analogy.found, "minus": self.turned.found}
        return picture.get(self.controls.chosen_view, self.shown) is not None

    def _update_controls(self) -> None:
        view = self.controls.chosen_view
        searchable = view == "minus" or isinstance(self.shown, (VectorMap, AxisMap))
        self.controls.update_choices(searchable, self.asking("Project"), self.state.pinned is not None)
        self.words.analogy.setVisible(view == "analogy")
        self.words.axis.setVisible(view == "axis")
        self.adapt_layout()
        self.empty.setVisible(not self._is_shown)
        self.explain_empty(self.empty)
        self.subtitle_changed.emit()
        if self.shown is not None:
            # When t-SNE or UMAP has just been chosen, the points are still those of PCA.
            self.plot.set_explained(() if self.controls.is_iterative else self.shown.explained)

    def explain_empty(self, page: Any) -> None:
        """Say what is missing: with words no model is needed, with one's own vectors a file."""
        if self.controls.chosen_view == "minus" and self.turned.other_tokens:
            page.set_words("", t("pane.embeddings.turned.none"), "")
        elif self._source == "model":
            super().explain_empty(page)
        else:
            key = "file_wanted" if self._source == "own" and self.own.info is None else "empty"
            page.set_words("", t(f"pane.embeddings.{key}"), "")

    def adapt_layout(self) -> None:
        view, shown = self.controls.chosen_view, self._is_shown
        tall = self.height() > self.content.px(TALL)
        self.pictures.setVisible(shown)
        own = view in ("analogy", "minus")  # views with a picture of their own
        self.plot.setVisible(shown and not own)
        self.turned.setVisible(shown and view == "minus")
        self.turned.adapt_layout(self.width(), self.compact)
        self.analogy.setVisible(shown and view == "analogy")
        side = shown and not self.compact and self.width() > self.content.px(ROOM_FOR_SIDE)
        self.details.setVisible(side and view != "minus")
        self.legend.setVisible(shown and not self.compact and not own)
        self.details.bars.setVisible(tall)  # in a low tile the neighbours need the room more

    def _describe(self, index: int) -> str:
        return self.shown.describe(index) if self.shown is not None and 0 <= index < len(self.shown.points) else ""

    def subtitle(self) -> str:
        view, shown = self.controls.chosen_view, self.shown
        source = t(f"pane.embeddings.source.{self.controls.source.current}")
        if self._source == "own":
            source = self.own.name
        if not self._is_shown:
            return ""
        if view == "minus":
            return self.turned.subtitle()
        if view == "analogy" or not isinstance(shown, VectorMap):
            return t("pane.embeddings.of", source=source, name=t(f"pane.embeddings.view.{view}"))
        name = t(f"pane.embeddings.method.{self.controls.method.current}")
        method = t("pane.embeddings.of", source=source, name=name)
        return shown.subtitle(method, is_moving=self.controls.is_iterative and bool(shown.explained))

    def sentence(self) -> str:
        if not self._is_shown:
            return ""
        if self.controls.chosen_view == "analogy":
            assert self.analogy.found is not None
            return sentence.of_analogy(self.analogy.words, self.analogy.found)
        if self.controls.chosen_view == "minus":
            assert self.turned.found is not None
            return sentence.of_turned(self.turned.found, self.turned.point_of(self.turned.row))
        if isinstance(self.shown, AxisMap):
            return sentence.of_axis(self.shown)
        if isinstance(self.shown, LayerPaths):
            return sentence.of_paths(self.shown, self.state.token)
        assert self.shown is not None
        return sentence.of_map(self.shown, self.details.row, None if self._by_hand else self.maps.weak)

    def picture(self) -> QWidget:
        return self.pictures

    def table(self) -> Table | None:
        if self.controls.chosen_view == "analogy" and self.analogy.found is not None:
            near = self.analogy.found.near
            rows: list[tuple[object, ...]] = list(zip(near.ids, near.pieces, near.cosines.tolist(), strict=True))
            return Table(("id", "piece", "cosine"), rows)
        if self.controls.chosen_view == "minus":
            return self.turned.table()
        return self.shown.table() if isinstance(self.shown, (VectorMap, AxisMap)) else None

    def save(self) -> dict[str, Any]:
        words = {"analogy": list(self.words.analogy.words), "axis": list(self.words.axis.words)}
        return {**self.controls.save(), **words, "own": self.own.path, "chosen": self.maps.source_chosen}

    def restore(self, saved: dict[str, Any]) -> None:
        self.own.path = str(saved.get("own", ""))
        self.controls.restore(saved)
        # A source that was shown because the model's map shows little is chosen anew for the next model.
        self.maps.source_chosen = bool(saved.get("chosen", "source" in saved))
        for name, fields in (("analogy", self.words.analogy), ("axis", self.words.axis)):
            words = saved.get(name)
            fields.set_words([str(word) for word in words] if isinstance(words, list) else [])

    def retranslate(self) -> None:
        for picture in (self.plot, self.analogy):
            picture.setAccessibleName(t("pane.embeddings.title"))
        self.plot.setToolTip(t("pane.embeddings.hands"))
        self._update_controls()
        if self.controls.of_words and self._is_shown:
            self._clear()
            self._method_changed()  # the words of the other language
        elif self.shown is not None:  # names of axes, regions and layers
            self._show(LayerPaths(self.shown.paths) if isinstance(self.shown, LayerPaths) else self.shown)

    def restyle(self) -> None:
        self._update_controls()
