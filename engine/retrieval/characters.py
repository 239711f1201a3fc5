"""Classes of characters for search: what a word is made of, and which scripts have no spaces between words.

Also the forms of characters that searches treat as equal.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import chain

KANJI = r"々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
KANA = r"\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
JAPANESE = KANJI + KANA
TANGUT = r"\U00017000-\U0001b2ff"  # and Khitan, old kana, Nüshu
EMOJI = r"\U0001f000-\U0001faff"

# The blocks of scripts without spaces between words: line break class SA of Unicode Standard Annex 14, Javanese and
# Balinese, and ideographic scripts. Hangul is among them, because Korean particles follow a word without a space.
BLOCKS = (
    range(0x0E00, 0x0F00),  # Thai, Lao
    range(0x1000, 0x10A0),  # Burmese
    range(0x1100, 0x1200),  # Hangul letters
    range(0x1780, 0x1800),  # Khmer
    range(0x1950, 0x19E0),  # Tai Le, New Tai Lue
    range(0x1A20, 0x1AB0),  # Tai Tham
    range(0x1B00, 0x1B80),  # Balinese
    range(0x3100, 0x3130),  # Bopomofo
    range(0x31A0, 0x31C0),  # Bopomofo
    range(0xA000, 0xA4D0),  # Yi
    range(0xA960, 0xAA00),  # Hangul letters, Javanese, Burmese
    range(0xAA60, 0xAAE0),  # Burmese, Tai Viet
    range(0xAC00, 0xD800),  # Hangul
)


def _class(wanted: Callable[[str], bool], codes: Iterable[int]) -> str:
    """Return the wanted characters as ranges of a regular expression's class."""
    found = [code for code in codes if wanted(chr(code))]
    firsts = [code for before, code in zip([-2, *found], found, strict=False) if code != before + 1]
    lasts = [code for code, after in zip(found, [*found[1:], -2], strict=True) if after != code + 1]
    return "".join(
        re.escape(chr(first)) if first == last else f"{re.escape(chr(first))}-{re.escape(chr(last))}"
        for first, last in zip(firsts, lasts, strict=True)
    )


def _is_mark(c: str) -> bool:
    return unicodedata.category(c)[0] == "M"


def _is_symbol(c: str) -> bool:
    return unicodedata.category(c) in ("So", "Sc", "Sm") and (not c.isascii() or c == "$")


MARKS = _class(_is_mark, range(0x300, 0x1F000))
# Syllables: characters of these scripts but kana, with their marks, without digits and punctuation.
SYLLABLES = KANJI + TANGUT + _class(lambda c: unicodedata.category(c)[0] in "LM", chain(*BLOCKS))
UNSPACED = SYLLABLES + KANA
SYMBOLS = "%‰" + EMOJI + _class(_is_symbol, range(0x24, 0x10000))
# A word of other scripts. The lookahead excludes most texts from the long class of marks: ten times faster.
WORD = rf"[^\W_{UNSPACED}]+(?:(?![\0-\u02ff])[{MARKS}]+[^\W_{UNSPACED}]*)*"

# --- Equal characters -----------------------------------------------------------------------------

_IGNORED = (  # soft hyphen, joiners, marks of direction, tatweel, Hangul fillers, variation selectors, skin tones
    0xAD, 0x34F, 0x61C, 0x640, 0x115F, 0x1160, 0x3164, 0xFEFF, 0xFFA0,
    *range(0x17B4, 0x17B6), *range(0x180B, 0x1810), *range(0x200C, 0x2010), *range(0x202A, 0x202F),
    *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE01F0),
)  # fmt: skip
_EQUAL = {
    **dict.fromkeys(_IGNORED),
    **dict.fromkeys(map(ord, "’‘ʼʻ′´"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–−"), "-"),
    **{0x309B: "\u3099", 0x309C: "\u309a"},  # voicing marks that are typed after their kana
    0x2116: "No ",  # №
}
# Letters that have no decomposition, and variants of Arabic letters by keyboard and by place in the word.
_LETTERS = str.maketrans(
    {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "þ": "th", "æ": "ae", "œ": "oe"}
    | {"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ٱ": "ا"}
)
VOICING, VIRAMA, ARABIC, TIBETAN = 8, 9, 36, 132  # canonical combining classes; the last two end their ranges


def normalized(text: str) -> str:
    """Return the text in NFKC, with one apostrophe and one hyphen, without invisible characters."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(_EQUAL))


def folded(word: str) -> str:
    """Return a normalized word without case and without marks that are optional: accents, points, vocalisation.

    Vowel signs and viramas stay, because without them the word is another one. Digits of all scripts become 0 to 9.
    """
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS)).translate(_LETTERS)
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c
        for c in letters
        if (kind := unicodedata.combining(c)) == 0 or kind in (VOICING, VIRAMA) or ARABIC < kind <= TIBETAN
    )
