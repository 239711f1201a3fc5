"""Read tables in plain text: comma-separated values and their relatives."""

import csv
import re
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.retrieval.readers.plain import whole_text


def read_csv(path: Path) -> Document:
    """Read each row as a line of "column: value", or of values where the first row is no header."""
    text = whole_text(path)
    head = text[:4096].partition("\n")[0]
    separator = max("\t;|,", key=head.count)
    csv.field_size_limit(1_000_000)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    names = next(rows, [])
    lines = Lines()
    named = len(set(names)) == len(names) and not any(re.fullmatch(r"[\d.,%\s-]*", name) for name in names)
    if not named:
        lines.add(_row([], names))
    for row in rows:
        lines.add(_row(names if named else [], row))
    return lines.document()


def _row(names: list[str], values: list[str]) -> str:
    cells = [
        f"{names[index].strip()}: {value.strip()}" if index < len(names) else value.strip()
        for index, value in enumerate(values)
        if value.strip()
    ]
    return ", ".join(cells) + "\n" if cells else ""
