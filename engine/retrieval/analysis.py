"""A text as the terms by which it is found: stems of words, and pairs of characters where words have no spaces."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import Stemmer

# What the Snowball project lists for English, without words that may be the very thing looked for.
_STOP = """
    a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing down during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just may me might more most must my myself no nor not of
    off on once only or other ought our ours ourselves out over own same shall she should so some such than that the
    their theirs them themselves then there these they this those through to too under until up upon us very was we were
    what when where which while who whom why will with would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_STOP.split())

KANJI = r"々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
JAPANESE = rf"{KANJI}\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_RUNS = re.compile(rf"[{JAPANESE}]+|[^\W_{JAPANESE}]+(?:['’][^\W_{JAPANESE}]+)?")
_IS_JAPANESE = re.compile(rf"[{JAPANESE}]")
_KANJI = re.compile(f"[{KANJI}]")
_HIRAGANA = re.compile("[\u3041-\u309fー]+")
# What a Japanese question is made of whatever it asks for, as the stop words are of an English one. What is
# counted stays: 何時 is asked of texts with 時 in them.
_ASKING = re.compile(
    "何|いつ|どこ|だれ|誰|どなた|どれ|どの|どんな|どう|なぜ|いくら|いくつ|から|まで"
    "|でしょうか|ですか|ますか|ください|教えて|について|とは"
)
_LONE_KANJI = re.compile(f"(?<![{KANJI}])[{KANJI}](?![{KANJI}])")

_stem = Stemmer.Stemmer("english").stemWord


def terms(text: str) -> list[str]:
    """The terms of a text, in order, each as often as it occurs.

    Words in letters: lower case, without accents, possessives and stop words, by their stems (Porter's
    second, as Snowball has it). Runs of Japanese: every pair of neighbouring characters, and every kanji by
    itself, so that words of one, two and more characters are found without a dictionary (Ogawa and Matsuda
    1997, SIGIR). Half and full width are one.
    """
    return _terms(text, _KANJI)


def question_terms(text: str) -> list[str]:
    """As `terms`, without words that only ask; a kanji by itself only where it stands alone: 学習 says 学 and 習."""
    told = _ASKING.sub(" ", unicodedata.normalize("NFKC", text))
    return _terms(told, _LONE_KANJI) or _terms(text, _LONE_KANJI)


def _terms(text: str, kanji: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for run in _RUNS.findall(unicodedata.normalize("NFKC", text)):
        if _IS_JAPANESE.match(run):
            found += [run[i : i + 2] for i in range(len(run) - 1)]
            found += kanji.findall(run)
            if len(run) == 1 and not _KANJI.match(run):
                found.append(run)
        elif term := word_term(run):
            found.append(term)
    return found


def pairs(found: Sequence[str]) -> list[str]:
    """Neighbouring words as terms of their own, "heat transfer"; of Japanese none, whose terms overlap already."""
    return [f"{a} {b}" for a, b in pairwise(found) if not _is_japanese(a) and not _is_japanese(b)]


def importance(term: str) -> float:
    """How much a term of a question says: hiragana are endings and particles more often than words."""
    if _HIRAGANA.fullmatch(term):
        return 0.1
    return 0.3 if _HIRAGANA.search(term) else 1.0


def _is_japanese(term: str) -> bool:
    return _IS_JAPANESE.match(term) is not None


@lru_cache(maxsize=1 << 17)
def word_term(word: str) -> str:
    """The stem of one word; "" for a stop word."""
    plain = unicodedata.normalize("NFKD", word.lower().replace("’", "'"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.split("'")[0] if plain.endswith("'s") else plain.replace("'", "")
    if plain in STOP_WORDS:
        return ""
    stem: str = _stem(plain)
    return stem
