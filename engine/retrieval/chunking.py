"""Documents in passages: whole sentences under one heading, a little of the one before at the start of each."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

SIZE, OVERLAP = 1500, 200  # widths, see `width`: an abstract or a page's half stays whole
SMALLEST, LARGEST = 80, 8000
HEADING = 200  # characters of a heading that go with its passages: in some files it is a whole page

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader finds in a file. Offsets are characters of `text`."""

    text: str
    pages: tuple[int, ...] = ()  # where each page begins; empty for files without pages
    headings: tuple[tuple[int, str], ...] = ()  # where each heading stands, and what it says

    def page_of(self, offset: int) -> int:
        """Counted from 1; 0 in files without pages."""
        return bisect_right(self.pages, offset)

    def heading_of(self, offset: int) -> str:
        index = bisect_right(self.headings, offset, key=lambda heading: heading[0])
        return self.headings[index - 1][1][:HEADING] if index else ""


@dataclass(frozen=True, slots=True)
class Chunk:
    start: int  # characters of the document
    end: int
    page: int
    heading: str


def width(text: str) -> int:
    """Characters, of which a Japanese one counts for two: about as much is said in either language."""
    return len(text) if text.isascii() else sum(2 if ord(c) >= 0x2E80 else 1 for c in text)


def chunk(document: Document, size: int = SIZE, overlap: int = OVERLAP) -> list[Chunk]:
    """Passages of at most `size` widths, in order; each but the first of a section begins with up to `overlap`
    widths of the one before. A document (or section) that is hardly longer stays whole."""
    text, chunks = document.text, []
    for section in _sections(document):
        for start, end in _passages(text, section, size, overlap):
            if text[start:end].strip():
                chunks.append(Chunk(start, end, document.page_of(start), document.heading_of(start)))
    return chunks


def _sections(document: Document) -> Iterator[Span]:
    """From heading to heading; those that are very short join the next."""
    starts = sorted({0, *(offset for offset, _ in document.headings)})
    ends = [*starts[1:], len(document.text)]
    begun = None
    for start, end in zip(starts, ends, strict=True):
        begun = start if begun is None else begun
        if end - begun >= 200 or end == len(document.text):
            yield begun, end
            begun = None


def _passages(text: str, section: Span, size: int, overlap: int) -> Iterator[Span]:
    pieces = [piece for span in sentences(text, *section) for piece in _cut(text, span, size)]
    widths = [width(text[start:end]) for start, end in pieces]
    # What is between sentences counts where it is more than an empty line.
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
        # What is repeated must leave room for something new.
        first = following if repeated + widths[last + 1] <= size else last + 1


def _cut(text: str, span: Span, size: int) -> Iterator[Span]:
    """A sentence that is too long (a table, a run of characters) in parts, behind a comma or space if there is one."""
    start, end = span
    while width(window := text[start : min(end, start + size + 1)]) > size:  # all of it would take too long to measure
        room = window[: size if window.isascii() else max(1, size // 2)]
        cut = max((room.rfind(mark) + 1 for mark in ("\n", "、", ", ", " ", "，")), default=0)
        cut = cut if cut > len(room) // 2 else len(room)
        yield start, start + cut
        start += cut
    if start < end:
        yield start, end


# A sentence ends behind 。！？ and what closes a quotation, and behind .!? if a space and no small letter follow.
# So do paragraphs at an empty line, and the items of a list. Marks in a row are one: they are looked at once.
_END = re.compile(
    r"(?<![。．！？｡])[。．！？｡]++(?<!\d．(?=\d))[」』）)】”\"']*+(?![」』）)、,])"
    r"|(?<![.!?])[.!?]++[”\"')\]]*+(?=\s+[^a-z\s])"
    r"|\n\s*\n"
    r"|\n(?=\s*(?:[-*•・]|\d+[.)])\s)"
)
_ABBREVIATION = re.compile(r"(?:\b[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|St|vs|No|cf|[Ff]igs?|etc|Eq|al)|\be\.g|\bi\.e)\.$")


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """The spans of the sentences of text[start:end], without white space around them."""
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
