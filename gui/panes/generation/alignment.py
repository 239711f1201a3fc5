"""A text in the tokens of two models: the shortest stretches at whose ends both have a token's end."""

from collections.abc import Sequence
from itertools import accumulate, pairwise


def stretches(first: Sequence[str], second: Sequence[str]) -> list[tuple[slice, slice]]:
    """Return the tokens of each stretch, in both; an empty token belongs to the one before it.

    The texts of the tokens, joined, are the same text for both. Where they are not, the rest is one stretch.
    """
    ends = [{end: index for index, end in enumerate(accumulate(map(len, texts)), start=1)} for texts in (first, second)]
    shared = sorted(ends[0].keys() & ends[1].keys() - {0})
    cuts = [(0, 0), *((ends[0][end], ends[1][end]) for end in shared)]
    whole = len(first), len(second)
    if cuts[-1] != whole:
        cuts = [*cuts[:-1], whole] if len(cuts) > 1 and cuts[-1][0] == whole[0] else [*cuts, whole]
    return [(slice(a, b), slice(c, d)) for (a, c), (b, d) in pairwise(cuts)]
