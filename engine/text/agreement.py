"""How far judges agree: Cohen's kappa for two of them, Fleiss' kappa for more.

Both compare the agreement that is observed with the one expected of judges who choose at random, each as often as he
does (Cohen 1960) or all as often as the judges together do (Fleiss 1971):

    kappa = (observed - expected) / (1 - expected)

Suffixes: N choices, J judges, C verdicts.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from engine.messages.choices import KAPPA_WORDS, Agreement, Choice

Verdicts = NDArray[np.int64]


def agreement(choices: Sequence[Choice]) -> Agreement:
    """Return how far the judges agree on the choices that all of them have made.

    A choice is the same if its prompt and its answers are, in any order; of a judge's choices, the last one counts. A
    verdict is the best answer, "several are best", or "none is good". kappa is None if fewer than two judges have
    choices in common, or if all verdicts are equal, where agreement by chance is complete.
    """
    judges = list(dict.fromkeys(choice.judge for choice in choices))
    found = {judge: {_key(c): _verdict(c) for c in choices if c.judge == judge} for judge in judges}
    common = [key for key in found[judges[0]] if all(key in of_judge for of_judge in found.values())] if judges else []
    if len(judges) < 2 or not common:
        return Agreement(tuple(judges), len(common), 0.0, None, "")
    verdict_NJ = np.array([[found[judge][key] for judge in judges] for key in common])
    kappa = cohen(verdict_NJ[:, 0], verdict_NJ[:, 1]) if len(judges) == 2 else fleiss(verdict_NJ)
    observed = float(np.mean([_agreeing_pairs(row) for row in verdict_NJ]))
    return Agreement(tuple(judges), len(common), observed, kappa, "" if kappa is None else in_words(kappa))


def agreeing(first: Sequence[Choice], second: Sequence[Choice]) -> float | None:
    """Return the share of equal preferences among the pairs of answers that both rankings decide; None without one.

    The choices have the same answers in the same order; `second` may have fewer of them.
    """
    equal = [
        one.ranks[i] < one.ranks[j]
        for one, other in zip(first, second, strict=False)
        for i, j in permutations(range(min(len(one.ranks), len(other.ranks))), 2)
        if other.ranks[i] < other.ranks[j] and one.ranks[i] != one.ranks[j]
    ]
    return sum(equal) / len(equal) if equal else None


def _key(choice: Choice) -> tuple[str, ...]:
    return choice.prompt, *sorted(choice.answers)


def _verdict(choice: Choice) -> int:
    """Return the place of the best answer in alphabetical order, -1 for several, -2 for none."""
    if not choice.ranks:
        return -2
    best = [a for a, rank in zip(choice.answers, choice.ranks, strict=True) if rank == min(choice.ranks)]
    return sorted(choice.answers).index(best[0]) if len(best) == 1 else -1


def _agreeing_pairs(row: Verdicts) -> float:
    """Return the share of the pairs of judges with the same verdict."""
    same = sum(int(count) * (int(count) - 1) for count in np.unique(row, return_counts=True)[1])
    return same / (len(row) * (len(row) - 1))


def cohen(a_N: Verdicts, b_N: Verdicts) -> float | None:
    """Return Cohen's kappa; None if both judges always have the same one verdict."""
    expected = sum(float((a_N == v).mean() * (b_N == v).mean()) for v in np.unique(a_N))
    return _kappa(float((a_N == b_N).mean()), expected)


def fleiss(verdict_NJ: Verdicts) -> float | None:
    """Return Fleiss' kappa; None if all verdicts are the same."""
    shares_C = np.unique(verdict_NJ, return_counts=True)[1] / verdict_NJ.size
    return _kappa(float(np.mean([_agreeing_pairs(row) for row in verdict_NJ])), float((shares_C**2).sum()))


def _kappa(observed: float, expected: float) -> float | None:
    return (observed - expected) / (1 - expected) if expected < 1 - 1e-12 else None


def in_words(kappa: float) -> str:
    """Return the word of Landis and Koch (1977) for a kappa, one of KAPPA_WORDS."""
    return KAPPA_WORDS[0] if kappa < 0 else KAPPA_WORDS[1 + sum(kappa > limit for limit in (0.2, 0.4, 0.6, 0.8))]
