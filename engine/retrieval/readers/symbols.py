"""Replace characters of symbol fonts, which have codes of their own, by their Unicode equivalents."""

import re

# Adobe's encoding of the font Symbol (unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt), from 0x20 and from 0xA0.
_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
)
# The usual signs of the Wingdings fonts; other ones are ornaments and are left out.
_WINGDINGS = {
    0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x6C: "●", 0x6E: "■", 0x6F: "□", 0x71: "❑", 0x75: "◆", 0x76: "❖", 0x9F: "•",
    0xA7: "▪", 0xA8: "□", 0xAB: "★", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔",
    0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0xA3: "□", 0x97: "●"}
_HYPHENS = {0xAD: None, 0x2011: "-"}
_PRIVATE = re.compile("[\uf020-\uf0ff]")


def symbol(code: int, font: str) -> str:
    """Return the character that `font` shows for a code; "" for an ornament."""
    if not 0xF000 <= code <= 0xF0FF and not (code < 0x100 and font.startswith(("Symbol", "Wingdings", "Webdings"))):
        return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else ""
    code &= 0xFF
    if font.startswith("Wingdings"):
        return (_WINGDINGS_2 if font == "Wingdings 2" else _WINGDINGS).get(code, "")
    if font.startswith("Symbol"):
        for row, first in zip(_SYMBOL, (0x20, 0xA0), strict=True):
            if first <= code < first + len(row):
                return row[code - first]
    return ""


def readable(text: str, font: str = "") -> str:
    """Replace private-use characters of a symbol font, and write hyphens as they are typed in a search.

    Soft hyphens show only at a line's end and are dropped; no-break hyphens (U+2011) become "-".
    """
    return _PRIVATE.sub(lambda found: symbol(ord(found[0]), font), text.translate(_HYPHENS))


_FURIGANA = re.compile(r"\s*EQ\b.*\\o.*\\up\s*\d*\s*\([^()]*\)\s*[,;]\s*(.*)\)\s*", re.IGNORECASE | re.DOTALL)


def furigana_base(code: str) -> str:
    r"""Return the word of a field such as EQ \o\ad(\s\up 9(とう),東), in which Word before 2000 stored furigana."""
    found = _FURIGANA.fullmatch(code) if len(code) < 1000 else None
    return found[1] if found else ""
