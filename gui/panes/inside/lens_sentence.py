"""The sentence of the Inside pane: where in the layers an answer appears, computed from its ranks."""

import math

import numpy as np
from numpy.typing import NDArray

from gui.i18n import number, percent, t
from gui.text import word

UNSURE = 0.05  # probability of the likeliest token, below which the model is unsure
FEWEST = 3  # predictions that can show that a model guesses


def guessing_sentence(probabilities: NDArray[np.float32], vocabulary: int) -> str:
    """Return that the model predicts a text worse than guessing would, so that its layers mean little; else "".

    `probabilities` are those of the text's own tokens, all but the first. Guessing gives each of the `vocabulary`
    tokens the same probability. A model whose weights are random is as sure of its answers as any other.
    """
    if len(probabilities) < FEWEST:
        return ""
    loss = float(-np.log(np.maximum(probabilities.astype(np.float64), 1e-30)).mean())
    return guessing_words(loss, math.log(vocabulary))


def guessing_words(loss: float, guessing: float) -> str:
    """Return that a loss, in nats per token, is no better than that of guessing; "" if it is, or is NaN."""
    if not loss >= guessing:
        return ""
    return t("pane.inside.says.guessing", loss=number(loss, 1), guessing=number(guessing, 1))


def sentence(ranks: NDArray[np.int32], probabilities: NDArray[np.float32], piece: str) -> str:
    """Return where a token comes from: `ranks` and `probabilities` before the first layer and after each of L."""
    layers = len(ranks) - 1
    if layers < 1:
        return ""
    words = {"word": word(piece), "layers": layers, "percent": percent(float(probabilities[-1]), 1)}
    if ranks[-1] == 1 and probabilities[-1] < UNSURE:
        return t("pane.inside.says.unsure", **words)
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
