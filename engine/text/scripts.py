"""Cut a text into pieces of one script each, so that no token joins kanji to kana or a word to its comma."""

import re
import unicodedata
from functools import cache

# In order: a word with the space before it, one digit, runs of the Japanese scripts, line breaks, other
# white space, runs of anything else. The prolonged sound mark ー goes with either kana, 々 and 〆 with kanji.
# A polite お or ご before kanji begins a piece, so that ご飯 has the same tokens after any particle.
# Every character belongs to exactly one piece, so that joining the pieces gives the text back.
KANJI = r"々〆〇\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{323AF}"
HIRAGANA = r"\x{3041}-\x{309F}"
KATAKANA = r"\x{30A1}-\x{30FA}\x{30FC}-\x{30FF}\x{31F0}-\x{31FF}\x{FF66}-\x{FF9F}"
PIECE_PATTERN = (
    rf"[{KANJI}]+"
    rf"|[{HIRAGANA}][{HIRAGANA}ー]*?(?=[おご][{KANJI}])"
    rf"|[{HIRAGANA}][{HIRAGANA}ー]*"
    rf"|[{KATAKANA}]+"
    rf"| ?[^\s\d\W_{KANJI}{HIRAGANA}{KATAKANA}]+(?:['’][^\s\d\W_{KANJI}{HIRAGANA}{KATAKANA}]+)?"
    r"|\d"
    r"|\n+"
    r"|[^\S\n]+"
    rf"|(?:[^\w\s{HIRAGANA}{KATAKANA}]|_)+"
    r"|."
)

BYTES = re.compile(r"(<0x[0-9A-F]{2}>)+")
_RANGES = (
    (0x3041, 0x309F, "hiragana"),
    (0x30A1, 0x30FA, "katakana"),  # ・, the next one, is punctuation
    (0x30FC, 0x30FF, "katakana"),
    (0x31F0, 0x31FF, "katakana"),
    (0xFF66, 0xFF9F, "katakana"),
    (0x3005, 0x3007, "kanji"),
    (0x3400, 0x4DBF, "kanji"),
    (0x4E00, 0x9FFF, "kanji"),
    (0xF900, 0xFAFF, "kanji"),
    (0x20000, 0x323AF, "kanji"),
)


def kind_of(piece: str) -> str:
    """Return the script of a piece's first non-space character, as a name of `messages.Tokens.kinds`."""
    if piece.startswith("<0x") and BYTES.fullmatch(piece):
        return "byte"
    text = piece.strip()
    return _kind_of_character(text[0]) if text else "space"


@cache
def _kind_of_character(character: str) -> str:
    code = ord(character)
    for first, last, kind in _RANGES:
        if first <= code <= last:
            return kind
    kinds = {"L": "latin", "N": "digit", "P": "punctuation", "S": "punctuation"}
    return kinds.get(unicodedata.category(character)[0], "other")
