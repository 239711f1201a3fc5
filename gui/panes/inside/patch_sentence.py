"""The sentence of the patch view: where the answer is, and where it is handed over, computed from the effects."""

import numpy as np

from gui.i18n import percent, t
from gui.panes.inside.patch_grid import HALF, PatchGrid
from gui.text import word

LEAST_SHARE = 0.05  # probability of an answer after its own text below which nothing follows from patching
LEAST_EFFECT = 0.1


def sentence(grid: PatchGrid | None) -> str:
    """Return where the answer comes over, or why nothing can be said."""
    if grid is None:
        return ""
    pair, answers = grid.pair, [word(piece) for piece in grid.pair.answers]
    if pair.obstacle == "lengths":
        return _lengths(grid)
    if pair.obstacle:
        return t(f"pane.inside.patch.says.{pair.obstacle}", word=answers[0])
    if not grid.is_complete:
        return t("pane.inside.patch.says.running", done=grid.rows_done, layers=pair.layers)
    shares = [float(pair.probabilities[i, i]) for i in range(2)]
    if min(shares) < LEAST_SHARE:
        weaker = int(np.argmin(shares))
        return t("pane.inside.patch.says.unlikely", word=answers[weaker], percent=percent(shares[weaker], 1))
    return _handed_over(grid, answers[0]) if grid.request.part == "resid_post" else _best(grid, answers[0])


def _lengths(grid: PatchGrid) -> str:
    counts = [len(pieces) for pieces in grid.pair.pieces]
    key = "first_longer" if counts[0] > counts[1] else "second_longer"
    return t(f"pane.inside.patch.says.{key}", count=abs(counts[0] - counts[1]), first=counts[0], second=counts[1])


def _handed_over(grid: PatchGrid, answer: str) -> str:
    effects, pieces = grid.effects, grid.pair.pieces[0]
    last = len(pieces) - 1
    since = int(np.flatnonzero(effects[:, last] < HALF).max(initial=-1)) + 1  # the last row is always 1
    words = {"word": answer, "last": word(pieces[last]), "since": since + 1}
    others = effects[:, :last]
    if not others.size or others.max() < HALF:
        most = percent(max(0.0, float(others.max(initial=0.0))))
        return t("pane.inside.patch.says.last_only", **words, percent=most)
    layer = int(np.flatnonzero((others >= HALF).any(axis=1))[-1])
    place = int(others[layer].argmax())
    share = percent(float(others[layer, place]))
    return t("pane.inside.patch.says.handed_over", **words, token=word(pieces[place]), layer=layer + 1, percent=share)


def _best(grid: PatchGrid, answer: str) -> str:
    layer, column = grid.strongest()
    effect, part = float(grid.effects[layer, column]), grid.request.part
    if effect < LEAST_EFFECT:
        return t("pane.inside.patch.says.nowhere", word=answer, percent=percent(max(0.0, effect)))
    words = {"word": answer, "layer": layer + 1, "percent": percent(effect)}
    if part == "z":
        return t("pane.inside.patch.says.head", **words, head=column + 1, token=word(grid.pair.pieces[0][grid.place]))
    return t(f"pane.inside.patch.says.{part}", **words, token=word(grid.pair.pieces[0][column]))
