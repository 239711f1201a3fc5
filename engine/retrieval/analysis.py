"""Split texts into search terms: stems of words, and pairs of characters where words have no spaces."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import Stemmer

from engine.retrieval.characters import MARKS, SYLLABLES, SYMBOLS, UNSPACED, WORD, folded, normalized

VERSION = 2  # of these rules: the terms of a collection made by another version are counted again

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

# A run of a script without spaces, perhaps with invisible spaces; words joined by signs, as in "A-12/3" or "C++";
# one symbol, or the two letters of a flag.
_TOKENS = re.compile(
    rf"([{UNSPACED}][{UNSPACED}\u200b]*)"
    rf"|({WORD}(?:(?:[-./@:&_']|,(?=\d{{3}}(?!\d))){WORD})*(?:[+#]{{1,2}}(?!\w))?)"
    rf"|([\U0001F1E6-\U0001F1FF]{{2}}|[{SYMBOLS}])"
)
_WORD = re.compile(WORD)
_PARTS = re.compile(rf"{WORD}(?:'{WORD})*")
_JOINED = re.compile(r"[-./@:&,+#]")
_CLUSTERS = re.compile(f".[{MARKS}]*")
_SINGLE = re.compile(f"[{SYLLABLES}][{MARKS}]*")
_LONE = re.compile(f"(?<![{SYLLABLES}])[{SYLLABLES}][{MARKS}]*(?![{SYLLABLES}{MARKS}])")
_HIRAGANA = re.compile("[\u3041-\u309fー]+")
CLITICS = frozenset(("s", "t", "d", "m", "ll", "ve", "re"))  # of English: "don't", "we've"
# Interrogatives and polite endings: the stop words of a question in scripts without spaces. Counters stay: 何時
# (what time) must find texts with 時.
_INTERROGATIVES = re.compile(
    "(?:"
    + normalized(
        "何|いつ|どこ|だれ|誰|どなた|どれ|どの|どんな|どう|なぜ|いくら|いくつ|から|まで"
        "|でしょうか|ですか|ますか|ください|教えて|について|とは"
        "|什么|哪里|哪儿|怎么|吗"
        "|언제|어디|무엇|누구|어떻게|입니까|습니까|인가요"
        "|อะไร|ที่ไหน|เมื่อไหร่|เมื่อไร|อย่างไร|ทำไม|ใคร"
    )
    + f")(?![{MARKS}])"
)

_stem = Stemmer.Stemmer("english").stemWord


def terms(text: str) -> list[str]:
    """Return the terms of a text, in order, each as often as it occurs.

    A word gives its stem (Porter2, by Snowball) without case, accents and possessives; stop words give none. A run
    of a script without spaces between words (Japanese, Chinese, Thai, …) and a Korean word give every pair of
    neighbouring characters with their marks, so that words of any length are found without a dictionary (Ogawa and
    Matsuda 1997, SIGIR), and every single one but kana. Symbols (€, %, 🚲) are terms. What signs join to a number
    or an address ("A-12/3", "C++") gives its parts and the whole. Forms that look alike are equal (NFKC).
    """
    return _terms(normalized(text), _SINGLE)


def question_terms(text: str) -> list[str]:
    """Return the terms of a question: as `terms`, but without interrogatives and the single characters of pairs."""
    question = normalized(text)
    return _terms(_INTERROGATIVES.sub(" ", question), _LONE) or _terms(question, _LONE)


def _terms(text: str, single: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for run, word, symbol in _TOKENS.findall(text):
        if run:
            found += _run_terms(run, single)
        elif word:
            found += _word_terms(word)
        else:
            found.append(symbol)
    return found


def _run_terms(run: str, single: re.Pattern[str]) -> list[str]:
    """Return the pairs of neighbouring characters, each with its marks in one order, and single characters."""
    if run.isalnum():  # no marks
        if len(run) == 1:
            return [run]
        return [run[i : i + 2] for i in range(len(run) - 1)] + single.findall(run)
    run = run.replace("\u200b", "")
    clusters = _ordered(_CLUSTERS.findall(run))
    if len(clusters) == 1:
        return clusters
    return [a + b for a, b in pairwise(clusters)] + _ordered(single.findall(run))


def _ordered(clusters: Sequence[str]) -> list[str]:
    """Return characters with their marks sorted: น้ำ and นํ้า are the same, typed in another order."""
    return [cluster[0] + "".join(sorted(cluster[1:])) for cluster in clusters]


@lru_cache(maxsize=1 << 17)
def _word_terms(token: str) -> tuple[str, ...]:
    """Return the stems of words that may be joined by signs, and the whole if it names one thing."""
    parts = [token] if token.isalpha() else _PARTS.findall(token)
    found = [term for part in parts for term in (word_term(part), *_after_elision(part)) if term]
    if _JOINED.search(token) and (token[-1] in "+#" or any(c.isdecimal() or c == "@" for c in token)):
        found.append(folded(token).replace(",", ""))  # 1,000 is 1000
    return tuple(found)


def _after_elision(word: str) -> list[str]:
    """Return the term after an apostrophe, as "homme" of "l'homme"."""
    before, _, last = word.rpartition("'")
    return [word_term(last)] if before and last.lower() not in CLITICS else []


@lru_cache(maxsize=1 << 17)
def word_term(word: str) -> str:
    """Return the stem of one word; "" for a stop word."""
    plain = folded(normalized(word))
    plain = plain.split("'")[0] if plain.endswith("'s") else plain.replace("'", "")
    if plain in STOP_WORDS:
        return ""
    stem: str = _stem(plain)
    return stem


def pairs(found: Sequence[str]) -> list[str]:
    """Return the pairs of neighbouring words, as "heat transfer"; pairs of characters overlap already."""
    words = list(map(is_word, found))
    return [
        f"{a} {b}" for a, b, first, second in zip(found, found[1:], words, words[1:], strict=False) if first and second
    ]


@lru_cache(maxsize=1 << 17)
def is_word(term: str) -> bool:
    """Return whether a term is a word between spaces, and not of a run, joined by signs, or a symbol."""
    return _WORD.fullmatch(term) is not None


def importance(term: str) -> float:
    """Return the weight of a term of a question: less for hiragana, which are often endings and particles."""
    if _HIRAGANA.fullmatch(term):
        return 0.1
    return 0.3 if _HIRAGANA.search(term) else 1.0
