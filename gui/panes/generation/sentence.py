"""The sentences of the Generation pane, from the numbers that it shows."""

import math

import numpy as np

from engine.messages.comparing import Comparison
from engine.messages.generation import Candidates, PinnedNext
from gui.certainty import certainty, choices, choices_words
from gui.i18n import number, percent, t
from gui.panes.generation.comparison import largest, measures, parts_of, rate
from gui.panes.generation.moment import Moment
from gui.panes.generation.scores import TextScores
from gui.panes.generation.units import UNITS, share
from gui.text import marked
from gui.widgets.token_spans import choice_words

NOTICED = 0.05  # percentage points, from which a probability counts as changed


def of_moment(moment: Moment) -> str:
    """Return what the candidates say of the next token, or of the last one while the model writes."""
    last = moment.last
    if last is not None and (moment.is_past or last.ends):
        return choice_words(last)
    if moment.candidates is None:
        return ""
    if moment.pinned is not None:
        return of_difference(moment.candidates, moment.pinned)
    return _of_next(moment.candidates)


def of_difference(found: Candidates, pinned: PinnedNext) -> str:
    """Return how the open model's prediction differs from A's: another likeliest token, or the largest change."""
    if pinned.probabilities is None:
        return t("pane.generation.minus.none")
    now = found.probabilities[0]
    best, points = int(now.argmax()), 100 * (now.astype(float) - pinned.probabilities)
    most = int(np.abs(points).argmax())
    words = {"piece": marked(found.pieces[best]), "now": percent(float(now[best]), 1)}
    if found.pieces[best] != pinned.piece:
        other = {"other": marked(pinned.piece), "share": percent(pinned.probability, 1)}
        return t("pane.generation.minus.other", **words, **other, then=percent(float(pinned.probabilities[best]), 1))
    if abs(points[most]) < NOTICED:
        return t("pane.generation.minus.same", **words)
    words["then"] = percent(float(pinned.probabilities[best]), 1)
    if most == best:
        return t("pane.generation.minus.best", **words, points=number(float(points[most]), 1, signed=True))
    changed = {"changed": marked(found.pieces[most]), "points": number(float(points[most]), 1, signed=True)}
    return t("pane.generation.minus.most", **words, **changed)


def _of_next(found: Candidates) -> str:
    """Return what the model predicts, and what the draw makes of it."""
    model, left = found.probabilities[0], found.probabilities[-1]
    best, certain = int(model.argmax()), certainty(found)
    words = {"piece": marked(found.pieces[best]), "percent": percent(float(model[best]), 1)}
    if certain == "guessing":
        counts = {"choices": number(choices(found)), "vocabulary": number(found.kept[0])}
        return t("pane.generation.says.guessing", **counts, **words)
    if found.sampling.temperature == 0:
        taken = {"piece": marked(found.pieces[found.drawn]), "percent": percent(float(model[found.drawn]), 1)}
        is_best = float(model[found.drawn]) == float(model[best])
        return t("pane.generation.says.greedy" if is_best else "pane.generation.says.greedy_penalty", **taken)
    if float(left[found.drawn]) < float(left.max()):
        likelier = {"piece": marked(found.pieces[int(left.argmax())]), "percent": percent(float(left.max()), 1)}
        drawn = {"drawn": marked(found.pieces[found.drawn]), "share": percent(float(left[found.drawn]), 1)}
        return t("pane.generation.says.unlikely", draw=number(found.draw, 2), **likelier, **drawn)
    if certain == "strong":
        return t("pane.generation.says.strong", rest=percent(1.0 - float(model[best]), 1), **words)
    return t("pane.generation.says.open", choices=choices_words(found), **words)


def of_scores(scores: TextScores, vocabulary: int) -> str:
    """Return how well the model predicts a text, and its most surprising token."""
    if len(scores) < 2:
        return ""
    worst, guess = int(np.nanargmax(scores.surprisals)), math.log2(max(2, vocabulary))
    if scores.mean_bits > guess:
        return t("pane.generation.says.foreign", bits=number(scores.mean_bits, 1), guess=number(guess, 1))
    return t(
        "pane.generation.says.scored",
        choices=UNITS["choices"](scores.mean_bits),
        piece=marked(scores.pieces[worst]),
        percent=share(2.0 ** -float(scores.surprisals[worst])),
    )


def of_comparison(found: Comparison) -> str:
    """Return where two models differ most, and which of them predicts the text better."""
    if not np.isfinite(measures(found)[0]).any():
        return ""
    rates = {"now": number(rate(found.now), 2), "a": number(rate(found.pinned), 2)}
    place = largest(found)
    if place is None:
        return t("pane.generation.says.equal", **rates)
    piece = marked("".join(found.now.texts[parts_of(found)[place][0]]))
    key = "even" if rates["now"] == rates["a"] else "now" if rate(found.now) < rate(found.pinned) else "a"
    return t(f"pane.generation.says.better.{key}", piece=piece, **rates)
