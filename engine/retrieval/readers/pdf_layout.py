"""Order the characters of a PDF page as they are read: lines, columns, vertical and right-to-left writing.

A page of a PDF contains characters with positions, not lines. pdfium gives each character's box in the order in which
the file draws them, and inserts the spaces that are missing. Here,

1. characters that follow one another on one line become a `Line`. Vertical and turned writing is turned first, so that
   every line runs from left to right and the first line is the topmost;
2. lines of right-to-left scripts are put into logical order (pdf_bidi.py), and small kana above a line (furigana) are
   left out;
3. columns are found as gaps that no narrow line crosses, and read one after another; lines across all columns separate
   what is above them from what is below. This is the recursive XY cut (Nagy, Seth and Viswanathan 1992), which cuts
   between columns only where the text on both sides fills its lines, so that the rows of tables stay together;
4. pieces on one height become one line; the cells of a table are separated by " | ".
"""

import ctypes
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.readers.pdf_bidi import RIGHT_TO_LEFT, logical

CJK = "\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff"
_CJK = re.compile(f"[{CJK}]")
_KANA = re.compile("[\u3041-\u30ff]+")
_SPACED = re.compile(f"(?:[{CJK}] ){{2,}}[{CJK}](?![^ ])")  # 東 京 都, as in spread titles
_BLANK = re.compile(r"\s+")
_BLANKS = np.array([code for code in range(0x3001) if chr(code).isspace()], np.uint32)
_SOFT_HYPHEN = re.compile(r"(?<=[^\W\d_])\u00ad(?=[^\W\d_])")
_FORMS = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]")  # ligatures, and forms of letters by their place in the word
_HYPHENS = {0x02: "-", 0xFFFE: "-", 0: "\ufffd"}  # pdfium's marks of a hyphen at the end of a line
_RIGHT, _DOWN, _LEFT, _UP = range(4)  # directions of writing, in quarter turns clockwise

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a piece of one: text and box in points. `order` is its number in the order of drawing."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float  # height of a character
    order: int = 0
    turn: int = _RIGHT
    is_row: bool = False  # of a table
    is_note: bool = False  # a footnote, or a running head: not part of the text around it

    @property
    def width(self) -> float:
        return self.right - self.left


def page_columns(textpage: Any) -> list[list[Line]]:
    """Return the lines of each column of a page, in reading order."""
    text = _text(textpage)
    begins, ends = _word_edges(text)
    shown = np.flatnonzero(begins | ends)
    if not len(shown):
        return []
    text, boxes = text.translate(_HYPHENS), _boxes(textpage, shown, len(text))
    turns = _turns(textpage, text, shown, boxes)
    is_end = ends & ~begins
    turns[1:] = np.where(is_end[shown[1:]], turns[:-1], turns[1:])
    columns: list[list[Line]] = []
    for turn in np.unique(turns).tolist():
        rest = _without(text, begins, shown[turns != turn])
        lines = _lines(textpage, rest, shown[turns == turn], is_end, _turned(boxes, turn), turn)
        if 2 * len(RIGHT_TO_LEFT.findall(text)) > len(text):
            # Mirrored, because the columns are read from the right.
            lines = [replace(line, left=-line.right, right=-line.left) for line in lines]
        columns += _columns(lines)
    return columns


def _text(textpage: Any) -> str:
    """Return the characters of a page, one for each of pdfium's indices, with those that pdfium inserted."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFText_CountChars(textpage.raw)
    units = (ctypes.c_ushort * (count + 1))()
    if pdfium.FPDFText_GetText(textpage.raw, 0, count, units) == count + 1:
        text = bytes(units)[:-2].decode("utf-16-le", "surrogatepass")
        if len(text) == count:
            return text
    codes = [pdfium.FPDFText_GetUnicode(textpage.raw, index) for index in range(count)]
    return "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in codes)


def _word_edges(text: str) -> tuple[Array, Array]:
    """Return whether each character begins a word, and whether it ends one; it does both in scripts without spaces."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    is_blank = np.isin(codes, _BLANKS)
    is_alone = ~is_blank & ((codes >= 0x2E80) | (codes == 2))  # 2 is pdfium's hyphen at the end of a line
    separates = np.r_[True, is_blank | is_alone, True]
    return ~is_blank & (is_alone | separates[:-2]), ~is_blank & (is_alone | separates[2:])


def _without(text: str, begins: Array, left_out: Array) -> str:
    """Return a text of the same length with blanks instead of the words that have characters in `left_out`."""
    if not len(left_out):
        return text
    word = np.cumsum(begins)
    return "".join(np.where(np.isin(word, word[left_out]), "\r", list(text)))


def _boxes(textpage: Any, shown: Array, count: int) -> Array:
    """Return the boxes [count, (left, bottom, right, top)] of the characters shown, and zeros for the others."""
    import pypdfium2.raw as pdfium

    found = (pdfium.FS_RECTF * len(shown))()
    get, page = pdfium.FPDFText_GetLooseCharBox, textpage.raw
    for index, box in zip(shown.tolist(), found, strict=True):
        get(page, index, box)
    boxes = np.zeros((count, 4), np.float32)
    boxes[shown] = np.nan_to_num(np.frombuffer(found, np.float32).reshape(-1, 4)[:, [0, 3, 2, 1]])
    return boxes


def _turns(textpage: Any, text: str, shown: Array, boxes: Array) -> Array:
    """Return the direction of writing at each shown character.

    It follows from the angle. All angles are read only if one of some ten samples is turned, and otherwise those of
    characters above or below the one before. Upright Chinese and Japanese characters below one another are vertical
    writing.
    """
    left, bottom, right, top = boxes[shown].T
    step_x, step_y = np.diff((left + right) / 2), np.diff((bottom + top) / 2)
    height = np.maximum(top - bottom, right - left)
    height = np.maximum(height[1:], height[:-1])
    is_stacked = (np.abs(step_x) < 0.5 * height) & (np.abs(step_y) > 0.1 * height)
    turns = np.full(len(shown), _RIGHT)
    doubtful = np.flatnonzero(np.r_[is_stacked, False] | np.r_[False, is_stacked])
    if any(_turn(textpage, index) for index in shown[:: len(shown) // 9 + 1]):
        doubtful = np.arange(len(shown))
    for place in doubtful.tolist():
        turns[place] = _turn(textpage, shown[place])
        if turns[place] == _RIGHT and _CJK.match(text[shown[place]]):
            before, after = max(place - 1, 0), min(place, len(step_y) - 1)
            goes_down = any(is_stacked[step] and step_y[step] < 0 for step in (before, after))
            turns[place] = _DOWN if goes_down else _RIGHT
    if 2 * np.count_nonzero(turns == _DOWN) > len(turns):
        _turn_short_runs(turns)
    return turns


def _turn(textpage: Any, index: int) -> int:
    """Return the direction of writing by the angle of a character, in quarter turns clockwise."""
    import pypdfium2.raw as pdfium

    return round(max(0.0, pdfium.FPDFText_GetCharAngle(textpage.raw, int(index))) / (np.pi / 2)) % 4


def _turn_short_runs(turns: Array) -> None:
    """Change up to three characters that run to the right on a vertical page to its direction, in place."""
    edges = np.flatnonzero(np.diff(turns, prepend=-1, append=-1))
    for start, end in pairwise(edges.tolist()):
        if end - start <= 3:
            turns[start:end] = _DOWN


def _turned(boxes: Array, turn: int) -> Array:
    """Return the boxes of a page that is turned so that its writing runs to the right."""
    left, bottom, right, top = boxes.T
    turned = {
        _RIGHT: (left, bottom, right, top),
        _DOWN: (-top, left, -bottom, right),
        _LEFT: (-right, -top, -left, -bottom),
        _UP: (bottom, -right, top, -left),
    }
    return np.stack(turned[turn], axis=1)


def _lines(textpage: Any, text: str, shown: Array, is_end: Array, boxes: Array, turn: int) -> list[Line]:
    """Return the pieces of lines, each of characters that follow one another, without furigana."""
    lines, starts = _pieces(textpage, text, shown, is_end, boxes, turn)
    kana = _furigana(lines)
    if kana:
        pieces = np.split(shown, starts[1:])
        for piece in (pieces[order] for order in kana):
            blank = "\r" * (int(piece[-1]) - int(piece[0]) + 1)
            text = text[: piece[0]] + blank + text[piece[-1] + 1 :]
        shown = np.concatenate([piece for order, piece in enumerate(pieces) if order not in kana])
        lines, _ = _pieces(textpage, text, shown, is_end, boxes, turn)
    return lines


def _pieces(textpage: Any, text: str, shown: Array, is_end: Array, boxes: Array, turn: int) -> tuple[list[Line], Array]:
    """Return the pieces of lines, and where in `shown` each begins."""
    left, bottom, right, top = boxes[shown].T
    height = np.maximum(top - bottom, right - left)
    height = np.maximum(height[1:], height[:-1])
    gap, drift = left[1:] - right[:-1], np.abs(np.diff((bottom + top) / 2))
    is_cut = drift > 0.45 * height
    if not RIGHT_TO_LEFT.search(text):
        is_cut |= (gap > 0.8 * height) | (gap < -1.5 * height)
    starts = np.r_[0, np.flatnonzero(is_cut & ~is_end[shown[1:]]) + 1]
    ends = np.r_[starts[1:], len(shown)]
    least = np.minimum.reduceat(np.stack([left, bottom], axis=1), starts).tolist()
    most = np.maximum.reduceat(np.stack([right, top], axis=1), starts).tolist()
    sizes = (np.add.reduceat(top - bottom, starts) / (ends - starts)).tolist()
    lines = [
        Line(_words(textpage, text, shown[start:end], boxes, size, turn), left, bottom, right, top, size, order, turn)
        for order, (start, end, (left, bottom), (right, top), size) in enumerate(
            zip(starts.tolist(), ends.tolist(), least, most, sizes, strict=True)
        )
    ]
    return lines, starts


def _words(textpage: Any, text: str, piece: Array, boxes: Array, size: float, turn: int) -> str:
    """Return the text of a piece; a blank that pdfium inserted into Japanese stays only if it is wide."""
    import pypdfium2.raw as pdfium

    first, end = int(piece[0]), int(piece[-1]) + 1
    raw = text[first:end]
    if raw.isascii() and "\r" not in raw:
        return " ".join(raw.split())
    if RIGHT_TO_LEFT.search(raw):
        drawn = [index for index in range(first, end) if not pdfium.FPDFText_IsGenerated(textpage.raw, index)]
        centres = _turned(_boxes(textpage, np.array(drawn), end), turn)[drawn, ::2].mean(axis=1).tolist()
        raw = logical([(text[index], centre) for index, centre in zip(drawn, centres, strict=True)])
    elif "\r" in raw or _CJK.search(raw):

        def blank(match: re.Match[str]) -> str:
            start, end = first + match.start(), first + match.end()
            if "\r" not in match[0] and not pdfium.FPDFText_IsGenerated(textpage.raw, start):
                return " "
            of_japanese = len(_CJK.findall(text[start - 1] + text[end]))
            return " " if boxes[end, 0] - boxes[start - 1, 2] > (0.12, 0.5, 1.0)[of_japanese] * size else ""

        raw = _BLANK.sub(blank, raw)
    raw = _plain(" ".join(raw.split()))
    return _SPACED.sub(lambda run: run[0].replace(" ", ""), raw)


def _plain(text: str) -> str:
    """Return a line's text with soft hyphens left out within words, and ligatures as letters."""

    def hyphen(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1], text[match.end()]
        return "" if after.islower() or before.isupper() else "-"

    if "\u00ad" in text:
        end = "\u00ad" if text.endswith("\u00ad") else ""
        text = _SOFT_HYPHEN.sub(hyphen, text).rstrip("\u00ad").replace("\u00ad", "-") + end
    return _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


def _furigana(lines: list[Line]) -> set[int]:
    """Return the numbers of the pieces that are small kana directly above a larger line."""
    return {
        kana.order
        for kana in lines
        if _KANA.fullmatch(kana.text)
        for base in lines
        if base.size >= 1.5 * kana.size
        and base.left - base.size < (kana.left + kana.right) / 2 < base.right + base.size
        and -0.6 < (kana.bottom - base.top) / kana.size < 1
    }


def _columns(lines: list[Line]) -> list[list[Line]]:
    """Cut lines into columns, recursively, and return the lines of each in reading order."""
    edge = _second_column(lines)
    if edge is None:
        return [_rows(lines)] if lines else []
    columns: list[list[Line]] = []
    sides: tuple[list[Line], list[Line]] = ([], [])

    def end_of_band() -> None:
        for side in sides:
            columns.extend(_columns(side))
            side.clear()

    for line in sorted(lines, key=lambda line: -line.top):
        if line.left < edge < line.right:
            end_of_band()
            columns.append([line])
        else:
            sides[line.left >= edge].append(line)
    end_of_band()
    return columns


def _second_column(lines: list[Line]) -> float | None:
    """Return a horizontal position in the first gap between columns of prose; None if there is none."""
    begins = Counter(round(line.left) for line in lines)
    for begin in sorted(begins):
        if sum(begins[begin + near] for near in (-1, 0, 1)) >= 3:
            edge = begin - 1.5
            left, right = [line for line in lines if line.right < edge], [line for line in lines if line.left >= edge]
            if left and right and _are_columns(left, right):
                return edge
    return None


def _are_columns(left: list[Line], right: list[Line]) -> bool:
    """Return whether lines are prose beside prose, not the cells of a table, which seldom fill their column."""
    top = min(max(line.top for line in side) for side in (left, right))
    bottom = max(min(line.bottom for line in side) for side in (left, right))
    is_beside = top - bottom > 2 * right[0].size
    return is_beside and _fills_its_lines(left) and _fills_its_lines(right) and not _are_cells(left, right)


def _are_cells(left: list[Line], right: list[Line]) -> bool:
    """Return whether the file draws a few lines on one side, then a few on the other: cells with wrapped text."""
    edge = min(line.left for line in right)
    drawn = [line.left < edge for line in sorted(left + right, key=lambda line: line.order)]
    runs = 1 + sum(before != after for before, after in pairwise(drawn))
    return runs >= 4 and 1.5 <= len(drawn) / runs <= 4


def _fills_its_lines(lines: list[Line]) -> bool:
    """Return whether most of the lines that begin at the most frequent edge are about as long as the longest."""
    begin, _ = Counter(round(line.left) for line in lines).most_common(1)[0]
    rights = sorted(line.right for line in lines if -2 < line.left - begin < 3 * line.size)
    width = rights[len(rights) * 9 // 10] - begin
    full = sum(right > begin + 0.8 * width for right in rights)
    is_long = width > 8 * lines[0].size and full >= 0.6 * len(rights)
    return len(rights) >= 3 and (is_long or lines[0].turn == _DOWN)  # tables are not written vertically


def _rows(lines: list[Line]) -> list[Line]:
    """Join the pieces on one height, from top to bottom; cells of a table with " | " between them."""
    rows = _on_one_height(sorted(lines, key=lambda line: -(line.top + line.bottom)))
    for row in rows:
        row.sort(key=lambda line: line.left)
    cells = _with_whole_cells([_cells(row) for row in rows])
    has_wrapped_cells = len(cells) < len(rows) and sum(len(row) > 1 for row in cells) > 1
    if _are_drawn_apart(rows) and not has_wrapped_cells:
        return [_joined(row, " ") for row in _on_one_height(sorted(lines, key=lambda line: line.order))]
    return [
        _joined(row, " | ", is_row=True) if _is_table_row(row, cells[max(0, n - 1) : n + 2]) else _joined(row, " ")
        for n, row in enumerate(cells)
    ]


def _on_one_height(lines: list[Line]) -> list[list[Line]]:
    """Return the runs of lines that have the height of the first in the run."""
    rows: list[list[Line]] = []
    for line in lines:
        first = rows[-1][0] if rows else None
        if first and min(first.top, line.top) - max(first.bottom, line.bottom) > 0.5 * min(first.size, line.size):
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _are_drawn_apart(rows: list[list[Line]]) -> bool:
    """Return whether neighbours on one height are long and drawn at different times, as in short columns of prose."""
    pairs = [pair for row in rows for pair in pairwise(row) if row[0].turn != _DOWN]
    apart = [(a.width + b.width) / (a.size + b.size) for a, b in pairs if abs(a.order - b.order) != 1]
    return 2 * len(apart) > len(pairs) and float(np.mean(apart)) > 7


def _cells(row: list[Line]) -> list[Line]:
    """Join pieces with less than a wide gap between them."""
    cells = [row[0]]
    for line in row[1:]:
        last = cells[-1]
        gap = line.left - last.right
        if gap > 1.5 * max(last.size, line.size):
            cells.append(line)
        else:
            both_japanese = _CJK.match(last.text[-1]) and _CJK.match(line.text[0])
            cells[-1] = _joined([last, line], "" if gap < 0.12 * line.size or both_japanese else " ")
    return cells


def _with_whole_cells(rows: list[list[Line]]) -> list[list[Line]]:
    """Join the lines of a cell that is wrapped, which the file draws one after another before the next cell."""
    rights: dict[int, float] = {}  # of each column, by its left edge
    for cell in (cell for row in rows if len(row) > 1 for cell in row):
        rights[round(cell.left)] = max(rights.get(round(cell.left), cell.right), cell.right)
    whole = rows[:1]
    for row in rows[1:]:
        above = {round(cell.left): cell for cell in whole[-1]}
        below = {round(cell.left): cell for cell in row}
        shared = above.keys() & below.keys()
        if shared and all(left in rights and _continues(above[left], below[left], rights[left]) for left in shared):
            joined = {left: _wrapped(above[left], below[left]) for left in shared}
            whole[-1] = [cell for _, cell in sorted({**above, **below, **joined}.items())]
        else:
            whole.append(row)
    return whole


def _continues(above: Line, below: Line, right: float) -> bool:
    """Return whether a cell goes on: the next in the file, whose first word would not have fitted above."""
    word = below.text[0] if _CJK.match(below.text) else below.text.split()[0]
    is_full = right - above.right < below.width * len(word) / len(below.text) + 0.5 * below.size
    is_next = below.order == above.order + 1 and above.bottom - below.top < 0.8 * below.size
    return is_next and is_full and (below.text[0].islower() or bool(_CJK.match(below.text)))


def _wrapped(above: Line, below: Line) -> Line:
    return _joined([above, below], "" if _CJK.match(above.text[-1]) else " ")


def _is_table_row(row: list[Line], nearby: list[list[Line]]) -> bool:
    """Return whether a row has a cell that begins where one of a row next to it does, or a number that ends there."""
    others = [other for other in nearby if other is not row and len(other) > 1]
    return len(row) > 1 and any(
        abs(a.left - b.left) < 0.2 * a.size
        or (abs(a.right - b.right) < 0.2 * a.size and a.text[-1].isdigit() and b.text[-1].isdigit())
        for other in others
        for a in row[1:]
        for b in other[1:]
    )


def _joined(lines: list[Line], between: str, is_row: bool = False) -> Line:
    return Line(
        between.join(line.text for line in lines),
        min(line.left for line in lines),
        min(line.bottom for line in lines),
        max(line.right for line in lines),
        max(line.top for line in lines),
        max(lines, key=lambda line: line.width).size,
        lines[-1].order,
        lines[0].turn,
        is_row,
    )
