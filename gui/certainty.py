"""How certain a model is of the next token, by the rules that the sentences of all panes share."""

import math
from typing import Literal

from engine.messages.generation import Candidates
from gui.i18n import number

STRONG = 0.5  # the least probability of a token that is called likely
GUESSING = 0.5  # share of the vocabulary: with as many equally likely tokens, the model nearly guesses


def choices(found: Candidates) -> float:
    """Return the number of equally likely tokens of the same entropy: e to the entropy, the perplexity."""
    return math.exp(found.entropy)


def choices_words(found: Candidates) -> str:
    count = choices(found)
    return number(count, 0 if count >= 10 else 1)


def certainty(found: Candidates) -> Literal["guessing", "strong", "open"]:
    """Return whether the model nearly guesses, has a likely token, or neither, before the sampling settings."""
    if choices(found) >= GUESSING * found.kept[0]:
        return "guessing"
    return "strong" if float(found.probabilities[0].max()) >= STRONG else "open"
