"""The embedding matrix as a map of points, one of its rows as numbers, and the paths of tokens through the layers."""

from typing import Any

from PySide6.QtCore import Qt

from engine.messages.embeddings import (
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    LookUp,
    NearTokens,
    Project,
    TracePaths,
)
from engine.messages.envelope import Ended
from engine.messages.status import Notice
from gui import i18n
from gui.i18n import number, percent, t
from gui.layout import label, row as in_a_row, stack
from gui.pane import Pane, Table
from gui.panes.embeddings.map_controls import MapControls
from gui.panes.embeddings.projection import LayerPaths, Projection, VectorMap
from gui.panes.embeddings.vector_details import VectorDetails
from gui.theme import GAP_L, GAP_S
from gui.widgets.legend import Legend
from gui.widgets.scatter_plot import ScatterPlot

MOST, LIVE_POINTS = 50_000, 2000  # points; while the model is trained
ROOM_FOR_SIDE, ONE_ROW, TALL = 620, 1100, 300  # pixels at zoom 1: width, width, height
MOST_FOUND = 300  # points that a search or a lasso marks


class EmbeddingsPane(Pane):
    id = "embeddings"
    computes = ("Project", "TracePaths")

    def build(self) -> None:
        self.shown: Projection | None = None
        self._names: EmbeddingNames | None = None  # of the map that is being received
        self._looked_up: LookUp | None = None  # the last request for a row
        self._wanted: tuple[int, ...] = ()  # the tokens of the text that the map was asked to contain
        self._words: list[str] = []  # words to look up once the map is complete
        self._build_widgets()
        self._lay_out()
        self.follow(self.state.model_changed)
        self.follow_live(self.refresh, self._follows_training)
        self.state.tokens_changed.connect(self._text_changed)
        self.state.selection_changed.connect(self._mark_selection)

    def _build_widgets(self) -> None:
        self.plot, self.details, self.legend = ScatterPlot(), VectorDetails(), Legend()
        self.controls = MapControls()
        self.point, self.empty = label("muted"), self.empty_page()
        self.plot.hovered.connect(self._hovered)
        self.plot.clicked.connect(self._clicked)
        self.plot.lassoed.connect(self._mark)
        self.details.token_chosen.connect(self._look_up)
        self.details.analogy_wanted.connect(self._find_analogy)
        self.controls.source.changed.connect(self._source_changed)
        self.controls.method.changed.connect(self._method_changed)
        self.controls.dims.changed.connect(self._method_changed)
        self.controls.search.textChanged.connect(self._search)
        self.controls.search.returnPressed.connect(self._look_up_found)
        self.controls.reset.clicked.connect(lambda: self.plot.fit())
        self.controls.stop.clicked.connect(self._stop)

    def _lay_out(self) -> None:
        middle = in_a_row(self.plot, self.details, spacing=GAP_L)
        middle.setStretchFactor(self.plot, 5)
        middle.setStretchFactor(self.details, 2)
        whole = stack(self.body, self.empty, self.controls, self.legend, middle, spacing=GAP_S)
        whole.setStretchFactor(self.empty, 1)
        whole.setStretchFactor(middle, 1)
        stack(self.plot, 1, in_a_row(self.point, 1))  # over the map: a row of its own would mostly be empty
        self.point.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.point.setMinimumSize(1, 1)  # the map decides how wide it is, not the words
        self.point.hide()

    # --- Requests --------------------------------------------------------------------------------

    def refresh(self) -> None:
        method, controls = self.controls.projection, self.controls
        if self.state.model is None and not controls.of_words:
            self.drop("Project")
            self.drop("TracePaths")
            self._clear()
            self._update_controls()
        elif method is None:
            self.drop("Project")
            if self.state.text:
                self.ask(TracePaths(self.state.text, controls.dimensions), self._paths_arrived)
        else:
            self.drop("TracePaths")
            self.report_context(0, 0)
            most = LIVE_POINTS if self.state.training else MOST
            self.messages.withdraw("notice.rows_left_out")
            self._wanted = self._rows_of_text()
            source, language = controls.vector_source, i18n.language()
            request = Project(method, controls.dimensions, most, source, language, self._wanted)
            self.ask(request, self._map_arrived, ended=self._map_ended)
            self._update_controls()
        self._mark_selection()

    def _follows_training(self) -> bool:
        """Return whether the map follows training: only one that is computed in one step does."""
        return not self.controls.is_iterative and not self.controls.of_words

    def _text_changed(self) -> None:
        if self.controls.projection is None or self._misses_tokens():
            self._refresh_when_seen()
        else:
            self._mark_selection()

    def _rows_of_text(self) -> tuple[int, ...]:
        tokens = self.state.tokens
        if tokens is None or self.controls.of_words:
            return ()
        return tuple(dict.fromkeys(tokens.ids.tolist()))[:MOST_FOUND]

    def _misses_tokens(self) -> bool:
        """Return whether the map is a sample of the rows in which tokens of the text are missing."""
        if not isinstance(self.shown, VectorMap) or not self.shown.is_sample or self.controls.is_iterative:
            return False
        shown = self.shown
        return any(shown.index_of(row) < 0 for row in self._rows_of_text() if row not in self._wanted)

    def _source_changed(self) -> None:
        self._clear()
        self._method_changed()

    def _method_changed(self) -> None:
        self.plot.set_paths([])
        self.refresh()

    def _clear(self) -> None:
        """Show nothing, because the source of the vectors has changed or is gone."""
        self.shown = None
        self.drop("LookUp")
        self.details.clear()

    def _stop(self) -> None:
        """Cancel the projection; the points stay where they are."""
        self.drop("Project")
        self._update_controls()

    def _map_arrived(self, event: EmbeddingNames | Notice | EmbeddingMap) -> None:
        if isinstance(event, Notice):
            self.messages.show_notice(event)
        elif isinstance(event, EmbeddingNames):
            self._names = event
        elif self._names is not None:
            self.veil.lift()  # t-SNE goes on, and shows its points as they move
            self._show(VectorMap(self._names, event))
            if event.fraction >= 1.0:
                self._look_up_words()

    def _map_ended(self, end: Ended) -> None:
        """Show the principal components again if t-SNE or UMAP has failed, for example if it is not installed."""
        if end.outcome == "failed" and self.controls.is_iterative:
            self.controls.method.choose("pca")
        self._update_controls()

    def _paths_arrived(self, paths: EmbeddingPaths) -> None:
        self.report_context(len(paths.pieces), paths.first + len(paths.pieces))
        self._show(LayerPaths(paths))

    def _show(self, shown: Projection) -> None:
        """Show a map or paths. The view stays as the user has set it, if it suits them."""
        before, self.shown = self.shown, shown
        if before is None or before.names != shown.names or before.kinds != shown.kinds:
            self.plot.set_names(shown.names, shown.kinds)
        self.plot.set_points(shown.points, fit=not shown.fits_view_of(before))
        self._update_controls()
        self._mark_selection()

    # --- Selection -------------------------------------------------------------------------------

    def _mark_selection(self) -> None:
        """Mark the selected token, or all tokens of the text, and look up its row, or that of the last."""
        tokens, chosen = self.state.tokens, self.state.token
        if tokens is None or not len(tokens.ids):
            return
        wanted = range(len(tokens.ids)) if chosen is None else (chosen,)
        rows = [row for token in wanted if (row := self._row_of(token)) is not None]
        if isinstance(self.shown, LayerPaths):
            point = self.shown.point_of(chosen)
            self.plot.set_paths(self.shown.lines(point))
            self.plot.set_marked([] if point is None else [point])
        elif self.shown is not None:
            self._mark([self.shown.index_of(row) for row in dict.fromkeys(rows)])
        if rows and self.isVisible():
            self._ask_row(rows[-1])

    def _row_of(self, token: int) -> int | None:
        """Return the row of a token of the text; with word vectors that of the word which it is, if it is one."""
        tokens = self.state.tokens
        assert tokens is not None
        if not self.controls.of_words:
            return int(tokens.ids[token])
        word = tokens.pieces[token].strip().lower()
        return self.shown.row_named(word) if isinstance(self.shown, VectorMap) else None

    def _ask_row(self, row: int) -> None:
        """Request a row, unless it is being answered already: each map of a movement asks for the same."""
        request = LookUp(row, source=self.controls.vector_source, language=i18n.language())
        if request != self._looked_up or not self.asking("LookUp"):
            self._looked_up = request
            self.ask(request, self.details.show_row)

    def on_shown(self) -> None:
        self._mark_selection()

    def _mark(self, indices: list[int]) -> None:
        self.plot.set_arrows([])
        self.plot.set_marked([index for index in indices[:MOST_FOUND] if index >= 0])

    def _clicked(self, index: int) -> None:
        if index >= 0 and isinstance(self.shown, LayerPaths):
            self.state.select_token(self.shown.token_at(index))
        elif index >= 0 and isinstance(self.shown, VectorMap):
            self._look_up(int(self.shown.rows.ids[index]))

    def _look_up(self, row: int) -> None:
        """Select the token with this row in all panes if the text contains it; else show the row here."""
        count = len(self.state.tokens.ids) if self.state.tokens is not None else 0
        token = next((token for token in range(count) if self._row_of(token) == row), None)
        if token is not None:
            self.state.select_token(token)
            return
        if isinstance(self.shown, VectorMap):
            self._mark([self.shown.index_of(row)])
        self._ask_row(row)

    def _search(self, text: str) -> None:
        """Mark the tokens that contain the text, and show the shortest of them in the middle."""
        wanted = text.strip().lower()
        if not isinstance(self.shown, VectorMap) or not wanted:
            self._mark_selection()
            return
        found = self.shown.containing(wanted)
        self._mark(found)
        if found:
            self.plot.centre_on(found[0])

    def _look_up_found(self) -> None:
        """Look up the token in the middle: the shortest that was found."""
        wanted = self.controls.search.text().strip().lower()
        found = self.shown.containing(wanted) if isinstance(self.shown, VectorMap) and wanted else []
        if found:
            self._clicked(found[0])

    def act(self, wanted: dict[str, Any]) -> None:
        """Look up the words `look_up`: one with its neighbours, or the A, B and C of A − B + C."""
        self._words = wanted.get("look_up", [])
        if isinstance(self.shown, VectorMap) and not self.asking("Project"):
            self._look_up_words()

    def _look_up_words(self) -> None:
        words, self._words = self._words, []
        if len(words) == len(self.details.words):
            self.details.set_words(words)
            self._find_analogy()
        elif words and isinstance(self.shown, VectorMap):
            row = self.shown.row_named(words[0])
            if row is not None:
                self.plot.fit()  # the words before may have changed the view
                self._look_up(row)

    def _find_analogy(self) -> None:
        words = self.details.words
        self.messages.clear()
        request = FindAnalogy(*words, source=self.controls.vector_source, language=i18n.language())
        self.ask(request, lambda near: self._analogy_arrived(words, near))

    def _analogy_arrived(self, words: tuple[str, str, str], near: NearTokens) -> None:
        """Draw arrows from B to A and from C to the token found; they should be parallel."""
        self.details.show_analogy(words, near)
        if not len(near.ids):
            return
        found = int(near.ids[0])
        if isinstance(self.shown, VectorMap):
            a, b, c, d = points = [self.shown.index_of(row) for row in (*(word[0] for word in near.asked), found)]
            if min(points) >= 0:
                self._mark(points)
                self.plot.set_arrows([(b, a), (c, d)])
                self.plot.fit(points)
        request = LookUp(found, source=self.controls.vector_source, language=i18n.language())
        self.ask(request, self.details.show_numbers, slot="found")

    # --- Showing ---------------------------------------------------------------------------------

    def _update_controls(self) -> None:
        shown = self.shown is not None
        self.plot.setVisible(shown)
        self.controls.update_choices(
            shown or self.state.model is not None, isinstance(self.shown, VectorMap), self.asking("Project")
        )
        self.adapt_layout()
        self.empty.setVisible(not shown)
        self.explain_empty(self.empty)
        self.subtitle_changed.emit()
        if self.shown is not None:
            # When t-SNE or UMAP has just been chosen, the points are still those of PCA.
            self.plot.set_explained(() if self.controls.is_iterative else self.shown.explained)
            self.legend.set_entries(self.plot.legend_entries(lambda kind: t(f"widget.token.kind.{kind}")))

    def adapt_layout(self) -> None:
        shown, wide = self.shown is not None, self.width() > self.theme.px(ONE_ROW)
        tall = self.height() > self.theme.px(TALL)
        self.details.setVisible(shown and self.width() > self.theme.px(ROOM_FOR_SIDE))
        self.controls.tools.setVisible(shown and (wide or tall))
        self.legend.setVisible(shown and tall)
        self.details.bars.setVisible(tall)  # in a low tile the neighbours need the room more
        self.controls.set_direction(one_row=wide)

    def _hovered(self, index: int) -> None:
        if self.shown is not None and 0 <= index < len(self.shown.points):
            self.point.setText(self.shown.describe(index))
            self.point.show()
        else:
            self.point.hide()

    def subtitle(self) -> str:
        method = t(f"pane.embeddings.method.{self.controls.method.current}")
        if self.controls.of_words:
            method = f"word2vec · {method}"
        if not isinstance(self.shown, VectorMap):
            return method if self.shown is not None else ""
        fraction = 0.0 if self.controls.is_iterative and self.shown.explained else self.shown.map.fraction
        key = "pane.embeddings.subtitle" if fraction >= 1.0 else "pane.embeddings.subtitle_moving"
        shown = number(len(self.shown.points))
        if self.shown.is_sample:
            shown = t("pane.embeddings.sample", shown=shown, all=number(self.shown.rows.rows))
        return t(key, method=method, tokens=shown, percent=percent(fraction))

    def table(self) -> Table | None:
        return self.shown.table() if isinstance(self.shown, VectorMap) else None

    def save(self) -> dict[str, Any]:
        return {**self.controls.save(), "analogy": list(self.details.words)}

    def restore(self, saved: dict[str, Any]) -> None:
        self.controls.restore(saved)
        words = saved.get("analogy")
        self.details.set_words([str(word) for word in words] if isinstance(words, list) else [])

    def retranslate(self) -> None:
        self.plot.setAccessibleName(t("pane.embeddings.title"))
        self.plot.setToolTip(t("pane.embeddings.hands"))
        self._update_controls()
        if self.controls.of_words and self.shown is not None:
            self._source_changed()  # the words of the other language

    def restyle(self) -> None:
        self.point.setStyleSheet(f"background: {self.theme.surface}; padding: {GAP_S}px;")
        self._update_controls()
