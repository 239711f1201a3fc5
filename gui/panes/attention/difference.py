"""How the attention of the open model differs from that of the pinned A: one head as a map, all heads as bars."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from gui.changes import part_words
from gui.colormaps import diverging_image
from gui.i18n import number, percent, t
from gui.layout import label, row as in_a_row, stack
from gui.panes.attention.patterns import Patterns
from gui.text import visible
from gui.theme import GAP_L, GAP_M, NORMAL
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.heatmap import Heatmap
from gui.widgets.legend import paint_difference_scale
from gui.widgets.painted import Policy

MOST = 12  # heads in the list
NOTICED = 0.005  # share of the attention from which a head counts as changed
TICKS = (-1.0, -0.25, 0.0, 0.25, 1.0)

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Difference:
    """The patterns of one text, now and in A, with the same tokens and heads."""

    now: Patterns
    then: Patterns

    def of_head(self, layer: int, head: int) -> Weights:
        """Return how much larger each weight of a head is now, -1..1, [query, key]."""
        now, then = (patterns.of_head(layer, head).astype(np.float32) for patterns in (self.now, self.then))
        return now - then

    def moved(self) -> Weights:
        """Return the share of each head's attention that is on other tokens than in A, 0..1, [layer, head].

        It is the total variation distance of both patterns' rows, half the sum of the magnitudes of the differences,
        averaged over all rows.
        """
        pairs = zip(self.now.layers, self.then.layers, strict=True)
        return np.stack([np.abs(now.astype(np.float32) - then).sum(axis=-1).mean(axis=-1) / 2 for now, then in pairs])

    def most(self) -> tuple[int, int]:
        """Return the layer and head that differ most."""
        moved_LH = self.moved()
        layer, head = np.unravel_index(int(moved_LH.argmax()), moved_LH.shape)
        return int(layer), int(head)


def difference(now: Patterns, then: Patterns) -> Difference | None:
    """Return how the patterns differ, or None if they have other tokens or heads, or are pooled."""
    same = now.pieces == then.pieces and [x.shape for x in now.layers] == [x.shape for x in then.layers]
    return Difference(now, then) if same and not now.are_pooled else None


def difference_sentence(found: Difference | None, layer: int, head: int) -> str:
    """Return which head differs most from A, and by how much the selected one does."""
    if found is None:
        return t("pane.attention.minus.none")
    moved_LH, most = found.moved(), found.most()
    words = {"part": part_words(*most), "share": percent(float(moved_LH[most]), 1)}
    if moved_LH[most] < NOTICED:
        return t("pane.attention.minus.same")
    if most == (layer, head):
        return t("pane.attention.minus.most", **words)
    return t("pane.attention.minus.other", **words, own=percent(float(moved_LH[layer, head]), 1))


class DifferenceMap(Heatmap):
    """A matrix of differences, -1..1: blue where A attends more, red where the open model does."""

    def image(self, weights: NDArray[np.floating]) -> QImage:
        rows, columns = weights.shape
        colors = diverging_image(np.sign(weights) * np.sqrt(np.abs(weights))).astype(np.uint32)
        pixels = np.uint32(0xFF000000) | colors[..., 0] << 16 | colors[..., 1] << 8 | colors[..., 2]
        pixels = np.ascontiguousarray(np.tril(pixels, columns - rows).astype(np.uint32))
        return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()

    def paint_scale(self, painter: QPainter, box: QRectF) -> None:
        ticks = {
            math.copysign(abs(tick) ** 0.5, tick): (number(100 * tick, signed=True) if tick else "0")
            + (" %" if tick == 1 else "")
            for tick in TICKS
        }
        paint_difference_scale(painter, box, self.theme, ticks)

    def describe(self, query: int, key: int | None = None) -> str:
        """Return a cell in words, by default the row's largest difference."""
        key = int(np.abs(self.weights[query, : query + 1]).argmax()) if key is None else key
        return t(
            "pane.attention.minus.cell",
            query=visible(self.pieces[query]),
            key=visible(self.pieces[key]),
            points=number(100 * float(self.weights[query, key]), 1, signed=True),
        )


class DifferencePage(QWidget):
    """The map of one head's differences, and the heads that differ most."""

    head_chosen = Signal(int, int)  # layer and head

    def __init__(self) -> None:
        super().__init__()
        self.map, self.bars, self.title = (
            DifferenceMap(),
            BarList(most=1.0, size_of_type=NORMAL, down=Policy.Expanding),
            label("content", True),
        )
        self._heads: list[tuple[int, int]] = []
        self.side = QWidget()
        stack(self.side, self.title, self.bars, spacing=GAP_M)
        across = in_a_row(self.map, self.side, spacing=GAP_L)
        across.setStretch(0, 3)
        across.setStretch(1, 2)
        self.setLayout(across)
        self.bars.chosen.connect(lambda index: self.head_chosen.emit(*self._heads[index]))

    def set_data(self, found: Difference | None, layer: int, head: int, row: int, key: int | None) -> None:
        """Show one head's differences, and all heads in the order of theirs."""
        self.map.setVisible(found is not None)
        self.side.setVisible(found is not None)
        if found is None:
            return
        weights = found.of_head(layer, head)
        key = int(np.abs(weights[row, : row + 1]).argmax()) if key is None else key
        self.map.set_data(weights, found.now.pieces, row, key)
        moved_LH = found.moved()
        order = np.argsort(-moved_LH, axis=None, kind="stable")[:MOST]
        self._heads = [(int(i // moved_LH.shape[1]), int(i % moved_LH.shape[1])) for i in order]
        bars = [(part_words(*place), float(moved_LH[place])) for place in self._heads]
        self.bars.set_bars([Bar(name, share, percent(share, 1)) for name, share in bars])

    def retranslate(self) -> None:
        self.title.setText(t("pane.attention.minus.heads"))
        self.map.setAccessibleName(t("pane.attention.view.minus"))
        self.bars.setAccessibleName(t("pane.attention.minus.heads"))
