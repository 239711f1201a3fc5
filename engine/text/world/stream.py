"""The world's text: an endless stream of short texts in both languages.

SUBJECTS gives the share of each subject; TOLD is SUBJECTS without the documents and questions.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from random import Random

from engine.text.world import english, japanese
from engine.text.world.documents import answered, made_up, repeated

MEGABYTE = 1_000_000
Subjects = dict[Callable[[Random], str], int]
TOLD: Subjects = {**japanese.SUBJECTS, **english.SUBJECTS}
SUBJECTS: Subjects = {
    **TOLD,
    partial(answered, language="ja"): 40,
    partial(answered, language="en"): 40,
    partial(repeated, language="ja"): 18,
    partial(repeated, language="en"): 18,
    partial(made_up, language="ja"): 6,
    partial(made_up, language="en"): 6,
}


def texts(seed: int, subjects: Subjects = SUBJECTS) -> Iterator[str]:
    """Yield texts without end, each followed by an empty line; the same seed gives the same texts."""
    rng = Random(seed)
    ways, weights = list(subjects), list(accumulate(subjects.values()))
    while True:
        yield rng.choices(ways, cum_weights=weights)[0](rng) + "\n\n"


def stream(megabytes: float, seed: int) -> Iterator[str]:
    """Yield whole texts until they are `megabytes` of UTF-8."""
    left = megabytes * MEGABYTE
    for text in texts(seed):
        if left <= 0:
            return
        left -= len(text.encode())
        yield text
