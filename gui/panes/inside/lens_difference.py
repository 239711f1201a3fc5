"""How the lens differs from that of the pinned A: the change of each target's log-probability, layer by layer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from engine.messages.inside import LensGrid
from gui.colormaps import difference_color
from gui.i18n import number, percent, t
from gui.panes.inside.lens_picture import LensPicture
from gui.text import visible, word
from gui.widgets.legend import paint_difference_scale

LEAST = 1e-30  # probability, below which all count as equal
NOTICED = 0.05  # nats, from which a cell counts as changed: its probability is 5 % larger or smaller
FULL = 8.0  # nats at the ends of the scale of colours
TICKS = (-8, -2, 0, 2, 8)


@dataclass(frozen=True, eq=False)
class LensDifference:
    """Two lenses over the same tokens, layers and targets."""

    now: LensGrid
    then: LensGrid
    nats_LT: NDArray[np.float64]  # how much larger the target's log-probability is now, [L + 1, T]

    def figures(self, row: int, column: int) -> tuple[object, ...]:
        """Return A's likeliest token in a cell, the target's probability and rank in A, and the difference in nats."""
        then = self.then
        target = float(then.target_probabilities[row, column]), int(then.target_ranks[row, column])
        return then.names[int(then.ids[row, column, 0])], *target, float(self.nats_LT[row, column])


def lens_difference(now: LensGrid, then: LensGrid) -> LensDifference | None:
    """Return how two lenses differ, or None if they have other tokens, layers or targets."""
    same = now.pieces == then.pieces and np.array_equal(now.targets, then.targets) and now.ids.shape == then.ids.shape
    if not same or any(now.names[i] != then.names[i] for i in now.targets.tolist()):
        return None
    logs = [np.log(np.maximum(grid.target_probabilities.astype(np.float64), LEAST)) for grid in (now, then)]
    return LensDifference(now, then, logs[0] - logs[1])


def lens_difference_sentence(found: LensDifference | None, column: int) -> str:
    """Return how the answer of one column differs from A, and where on its way."""
    if found is None:
        return t("pane.inside.minus.none")
    nats_L = found.nats_LT[:, column]
    piece = word(found.now.names[int(found.now.targets[column])])
    changed = np.flatnonzero(np.abs(nats_L) >= NOTICED)
    if not len(changed):
        layer, other = map(int, np.unravel_index(int(np.abs(found.nats_LT).argmax()), found.nats_LT.shape))
        if abs(found.nats_LT[layer, other]) < NOTICED:
            return t("pane.inside.minus.same")
        most = {"token": visible(found.now.pieces[other]), "nats": _nats(found.nats_LT[layer, other])}
        return t("pane.inside.minus.elsewhere", word=piece, **most)
    most_L = int(np.abs(nats_L).argmax())
    ends = [percent(float(grid.target_probabilities[-1, column]), 1) for grid in (found.now, found.then)]
    words = {"word": piece, "now": ends[0], "then": ends[1], "layer": most_L, "nats": _nats(nats_L[most_L])}
    if changed[0] == most_L:
        return t("pane.inside.minus.at_once", **words)
    return t("pane.inside.minus.both", **words, first=int(changed[0]))


def _nats(value: float) -> str:
    return number(float(value), 1 if abs(value) >= 1 else 2, signed=True)


class DifferencePicture(LensPicture):
    """The table of layers and tokens; in each cell how much likelier the text's next token is than in A, in nats."""

    def __init__(self) -> None:
        super().__init__()
        self.found: LensDifference | None = None

    def set_difference(self, found: LensDifference, row: int, column: int) -> None:
        self.found = found
        self.set_data(found.now, row, column)

    def _nats(self, row: int, column: int) -> float:
        return 0.0 if self.found is None else float(self.found.nats_LT[row, column])

    def color_of(self, grid: LensGrid, row: int, column: int) -> QColor:
        nats = self._nats(row, column)
        return difference_color(math.copysign(min(1.0, abs(nats) / FULL) ** 0.5, nats))

    def words_of(self, grid: LensGrid, row: int, column: int) -> str:
        nats = self._nats(row, column)
        return number(nats, 1, signed=True) if abs(nats) >= NOTICED else ""

    def title(self) -> str:
        return t("pane.inside.minus.title")

    def paint_scale(self, painter: QPainter, box: QRectF) -> str:
        ticks = {
            math.copysign((abs(tick) / FULL) ** 0.5, tick): number(tick, signed=True) if tick else "0" for tick in TICKS
        }
        paint_difference_scale(painter, box, self.theme, ticks)
        return t("pane.inside.minus.colour")

    def describe(self, row: int, column: int) -> str:
        if self.found is None:
            return ""
        now, then = self.found.now, self.found.then
        words = {
            "layer": row,
            "word": word(now.names[int(now.targets[column])]),
            "nats": _nats(self._nats(row, column)),
        }
        for name, grid in (("now", now), ("then", then)):
            words[name] = percent(float(grid.target_probabilities[row, column]), 1)
            words[f"{name}_rank"] = number(int(grid.target_ranks[row, column]))
        return t("pane.inside.minus.cell", **words)
