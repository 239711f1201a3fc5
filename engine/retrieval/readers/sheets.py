"""Read Excel workbooks (Office Open XML, ISO/IEC 29500-1 clause 18): each sheet under its name, as it is shown.

Numbers are written in their formats, formulas as their last results, merged cells once. Sheets that are hidden are
left out: they hold lists for other sheets' menus. Rows that a filter hides are read.
"""

import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines, comment_label, one_line
from engine.retrieval.readers.number_format import BUILT_IN, shown
from engine.retrieval.readers.package import Package, refuse_ole

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")  # a character that XML cannot contain (22.9.2.19)
MOST_COLUMNS = 16_384

Row = dict[int, str]  # column, from 1, to text


def read_xlsx(path: Path) -> Document:
    """Read a workbook. Raises EngineError if it is encrypted or older than Excel 2007."""
    refuse_ole(path)
    with Package(path) as package:
        lines = Lines()
        workbook = _Workbook(package)
        for name, part in workbook.sheets():
            found = [*rows_as_lines(workbook.rows(part)), *workbook.drawn(part)]
            if found:
                lines.add(f"{name}\n", name)
                for line in found:
                    lines.add(f"{line}\n")
    return lines.document()


def rows_as_lines(rows: list[Row]) -> list[str]:
    """Return each row as a line of "column: value", as read_csv does.

    The names of columns are the first row of two cells or more, if they differ and none is a number; rows above it
    are titles.
    """
    head = next((index for index, row in enumerate(rows) if len(row) > 1), len(rows))
    names = rows[head] if head < len(rows) else {}
    if len(set(names.values())) < len(names) or any(re.fullmatch(r"[\d.,%\s/:-]+", name) for name in names.values()):
        names, head = {}, -1
    return [
        ", ".join(f"{names[c]}: {row[c]}" if c in names and index > head else row[c] for c in sorted(row))
        for index, row in enumerate(rows)
        if row and (index != head or head == len(rows) - 1)
    ]


class _Workbook:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.main = package.one_related("officeDocument")
        self._root = package.xml(self.main)
        properties = self._root.find("workbookPr")
        self._date_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._strings = [_rich(item) for item in self._part("sharedStrings")]
        styles = self._part("styles")
        own = {node.get("numFmtId", ""): node.get("formatCode", "") for node in styles.iter("numFmt")}
        self._formats = [
            own.get(number := xf.get("numFmtId", "0"), BUILT_IN.get(int(number), "General"))
            for xf in styles.findall("cellXfs/xf")
        ]

    def _part(self, kind: str) -> Element:
        return self.package.xml(self.package.one_related(kind, self.main))

    def sheets(self) -> list[tuple[str, str]]:
        """Return name and part of each sheet that is shown."""
        related = self.package.related(self.main)
        return [
            (sheet.get("name", ""), related.get(sheet.get("r:id", ""), ("", ""))[1])
            for sheet in self._root.findall("sheets/sheet")
            if sheet.get("state", "visible") == "visible"
        ]

    def rows(self, part: str) -> list[Row]:
        rows: dict[int, Row] = {}
        merged, number = [], 0
        for node in self.package.each(part, frozenset({"row", "mergeCell"})):
            if node.tag == "mergeCell":
                merged.append(node.get("ref", ""))
                continue
            number = int(node.get("r", number + 1))
            column, row = 0, rows.get(number, {})
            for cell in node.findall("c"):
                column = _column(cell.get("r", "").rstrip("0123456789")) or column + 1
                if text := one_line(self._text(cell)):
                    row[column] = text
            if row:
                rows[number] = row
        for ref in merged:
            _keep_first(rows, ref)
        return [rows[number] for number in sorted(rows)]

    def _text(self, cell: Element) -> str:
        kind, value = cell.get("t", "n"), cell.findtext("v") or ""
        if kind == "inlineStr":
            inline = cell.find("is")
            return _rich(inline) if inline is not None else ""
        if kind == "s":
            return self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "n" and value:
            style = int(cell.get("s", "0"))
            with suppress(ValueError, OverflowError):  # not a number after all
                return shown(float(value), self._formats[style] if style < len(self._formats) else "", self._date_1904)
        return _unescaped(value)

    def drawn(self, part: str) -> list[str]:
        """Return the text of shapes, charts and comments over a sheet."""
        found = []
        for kind, target in self.package.related(part).values():
            if kind == "drawing":
                found += self.package.graphic(target)
                charts = self.package.related(target).values()
                found += [text for inner, chart in charts if inner == "chart" for text in self.package.graphic(chart)]
            elif kind == "comments":
                notes = self.package.xml(target)
                authors = [(author.text or "").strip() for author in notes.findall("authors/author")]
                for note in notes.findall("commentList/comment"):
                    who = dict(enumerate(authors)).get(int(note.get("authorId", "0")), "")
                    text = one_line(_rich(found_text) if (found_text := note.find("text")) is not None else "")
                    found.append(comment_label(who) + text)
        return found


def _rich(item: Element) -> str:
    """Return the text of a string, without the furigana that Excel stores beside it (rPh)."""
    parts = [*item.findall("t"), *item.findall("r/t")]  # a string has either
    return _unescaped("".join(part.text or "" for part in parts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _place(reference: str) -> tuple[int, int]:
    """Return row and column of a reference such as "B7"; (0, 0) if it is invalid."""
    found = re.fullmatch(r"([A-Za-z]{1,3})(\d{1,7})", reference)
    return (int(found[2]), _column(found[1])) if found else (0, 0)


@lru_cache(maxsize=MOST_COLUMNS)
def _column(letters: str) -> int:
    """Return the number of a column, from 1; 0 for anything but one to three letters."""
    column = 0
    for letter in letters.upper() if len(letters) <= 3 and letters.isascii() and letters.isalpha() else "":
        column = column * 26 + ord(letter) - 64
    return column


def _keep_first(rows: dict[int, Row], reference: str) -> None:
    """Remove what merged cells hide: all but the first, if it has text."""
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = _place(first), _place(last)
    if left not in rows.get(top, {}):
        return
    numbers = range(top, bottom + 1) if bottom - top < len(rows) else list(rows)
    for row, number in ((rows.get(number, {}), number) for number in numbers if top <= number <= bottom):
        for column in [c for c in row if left <= c <= right and (number, c) != (top, left)]:
            del row[column]
