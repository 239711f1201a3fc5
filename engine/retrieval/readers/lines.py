"""Collect the parts of a document's text."""

import re
from collections.abc import Iterable

from engine.retrieval.passages import Document

MOST_CHARACTERS = 100_000_000  # characters of a document: several hundred books

Line = tuple[str, bool]  # its text, and whether it is a heading


def one_line(text: str) -> str:
    """Return a text without its line ends and tabs, as the cell of a table; other spaces (U+3000) stay."""
    return " ".join(part.strip() for part in re.split(r"[\n\r\t]+", text.strip()))


def comment_label(author: str | None) -> str:
    """Return what is written before a comment, so that it is not taken for the text itself."""
    return f"[Comment, {author}] " if author else "[Comment] "


def has_letter(text: str) -> bool:
    return any(character.isalpha() for character in text)


def append_line(lines: list[Line], text: str, is_heading: bool = False) -> None:
    """Append a line, but only the first of several empty ones, and none at the start."""
    if text or (lines and lines[-1][0]):
        lines.append((text, is_heading and bool(text)))


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

    def add_lines(self, lines: Iterable[Line]) -> None:
        for text, is_heading in lines:
            self.add(text, text if is_heading else "")
            self.add("\n")

    def begin_page(self) -> None:
        self._pages.append(self._length)

    def document(self) -> Document:
        return Document("".join(self._parts), tuple(self._pages), tuple(self._headings))


def append(lines: Lines, document: Document, name: str = "") -> None:
    """Append a document with its headings, or with the heading `name` if it has none."""
    starts = [offset for offset, _ in document.headings] or [0]
    names = [heading for _, heading in document.headings] or [name]
    lines.add(document.text[: starts[0]])
    for start, end, heading in zip(starts, [*starts[1:], len(document.text)], names, strict=True):
        lines.add(document.text[start:end], heading)
