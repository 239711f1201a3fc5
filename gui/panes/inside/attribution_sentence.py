"""The words of the attribution view: which token counts most, and how far the methods agree."""

import math

import numpy as np

from engine.messages.attribution import Method
from gui.i18n import number, percent, t
from gui.panes.inside.attribution_shown import METHODS, Attribution
from gui.panes.inside.lens_sentence import guessing_words
from gui.text import word

LEAST_SHARE = 0.01  # probability of the explained token below which its explanation says little
LEAST_NATS = 0.1
COMPLETE, NEARLY = 0.01, 0.05  # of the whole: the largest error of integrated gradients that add up, or nearly


def sentence(shown: Attribution | None) -> str:
    """Return which token counts most by occlusion, or why that says little."""
    if shown is None or "occlusion" not in shown.values:
        return ""
    explained, values = shown.explained, shown.values["occlusion"].astype(float)
    guesses = guessing_words(explained.loss, explained.guessing)
    if guesses:
        return guesses
    words = {"word": word(explained.target), "against": word(explained.against)}
    if explained.probability < LEAST_SHARE:
        return t("pane.inside.attribution.says.unlikely", **words, percent=percent(explained.probability, 1))
    place = int(np.abs(values).argmax())
    value = float(values[place])
    words["token"] = word(explained.pieces[place])
    if abs(value) < LEAST_NATS:
        return t("pane.inside.attribution.says.none", **words, nats=number(abs(value), 2))
    if explained.against:
        key = "rather" if value > 0 else "rather_not"
        return t(
            f"pane.inside.attribution.says.{key}", **words, score=number(explained.score, 1), nats=number(abs(value), 1)
        )
    without = percent(min(1.0, math.exp(explained.score - value)), 1)
    key = "most" if value > 0 else "hinders"
    return t(f"pane.inside.attribution.says.{key}", **words, percent=percent(explained.probability, 1), without=without)


def agreement(shown: Attribution | None) -> str:
    """Return how the methods of gradients compare with occlusion, and whether integrated gradients are complete."""
    if shown is None or "occlusion" not in shown.values:
        return ""
    return " ".join(_compared(shown, method) for method in METHODS[1:] if method in shown.values)


def _compared(shown: Attribution, method: Method) -> str:
    explained = shown.explained
    if shown.says_nothing(method):
        return t(f"pane.inside.attribution.zero_{method}")
    values, correlation = shown.values[method], shown.correlation(method)
    tokens = [word(explained.pieces[int(shown.values[one].argmax())]) for one in (METHODS[0], method)]
    method_words = t(f"pane.inside.attribution.method.{method}")
    key = "short" if math.isnan(correlation) else "same_first" if tokens[0] == tokens[1] else "other_first"
    rank = "" if math.isnan(correlation) else number(correlation, 2)
    said = t(
        f"pane.inside.attribution.compare.{key}", method=method_words, rank=rank, first=tokens[0], second=tokens[1]
    )
    if method != "integrated" or not explained.whole:
        return said
    total, whole = float(values.sum()), explained.score - explained.baseline
    figures = {"total": number(total, 2), "whole": number(whole, 2)}
    error = abs(total - whole) / max(abs(whole), 1.0)
    key = "complete" if error <= COMPLETE else "nearly_complete" if error <= NEARLY else "incomplete"
    return f"{said} " + t(f"pane.inside.attribution.{key}", **figures)
