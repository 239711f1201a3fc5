"""Split texts into search terms: stems of words, and pairs of characters where words have no spaces."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import Stemmer

# The Snowball project's list for English, without words that a question may be about.
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
# Interrogatives and polite endings: the stop words of a Japanese question. Counters stay: 何時 (what time) must
# find texts with 時.
_INTERROGATIVES = re.compile(
    "何|いつ|どこ|だれ|誰|どなた|どれ|どの|どんな|どう|なぜ|いくら|いくつ|から|まで"
    "|でしょうか|ですか|ますか|ください|教えて|について|とは"
)
_LONE_KANJI = re.compile(f"(?<![{KANJI}])[{KANJI}](?![{KANJI}])")

_stem = Stemmer.Stemmer("english").stemWord


def terms(text: str) -> list[str]:
    """Return the terms of a text, in order, each as often as it occurs.

    A word in letters gives its stem (Porter2, by Snowball) in lower case, without accents and possessives; stop
    words give none. A run of Japanese gives every pair of neighbouring characters and every single kanji, so that
    words of any length are found without a dictionary (Ogawa and Matsuda 1997, SIGIR). Half and full width are equal.
    """
    return _terms(text, _KANJI)


def question_terms(text: str) -> list[str]:
    """Return the terms of a question: as `terms`, but without interrogatives and the single kanji of compounds."""
    subject = _INTERROGATIVES.sub(" ", unicodedata.normalize("NFKC", text))
    return _terms(subject, _LONE_KANJI) or _terms(text, _LONE_KANJI)


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
    """Return pairs of neighbouring words, "heat transfer"; none of Japanese terms, which overlap already."""
    return [f"{a} {b}" for a, b in pairwise(found) if not _is_japanese(a) and not _is_japanese(b)]


def importance(term: str) -> float:
    """Return the weight of a term of a question: less for hiragana, which are often endings and particles."""
    if _HIRAGANA.fullmatch(term):
        return 0.1
    return 0.3 if _HIRAGANA.search(term) else 1.0


def _is_japanese(term: str) -> bool:
    return _IS_JAPANESE.match(term) is not None


@lru_cache(maxsize=1 << 17)
def word_term(word: str) -> str:
    """Return the stem of one word; "" for a stop word."""
    plain = unicodedata.normalize("NFKD", word.lower().replace("’", "'"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.split("'")[0] if plain.endswith("'s") else plain.replace("'", "")
    if plain in STOP_WORDS:
        return ""
    stem: str = _stem(plain)
    return stem
