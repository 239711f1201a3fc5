"""What the patch view shows: two texts and the effects of patching, which arrive row by row."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.messages.models import Patched
from engine.messages.patching import PatchEffects, PatchPair, PatchTexts

HALF = 0.5  # of the answer: from here on it counts as brought over


@dataclass(frozen=True)
class PatchGrid:
    """The answers to one request; it is replaced as a whole."""

    request: PatchTexts
    pair: PatchPair
    effects: NDArray[np.float32]  # [layers, tokens or heads]; NaN where they are not computed yet

    @classmethod
    def begun(cls, request: PatchTexts, pair: PatchPair) -> "PatchGrid":
        columns = pair.heads if request.part == "z" else len(pair.pieces[1])
        rows = 0 if pair.obstacle else pair.layers
        return cls(request, pair, np.full((rows, columns), np.nan, np.float32))

    def with_effects(self, found: PatchEffects) -> "PatchGrid":
        effects = self.effects.copy()
        effects[found.layer, found.first : found.first + len(found.effects)] = found.effects
        return replace(self, effects=effects)

    @property
    def rows_done(self) -> int:
        return int((~np.isnan(self.effects)).all(axis=1).sum()) if self.effects.size else 0

    @property
    def is_complete(self) -> bool:
        return bool(self.effects.size) and self.rows_done == len(self.effects)

    @property
    def differing(self) -> list[int]:
        """The tokens that are not the same in both texts."""
        return [place for place, pieces in enumerate(zip(*self.pair.pieces, strict=False)) if pieces[0] != pieces[1]]

    @property
    def place(self) -> int:
        """The token at which heads are patched."""
        return self.request.place % max(1, len(self.pair.pieces[1]))

    def patch(self, row: int, column: int) -> Patched:
        """Return the patch that a cell stands for."""
        request = self.request
        place, head = (self.place, column) if request.part == "z" else (column, None)
        return Patched(row, request.part, place, request.source, request.text, head)

    def strongest(self) -> tuple[int, int]:
        """Return the cell with the largest effect: of several that bring all over, the last layer's."""
        known = np.nan_to_num(self.effects, nan=-np.inf)
        near = known >= known.max() - 0.02
        if self.request.part == "resid_post" and near.shape[1] > 1 and near[:, :-1].any():
            near[:, -1] = False  # at the last token it must come over in the end
        row, column = np.argwhere(near)[-1]
        return int(row), int(column)
