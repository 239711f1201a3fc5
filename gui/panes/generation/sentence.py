"""The sentences of the Generation pane, from the numbers that it shows."""

import math

from engine.messages.generation import Candidates, GeneratedToken
from gui.i18n import number, percent, t
from gui.panes.generation.moment import Moment
from gui.widgets.coloured_text import marked

STRONG = 0.5  # the least probability of a continuation that is called likely
GUESSING = 0.5  # of the vocabulary: with as many equally likely tokens, a model nearly guesses


def of_moment(moment: Moment) -> str:
    """Return what the candidates say of the next token, or of the last one while the model writes."""
    found, last = moment.candidates, moment.last
    if last is not None and last.ends:
        return t("pane.generation.says.ended", piece=marked(last.piece), percent=percent(last.probability))
    if found is None:
        return ""
    if moment.is_past and last is not None:
        return _of_last(found, last)
    return _of_next(found)


def _of_last(found: Candidates, last: GeneratedToken) -> str:
    """Return how the last token was chosen."""
    best = int(found.probabilities[0].argmax())
    words = {"piece": marked(last.piece), "percent": percent(last.probability, 1)}
    if int(found.ids[best]) == last.id:
        return t("pane.generation.says.wrote_best", **words)
    other = {"best": marked(found.pieces[best]), "most": percent(float(found.probabilities[0, best]), 1)}
    return t("pane.generation.says.wrote", **words, **other)


def _of_next(found: Candidates) -> str:
    """Return what the model predicts, and what the draw makes of it."""
    model, left = found.probabilities[0], found.probabilities[-1]
    best, choices = int(model.argmax()), math.exp(found.entropy)
    words = {"piece": marked(found.pieces[best]), "percent": percent(float(model[best]), 1)}
    if choices >= GUESSING * found.kept[0]:
        return t("pane.generation.says.guessing", choices=number(choices), vocabulary=number(found.kept[0]), **words)
    if found.sampling.temperature == 0:
        taken = {"piece": marked(found.pieces[found.drawn]), "percent": percent(float(model[found.drawn]), 1)}
        is_best = float(model[found.drawn]) == float(model[best])
        return t("pane.generation.says.greedy" if is_best else "pane.generation.says.greedy_penalty", **taken)
    if float(left[found.drawn]) < float(left.max()):
        likelier = {"piece": marked(found.pieces[int(left.argmax())]), "percent": percent(float(left.max()), 1)}
        drawn = {"drawn": marked(found.pieces[found.drawn]), "share": percent(float(left[found.drawn]), 1)}
        return t("pane.generation.says.unlikely", draw=number(found.draw, 2), **likelier, **drawn)
    if float(model[best]) >= STRONG:
        return t("pane.generation.says.strong", rest=percent(1.0 - float(model[best]), 1), **words)
    return t("pane.generation.says.open", choices=number(choices, 0 if choices >= 10 else 1), **words)
