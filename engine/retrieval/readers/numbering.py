"""Compute the numbers that Word writes before the paragraphs of lists: "2.1", "第3条", "(iv)".

Files contain only the rules for them (ECMA-376 part 1, 17.9), but people search for the numbers.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

BULLET = "• "
_ROMAN = (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x")
_ROMAN_UNITS = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ROWS = {  # numbers that are letters in a fixed order
    "aiueo": "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン",
    "iroha": "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン",
    "decimalEnclosedCircle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
}
_KANJI = frozenset({"japaneseCounting", "chineseCounting", "chineseCountingThousand", "ideographDigital"})
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True, slots=True)
class Level:
    """One depth of a list: how its numbers look, and the first of them."""

    kind: str
    text: str  # "%1.%2": the numbers of levels 1 and 2
    start: int
    end: str  # between the number and the paragraph


class Numbering:
    """The lists of a document with their counts, which lists with the same definition share."""

    def __init__(self, root: Element) -> None:
        definitions = {node.get("abstractNumId"): node for node in root.findall("abstractNum")}
        self._lists: dict[str, tuple[str, dict[int, Level]]] = {}  # the definition, and the levels
        self._restarts: dict[tuple[str, int], int] = {}  # first numbers of lists that restart where they are first used
        self._counts: dict[str, dict[int, int]] = {}
        for num in root.findall("num"):
            number, definition = num.get("numId", ""), value(num, "abstractNumId")
            nodes = [
                *definitions.get(definition, Element("none")).findall("lvl"),
                *num.findall("lvlOverride/lvl"),
            ]
            self._lists[number] = definition, {level_of(node): _level(node) for node in nodes}
            for override in num.findall("lvlOverride"):
                if first := value(override, "startOverride"):
                    self._restarts[number, level_of(override)] = _number(first, 1)

    def label(self, number: str, depth: int) -> str:
        """Count a paragraph of the list `number` and return its label; "" if there is no such list."""
        definition, levels = self._lists.get(number, ("", {}))
        if depth not in levels:
            return ""
        counts, level = self._counts.setdefault(definition, {}), levels[depth]
        restarted = self._restarts.pop((number, depth), None)
        counts[depth] = counts.get(depth, level.start - 1) + 1 if restarted is None else restarted
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        if level.kind == "bullet":
            return BULLET
        text = level.text
        for above, one in levels.items():
            if f"%{above + 1}" in text:
                text = text.replace(f"%{above + 1}", formatted(counts.get(above, one.start), one.kind))
        return text + level.end if text else ""


def value(node: Element, name: str) -> str:
    """Return the "val" of a child; "" if there is none."""
    child = node.find(name)
    return child.get("val", "") if child is not None else ""


def level_of(node: Element) -> int:
    return _number(node.get("ilvl", ""), 0)


def _level(node: Element) -> Level:
    kind, end = value(node, "numFmt") or "decimal", "" if value(node, "suff") == "nothing" else " "
    return Level(kind, value(node, "lvlText"), _number(value(node, "start"), 1), end)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else otherwise


def formatted(number: int, kind: str) -> str:
    """Return a number as the format `kind` writes it (17.18.59); unsupported formats give digits."""
    row = _ROWS.get(kind.removesuffix("FullWidth"), "")
    if kind == "none":
        return ""
    if 0 < number <= len(row):
        return row[number - 1]
    if kind in ("lowerLetter", "upperLetter") and 0 < number <= 780:
        letter = chr(97 + (number - 1) % 26) * (1 + (number - 1) // 26)
        return letter.upper() if kind == "upperLetter" else letter
    if kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).upper() if kind == "upperRoman" else _roman(number)
    if kind in _KANJI and 0 < number < 100:
        tens, units = divmod(number, 10)
        ten = ("" if tens < 2 else _kanji(tens)) + ("十" if tens else "")
        return ten + _kanji(units)
    if kind == "decimalZero":
        return f"{number:02}"
    return str(number).translate(_WIDE) if kind == "decimalFullWidth" else str(number)


def _kanji(digit: int) -> str:
    return "一二三四五六七八九"[digit - 1] if digit else ""


def _roman(number: int) -> str:
    found = ""
    for size, letters in _ROMAN:
        found += letters * (number // size)
        number %= size
    return found + _ROMAN_UNITS[number]
