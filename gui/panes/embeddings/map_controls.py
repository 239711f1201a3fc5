"""The choices above a map: which vectors, by which method, in how many dimensions; a search, stop and reset."""

from typing import Any, Literal

from PySide6.QtWidgets import QBoxLayout, QLineEdit, QPushButton, QWidget

from engine.messages.embeddings import VectorSource
from gui.i18n import t
from gui.layout import fill, row
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.segmented_control import SegmentedControl

Method = Literal["pca", "tsne", "umap"]
SOURCES: tuple[VectorSource, ...] = ("model", "word2vec")
PROJECTIONS: tuple[Method, ...] = ("pca", "tsne", "umap")
METHODS = (*PROJECTIONS, "layers")
DIMS = ("2d", "3d")


class MapControls(Themed, QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.source, self.method, self.dims = (SegmentedControl(names) for names in (SOURCES, METHODS, DIMS))
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.stop, self.reset, self.tools = QPushButton(), QPushButton(), QWidget()
        self._choices = (
            ("source", self.source, SOURCES),
            ("method", self.method, METHODS),
            ("dims", self.dims, DIMS),
        )
        tools = row(self.dims, self.search, self.stop, self.reset, spacing=GAP_M)
        tools.setStretchFactor(self.search, 1)
        self.tools.setLayout(tools)
        self._rows = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        fill(self._rows, row(self.source, self.method, 1, spacing=GAP_M), self.tools, spacing=GAP_S)
        self._rows.setStretchFactor(self.tools, 1)
        self.setMinimumWidth(1)  # the tile decides how wide the pane is, not these buttons
        self.retranslate()

    @property
    def vector_source(self) -> VectorSource:
        return next(source for source in SOURCES if source == self.source.current)

    @property
    def of_words(self) -> bool:
        """True if the map shows word2vec's words, False if it shows the open model's tokens."""
        return self.vector_source == "word2vec"

    @property
    def projection(self) -> Method | None:
        """The method of a map of vectors; None for the paths through the layers, which words do not have."""
        chosen = next((method for method in PROJECTIONS if method == self.method.current), None)
        return "pca" if chosen is None and self.of_words else chosen

    @property
    def is_iterative(self) -> bool:
        """True for t-SNE and UMAP, which move the points step by step and whose axes have no meaning."""
        return self.projection in ("tsne", "umap")

    @property
    def dimensions(self) -> Literal[2, 3]:
        return 3 if self.dims.current == "3d" and self.projection != "tsne" else 2

    def update_choices(self, shown: bool, searchable: bool, busy: bool) -> None:
        """Show and enable what applies to the current choices. `shown`: there are vectors to show."""
        self.source.setVisible(shown)
        self.method.setVisible(shown)
        self.method.leave_out("layers", self.of_words)
        self.search.setEnabled(searchable)
        self.stop.setVisible(busy and self.is_iterative)
        self.dims.setEnabled(self.projection != "tsne")

    def set_direction(self, one_row: bool) -> None:
        self._rows.setDirection(QBoxLayout.Direction.LeftToRight if one_row else QBoxLayout.Direction.TopToBottom)

    def save(self) -> dict[str, str]:
        return {name: control.current for name, control, _ in self._choices}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, control, values in self._choices:
            if saved.get(name) in values:
                control.choose(saved[name])

    def retranslate(self) -> None:
        for name, control, values in self._choices:
            labels = {value: t(f"pane.embeddings.{name}.{value}") for value in values}
            control.set_labels(labels, t(f"pane.embeddings.{name}_name"))
        self.reset.setText(t("pane.embeddings.reset"))
        self.stop.setText(t("pane.embeddings.stop"))
        self.search.setPlaceholderText(t("pane.embeddings.search"))
        self.search.setAccessibleName(t("pane.embeddings.search"))
