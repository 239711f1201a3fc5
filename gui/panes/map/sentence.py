"""The sentence of the Map pane: what the whole model makes of the text, from the numbers that the map shows."""

from engine.messages.map import ForwardTrace
from gui.certainty import certainty, choices, choices_words
from gui.i18n import number, percent, t
from gui.text import word


def sentence(trace: ForwardTrace) -> str:
    """Return what the pass predicts, or what the draw has made of the prediction.

    Probabilities are the model's own, before the sampling settings.
    """
    found, layers = trace.candidates, len(trace.mlp)
    model, left = found.probabilities[0], found.probabilities[-1]
    best, certain = int(model.argmax()), certainty(found)
    words = {"piece": word(found.pieces[best]), "percent": percent(float(model[best]), 1)}
    if certain == "guessing":
        return t("pane.map.says.guessing", choices=number(choices(found)), vocabulary=number(found.kept[0]))
    if found.sampling.temperature > 0 and float(left[found.drawn]) < float(left.max()):
        drawn = {"drawn": word(found.pieces[found.drawn]), "share": percent(float(model[found.drawn]), 1)}
        return t("pane.map.says.unlikely", draw=number(found.draw, 2), **words, **drawn)
    if certain == "strong":
        return t("pane.map.says.strong", count=layers, tokens=number(trace.seen), **words)
    return t("pane.map.says.open", count=layers, tokens=number(trace.seen), choices=choices_words(found), **words)
