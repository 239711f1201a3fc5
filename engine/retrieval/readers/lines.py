"""Collect the parts of a document's text."""

import re

from engine.retrieval.passages import Document

MOST_CHARACTERS = 100_000_000  # characters of a document: several hundred books


def one_line(text: str) -> str:
    """Return a text without its line ends and tabs, as the cell of a table; other spaces (U+3000) stay."""
    return " ".join(part.strip() for part in re.split(r"[\n\r\t]+", text.strip()))


class Lines:
    """Collects the parts of a text, and where its headings and pages begin."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[tuple[int, str]] = []
        self._pages: list[int] = []

    def add(self, text: str, heading: str = "") -> None:
        """Append `text`, which begins with `heading` if there is one."""
        if heading.strip():
            self._headings.append((self._length, " ".join(heading.split())))
        self._parts.append(text)
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            raise ValueError(f"more than {MOST_CHARACTERS:,} characters")

    def begin_page(self) -> None:
        self._pages.append(self._length)

    def document(self) -> Document:
        return Document("".join(self._parts), tuple(self._pages), tuple(self._headings))


def append(lines: Lines, document: Document, name: str = "") -> None:
    """Append a document with its headings; `name` is its heading if it has none."""
    starts = [offset for offset, _ in document.headings] or [0]
    names = [heading for _, heading in document.headings] or [name]
    lines.add(document.text[: starts[0]])
    for start, end, heading in zip(starts, [*starts[1:], len(document.text)], names, strict=True):
        lines.add(document.text[start:end], heading)
