"""The sentence of the Map pane: what the whole model makes of the text, from the numbers that the map shows."""

import math

from engine.messages.map import ForwardTrace
from gui.i18n import number, percent, t
from gui.text import word

STRONG = 0.5  # the least probability of a token that is called the favourite
GUESSING = 0.5  # share of the vocabulary: with as many equally likely tokens, the model nearly guesses


def sentence(trace: ForwardTrace) -> str:
    """Return what the pass predicts, or what the draw has made of the prediction.

    Probabilities are the model's own, before the sampling settings. The number of equally likely tokens is e to the
    entropy, the perplexity of the prediction.
    """
    found, layers = trace.candidates, len(trace.mlp)
    model, left = found.probabilities[0], found.probabilities[-1]
    best, choices, vocabulary = int(model.argmax()), math.exp(found.entropy), int(trace.histogram.sum())
    words = {"piece": word(found.pieces[best]), "percent": percent(float(model[best]), 1)}
    if choices >= GUESSING * vocabulary:
        return t("pane.map.says.guessing", choices=number(choices), vocabulary=number(vocabulary))
    if found.sampling.temperature > 0 and float(left[found.drawn]) < float(left.max()):
        drawn = {"drawn": word(found.pieces[found.drawn]), "share": percent(float(model[found.drawn]), 1)}
        return t("pane.map.says.unlikely", draw=number(found.draw, 2), **words, **drawn)
    if float(model[best]) >= STRONG:
        return t("pane.map.says.strong", count=layers, tokens=number(trace.seen), **words)
    shown = number(choices, 0 if choices >= 10 else 1)
    return t("pane.map.says.open", count=layers, tokens=number(trace.seen), choices=shown, **words)
