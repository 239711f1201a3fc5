"""Read tables in plain text: comma-separated values (RFC 4180) and their relatives."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines, one_line
from engine.retrieval.readers.plain import whole_text

SAMPLE = 1 << 16  # characters that decide about the dialect and the header

_DECLARED = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)  # a first line for Excel
_JOINED = re.compile(r"[;\t|]|,(?=\S)(?!(?<=\d,)\d)|^[\"']")  # seldom within a cell, unless it is quoted
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,'\u00a0 ]*\s?(?:%|円|[eE][-+]?\d+)?\)?")
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}(?:[-/.月]\d{1,4}日?)?(?:[T ]\d{1,2}:\d\d\S*)?|\d{1,2}:\d\d\S*")
_ADDRESS = re.compile(r"\S+@\S+\.\S+|https?://\S+")
_YEAR = re.compile(r"(?:19|20)\d\d年?")


class Dialect(NamedTuple):
    """How the cells of a table are written."""

    separator: str
    quote: str = '"'
    escaped: bool = False  # a backslash is before quotes and separators in cells; otherwise quotes are doubled


ONE_COLUMN = Dialect("\0")  # no text contains NUL


def read_csv(path: Path, encoding: str = "") -> Document:
    """Read each row as a line of "column: value", or of values where the table has no header.

    Lines before the header, such as titles and comments, are kept as they are.
    """
    document = whole_text(path, encoding)
    text = document.text
    if declared := _DECLARED.match(text):
        text = text[declared.end() :]
    dialect = find_dialect(text, declared[1] if declared else "", "\t" if path.suffix.lower() == ".tsv" else "")
    sample = list(records(text, dialect, SAMPLE))
    first, names = _header(sample)
    lines = Lines()
    for number, row in enumerate(records(text, dialect)):
        if number != first or not names:
            lines.add(_line(names if number > first else [], row))
    return replace(document, text=lines.document().text)


# --- Dialects -------------------------------------------------------------------------------------


def find_dialect(text: str, separator: str = "", likely: str = "") -> Dialect:
    """Return the dialect in which most rows have the same number of columns and no cell looks like two.

    Scored as in van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns", 2019,
    but with four separators. Of the 39 tables in tests/engine/test_tables.py it finds all dialects, their CleverCSV 35
    (it depends on regex and an encoding detector, 6 MB), and csv.Sniffer 25.
    """
    sample = text[:SAMPLE]
    escapes = (False, True) if re.search(r"\\[\"',;\t|]", sample) else (False,)
    candidates = product(separator or [mark for mark in ",;\t|" if mark in sample], "\"'", escapes)
    scores = {dialect: _score(text, dialect) for dialect in (Dialect(*fields) for fields in candidates)}
    best = max(scores, key=lambda dialect: scores[dialect] * (1 + (dialect.separator == likely)), default=ONE_COLUMN)
    return best if separator or scores.get(best) else ONE_COLUMN


def _score(text: str, dialect: Dialect) -> float:
    rows = [row for row in _cells(text, dialect, SAMPLE) if not row[0][0].startswith("#")]
    if sum(len(row) == 1 for row in rows) > len(rows) / 2:
        return 0.0
    cells = [found for row in rows for found in row]
    whole = sum(found["quoted"] is not None or not _JOINED.search(_plain(found["plain"], dialect)) for found in cells)
    return max(_shares([len(row) for row in rows]).values(), default=0.0) * whole / max(1, len(cells))


def _plain(text: str, dialect: Dialect) -> str:
    """Return a cell without what is escaped."""
    return re.sub(r"\\.", "", text) if dialect.escaped else text


def _shares(widths: list[int]) -> dict[int, float]:
    """Return for each number of columns how much of the table it explains, 0 to 1; one column explains nothing."""
    return {width: count / len(widths) * (1 - 1 / width) for width, count in Counter(widths).items()}


# --- Records --------------------------------------------------------------------------------------


def records(text: str, dialect: Dialect, within: int | None = None) -> Iterator[list[str]]:
    """Yield the cells of each row that is not blank, of the first `within` characters or of the whole text.

    A newline outside quoted cells ends a row. A quote without a closing one is an ordinary character, where csv.reader
    reads the rest of the file as one cell.
    """
    for row in _cells(text, dialect, within):
        values = [_value(found, dialect) for found in row]
        if any(values):
            yield values


def _cells(text: str, dialect: Dialect, within: int | None) -> Iterator[list[re.Match[str]]]:
    mark, quote = re.escape(dialect.separator), dialect.quote
    escape, in_quotes = (r"\\", r"|\\.") if dialect.escaped else ("", "")
    cell = re.compile(
        rf"(?: *{quote}(?P<quoted>(?:[^{quote}{escape}]++|{quote}{quote}{in_quotes})*+){quote} *"
        rf"|(?P<plain>(?:[^{mark}\n{escape}]++{in_quotes})*+\\?))(?P<end>{mark}|\n|\Z)",
        re.DOTALL,
    )
    row: list[re.Match[str]] = []
    for found in cell.finditer(text):
        row.append(found)
        if found["end"] != dialect.separator:
            if row[0].start() < len(text):
                yield row
            row = []
            if found["end"] == "" or (within is not None and found.end() >= within):
                return


def _value(found: re.Match[str], dialect: Dialect) -> str:
    quoted = found["quoted"]
    text = found["plain"] if quoted is None else quoted.replace(dialect.quote * 2, dialect.quote)
    if dialect.escaped:
        text = re.sub(r"\\(.)", lambda escape: " " if escape[1] in "nrt" else escape[1], text)
    return one_line(text)


# --- Rows as text ---------------------------------------------------------------------------------


def _header(rows: list[list[str]]) -> tuple[int, list[str]]:
    """Return the index of the row with the names of the columns, and these names; [] if it looks like data."""
    shares = _shares([len(row) for row in rows])
    width = max(shares, key=lambda width: shares[width], default=0)
    first = next((number for number, row in enumerate(rows) if 2 * sum(map(bool, row)) > width), 0)
    names = rows[first] if rows else []
    values = [row for row in rows[first + 1 :] if row != names]
    columns = [[row[index] for row in values if index < len(row)] for index in range(len(names))]
    if not values or any(map(_is_value, names, columns)):
        return first, []
    if width < 2 and not all(_is_typed(value) for column in columns for value in column):
        return first, []
    # R writes the names of rows in a column without a name.
    has_row_names = all(len(row) == len(names) + 1 and row[-1] for row in values)
    return first, ["", *names] if has_row_names else names


def _is_value(name: str, column: list[str]) -> bool:
    """Return whether the first cell of a column is a value, not its name. A year is a name above other numbers."""
    if _YEAR.fullmatch(name):
        return any(_YEAR.fullmatch(value) for value in column)
    return _is_typed(name) or (name != "" and name in column)


def _is_typed(cell: str) -> bool:
    return any(kind.fullmatch(cell) for kind in (_NUMBER, _DATE, _ADDRESS))


def _line(names: list[str], row: list[str]) -> str:
    named = [*names, *[""] * (len(row) - len(names))]
    return (
        ", ".join(f"{name}: {value}" if name else value for name, value in zip(named, row, strict=False) if value)
        + "\n"
    )
