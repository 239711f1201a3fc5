"""Find the encoding of a text from its bytes, decode it, and count the places that are invalid.

A byte-order mark decides alone. UTF-8, UTF-16 and UTF-32 are recognised by how well the bytes follow their rules;
chardet (statistics of letter pairs) ranks the encodings of single languages.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import chardet
import webencodings

from engine.errors import EngineError

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, because it begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
EAST_ASIAN = ("cp932", "euc_jis_2004", "gb18030", "cp949", "big5hkscs")
# Under the names that chardet uses.
FAMILIES = (
    EAST_ASIAN,
    ("cp1252", "cp1250", "cp1254", "cp1257", "cp1258", "iso8859-2"),
    ("cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp1253", "iso8859-7", "cp1255", "cp1256", "cp874"),
    ("mac-roman", "cp437", "cp850", "cp866", "johab"),
)
CANDIDATES = tuple(name for family in FAMILIES for name in family)
# How usual an encoding is: decides where there are few characters, and counts less the more there are.
WEIGHTS = {"mac-roman": 0.3, "cp437": 0.02, "cp850": 0.02, "cp866": 0.05, "johab": 0.05, "cp1252": 1.2, "cp1254": 1.25}
# chardet finds these extensions, whose signs differ a little ("～", "―"); most texts are in the usual encodings.
USUAL = {"euc_jis_2004": "euc_jp", "big5hkscs": "cp950"}
_PRIVATE = re.compile("[\ue000-\uf8ff]")
NO_TEXT = ("idna", "punycode", "raw-unicode-escape", "replacement", "undefined", "unicode-escape", "utf-7")

DECLARED_WITHIN = 1 << 16  # bytes in which a page may declare its encoding
EXAMINED = 1 << 14  # bytes given to chardet
SCORED = 1 << 10  # characters that decide about UTF-16
NOT_ASCII = bytes(range(128, 256))
CONTROL_BYTES = bytes({*range(32), 127} - {*b"\t\n\r\x1b"})
CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")

# Decoders replace an invalid byte by this lone surrogate, which no valid text contains.
INVALID = "\udcff"
MARK_INVALID = "nakami.mark_invalid"  # the name of this error handler
_INVALID_RUN = re.compile(f"{INVALID}+")


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return INVALID, error.end
    raise error


codecs.register_error(MARK_INVALID, _mark_invalid)


@dataclass(frozen=True, slots=True)
class Guess:
    """The encoding of a text, a name of a Python codec."""

    encoding: str
    certain: bool = True
    others: tuple[str, ...] = ()  # other plausible encodings, the most probable first


def decode(data: bytes, encoding: str) -> tuple[str, int]:
    """Return the text without byte-order mark and NULs, and the number of places with invalid bytes.

    Each invalid byte reads as U+FFFD; adjacent ones are one place.
    """
    text, replaced = unmarked(data.decode(encoding, MARK_INVALID))
    return text.removeprefix("\ufeff"), replaced


def unmarked(text: str) -> tuple[str, int]:
    """Replace the marks of invalid bytes by U+FFFD and drop NULs; return the text and the number of places."""
    replaced = sum(1 for _ in _INVALID_RUN.finditer(text)) if INVALID in text else 0
    return text.replace(INVALID, "\ufffd").replace("\0", ""), replaced


def codec_of(name: str) -> str:
    """Return the Python codec for the name of an encoding, by the WHATWG Encoding standard or Python's own list.

    Raises EngineError error.encoding_unknown, also for codecs that do not decode text, such as "base64".
    """
    found = webencodings.lookup(name)
    try:
        codec = str(found.codec_info.name if found is not None else codecs.lookup(name).name)
        b"text".decode(codec)
    except (LookupError, ValueError) as error:
        raise EngineError("error.encoding_unknown", name=name) from error
    if codec in NO_TEXT:
        raise EngineError("error.encoding_unknown", name=name)
    return codec


def mark_of(data: bytes) -> str:
    """Return the codec of the byte-order mark at the beginning of `data`; "" if there is none."""
    return next((name for mark, name in BOMS if data.startswith(mark)), "")


def declared_in_html(data: bytes) -> str:
    """Return the Python codec that a page declares in a `meta` element or else in an XML declaration, or "".

    As the WHATWG HTML standard ("prescan a byte stream to determine its encoding"): only `meta` counts, the first that
    names a known encoding, and UTF-16 there means UTF-8. Encodings that browsers refuse to decode count as undeclared.
    """
    from selectolax.lexbor import LexborHTMLParser  # only pages need it

    head = data[:DECLARED_WITHIN].decode("latin-1")
    labels = []
    for meta in LexborHTMLParser(head).css("meta"):
        values = meta.attributes
        label = values.get("charset")
        if label is None and (values.get("http-equiv") or "").lower() == "content-type":
            named = re.search(
                r"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", values.get("content") or "", re.I
            )
            label = next(filter(None, named.groups()), None) if named else None
        labels.append(label)
    if xml := re.match(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]*)", head):
        labels.append(xml[1])
    known = (webencodings.lookup(label) for label in labels if label)
    name = next((found.name for found in known if found is not None), "")
    if name.startswith("utf-16"):
        return "utf-8"
    if name == "x-user-defined":
        return "cp1252"
    return "" if name in ("", "replacement") else codec_of(name)


def detect(data: bytes, declared: str = "") -> Guess | None:
    """Return the encoding of a text, of which `data` is the beginning or all; None if it is not text.

    `declared` is preferred unless half of the non-ASCII characters are invalid in it.
    """
    if mark := mark_of(data):
        return Guess(mark)
    if declared and _mostly_valid(data, declared):
        return Guess(declared, certain=declared == "utf-8" or data.isascii() or not _decodes(data, "utf-8"))
    if b"\x1b" in data and (escaped := _by_escapes(data)):
        return Guess(escaped)
    if b"\0" not in data and (found := _utf8(data)):
        return found
    if wide := _utf16_or_32(data):
        return wide
    text = data.replace(b"\0", b"")
    if len(data) - len(text) > len(data) / 10:
        return None
    return _utf8(text) or _by_statistics(text)


def _mostly_valid(data: bytes, encoding: str) -> bool:
    text = data.decode(encoding, MARK_INVALID)
    return 2 * text.count(INVALID) <= sum(character > "\x7f" for character in text)


# --- Unicode --------------------------------------------------------------------------------------


def _utf8(data: bytes) -> Guess | None:
    """Return UTF-8 if the invalid bytes are few for all the characters of several bytes: chance seldom forms these."""
    if _decodes(data, "utf-8"):
        text = data.decode("utf-8", "ignore")
        is_cut = not data.isascii() and len(text.encode()) < len(data)  # or its end is a letter of another encoding
        if (is_cut and text.isascii()) or _has_controls(text):
            return None
        return Guess("utf-8", certain=not is_cut or len(data) - len(text) > 8)
    text = _ASCII_RUN.sub(b" ", data)[:EXAMINED].decode("utf-8", MARK_INVALID)
    text = text[:-3] + text[-3:].rstrip(INVALID)  # the last character may be cut
    places = len(_INVALID_RUN.findall(text))
    invalid = min(text.count(INVALID), 4 * places)
    letters = [character for character in text if "\x7f" < character != INVALID]
    if sum(len(letter.encode()) - 1 for letter in letters) < 20 * invalid:
        # Thai and Chinese encodings reach 10, but with unusual characters.
        letters = [letter for letter in letters[:SCORED] if _is_common(letter)]
    continuing = sum(len(letter.encode()) - 1 for letter in letters)
    # Of 20,000 parts of message catalogues in other encodings none had three common characters of three bytes.
    of_three = sum(letter > "\u07ff" and _is_common(letter) for letter in letters)
    certain = continuing > 4 * invalid or of_three >= max(3, places)
    return Guess("utf-8", certain) if continuing >= max(1, 1.5 * invalid) else None


_ASCII_RUN, _NOT_ASCII_RUN = re.compile(rb"[\x00-\x7f]+"), re.compile(rb"[\x80-\xff]+")


def _utf16_or_32(data: bytes) -> Guess | None:
    """Return the wide encoding without a mark in which nearly all characters are in common use, if there is one."""
    if len(data) < 24 and (b"\0" not in data or len(data) % 2):
        return None  # a few bytes look like anything
    names = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    best, name = max((_commonness(data, name), name) for name in (names if b"\0" in data else names[:2]))
    return Guess(name, certain=best > 0.95 and len(data) >= 32) if best >= 0.9 else None


def _commonness(data: bytes, encoding: str) -> float:
    """Return the share of characters that are in common use in some language."""
    width = 4 if "32" in encoding else 2
    text = data[: min(len(data), width * SCORED) // width * width].decode(encoding, MARK_INVALID)
    return sum(map(_is_common, text)) / max(1, len(text))


@cache
def _is_common(character: str) -> bool:
    if "\u4e00" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3":
        return any(
            first <= (character.encode(encoding, "ignore") or b"\0")[0] <= last for encoding, first, last in EVERYDAY
        )
    return bool(_COMMON.match(character))


# Hanzi and kanji of level 1, which are those in everyday use, and hangul: the first byte in these encodings.
EVERYDAY = (("euc_jp", 0xB0, 0xCF), ("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6), ("euc_kr", 0xB0, 0xC8))
_COMMON = re.compile(
    "[\t\n\r -~\xa0-\u017f\u01a0\u01a1\u01af\u01b0\u0218-\u021b\u0300-\u0323"  # Latin letters
    "\u0370-\u06ff\u0900-\u0e7f\u10a0-\u10ff\u1e00-\u1fff"  # Greek to Arabic, India, Thailand, Georgia
    "\u2010-\u2027\u2030-\u203b\u20ac\u2460-\u2473\u2500-\u257f\u25a0-\u25cf"  # signs
    "\u3000-\u30ff\uff01-\uff9f\ufeff]"  # kana and the punctuation of East Asia
)


# --- Encodings of single languages ----------------------------------------------------------------


def _by_escapes(data: bytes) -> str:
    """Return the member of the ISO-2022 family whose escape sequences `data` contains."""
    names = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004", "iso2022_kr", "iso2022_jp_2")
    return next((name for name in names if data.isascii() and _decodes(data, name)), "") if _ESCAPE.search(data) else ""


_ESCAPE = re.compile(rb"\x1b\$|\x1b\([IJ]")


def _by_statistics(data: bytes) -> Guess | None:
    data = data[:EXAMINED]
    size, data = len(data), data.translate(None, CONTROL_BYTES)  # chardet calls data with one of them binary
    if size - len(data) > size / 50:
        return None
    foreign = b" ".join(word for word in data.split() if not word.isascii())
    count = len(data) - len(data.translate(None, NOT_ASCII))
    if count >= 2 * len(_NOT_ASCII_RUN.findall(data)):  # another script than Latin, which English around it would hide
        data = foreign
    totals, texts = _totals(data, 4 / (4 + count))
    ranked = sorted(totals, key=totals.__getitem__, reverse=True)
    if not ranked:
        return None
    others = [name for name in ranked if texts[name] != texts[ranked[0]]]
    first, second = totals[ranked[0]], totals[others[0]] if others else 0.0
    # Fitted to message catalogues: of those of 20 characters called certain, 1.2 % are wrong; of 60 characters, 0.5 %.
    certain = first > max(0.03, (1.05 + 6 / max(1, count) ** 1.5) * second)
    certain = certain and not (ranked[0] == "gb18030" and _KANJI_OR_HANZI.fullmatch(data))
    usual, best = USUAL.get(ranked[0], ""), ranked[0]
    is_usual = usual and _decodes(data, usual) and not _PRIVATE.search(data.decode(usual, MARK_INVALID))
    return Guess(usual if is_usual else best, certain, tuple(others[:5]))


# ASCII, and everyday kanji of EUC-JP, which are also everyday hanzi of GB 18030.
_KANJI_OR_HANZI = re.compile(rb"(?:[\x00-\x7f]|[\xb0-\xcf][\xa1-\xfe])+")


def _totals(data: bytes, weight: float) -> tuple[dict[str, float], dict[str, str]]:
    """Return by encoding how plausible it is, and the text; `weight` is that of how usual an encoding is."""
    scores = _scores(data)
    texts = {name: data.decode(name, MARK_INVALID) for name in scores}
    totals: dict[str, float] = {}
    for family in FAMILIES:
        members = {name: scores[name] * WEIGHTS.get(name, 1.0) ** weight for name in family if name in scores}
        members = {
            name: score * _share_natural(_IN_WORDS, texts[name]) ** 2
            for name, score in members.items()
            if not _has_controls(texts[name])
        }
        if members:
            best = max(members, key=members.__getitem__)
            factor = _share_natural(_SIGNS, texts[best]) ** 2
            totals |= {name: score * factor for name, score in members.items()}
    return totals, texts


def _scores(data: bytes) -> dict[str, float]:
    """Return the confidence of chardet in each encoding in which few bytes are invalid."""
    scores: dict[str, float] = {}
    for variant, trust in _repaired(data):
        for found in chardet.detect_all(variant, True, include_encodings=CANDIDATES, compat_names=False):
            name, score = found["encoding"], (found["confidence"] + 0.005) * trust
            if name and score > scores.get(name, 0.0) and _decodes(variant, name):
                scores[name] = score
    if "cp932" not in scores and _decodes(data, "cp932"):  # chardet ignores a single kanji
        scores["cp932"] = 0.02
    return scores


def _share_natural(unnatural: re.Pattern[str], text: str) -> float:
    """Return the share of the non-ASCII characters that `unnatural` does not match."""
    text = text[:SCORED]
    count = sum(character > "\x7f" for character in text) + 0.5
    return max(0.0, 1 - sum(len(found) for found in unnatural.findall(text)) / count)


# In words an encoding differs from its relatives: "é" of Mac OS is "Ž" in cp1252 and cp1250.
_IN_WORDS = re.compile(
    "(?<=[a-z\xdf-\xff])[\xc0-\xde\u0152\u0160\u0178\u017d]|[\xdf-\xff](?=[A-Z])"  # a capital letter inside a word
    "|(?<=[a-zA-Z])[\u0370-\u0eff]|[\u0370-\u0eff](?=[a-zA-Z])"  # another alphabet in a Latin word
    "|(?<=\\w)[\u201e\u201a\xbf\xa1]"  # opening marks after a letter
    "|(?<!\\S)(?:\u201d(?![^\u201d]*\u201d)|\u2019(?![^\u2019]*\u2019))"  # not ”Swedish”
    "|(?<!\\S)[\u2026\xb0\xba\xaa]"  # closing marks after a space
    "|(?<=[a-z])[\xb1-\xb6\xb8\xb9\xbb-\xbe\u2013\u2014\u2020-\u2022\u2122](?=[a-z])"  # a sign inside a word
    "|[\xaf\xb8\u02c6-\u02dd]|(?<=[a-z])\u2030|\u2030(?=[a-z])"  # accents without a letter; ä of cp1252 in Mac OS
    "|(?<=\\w)\xfe|\xf0\xfd|\xfd(?=[nr]\\b)"  # Turkish letters read as those of Icelandic
    "|[\x80-\x9f]"  # controls
)
# Signs say nothing about relatives, but much about families.
_SIGNS = re.compile(
    "(?<![\uff61-\uff9f])[\uff61-\uff9f](?![\uff61-\uff9f])"  # a single half-width katakana
    "|[^\x00-\x7f\\w\\s\u2010-\u201f\u2022\u2026\xab\xbb\u2039\u203a"  # other signs than dashes, quotation marks,
    "\xa1\xa3\xa5\xa7\xa9\xae\xb0\xb7\xbf\xd7\u20ac\u203b\u2116\u2121\u2190-\u2193\u25a0-\u25cf\u2605\u2606"
    "\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0e31-\u0e4e\u3000-\u33ff\uff01-\uff9f]"  # …, vowels, East Asian signs
)


def _repaired(data: bytes) -> Iterator[tuple[bytes, float]]:
    """Yield `data`, and versions without the bytes that are invalid in one encoding, where these are rare."""
    yield data, 1.0
    beginning = data[:SCORED]
    for name in (*EAST_ASIAN, "cp1252"):
        if _many_invalid(beginning.decode(name, MARK_INVALID)):
            continue  # most encodings for most texts: decoding all of it would take long
        text = data.decode(name, MARK_INVALID)
        if INVALID in text and not _many_invalid(text):
            yield text.replace(INVALID, "").encode(name, "ignore"), 0.9


def _many_invalid(text: str) -> bool:
    return text.count(INVALID) > sum(character > "\x7f" for character in text) / 10


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _has_controls(text: str) -> bool:
    return len(CONTROL.findall(text)) > 1 + len(text) / 50
