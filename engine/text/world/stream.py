"""The world's text: short texts in both languages, one behind the other for as long as somebody reads."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from random import Random

from engine.text.world import english, japanese
from engine.text.world.documents import answered, made_up

MEGABYTE = 1_000_000
SUBJECTS: dict[Callable[[Random], str], int] = {
    **japanese.SUBJECTS,
    **english.SUBJECTS,
    partial(answered, language="ja"): 48,
    partial(answered, language="en"): 48,
    partial(made_up, language="ja"): 6,
    partial(made_up, language="en"): 6,
}


def texts(seed: int) -> Iterator[str]:
    """Without end, each with the empty line that ends it; the same for the same seed."""
    rng = Random(seed)
    subjects, weights = list(SUBJECTS), list(accumulate(SUBJECTS.values()))
    while True:
        yield rng.choices(subjects, cum_weights=weights)[0](rng) + "\n\n"


def stream(megabytes: float, seed: int) -> Iterator[str]:
    """Whole texts until they make `megabytes` of UTF-8."""
    left = megabytes * MEGABYTE
    for text in texts(seed):
        if left <= 0:
            return
        left -= len(text.encode())
        yield text
