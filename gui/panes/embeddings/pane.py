"""Where tokens lie: the embedding matrix as points, one row of it as numbers, and the way through the layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.messages.embeddings import (
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    LookUp,
    NearTokens,
    Project,
    TokenRow,
    TracePaths,
)
from gui import i18n
from gui.i18n import number, percent, t
from gui.pane import Pane, Table
from gui.panes.embeddings.near_list import NearList
from gui.text import visible
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.widgets.scatter_plot import ScatterPlot
from gui.widgets.segmented_control import SegmentedControl
from gui.widgets.vector_bars import VectorBars

SOURCES = ("model", "word2vec")
METHODS = ("pca", "tsne", "umap", "layers")
DIMS = ("2d", "3d")
MOST = 50_000  # points at rest; while a model learns LIVE_POINTS
LIVE_POINTS = 2000
ROOM_FOR_SIDE, ONE_ROW, TALL = 620, 1100, 300  # pixels at zoom 1: width, width, height
MOST_FOUND = 300  # points that a search or a lasso marks


class EmbeddingsPane(Pane):
    id = "embeddings"

    def build(self) -> None:
        self.ids: NDArray[np.int32] = np.zeros(0, np.int32)
        self.pieces: list[str] = []
        self.kinds: list[str] = []
        self.map: EmbeddingMap | None = None
        self.paths: EmbeddingPaths | None = None
        self.row: TokenRow | None = None
        self._row_asked = -1
        self._fit = True
        self._wanted: list[str] = []  # words to look up when the map has arrived
        self._build_widgets()
        self._lay_out()
        self.follow(self.state.model_changed)
        self.follow_live(self.refresh, self._follows)
        self.state.tokens_changed.connect(self._text_changed)
        self.state.selection_changed.connect(self._selected)

    def _build_widgets(self) -> None:
        self.plot, self.bars, self.near = ScatterPlot(), VectorBars(), NearList()
        self.source, self.method, self.dims = (
            SegmentedControl(SOURCES),
            SegmentedControl(METHODS),
            SegmentedControl(DIMS),
        )
        self.search = QLineEdit(clearButtonEnabled=True)
        self.stop, self.reset = QPushButton(), QPushButton()
        self.legend, self.words, self.token, self.near_title = (QLabel() for _ in range(4))
        self.empty = self.empty_page()
        self.analogy = [QLineEdit() for _ in "abc"]
        for label in (self.legend, self.words, self.near_title):
            label.setProperty("role", "muted")
        self.token.setProperty("role", "figure")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        for label in (self.legend, self.near_title):
            label.setWordWrap(True)
        self.plot.hovered.connect(self._hovered)
        self.plot.clicked.connect(self._clicked)
        self.plot.lassoed.connect(self._mark_all)
        self.near.token_chosen.connect(self._look_up)
        self.source.changed.connect(self._source_changed)
        self.method.changed.connect(self._changed)
        self.dims.changed.connect(self._changed)
        self.search.textChanged.connect(self._search)
        self.reset.clicked.connect(lambda: self.plot.fit())
        self.stop.clicked.connect(self._stop)
        for field in self.analogy:
            field.returnPressed.connect(self._find_analogy)

    def _lay_out(self) -> None:
        switches, equation = QHBoxLayout(), QHBoxLayout()
        switches.addWidget(self.source)
        switches.addWidget(self.method)
        switches.addStretch(1)
        self.tools = QWidget()
        tools = QHBoxLayout(self.tools)
        tools.setContentsMargins(0, 0, 0, 0)
        for widget in (self.dims, self.search, self.stop, self.reset):
            tools.addWidget(widget, 1 if widget is self.search else 0)
        head = QWidget()
        head.setMinimumWidth(1)  # the tile decides how wide it is, not the buttons in it
        self.head = QBoxLayout(QBoxLayout.Direction.TopToBottom, head)
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(GAP_S)
        self.head.addLayout(switches)
        self.head.addWidget(self.tools, 1)
        equation.setSpacing(GAP_S)
        for sign, field in zip(("", "−", "+"), self.analogy, strict=True):
            field.setProperty("tight", True)
            if sign:
                equation.addWidget(QLabel(sign))
            equation.addWidget(field, 1)
        self.side = QWidget()
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(GAP_M)
        side.addWidget(self.token)
        side.addWidget(self.bars)
        side.addLayout(equation)
        side.addWidget(self.near_title)
        side.addWidget(self.near, 1)
        middle = QHBoxLayout()
        middle.setSpacing(GAP_L)
        middle.addWidget(self.plot, 5)
        middle.addWidget(self.side, 2)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_S)
        column.addWidget(self.empty, 1)
        column.addWidget(head)
        column.addWidget(self.legend)
        column.addLayout(middle, 1)
        foot = QVBoxLayout(self.plot)  # over the map: a row of its own would stay empty most of the time
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(self.words, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
        self.words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.words.setMinimumSize(1, 1)  # the map decides how wide it is, not the words
        self.words.hide()

    # --- Asking ----------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self.state.training

    @property
    def of_words(self) -> bool:
        """Whether the vectors are those of words, not of the open model's tokens."""
        return self.source.current == "word2vec"

    @property
    def _moves(self) -> bool:
        """Whether the points find their places step by step; axes mean nothing then."""
        return self.method.current in ("tsne", "umap")

    def _source_of(self) -> dict[str, Any]:
        """What requests say of it."""
        return {"source": self.source.current, "language": i18n.language()}

    def refresh(self) -> None:
        if self.state.model is None and not self.of_words:
            self._stop()
            self.map = self.paths = self.row = None
            self._show_all()
        elif self.method.current == "layers" and not self.of_words:
            self.drop("Project")
            if self.state.text:
                self.ask(TracePaths(self.state.text, self._dims()), self._paths_arrived)
        else:
            self.drop("TracePaths")
            method: Any = "pca" if self.method.current == "layers" else self.method.current
            most = LIVE_POINTS if self.live else MOST
            request = Project(method, self._dims(), most, **self._source_of())
            self.ask(request, self._arrived, ended=lambda _: self._show_all())
            self._show_all()
        self._selected()

    def _dims(self) -> Any:
        return 3 if self.dims.current == "3d" and self.method.current != "tsne" else 2

    def _follows(self) -> bool:
        """Return whether the map follows training: only one that is computed at once does."""
        return self.method.current in ("pca", "layers") and not self.of_words

    def _text_changed(self) -> None:
        if self.method.current == "layers":
            self._refresh_when_seen()
        else:
            self._selected()

    def _source_changed(self, _: str) -> None:
        """Other names, other numbers: nothing of what is on screen holds any more."""
        self.map = self.paths = self.row = None
        self.pieces = []
        self.drop("LookUp")
        self.bars.set_vector(np.zeros(0))
        self.near.set_near(None)
        for label in (self.token, self.near_title):
            label.clear()
        self._changed("")

    def _changed(self, _: str) -> None:
        self._fit = True
        self.plot.set_paths([])
        self.refresh()

    def _stop(self) -> None:
        """What has moved so far stays."""
        self.drop("Project")
        self._show_all()

    def _arrived(self, event: EmbeddingNames | EmbeddingMap) -> None:
        if isinstance(event, EmbeddingNames):
            self._arriving: EmbeddingNames | None = event
            return
        if self._arriving is not None:
            self._take_names(self._arriving)
            self._arriving = None
        self._fit = self._fit or self.map is None or self.map.points.shape != event.points.shape
        self.map, self.paths = event, None
        # Moving points leave the first picture: until they rest the view goes with them.
        self.plot.set_points(event.points, fit=self._fit or event.fraction < 1.0 or not event.explained)
        self._fit = False
        self._show_all()
        self._selected()
        if event.fraction >= 1.0 and self._wanted:
            self._look_up_wanted()

    def _take_names(self, names: EmbeddingNames) -> None:
        pieces = list(names.pieces)
        if self.paths is None and pieces == self.pieces:
            return
        self.ids, self.pieces, self.kinds = names.ids, pieces, list(names.kinds)
        self.plot.set_names(self.pieces, self.kinds)
        self._fit = True

    def _paths_arrived(self, paths: EmbeddingPaths) -> None:
        """A point for every token behind every layer; the names stand where the way ends."""
        layers, tokens = paths.points.shape[:2]
        fit = self._fit or self.paths is None or self.paths.points.shape != paths.points.shape
        self.paths, self.map, self._fit = paths, None, False
        names = [*paths.pieces, *([""] * tokens * (layers - 1))]
        self.plot.set_names(names, paths.kinds * layers)
        self.plot.set_points(paths.points[::-1].reshape(layers * tokens, -1), fit)
        self.pieces = []
        self._show_all()
        self._selected()

    # --- Selecting -------------------------------------------------------------------------------

    def _selected(self) -> None:
        """The tokens of the shared text are marked; of a selected one the row is looked up."""
        tokens, chosen = self.state.tokens, self.state.token
        if tokens is None or not len(tokens.ids):
            return
        wanted = range(len(tokens.ids)) if chosen is None else (chosen,)
        rows = [row for token in wanted if (row := self._row_of(token)) is not None]
        if self.paths is not None:
            self._mark_paths(chosen)
        elif self.map is not None:
            self._mark_all([self._index_of(row) for row in dict.fromkeys(rows)])
        if rows and self.isVisible():
            self._ask_row(rows[-1])

    def _row_of(self, token: int) -> int | None:
        """The row of the matrix for a token of the text; of word vectors that of the word it is, if it is one."""
        tokens = self.state.tokens
        assert tokens is not None
        if not self.of_words:
            return int(tokens.ids[token])
        word = tokens.pieces[token].strip().lower()
        return int(self.ids[self.pieces.index(word)]) if word in self.pieces else None

    def _ask_row(self, row: int) -> None:
        """Not anew for every picture of a movement: each question would cancel the one before its answer."""
        if self._row_asked == row and self.asking("LookUp"):
            return
        self._row_asked = row
        self.ask(LookUp(row, **self._source_of()), self._row_arrived)

    def catch_up(self) -> None:
        self._selected()

    def _mark_paths(self, chosen: int | None) -> None:
        assert self.paths is not None
        layers, tokens = self.paths.points.shape[:2]
        current = tokens - 1 if chosen is None else chosen - self.paths.first
        order = sorted(range(tokens), key=lambda token: token != current)
        self.plot.set_paths([[layer * tokens + token for layer in range(layers)] for token in order])
        self.plot.set_marked([current] if 0 <= current < tokens else [])

    def _index_of(self, row: int) -> int:
        """The point of a row of the matrix, -1 if it has none; rows rise from point to point."""
        place = int(np.searchsorted(self.ids, row))
        return place if place < len(self.ids) and self.ids[place] == row else -1

    def _mark_all(self, indices: list[int]) -> None:
        self.plot.set_arrows([])
        self.plot.set_marked([index for index in indices[:MOST_FOUND] if index >= 0])

    def _clicked(self, index: int) -> None:
        """A token that stands in the text is selected everywhere; another one here."""
        if index < 0:
            return
        if self.paths is not None:
            self.state.select_token(self.paths.first + index % self.paths.points.shape[1])
        elif self.map is not None:
            self._look_up(int(self.ids[index]))

    def _look_up(self, row: int) -> None:
        tokens = self.state.tokens
        count = len(tokens.ids) if tokens is not None else 0
        there = next((token for token in range(count) if self._row_of(token) == row), None)
        if there is not None:
            self.state.select_token(there)
            return
        self._mark_all([self._index_of(row)])
        self._ask_row(row)

    def _row_arrived(self, row: TokenRow) -> None:
        self.row = row
        self.bars.set_vector(row.vector, row.id, row.rows)
        self.near.set_near(row.near)
        self._show_words()

    def _found_arrived(self, row: TokenRow) -> None:
        """The numbers of what an analogy led to; the list keeps what else is near there."""
        self.row = row
        self.bars.set_vector(row.vector, row.id, row.rows)
        self.token.setText(t("pane.embeddings.token", piece=visible(row.piece), id=row.id))

    def _search(self, text: str) -> None:
        """Marks the tokens that hold the text; of several the shortest are the likeliest meant."""
        wanted = text.strip().lower()
        if self.map is None or not wanted:
            self._selected()
            return
        found = [i for i, piece in enumerate(self.pieces) if wanted in piece.lower()]
        found.sort(key=lambda i: len(self.pieces[i]))
        self._mark_all(found)
        if found:
            self.plot.centre_on(found[0])

    def _find_analogy(self) -> None:
        a, b, c = (field.text() for field in self.analogy)
        self.messages.clear()
        self.ask(FindAnalogy(a, b, c, **self._source_of()), self._analogy_arrived)

    def act(self, wanted: dict[str, Any]) -> None:
        """Look up the words `look_up`: one with its neighbours, or the A, B and C of A − B + C."""
        self._wanted = wanted.get("look_up", [])
        if self.map is not None and not self.asking("Project"):
            self._look_up_wanted()

    def _look_up_wanted(self) -> None:
        words, self._wanted = self._wanted, []
        if len(words) == len(self.analogy):
            self._set_analogy(words)
            self._find_analogy()
        elif words and words[0] in self.pieces:
            self.plot.fit()  # a look-up before may have left the view elsewhere
            self._look_up(int(self.ids[self.pieces.index(words[0])]))

    def _set_analogy(self, words: list[str]) -> None:
        for field, word in zip(self.analogy, words, strict=False):
            field.setText(word)
            field.home(False)  # where the field is short its beginning is what can be read

    def _analogy_arrived(self, near: NearTokens) -> None:
        """Two arrows that ought to be alike: from B to A, and from C to what was found."""
        self.near.set_near(near)
        self.near_title.setText(
            t("pane.embeddings.analogy", a=self.analogy[0].text(), b=self.analogy[1].text(), c=self.analogy[2].text())
        )
        a, b, c = (self._index_of(word[0]) for word in near.asked)
        found = self._index_of(int(near.ids[0])) if len(near.ids) else -1
        if self.map is not None and min(a, b, c, found) >= 0:
            self._mark_all([a, b, c, found])
            self.plot.set_arrows([(b, a), (c, found)])
            self.plot.fit([a, b, c, found])
        if len(near.ids):
            self.ask(LookUp(int(near.ids[0]), **self._source_of()), self._found_arrived, slot="found")

    # --- Showing ---------------------------------------------------------------------------------

    def _show_all(self) -> None:
        shown = self.map is not None or self.paths is not None
        for widget in (self.plot, self.source, self.method):
            widget.setVisible(shown)
        self.fold()
        self.search.setEnabled(self.map is not None)
        self.method.leave_out("layers", self.of_words)
        self.stop.setVisible(self.asking("Project") and self._moves)
        self.dims.setEnabled(self.method.current != "tsne")
        self.empty.setVisible(not shown)
        self.explain_empty(self.empty)
        self.subtitle_changed.emit()
        if shown:
            # Of a movement that has just been asked for the points of the map before are still there, not its axes.
            self.plot.set_explained(() if self._moves else (self.paths or self.map).explained)  # type: ignore[union-attr]
            self._show_legend()

    def fold(self) -> None:
        shown, wide = self.map is not None or self.paths is not None, self.width() > self.theme.px(ONE_ROW)
        tall = self.height() > self.theme.px(TALL)
        self.side.setVisible(shown and self.width() > self.theme.px(ROOM_FOR_SIDE))
        self.tools.setVisible(shown and (wide or tall))
        self.legend.setVisible(shown and tall)
        self.bars.setVisible(tall)  # in a low tile the neighbours need the room more
        self.head.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)

    def _show_legend(self) -> None:
        parts = []
        for kind in self.plot.kinds_in_order():
            color, shape = self.plot.style_of(kind)
            parts.append(f"<span style='color: {color}'>{shape}</span> {t(f'widget.token.kind.{kind}')}")
        self.legend.setText(" &nbsp; ".join(parts))

    def _show_words(self) -> None:
        if self.row is not None:
            self.token.setText(t("pane.embeddings.token", piece=visible(self.row.piece), id=self.row.id))
            self.near_title.setText(t("pane.embeddings.near", piece=visible(self.row.piece)))

    def _hovered(self, index: int) -> None:
        there = 0 <= index < len(self.plot.points)
        self.words.setVisible(there)
        if not there:
            return
        place = ", ".join(number(x, 2) for x in self.plot.points[index, : 2 if self.plot.flat else 3].tolist())
        if self.paths is not None:
            layers, tokens = self.paths.points.shape[:2]
            piece = visible(self.paths.pieces[index % tokens])
            self.words.setText(
                t("pane.embeddings.after_layer", piece=piece, layer=layers - 1 - index // tokens, place=place)
            )
        elif self.map is not None:
            piece = visible(self.pieces[index])
            self.words.setText(t("pane.embeddings.point", piece=piece, id=int(self.ids[index]), place=place))

    def subtitle(self) -> str:
        method = t(f"pane.embeddings.method.{self.method.current}")
        if self.of_words:
            method = f"word2vec · {method}"
        if self.map is not None:
            fraction = 0.0 if self._moves and self.map.explained else self.map.fraction
            key = "pane.embeddings.subtitle" if fraction >= 1.0 else "pane.embeddings.subtitle_moving"
            return t(key, method=method, tokens=number(len(self.map.points)), percent=percent(fraction))
        return method if self.paths is not None else ""

    def table(self) -> Table | None:
        if self.map is None:
            return None
        columns = (self.ids.tolist(), self.pieces, self.kinds, *self.map.points.T.tolist())
        axes = tuple(f"axis_{n}" for n in range(1, self.map.points.shape[1] + 1))
        return Table(("id", "piece", "kind", *axes), list(zip(*columns, strict=True)))

    def save(self) -> dict[str, Any]:
        words = [field.text() for field in self.analogy]
        return {
            "source": self.source.current,
            "method": self.method.current,
            "dims": self.dims.current,
            "analogy": words,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("source") in SOURCES:
            self.source.choose(saved["source"])
        if saved.get("method") in METHODS:
            self.method.choose(saved["method"])
        if saved.get("dims") in DIMS:
            self.dims.choose(saved["dims"])
        words = saved.get("analogy")
        self._set_analogy([str(word) for word in words] if isinstance(words, list) else [])

    def retranslate(self) -> None:
        self.reset.setText(t("pane.embeddings.reset"))
        self.stop.setText(t("pane.embeddings.stop"))
        sources = {name: t(f"pane.embeddings.source.{name}") for name in SOURCES}
        self.source.set_labels(sources, t("pane.embeddings.source_name"))
        methods = {name: t(f"pane.embeddings.method.{name}") for name in METHODS}
        self.method.set_labels(methods, t("pane.embeddings.method_name"))
        self.dims.set_labels({name: t(f"pane.embeddings.dims.{name}") for name in DIMS}, t("pane.embeddings.dims_name"))
        self.search.setPlaceholderText(t("pane.embeddings.search"))
        self.search.setAccessibleName(t("pane.embeddings.search"))
        for name, field in zip("abc", self.analogy, strict=True):
            field.setPlaceholderText(t(f"pane.embeddings.word_{name}"))
            field.setAccessibleName(t("pane.embeddings.analogy_word", name=name.upper()))
        self.plot.setAccessibleName(t("pane.embeddings.title"))
        self.plot.setToolTip(t("pane.embeddings.hands"))
        self.near.setAccessibleName(t("pane.embeddings.near", piece=""))
        self._show_words()
        self._show_all()
        if self.of_words and self.map is not None:
            self._source_changed("")  # the words of the other language

    def restyle(self) -> None:
        self.words.setStyleSheet(f"background: {self.theme.surface}; padding: {GAP_S}px;")
        self._show_all()
