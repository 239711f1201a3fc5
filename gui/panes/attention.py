"""Which token looks at which: all heads as a mosaic, one of them large."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout

from engine.messages import Attend, AttentionMaps
from gui.i18n import t
from gui.pane import Pane, Table
from gui.theme import GAP_L, GAP_M, Theme
from gui.widgets.heatmap import Heatmap
from gui.widgets.mosaic import Mosaic

LIVE_MS = 3500  # while a model learns, its heads are looked at at most so often


class AttentionPane(Pane):
    id, icon = "attention", "attention"

    def build(self) -> None:
        self.maps: AttentionMaps | None = None
        self.heatmap, self.mosaic = Heatmap(), Mosaic()
        self.heatmap.row_chosen.connect(self._row_chosen)
        self.mosaic.chosen.connect(self.state.select_head)
        self.strongest, self.title, self.empty = QLabel(), QLabel(), QLabel()
        self.strongest.setProperty("role", "figure")
        self.strongest.setWordWrap(True)
        self.title.setProperty("role", "muted")
        self.empty.setProperty("role", "muted")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        side = QVBoxLayout()
        side.setSpacing(GAP_M)
        side.addWidget(self.strongest)
        side.addWidget(self.title)
        side.addWidget(self.mosaic, 1)
        row = QHBoxLayout(self.body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_L)
        row.addWidget(self.empty)
        row.addWidget(self.heatmap, 3)
        row.addLayout(side, 2)
        self._pause = QTimer(self, interval=LIVE_MS, singleShot=True)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.state.weights_changed.connect(self._weights_changed)
        self.state.selection_changed.connect(self._draw)

    def refresh(self) -> None:
        if self.state.model is None or not self.state.text:
            self.maps = None
            self._draw()
        else:
            self.ask(Attend(self.state.text), self._show)

    def _weights_changed(self) -> None:
        if self.isVisible() and not self._pause.isActive():
            self._pause.start()
            self.refresh()

    def _show(self, maps: AttentionMaps) -> None:
        self.maps = maps
        self.mosaic.set_weights(maps.weights)
        layers, heads = maps.weights.shape[:2]
        if self.state.layer >= layers or self.state.head >= heads:
            self.state.select_head(min(self.state.layer, layers - 1), min(self.state.head, heads - 1))
        self._draw()

    def _draw(self) -> None:
        """The chosen head; the others are here already, so choosing asks nobody."""
        maps = self.maps
        for widget in (self.heatmap, self.mosaic, self.strongest, self.title):
            widget.setVisible(maps is not None)
        self.empty.setVisible(maps is None)
        self.subtitle_changed.emit()
        if maps is None:
            return
        layers, heads = maps.weights.shape[:2]
        layer, head = min(self.state.layer, layers - 1), min(self.state.head, heads - 1)
        row = self._row()
        self.heatmap.set_data(maps.weights[layer, head], maps.pieces, row)
        self.mosaic.set_current(layer, head)
        self.strongest.setText(self.heatmap.describe(row))

    def _row(self) -> int:
        """The query that is looked at: the selected token, or the last."""
        assert self.maps is not None
        chosen = self.state.token
        index = len(self.maps.pieces) - 1 if chosen is None else chosen - self.maps.first
        return index if 0 <= index < len(self.maps.pieces) else len(self.maps.pieces) - 1

    def _row_chosen(self, row: int) -> None:
        if self.maps is not None:
            self.state.select_token(row + self.maps.first)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.title.setVisible(self.maps is not None and self.height() > self.theme.px(260))

    def subtitle(self) -> str:
        if self.maps is None:
            return ""
        return t("pane.attention.subtitle", layer=self.state.layer + 1, head=self.state.head + 1)

    def table(self) -> Table | None:
        if self.maps is None:
            return None
        weights = self.maps.weights[self.state.layer, self.state.head]
        rows = [(piece, *(float(w) for w in row)) for piece, row in zip(self.maps.pieces, weights, strict=True)]
        return Table(("query", *self.maps.pieces), rows)

    def retranslate(self) -> None:
        self.title.setText(t("pane.attention.mosaic"))
        self.empty.setText(t("pane.attention.empty"))
        self.heatmap.setAccessibleName(t("pane.attention.title"))
        self.mosaic.setAccessibleName(t("pane.attention.mosaic"))
        self._draw()

    def restyle(self, theme: Theme) -> None:
        super().restyle(theme)
        self.heatmap.restyle(theme)
        self.mosaic.restyle(theme)
