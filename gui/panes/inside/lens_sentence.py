"""The sentence of the Inside pane: where in the layers an answer appears, computed from its ranks."""

import numpy as np
from numpy.typing import NDArray

from gui.i18n import number, percent, t
from gui.text import word


def sentence(ranks: NDArray[np.int32], probabilities: NDArray[np.float32], piece: str) -> str:
    """Return where a token comes from: `ranks` and `probabilities` before the first layer and after each of L."""
    layers = len(ranks) - 1
    if layers < 1:
        return ""
    words = {"word": word(piece), "layers": layers, "percent": percent(float(probabilities[-1]), 1)}
    if ranks[-1] > 1:
        return t("pane.inside.says.never", **words, rank=number(int(ranks[-1])), best=number(int(ranks.min())))
    since = led_since(ranks)
    if since == 0:
        return t("pane.inside.says.from_the_start", **words)
    before = number(int(ranks[since - 1]))
    if since == layers:
        return t("pane.inside.says.last_layer", **words, rank=before)
    return t("pane.inside.says.since", **words, layer=since, rank=before)


def led_since(ranks: NDArray[np.int32]) -> int:
    """Return the layer after which the token has rank 1 and keeps it to the end; 0 is the embedding."""
    not_first = np.flatnonzero(ranks != 1)
    return int(not_first[-1]) + 1 if len(not_first) else 0
