"""Where a span of words may come from: its longest runs of words that occur in a training text, and how many.

Infini-gram (Liu et al. 2024, arXiv:2401.17377) and OLMoTrace (Liu et al. 2025, arXiv:2504.07096) do this for trillions
of tokens. Here the text is indexed by a suffix array (Manber and Myers 1993, doi:10.1137/0222058), made by prefix
doubling. A word is a run of letters and digits, or one Japanese or Chinese character; white space and punctuation do
not count.

A long run proves nothing by itself, since a text is full of common phrases. The base rate is the longest run of a text
of the same words in a random order.

Suffixes: N words of the text.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from engine.messages.origin import Verdict

LONGEST = 512  # words of a span
SHUFFLES, FEWEST = 40, 10  # texts of the same words; fewer if they have more than SHUFFLED words together
SHUFFLED = 5_000
RARE = 0.95  # of the shuffled texts have no longer run than `chance`
WHOLE = 0.8  # least share of the span in one run of a span that is known by heart
MOSTLY = 0.5  # least share of the span in runs beyond chance of a span that is put together

# Each Japanese or Chinese character is a word, because the text has no spaces. A piece is a part of one script.
_KANJI = r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HIRAGANA, _KATAKANA = r"\u3041-\u309f", r"\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f"
_WORD = rf"[^\W_{_KANJI}{_HIRAGANA}{_KATAKANA}]+"
WORDS = re.compile(rf"{_WORD}|[^\W_]")
PIECES = re.compile(rf"{_WORD}|[{_KANJI}]{{1,4}}|[{_HIRAGANA}]{{1,4}}|[{_KATAKANA}]+|[^\W_]")
SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])[」』）]*\s*|\n+")


@dataclass(frozen=True, slots=True)
class Run:
    """The longest run of words from one word of a span on that occurs in the text."""

    first: int  # word of the span
    length: int  # words
    low: int  # the suffixes low … high - 1 begin with it
    high: int

    @property
    def count(self) -> int:
        """How often it occurs."""
        return self.high - self.low


@dataclass(frozen=True, slots=True, eq=False)
class TextIndex:
    """A text, its words, and the words from which on it is sorted."""

    text: str
    starts_N: NDArray[np.int32]  # characters [start, end) of each word
    ends_N: NDArray[np.int32]
    suffixes_N: NDArray[np.int64]  # the first words of all suffixes, sorted by at least their first LONGEST words
    numbers: dict[str, int]  # the number of each word
    coded: bytes  # the words' numbers, four bytes each, so that comparing bytes compares words

    def places(self, run: Run, most: int) -> list[tuple[int, int]]:
        """Return where a run occurs, at most `most` times, the first in the text first: characters [start, end)."""
        words = np.sort(self.suffixes_N[run.low : run.high])[:most]
        return [(int(self.starts_N[word]), int(self.ends_N[word + run.length - 1])) for word in words]


def words_of(text: str) -> list[str]:
    return WORDS.findall(text)


def build_index(text: str) -> Generator[float, None, TextIndex]:
    """Return the index of a text; yield the share that is done, 0..1."""
    spans = np.array([match.span() for match in WORDS.finditer(text)], np.int32).reshape(-1, 2)
    yield 0.2
    numbers: dict[str, int] = {}
    ids_N = np.array([numbers.setdefault(word, len(numbers)) for word in words_of(text)], np.int64)
    N, length, suffixes_N = len(ids_N), 1, np.argsort(ids_N, kind="stable")
    rank_N = ids_N
    while length < LONGEST and N:
        yield min(0.95, 0.3 + 0.1 * length.bit_length())
        # Ranks by `length` words, of which two make a rank by twice as many; a suffix that ends is before the others.
        next_N = np.zeros(N, np.int64)
        next_N[:-length] = rank_N[length:] + 1
        key_N = rank_N * (N + 2) + next_N
        suffixes_N = np.argsort(key_N, kind="stable")
        sorted_N = key_N[suffixes_N]
        rank_N = np.empty(N, np.int64)
        rank_N[suffixes_N] = np.cumsum(np.concatenate([[0], sorted_N[1:] != sorted_N[:-1]]))
        length *= 2
        if rank_N[suffixes_N[-1]] == N - 1:
            break  # no two are equal
    coded = ids_N.astype(">u4").tobytes()
    return TextIndex(text, spans[:, 0], spans[:, 1], suffixes_N, numbers, coded)


def longest_runs(index: TextIndex, words: Sequence[str]) -> list[Run]:
    """Return the longest run from each word of a span on; its length is 0 for a word that the text does not have."""
    coded = _coded(index, words)
    return [_longest_run(index, coded[4 * first :], first) for first in range(len(words))]


def _coded(index: TextIndex, words: Sequence[str]) -> bytes:
    unknown = len(index.numbers)
    return np.array([index.numbers.get(word, unknown) for word in words], ">u4").tobytes()


def _length(index: TextIndex, wanted: bytes) -> int:
    """Return the number of words of the longest run that `wanted` begins with."""
    place = bisect_left(index.suffixes_N, wanted, key=lambda word: _suffix(index, int(word), len(wanted)))
    neighbours = index.suffixes_N[max(0, place - 1) : place + 1]
    return max((_common(wanted, _suffix(index, int(word), len(wanted))) for word in neighbours), default=0)


def _longest_run(index: TextIndex, wanted: bytes, first: int) -> Run:
    length = _length(index, wanted)
    if length == 0:
        return Run(first, 0, 0, 0)
    begun = wanted[: 4 * length]
    low = bisect_left(index.suffixes_N, begun, key=lambda word: _suffix(index, int(word), len(begun)))
    high = bisect_right(index.suffixes_N, begun, lo=low, key=lambda word: _suffix(index, int(word), len(begun)))
    return Run(first, length, low, high)


def _suffix(index: TextIndex, word: int, size: int) -> bytes:
    return index.coded[4 * word : 4 * word + size]


def _common(one: bytes, other: bytes) -> int:
    """Return the number of words that both begin with."""
    for word in range(min(len(one), len(other)) // 4):
        if one[4 * word : 4 * word + 4] != other[4 * word : 4 * word + 4]:
            return word
    return min(len(one), len(other)) // 4


def maximal(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that are not a part of the one before, in the order of the span."""
    ends = [run.first + run.length for run in runs]
    return [run for i, run in enumerate(runs) if run.length and (i == 0 or ends[i] > ends[i - 1])]


def chance(index: TextIndex, span: str, seed: int = 1) -> int:
    """Return how many words the longest run of a text of the same words has by chance.

    The span's words, in Japanese pieces of one script, are put in a random order up to SHUFFLES times; RARE of these
    texts have no longer run.
    """
    pieces, rng, found = PIECES.findall(span)[:LONGEST], Random(seed), []
    shuffles = min(SHUFFLES, max(FEWEST, SHUFFLED // max(1, len(words_of(span)))))
    for _ in range(shuffles):
        rng.shuffle(pieces)
        coded = _coded(index, [word for piece in pieces for word in words_of(piece)])
        found.append(max((_length(index, coded[first:]) for first in range(0, len(coded), 4)), default=0))
    return sorted(found)[int(RARE * shuffles) - 1]


def covered(runs: Sequence[Run], least: int) -> int:
    """Return how many words of the span are in runs of at least `least` words."""
    inside = {run.first + i for run in runs if run.length >= least for i in range(run.length)}
    return len(inside)


def judge(runs: Sequence[Run], by_chance: int) -> Verdict:
    """Return the verdict on a span, given the longest run from each of its words.

    "heart": one run beyond chance is at least WHOLE of the span. "together": such runs are at least MOSTLY of it.
    "nowhere": neither. "short": the span is in the text, but so would its words be in another order.
    """
    longest = max((run.length for run in runs), default=0)
    if longest >= max(1, WHOLE * len(runs)):
        return "heart" if longest > by_chance else "short"
    if not runs:
        return "short"
    return "together" if covered(runs, by_chance + 1) >= MOSTLY * len(runs) else "nowhere"


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the characters [start, end) of each sentence or line; together they are the text."""
    start = 0
    for match in SENTENCE_ENDS.finditer(text):
        if match.end() > start:
            yield start, match.end()
            start = match.end()
    if start < len(text):
        yield start, len(text)


def without(index: TextIndex, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the text in parts, without the sentences in which one of the runs occurs."""
    found = sorted({place for run in runs for place in index.places(run, run.count)})
    edges, kept = [0, *(end for _, end in sentences(index.text))], 0
    for start, end in found:
        first, last = edges[bisect_right(edges, start) - 1], edges[bisect_left(edges, end)]
        if first > kept:
            yield index.text[kept:first]
        kept = max(kept, last)
    yield index.text[kept:]
