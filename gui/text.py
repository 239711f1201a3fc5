"""Text as it is shown on screen."""

import re
import unicodedata
from functools import cache, lru_cache
from html import escape

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetrics, QGuiApplication, Qt, QTextLayout

LONGEST_NAME = 120  # characters of a name on one line
LONGEST_PIECE = 40  # characters of a token
LONGEST_WORD = 20  # characters of a token in a sentence
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\u3000": "□"}
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # invisible, but they change the look of the character before them
BYTES = re.compile(r"(?:<0x[0-9A-F]{2}>)+")
LONG_RUN = re.compile(r"(.)\1{6,}", re.DOTALL)
JAPANESE = re.compile(r"[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff5e]+")
# Between two phrases: after punctuation, before an opening bracket, after a closing one, and where hiragana end.
BETWEEN_PHRASES = re.compile(
    r"(?<=[、。：])|(?<=[^「（])(?=[「（])|(?<=[」）])(?=[^ぁ-ん、。」）：])|(?<=[ぁ-ん])(?=[^ぁ-ん、。」）：])"
)
SPACE_IN_PHRASE = re.compile(r"(?<=[0-9]) (?=\w)|(?<=第) (?=[0-9])|(?<=[\w%]) (?=[ぁ-ん])")
LONGEST_PHRASE = 16  # characters of a phrase that may not be broken


@lru_cache(20_000)
def visible(piece: str) -> str:
    """Return a token as a short label on one line, in which every character can be seen.

    White space becomes a sign, a byte its hex number, and a character without a glyph its code point: "U+200B",
    or "U+1200…" for several of them. Seven or more equal characters are counted: "␣×16".
    """
    if BYTES.fullmatch(piece):
        data = bytes.fromhex(piece.replace("<0x", "").replace(">", ""))
        shown = f"0x{data.hex(' ').upper()}"
        return f"{shown} = {chr(data[0])}" if len(data) == 1 and 0x20 < data[0] < 0x7F else shown
    parts: list[str] = []
    end = 0
    for run in LONG_RUN.finditer(piece):
        parts += [_signs(piece[end : run.start()]), f"{_signs(run[1])}×{len(run[0])}"]
        end = run.end()
    return shown_name("".join([*parts, _signs(piece[end:])]), LONGEST_PIECE)


def marked(piece: str) -> str:
    """Return a token as `visible` does, and one without characters as ∅."""
    return visible(piece) or "∅"


def word(piece: str) -> str:
    """Return a token as a short word of a sentence, without the spaces around it."""
    return shown_name(visible(piece.strip(" ") or piece), LONGEST_WORD)


def _signs(text: str) -> str:
    """Return a text with its white space, and the characters without a glyph, replaced."""
    if text.isascii() and text.isprintable():
        return text.replace(" ", "␣")
    parts: list[str] = []
    hidden = 0  # characters without a glyph just before
    for place, character in enumerate(text):
        if character in SIGNS:
            parts.append(SIGNS[character])
        elif character in JOINERS and 0 < place < len(text) - 1 + (character > "\u200d"):
            parts.append("" if hidden else character)
            continue
        elif has_glyph(character):
            lonely = not place and unicodedata.category(character)[0] == "M"
            parts.append(f"◌{character}" if lonely else character)
        else:
            parts.append("" if hidden > 1 else "…" if hidden else f"U+{ord(character):04X}")
            hidden += 1
            continue
        hidden = 0
    return "".join(parts)


def has_glyph(character: str) -> bool:
    """Return whether a character can be seen, and the program's fonts or those of the system contain it."""
    kind = unicodedata.category(character)
    if kind[0] in "CZ" and kind != "Cn":  # of Cn, characters unknown to Python, a newer font may have some
        return False
    return QGuiApplication.instance() is None or _in_fonts(character)


@cache
def _in_fonts(character: str) -> bool:
    return QFontMetrics(QGuiApplication.font()).inFontUcs4(ord(character))


def tip(text: str) -> str:
    """Return a text for a tooltip, which shows its characters even if it looks like HTML to Qt."""
    lines = escape(text).replace("\n", "<br>")
    return f"<p style='white-space: pre-wrap'>{lines}</p>" if Qt.mightBeRichText(text) else text


def in_menu(text: str) -> str:
    """Return a name for a menu or button, where & would underline the next letter."""
    return shown_name(text).replace("&", "&&")


def on_one_line(text: str) -> str:
    """Return a text with its line ends and tabs as signs."""
    return text.replace("\n", SIGNS["\n"]).replace("\t", SIGNS["\t"])


def keep_phrases(text: str, longest: int = LONGEST_PHRASE) -> str:
    """Return a text whose lines break only between the phrases of its Japanese parts, by word joiners and fixed spaces.

    Without them a line may break between any two Japanese characters, also inside a word. A phrase is taken to end
    where hiragana end, as particles and inflections do. One of more than `longest` characters may be broken.
    """

    def joined(part: re.Match[str]) -> str:
        phrases = BETWEEN_PHRASES.split(part[0])
        return "".join("\u2060".join(phrase) if len(phrase) <= longest else phrase for phrase in phrases)

    return JAPANESE.sub(joined, SPACE_IN_PHRASE.sub("\u00a0", text)) if JAPANESE.search(text) else text


def shown_name(text: str, most: int = LONGEST_NAME) -> str:
    """Return a name on one line: control characters become spaces, and of a long name the middle is left out."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def size_words(count: int) -> str:
    """Return a number of bytes as 5.1 kB, 98 MB or 1.2 GB (powers of ten); "–" for 0, which is unknown."""
    if not count:
        return "–"
    value, unit = next((count / size, unit) for size, unit in UNITS if count >= size or size == UNITS[-1][0])
    return f"{value:.1f}\u00a0{unit}" if value < 10 else f"{value:,.0f}\u00a0{unit}"


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units, in which Qt counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def break_lines(layout: QTextLayout, width: float, line_height: float) -> float:
    """Break the text of a layout into lines `line_height` apart, all in pixels; return their height together."""
    y = 0.0
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0.0, y))
        y += line_height
    layout.endLayout()
    return y


def first_line(text: str, most: int = 80) -> str:
    """Return the first line with more than a few characters, at most `most` of them."""
    lines = [line.strip() for line in text.split("\n") if len(line.strip()) > 3]
    return (lines[0] if lines else text.strip())[:most]
