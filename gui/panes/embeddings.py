"""Where each token lies: the rows of the embedding matrix in the plane in which they vary most."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from engine.messages import EmbeddingMap, Project
from gui.i18n import t
from gui.pane import Pane, Table
from gui.theme import GAP_S, Theme
from gui.widgets.scatter import Scatter
from gui.widgets.token_strip import visible

LIVE_MS = 3500
GLYPHS = {"o": "●", "s": "■", "t": "▼", "d": "◆", "+": "✚", "x": "✖", "star": "★", "h": "⬢", "p": "⬟"}


class EmbeddingsPane(Pane):
    id, icon = "embeddings", "embeddings"

    def build(self) -> None:
        self.map: EmbeddingMap | None = None
        self.scatter = Scatter()
        self.scatter.hovered.connect(self._hovered)
        self.legend, self.words, self.empty = QLabel(), QLabel(), QLabel()
        for label in (self.legend, self.words, self.empty):
            label.setProperty("role", "muted")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.reset = QPushButton()
        self.reset.clicked.connect(self.scatter.reset_view)
        foot = QHBoxLayout()
        foot.addWidget(self.words, 1)
        foot.addWidget(self.reset)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_S)
        column.addWidget(self.empty, 1)
        column.addWidget(self.legend)
        column.addWidget(self.scatter, 1)
        column.addLayout(foot)
        self._pause = QTimer(self, interval=LIVE_MS, singleShot=True)
        self.follow(self.state.model_changed)
        self.state.weights_changed.connect(self._weights_changed)
        self.state.tokens_changed.connect(self._mark)
        self.state.selection_changed.connect(self._mark)

    def refresh(self) -> None:
        if self.state.model is None:
            self.map = None
            self._draw()
        else:
            self.ask(Project(), self._show)

    def _weights_changed(self) -> None:
        if self.isVisible() and not self._pause.isActive():
            self._pause.start()
            self.refresh()

    def _show(self, map: EmbeddingMap) -> None:
        first = self.map is None
        self.map = map
        self._draw(words=first)

    def _draw(self, words: bool = True) -> None:
        shown = self.map is not None
        for widget in (self.scatter, self.legend, self.reset):
            widget.setVisible(shown)
        self.empty.setVisible(not shown)
        self.subtitle_changed.emit()
        if self.map is None:
            return
        self.scatter.set_points(self.map.points, self.map.pieces, self.map.kinds)
        across, up = (f"{share * 100:.0f}" for share in self.map.explained)
        self.scatter.set_axes(
            t("pane.embeddings.axis", n=1, percent=across), t("pane.embeddings.axis", n=2, percent=up)
        )
        if words:
            self._show_legend()
        self._mark()

    def _show_legend(self) -> None:
        parts = []
        for kind in self.scatter.kinds_in_order():
            color, shape = self.scatter.style_of(kind)
            parts.append(f"<span style='color: {color}'>{GLYPHS[shape]}</span> {t(f'widget.token.kind.{kind}')}")
        self.legend.setText(" &nbsp; ".join(parts))

    def _mark(self) -> None:
        """The tokens of the shared text; of a selected one only that."""
        tokens = self.state.tokens
        if self.map is None or tokens is None or not len(self.map.ids):
            return
        chosen = tokens.ids if self.state.token is None else tokens.ids[self.state.token : self.state.token + 1]
        first = int(self.map.ids[0])
        self.scatter.set_marked([int(i) - first for i in dict.fromkeys(chosen.tolist()) if int(i) >= first])

    def _hovered(self, index: int) -> None:
        if self.map is None or index < 0:
            self.words.setText("")
            return
        x, y = self.map.points[index]
        piece, id = visible(self.map.pieces[index]), int(self.map.ids[index])
        self.words.setText(t("pane.embeddings.point", piece=piece, id=id, x=f"{x:.2f}", y=f"{y:.2f}"))

    def subtitle(self) -> str:
        return "" if self.map is None else t("pane.embeddings.subtitle", count=f"{len(self.map.ids):,}")

    def table(self) -> Table | None:
        if self.map is None:
            return None
        columns = (self.map.ids.tolist(), self.map.pieces, self.map.kinds, *self.map.points.T.tolist())
        return Table(("id", "piece", "kind", "pc1", "pc2"), list(zip(*columns, strict=True)))

    def retranslate(self) -> None:
        self.empty.setText(t("pane.embeddings.empty"))
        self.reset.setText(t("pane.embeddings.reset"))
        self.scatter.plot.setAccessibleName(t("pane.embeddings.title"))
        self._draw()

    def restyle(self, theme: Theme) -> None:
        super().restyle(theme)
        self.scatter.restyle(theme)
        self._draw()
