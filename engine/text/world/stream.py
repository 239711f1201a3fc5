"""The world's text: short texts in both languages, one behind the other for as long as somebody reads.

SUBJECTS says how many parts of the whole each subject has; TOLD is without the documents and questions.
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
    partial(answered, language="ja"): 48,
    partial(answered, language="en"): 48,
    partial(repeated, language="ja"): 12,
    partial(repeated, language="en"): 12,
    partial(made_up, language="ja"): 6,
    partial(made_up, language="en"): 6,
}


def texts(seed: int, subjects: Subjects = SUBJECTS) -> Iterator[str]:
    """Without end, each with the empty line that ends it; the same for the same seed."""
    rng = Random(seed)
    ways, weights = list(subjects), list(accumulate(subjects.values()))
    while True:
        yield rng.choices(ways, cum_weights=weights)[0](rng) + "\n\n"


def stream(megabytes: float, seed: int) -> Iterator[str]:
    """Whole texts until they make `megabytes` of UTF-8."""
    left = megabytes * MEGABYTE
    for text in texts(seed):
        if left <= 0:
            return
        left -= len(text.encode())
        yield text
