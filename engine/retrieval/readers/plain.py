"""Read plain texts and Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.text.reading import read_chunks


def read_text(path: Path) -> Document:
    text = whole_text(path)
    return Document(text, headings=tuple(_title(text)))


def whole_text(path: Path) -> str:
    lines = Lines()
    for part in read_chunks(path):
        lines.add(part)
    return lines.document().text


def _title(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of the first line if it is short and no sentence."""
    start = len(text) - len(text.lstrip())
    first, _, rest = text[start:].partition("\n")
    if rest.strip() and 0 < len(first) <= 150 and not first.rstrip().endswith(tuple("。．.!?！？,、:：")):
        yield start, first.strip()


def read_markdown(path: Path) -> Document:
    text = whole_text(path)
    return Document(text, headings=tuple((m.start(), m[1].strip()) for m in _HEADING.finditer(text)))


_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*?)[ \t#]*$", re.MULTILINE)
