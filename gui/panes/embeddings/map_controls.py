"""The choices above the picture: which vectors, seen how; for a map its method, dimensions, colours and a search."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QWidget

from engine.messages.embeddings import VectorSource
from gui.i18n import t
from gui.layout import row, stack
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.segmented_control import SegmentedControl

Method = Literal["pca", "tsne", "umap"]
View = Literal["map", "analogy", "axis", "layers", "minus"]
SOURCES: tuple[VectorSource, ...] = ("model", "word2vec", "own")
VIEWS: tuple[View, ...] = ("map", "analogy", "axis", "layers", "minus")
OF_MODEL = ("layers", "minus")  # views that only the open model's vectors have
METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
DIMS = ("2d", "3d")
COLORS = ("kind", "order", "norm", "position", "loss")  # and the columns of one's own vectors
LEAST_COMBO, SEARCH_EDGES = 90, 28  # pixels at zoom 1: the least width of the colours; around the words of the search


class MapControls(Themed, QWidget):
    color_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.source, self.view, self.method, self.dims = map(SegmentedControl, (SOURCES, VIEWS, METHODS, DIMS))
        self.color, self.search = QComboBox(), QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.stop, self.reset, self.file, self.tools = QPushButton(), QPushButton(), QPushButton(), QWidget()
        self._columns: Sequence[str] = ()
        self._choices = (
            ("source", self.source, SOURCES),
            ("view", self.view, VIEWS),
            ("method", self.method, METHODS),
            ("dims", self.dims, DIMS),
        )
        tools = row(self.method, self.dims, self.color, self.search, self.stop, self.reset, spacing=GAP_M)
        tools.setStretchFactor(self.search, 1)
        self.tools.setLayout(tools)
        self.color.activated.connect(lambda: self.color_changed.emit(self.chosen_color))
        stack(self, row(self.source, self.file, self.view, 1, spacing=GAP_M), self.tools, spacing=GAP_S)
        self.setMinimumWidth(1)  # the tile decides how wide the pane is, not these buttons
        self.retranslate()

    @property
    def vector_source(self) -> VectorSource:
        return next(source for source in SOURCES if source == self.source.current)

    @property
    def chosen_view(self) -> View:
        """What is shown."""
        chosen = next(view for view in VIEWS if view == self.view.current)
        return "map" if chosen in OF_MODEL and self.vector_source != "model" else chosen

    @property
    def of_words(self) -> bool:
        """True if the picture shows word2vec's words."""
        return self.vector_source == "word2vec"

    @property
    def projection(self) -> Method:
        return next(method for method in METHODS if method == self.method.current)

    @property
    def is_iterative(self) -> bool:
        """True for maps by t-SNE and UMAP, which move the points step by step and whose axes have no meaning."""
        return self.chosen_view == "map" and self.projection != "pca"

    @property
    def dimensions(self) -> Literal[2, 3]:
        flat = self.chosen_view == "map" and self.projection == "tsne"
        return 3 if self.dims.current == "3d" and not flat else 2

    @property
    def chosen_color(self) -> str:
        return str(self.color.currentData() or COLORS[0])

    def set_columns(self, columns: Sequence[str]) -> None:
        """Set the numbers that one's own vectors have, besides those of all vectors."""
        if list(columns) != list(self._columns):
            self._columns = tuple(columns)
            self._fill_colors()

    def update_choices(self, searchable: bool, busy: bool, pinned: bool) -> None:
        """Show and enable what applies to the current choices; `pinned`: a model is pinned as A."""
        view = self.chosen_view
        self.view.leave_out("layers", self.vector_source != "model")
        self.view.leave_out("minus", self.vector_source != "model" or not pinned)
        self.file.setVisible(self.vector_source == "own")
        self.tools.setVisible(view != "analogy")
        self.method.setVisible(view == "map")
        self.dims.setVisible(view in ("map", "layers", "minus"))
        self.color.setVisible(view in ("map", "axis"))
        self.search.setEnabled(searchable)
        self.stop.setVisible(busy and self.is_iterative)
        self.dims.setEnabled(not (view == "map" and self.projection == "tsne"))

    def save(self) -> dict[str, str]:
        return {**{name: control.current for name, control, _ in self._choices}, "color": self.chosen_color}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("method") == "layers":  # as saved by earlier versions
            saved = {**saved, "view": "layers"}
        for name, control, values in self._choices:
            if saved.get(name) in values and control.button(saved[name]).isEnabled():
                control.choose(saved[name])
        self.color.setCurrentIndex(max(0, self.color.findData(saved.get("color"))))

    def _fill_colors(self) -> None:
        chosen = self.color.currentData()
        self.color.clear()
        for name in (*COLORS, *self._columns):
            self.color.addItem(t(f"pane.embeddings.color.{name}") if name in COLORS else name, name)
        self.color.setCurrentIndex(max(0, self.color.findData(chosen)))

    def retranslate(self) -> None:
        for name, control, values in self._choices:
            labels = {value: t(f"pane.embeddings.{name}.{value}") for value in values}
            control.set_labels(labels, t(f"pane.embeddings.{name}_name"))
        missing = find_spec("umap") is None
        self.method.disable("umap", t("error.extra_missing", extra="umap") if missing else "")
        self._fill_colors()
        self.color.setAccessibleName(t("pane.embeddings.color_name"))
        self.color.setToolTip(t("pane.embeddings.color_name"))
        self.file.setText(t("pane.embeddings.file"))
        self.reset.setText(t("pane.embeddings.reset"))
        self.stop.setText(t("pane.embeddings.stop"))
        self.search.setPlaceholderText(t("pane.embeddings.search"))
        self.search.setAccessibleName(t("pane.embeddings.search"))
        self._make_room()

    def restyle(self) -> None:
        self._make_room()

    def _make_room(self) -> None:
        """Let the names of colours give way to the words in the field of the search."""
        self.color.setMinimumWidth(self.theme.px(LEAST_COMBO))
        words = self.search.fontMetrics().horizontalAdvance(self.search.placeholderText())
        self.search.setMinimumWidth(words + self.theme.px(SEARCH_EDGES))
