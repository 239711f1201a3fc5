"""Join the lines of a PDF into paragraphs: hyphenated words, sentences over column and page ends, notes after them.

A PDF contains no paragraphs. The end of a line is soft if the next line's first word would not have fitted after it, or
if that word begins with a small letter. Running heads, which repeat at the same height on several pages, are kept once;
page numbers are left out.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from statistics import median

from engine.retrieval.readers.pdf_layout import CJK, Line

Page = list[list[Line]]  # columns in reading order

_UNSPACED = re.compile(f"[{CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # scripts without spaces between words
_ITEM = re.compile(r"(?:[•●○◦▪■□◆◇‣⁃・※✓]|[-*] |\(?\d{1,3}[.)] |[a-z][)] |[①-⑳]|[(（]\d{1,2}[)）])")
_NOTE = re.compile(r"(?:\d{1,3}|[*†‡§]+|\(\d{1,3}\)|\[\d{1,3}\])[.)]?\s?[^\W\d]")
_SENTENCE_END = re.compile(r"[.!?:。．！？：؟।][\"'”’」』)）\]\d]*$")
_LEADER = re.compile(r"[.…·]{4,}|(?:\. ){4,}")  # in a table of contents
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_BEFORE_HYPHEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*$")
_LINK = re.compile(r"(?:://|www\.)\S*$")
_HYPHENS = ("-", "\u2010", "\u00ad")
_CONJUNCTION = re.compile(r"(?:and|or|und|oder|bis|sowie|et|ou|y|og|och)\s")  # pre- and post-war
_KEEP_HYPHEN = {"self", "well"}  # words that nearly always keep it: self-made, well-known


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with its page, from 0, and the right edge and usual gap between lines of its column, in points."""

    line: Line
    page: int
    column: int
    right: float
    gap: float


def parts(pages: list[Page]) -> Iterator[tuple[int, str]]:
    """Yield the parts of the text, one after another, each with its page, counted from 0."""
    lines = list(_notes_after_paragraphs(_placed(without_running_heads(pages))))
    words = Counter[str]()
    if any(placed.line.text.endswith(_HYPHENS) for placed in lines):
        words.update(word.lower() for placed in lines for word in _WORD.findall(placed.line.text))
    for before, placed, after in zip([None, *lines], lines, [*lines[1:], None], strict=False):
        text = placed.line.text
        if after and not (between := _between(placed, after)) and text.endswith(_HYPHENS):
            text = _without_hyphen(text, after.line.text, words)
        elif after:
            text += between
        yield placed.page, text


def _placed(pages: list[Page]) -> Iterator[Placed]:
    number = 0
    for page, columns in enumerate(pages):
        sizes = [line.size for column in columns for line in column]
        for column in columns:
            prose = [line for line in column if not line.is_row] or column
            gaps = [above.bottom - below.top for above, below in pairwise(column) if above.bottom > below.top]
            usual_gap = sorted(gaps)[len(gaps) // 4] if len(gaps) > 1 else 0.4 * column[0].size
            number += 1
            gap = min(usual_gap, 1.6 * column[0].size)
            right = max(line.right for line in prose) if len(column) > 1 else inf  # one line does not show the width
            for line in _with_footnotes(column, median(sizes)):
                yield Placed(line, page, number, right, gap)


def _with_footnotes(column: list[Line], size: float) -> Iterator[Line]:
    """Yield the lines of a column, the small ones at its end, which begin with a number or sign, marked as notes."""
    start = len(column)
    while start and column[start - 1].size < 0.9 * size:
        start -= 1
    is_note = False
    for number, line in enumerate(column):
        is_note |= number >= start > 0 and bool(_NOTE.match(line.text))
        yield replace(line, is_note=True) if is_note else line


def _notes_after_paragraphs(lines: Iterator[Placed]) -> Iterator[Placed]:
    """Yield the lines with notes and running heads moved to the end of the paragraph that they would interrupt."""
    before: Placed | None = None
    notes: list[Placed] = []
    for placed in lines:
        if placed.line.is_note:
            notes.append(placed)
            continue
        if notes and (before is None or "\n" in _between(before, placed)):
            yield from notes
            notes.clear()
        yield placed
        before = placed
    yield from notes


def _between(above: Placed, below: Placed) -> str:
    """Return what separates two lines: nothing, a space, a line end or an empty line."""
    a, b = above.line, below.line
    if a.is_note or b.is_note or a.is_row or b.is_row:
        return "\n" if a.is_note == b.is_note and a.is_row == b.is_row else "\n\n"
    if _ITEM.match(b.text) or _LEADER.search(a.text) or _LEADER.search(b.text):
        return "\n"
    if max(a.size, b.size) > 1.25 * min(a.size, b.size):
        return "\n\n"
    if a.text.endswith(_HYPHENS) and b.text[0].isalnum() and a.text[-2:-1].isalnum():
        return " " if _CONJUNCTION.match(b.text) else ""
    has_ended, is_full = bool(_SENTENCE_END.search(a.text)), _is_full(above, b)
    is_below = above.column == below.column and b.top < a.top
    is_far = is_below and a.bottom - b.top > above.gap + 0.5 * a.size
    is_indented = b.left > a.left + 0.7 * a.size
    if is_far or (has_ended and (is_indented or not is_below)):
        return "\n\n"
    if is_full or (b.text[0].islower() and not has_ended) or a.text[-1] in ",;、，":
        return _space(a.text, b.text)
    return "\n" if is_below and not has_ended else "\n\n"


def _is_full(above: Placed, line: Line) -> bool:
    """Return whether the first word of the next line would not have fitted after a line."""
    word = line.text[0] if _UNSPACED.match(line.text) else line.text.split()[0]
    return above.right - above.line.right < line.width * len(word) / len(line.text) + 0.5 * line.size


def _space(above: str, below: str) -> str:
    if _UNSPACED.match(above[-1]) or _UNSPACED.match(below):
        return ""
    is_range = above[-1] == "–" and above[-2:-1].isdigit() and below[0].isdigit()
    return "" if is_range or (_LINK.search(above) and above[-1] in "/_=&?") else " "


def _without_hyphen(text: str, following: str, words: Counter[str]) -> str:
    """Return a line without its last hyphen if it only divides a word: not in state-of-the-art, COVID-19, E-Mail."""
    before, after = _BEFORE_HYPHEN.search(text[:-1]), _WORD.match(following)
    if not before or not after or _LINK.search(text):
        return text
    start, end = before[0].lower(), after[0].lower()
    counts = words[start + end], words[f"{start}-{end}"]
    if any(counts):
        divides = counts[0] >= counts[1]
    else:
        divides = (
            before[0][-1].islower() and after[0][0].islower() and "-" not in start + end and start not in _KEEP_HYPHEN
        )
    return text[:-1] if divides else text[:-1] + "-"


# --- Running heads --------------------------------------------------------------------------------


def without_running_heads(pages: list[Page]) -> list[Page]:
    """Leave out page numbers, and all but the first of the heads that repeat at one height on several pages."""
    keys = [{id(line): list(_keys(line, number)) for line in _margins(page)} for number, page in enumerate(pages)]
    counts = Counter(key for page in keys for key in {key for found in page.values() for key in found})
    seen: set[tuple[str, int, int]] = set()
    least = max(2, min(3, len(pages)))

    def kept(line: Line, page: int) -> Iterator[Line]:
        repeated = [key for key in keys[page].get(id(line), ()) if counts[key] >= least]
        if not repeated:
            yield line
        elif not seen.intersection(repeated):
            text = re.sub("#-?\\d+", "", repeated[0][0]).strip()
            if text == line.text or len(re.findall(r"[^\W\d_]", text)) > 12:  # not only "Page 3 of 9"
                yield replace(line, text=text, is_note=True)
        seen.update(repeated)

    return [
        [found for column in page if (found := [kept_line for line in column for kept_line in kept(line, number)])]
        for number, page in enumerate(pages)
    ]


def _margins(page: Page) -> Iterator[Line]:
    """Yield the one or two highest and lowest lines of each direction of writing if a wide gap follows them."""
    lines = [line for column in page for line in column]
    for turn in {line.turn for line in lines}:
        turned = sorted((line for line in lines if line.turn == turn), key=lambda line: -line.top)
        size = median(line.size for line in turned)
        for edge in (turned[:3], turned[:-4:-1]):
            gaps = [max(a.bottom - b.top, b.bottom - a.top) for a, b in pairwise(edge)] + [size] * (len(edge) < 3)
            count = max((n + 1 for n, gap in enumerate(gaps) if gap > 0.8 * size), default=0)
            yield from (line for line in edge[:count] if line.size < 1.2 * size)  # larger ones are headings


def _keys(line: Line, page: int) -> Iterator[tuple[str, int, int]]:
    """Yield what a running head shares with those of other pages: its text, or a page number less the page's index."""
    place = round(line.top / 4), line.turn
    yield line.text, *place
    for number in re.finditer(r"\d{1,4}", line.text):
        yield f"{line.text[: number.start()]}#{int(number[0]) - page}{line.text[number.end() :]}", *place
