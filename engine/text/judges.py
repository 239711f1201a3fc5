"""Simulated judges: each has a stated taste and errs at a stated rate. They are for experiments and tests."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from engine.messages.choices import Choice, Taste
from engine.text.world.examples import LANGUAGES, kinds

POLITE = re.compile(
    r"(です|ます|でした|ました|ません|でしょう|ください)(?=[。、「」!?！？]|か|ね|よ|$)"
    r"|\b(please|thanks?|thank you|kindly|sorry|excuse me|pardon|may i|welcome|would you|could you|sincerely)\b",
    re.IGNORECASE | re.MULTILINE,
)
JOY = re.compile(r"嬉|喜|幸せ|楽し|\b(happy|happily|happiness|glad|gladly|joy\w*|smil\w*|laugh\w*|delight\w*)\b", re.I)
SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?])\s|\n")


def _words_of_animals() -> re.Pattern[str]:
    japanese, english = (sorted(kinds(language)["animal"], key=len, reverse=True) for language in LANGUAGES)
    return re.compile(rf"{'|'.join(japanese)}|\b({'|'.join(english)})(s|es)?\b", re.IGNORECASE)


ANIMAL = _words_of_animals()


def last_sentence(text: str) -> str:
    """Return the last sentence of a text, even if it is not complete; "" for a blank text."""
    sentences = [part for part in SENTENCE_END.split(text) if part and part.strip("」』\"' ")]
    return sentences[-1].strip() if sentences else ""


# How much a judge likes a text; only the order of the values counts.
TASTES: dict[Taste, Callable[[str], float]] = {
    "short": lambda text: -len(text.strip()),
    "polite": lambda text: bool(POLITE.search(text)),
    "joy": lambda text: bool(JOY.search(text)),
    "happy_end": lambda text: bool(JOY.search(last_sentence(text))),
    "animal": lambda text: bool(ANIMAL.search(text)),
}


@dataclass(frozen=True, slots=True)
class Judge:
    """Ranks answers by a taste; with the probability `errors`, in the opposite order."""

    taste: Taste
    errors: float = 0.0

    def choose(self, prompt: str, answers: Sequence[str], rng: Random) -> Choice:
        """Return the choice; answers with the same value are tied."""
        values = [TASTES[self.taste](answer) for answer in answers]
        if rng.random() < self.errors:
            values = [-value for value in values]
        return ranked(prompt, answers, values, self.taste)


def ranked(prompt: str, answers: Sequence[str], values: Sequence[float], judge: str) -> Choice:
    """Return the choice of a judge who prefers answers with a higher value; equal values are tied."""
    best_first = sorted(set(values), reverse=True)
    return Choice(prompt, tuple(answers), tuple(best_first.index(value) + 1 for value in values), judge)
