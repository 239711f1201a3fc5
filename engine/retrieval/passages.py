"""Documents split into passages: whole sentences under one heading, with a little overlap between neighbours."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

SIZE, OVERLAP = 1500, 200  # widths, see `width`: an abstract or half a page stays whole
SMALLEST, LARGEST = 80, 8000
HEADING = 200  # most characters of a heading that are kept with its passages: in some files it fills a page

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file. Offsets are characters of `text`."""

    text: str
    pages: tuple[int, ...] = ()  # offset of each page; empty for files without pages
    headings: tuple[tuple[int, str], ...] = ()  # offset and text of each heading
    encoding: str = ""  # name of a Python codec; "" for formats that are not plain text, such as PDF
    certain: bool = True  # False if the bytes fit several encodings about equally well
    replaced: int = 0  # places with invalid bytes; each reads as U+FFFD

    def page_of(self, offset: int) -> int:
        """Return the number of the page at `offset`, from 1; 0 in files without pages."""
        return bisect_right(self.pages, offset)

    def heading_of(self, offset: int) -> str:
        index = bisect_right(self.headings, offset, key=lambda heading: heading[0])
        return self.headings[index - 1][1][:HEADING] if index else ""


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """A passage within its document."""

    start: int  # characters of the document
    end: int
    page: int
    heading: str


def width(text: str) -> int:
    """Return the number of characters, counting a Japanese one as two: it says as much as two Latin letters."""
    return len(text) if text.isascii() else sum(2 if ord(c) >= 0x2E80 else 1 for c in text)


def split(document: Document, size: int = SIZE, overlap: int = OVERLAP) -> list[PassageSpan]:
    """Split a document into passages of at most `size` widths, in order.

    Each passage but the first of a section begins with up to `overlap` widths of the one before. A document or
    section up to 1.3 times as long as `size` stays whole.
    """
    text, found = document.text, []
    for section in _sections(document):
        for start, end in _spans(text, section, size, overlap):
            if text[start:end].strip():
                found.append(PassageSpan(start, end, document.page_of(start), document.heading_of(start)))
    return found


def _sections(document: Document) -> Iterator[Span]:
    """Yield the sections from heading to heading; very short ones are joined to the next."""
    starts = sorted({0, *(offset for offset, _ in document.headings)})
    ends = [*starts[1:], len(document.text)]
    begun = None
    for start, end in zip(starts, ends, strict=True):
        begun = start if begun is None else begun
        if end - begun >= 200 or end == len(document.text):
            yield begun, end
            begun = None


def _spans(text: str, section: Span, size: int, overlap: int) -> Iterator[Span]:
    pieces = [piece for span in sentences(text, *section) for piece in _parts(text, span, size)]
    widths = [width(text[start:end]) for start, end in pieces]
    # Blank space between sentences counts if it is more than an empty line.
    gaps = [0, *(max(0, width(text[before[1] : after[0]]) - 2) for before, after in pairwise(pieces))]
    if sum(widths) + sum(gaps) <= 1.3 * size and pieces:
        yield pieces[0][0], pieces[-1][1]
        return
    first = 0
    while first < len(pieces):
        last, total = first, widths[first]
        while last + 1 < len(pieces) and total + gaps[last + 1] + widths[last + 1] <= size:
            last += 1
            total += gaps[last] + widths[last]
        yield pieces[first][0], pieces[last][1]
        if last + 1 == len(pieces):
            return
        following, repeated = last + 1, 0
        while following - 1 > first and repeated + widths[following - 1] + gaps[following] <= overlap:
            repeated += widths[following - 1] + gaps[following]
            following -= 1
        # The overlap must leave room for at least one new sentence.
        first = following if repeated + widths[last + 1] <= size else last + 1


def _parts(text: str, span: Span, size: int) -> Iterator[Span]:
    """Split a sentence longer than `size` (a table, a run of characters), if possible after a comma or space."""
    start, end = span
    while width(window := text[start : min(end, start + size + 1)]) > size:  # measuring all of it would take too long
        room = window[: size if window.isascii() else max(1, size // 2)]
        cut = max((room.rfind(mark) + 1 for mark in ("\n", "、", ", ", " ", "，")), default=0)
        cut = cut if cut > len(room) // 2 else len(room)
        yield start, start + cut
        start += cut
    if start < end:
        yield start, end


# A sentence ends after 。！？ with closing quotation marks, and after .!? if a space and no small letter follow.
# A paragraph ends at an empty line, an item of a list at the next one. Possessive quantifiers (++, *+) keep long
# runs of marks linear.
_END = re.compile(
    r"(?<![。．！？｡])[。．！？｡]++(?<!\d．(?=\d))[」』）)】”\"']*+(?![」』）)、,])"
    r"|(?<![.!?])[.!?]++[”\"')\]]*+(?=\s+[^a-z\s])"
    r"|\n\s*\n"
    r"|\n(?=\s*(?:[-*•・]|\d+[.)])\s)"
)
_ABBREVIATION = re.compile(r"(?:\b[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|St|vs|No|cf|[Ff]igs?|etc|Eq|al)|\be\.g|\bi\.e)\.$")


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the spans of the sentences of text[start:end], without the white space around them."""
    end = len(text) if end is None else end
    begun = start
    for match in _END.finditer(text, start, end):
        if match[0] == "." and _ABBREVIATION.search(text, max(begun, match.start() - 6), match.end()):
            continue
        yield from _stripped(text, begun, match.end())
        begun = match.end()
    yield from _stripped(text, begun, end)


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    body = text[start:end]
    kept = body.strip()
    if kept:
        start += body.index(kept)
        yield start, start + len(kept)
