"""A scrolling text of tokens, each underlined in the colour of a value such as its probability."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import cast

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextLayout,
    QTextLine,
    QTextOption,
)
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from gui.colormaps import color_of
from gui.text import break_lines, utf16_length
from gui.theme import GAP_S, LARGE, SMALL
from gui.widgets.painted import Painted

LINE_SEPARATOR, NO_BREAK_SPACE = "\u2028", "\u00a0"
NO_WIDTH = "\u2060"  # the word joiner: it is invisible, and no line is broken beside it
SPACES_BEFORE_CLOSING = re.compile(" +(?=[」。、])")
WRAPPING = QTextOption()
WRAPPING.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)


@dataclass(frozen=True)
class Span:
    """One token: its text, the value that its colour shows (0..1, None for the prompt), and a description in words.

    `color` tints text that comes from a source, and `mark` is the number of that source. `look` is "text" for
    ordinary text, "chip" for a special token, "gone" for text that the model no longer sees, "half" for a part of a
    character, "note" for a remark in `color` that is not part of the text. `shown`, if given, is painted in place of
    the text.
    """

    text: str
    value: float | None
    words: str = ""
    color: QColor | None = None
    mark: str = ""
    look: str = ""
    shown: str = ""


class ColouredText(QScrollArea):
    clicked = Signal(int)  # index of a span
    hovered = Signal(int)  # index of a span, -1 for none
    copied = Signal()
    menu_wanted = Signal(QPoint)  # where on the screen; only of a text that is `selectable`

    def __init__(self, size: int = LARGE, parent: QWidget | None = None) -> None:
        """`size`: type size in pixels at zoom 1."""
        super().__init__(parent)
        self.size_of_type = size
        self.selectable = False  # whether spans are selected by dragging, and by Shift with Left and Right
        self.whole_lines = False  # whether a text that is scrolled is cut between two lines
        self.smaller: tuple[int, ...] = ()  # sizes for a text that would have to be scrolled, in descending order
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = _Page(self)
        self.setWidget(self.page)

    def set_spans(self, spans: list[Span], current: int | None = None) -> None:
        """Show these spans; `current` is highlighted and scrolled into view, usually the last."""
        self.page.set_spans(spans, current)
        bottom = self.page.bottom_of(current if current is not None else len(spans) - 1)
        self.ensureVisible(0, bottom, 0, self.page.line_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.smaller:  # another height may need another type size
            self.page.lay_out()
        self.cut_between_lines()

    def cut_between_lines(self) -> None:
        """Leave out the last line that would be cut, if the text is scrolled by whole lines."""
        if self.whole_lines:
            line, room = self.page.line_height, self.height() - 2 * self.frameWidth()
            self.verticalScrollBar().setSingleStep(line)
            self.setViewportMargins(0, 0, 0, room % line if self.page.minimumHeight() > room > line else 0)

    def text(self) -> str:
        return "".join(span.text for span in self.page.spans if span.look != "note")

    def selected_text(self) -> str:
        return "".join(self.page.spans[index].text for index in self.page.selected if index < len(self.page.spans))

    def extent_of(self, first: int, last: int) -> tuple[float, float]:
        """Return the top and bottom of the visible part of the spans from `first` to `last`, in this widget's pixels.

        Both are at the edge beyond which the spans are, if they are scrolled out of view.
        """
        boxes = [box for place in range(first, last + 1) for box in self.page.boxes_of(place)]
        offset, height = self.viewport().y() + self.page.y(), self.viewport().height()
        ends = (min((box.top() for box in boxes), default=0.0), max((box.bottom() for box in boxes), default=0.0))
        top, bottom = (min(max(end + offset, 0.0), float(height)) for end in ends)
        return top, bottom


class _Page(Painted):
    def __init__(self, area: ColouredText) -> None:
        super().__init__()
        self._area = area
        self.spans: list[Span] = []
        self.current: int | None = None
        self.selected = range(0)  # spans
        self._pressed: int | None = None  # the span that a drag began at
        self._layout = QTextLayout()
        self._boxes: list[list[tuple[QRectF, str]]] = []  # for each span: its box and text on every line
        self._size = area.size_of_type
        self.line_height = 1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_spans(self, spans: list[Span], current: int | None) -> None:
        if [span.text for span in spans] != [span.text for span in self.spans]:
            self.selected = range(0)
        self.spans, self.current = spans, current
        self.setAccessibleDescription("".join(span.text for span in spans)[-500:])
        self.lay_out()

    def restyle(self) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Break the text of all spans into lines, in the largest type size that needs no scrolling, if one is."""
        height = 0.0
        for size in (self._area.size_of_type, *self._area.smaller):
            self._size = size
            height = self._break_lines()
            if height <= self._area.viewport().height():
                break
        self.setMinimumHeight(round(max(height, self.line_height)))
        self._area.cut_between_lines()
        self.updateGeometry()
        self.update()

    def _break_lines(self) -> float:
        """Break the text into lines (Unicode UAX 14), and compute the boxes of each span; return the height."""
        font = self.theme.font(self._size)
        self.line_height = round(QFontMetricsF(font).height() + 3 * GAP_S)
        shown = [
            NO_WIDTH.join(span.shown or span.text)
            if span.look in ("chip", "half")
            else _as_shown(span.text, index == 0)
            for index, span in enumerate(self.spans)
        ]
        marks = [NO_BREAK_SPACE if span.mark else "" for span in self.spans]
        lengths = [len(mark) + utf16_length(text) for mark, text in zip(marks, shown, strict=True)]
        starts = [0, *accumulate(lengths)]
        whole = "".join(chain.from_iterable(zip(marks, shown, strict=True)))
        # Qt would break a line between a space and closing punctuation, which UAX 14 (rule LB13) forbids.
        whole = SPACES_BEFORE_CLOSING.sub(lambda spaces: NO_BREAK_SPACE * len(spaces[0]), whole)
        self._layout = QTextLayout(whole, font)
        self._layout.setTextOption(WRAPPING)
        self._layout.setFormats(list(self._formats(starts)))
        y = break_lines(self._layout, max(60.0, float(self._area.viewport().width())), self.line_height)
        self._boxes = [
            self._boxes_of(text, start + len(mark)) for text, start, mark in zip(shown, starts, marks, strict=False)
        ]
        return y

    def _formats(self, starts: list[int]) -> Iterator[QTextLayout.FormatRange]:
        """Yield the colour of each span's letters, and the width of the space for its mark."""
        muted, text = self.theme.color("muted"), self.theme.color("text")
        for span, (start, end) in zip(self.spans, pairwise(starts), strict=True):
            letters = QTextCharFormat()
            quiet = span.value is None and span.color is None and span.look not in ("text", "chip")
            letters.setForeground(muted if quiet else text)
            if span.look == "note" and span.color is not None:
                letters.setForeground(span.color)
            if span.look == "gone":
                letters.setFontStrikeOut(True)
            yield _format_range(start, end, letters)
            if span.mark:
                mark, space = QTextCharFormat(), self._width_of_space()
                mark.setFontLetterSpacingType(QFont.SpacingType.AbsoluteSpacing)
                mark.setFontLetterSpacing(self._width_of_mark(span) - space)
                yield _format_range(start, start + 1, mark)

    def _width_of_space(self) -> float:
        return QFontMetricsF(self.theme.font(self._size)).horizontalAdvance(NO_BREAK_SPACE)

    def _boxes_of(self, shown: str, start: int) -> list[tuple[QRectF, str]]:
        """Return the box and text of a span on every line that contains a part of it; the span begins at `start`."""
        boxes, end = [], start + utf16_length(shown)
        if start == end:
            return []
        for number in range(self._line_at(start), self._line_at(end - 1) + 1):
            line = self._layout.lineAt(number)
            first, last = max(start, line.textStart()), min(end, line.textStart() + line.textLength())
            part = shown if last - first == end - start else _utf16_part(shown, first - start, last - start)
            part = part.replace(LINE_SEPARATOR, "").replace(NO_WIDTH, " ")
            left, right = _x_at(line, first), _x_at(line, last)
            if part:
                right = min(right, max(left, line.width()))  # a space at the end of a line may exceed it
                boxes.append((QRectF(left, number * self.line_height, right - left, self.line_height), part))
        return boxes

    def _line_at(self, position: int) -> int:
        return self._layout.lineForTextPosition(position).lineNumber()

    def boxes_of(self, index: int) -> list[QRectF]:
        """Return the box of a span on each of its lines."""
        return [box for box, _ in self._boxes[index]] if 0 <= index < len(self._boxes) else []

    def bottom_of(self, index: int) -> int:
        boxes = self.boxes_of(index)
        return round(boxes[-1].bottom()) if boxes else self.minimumHeight()

    def sizeHint(self) -> QSize:
        return QSize(200, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != event.oldSize().width():  # the height follows from the lines
            self.lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for index, (span, boxes) in enumerate(zip(self.spans, self._boxes, strict=True)):
            for box, _ in boxes:
                if box.intersects(event.rect()):
                    self._paint_ground(painter, box, span, index == self.current)
                    if index in self.selected:
                        painter.fillRect(box, _pale(self.theme.color("accent")))
            if span.mark and boxes:
                self._paint_mark(painter, boxes[0][0], span)
        self._layout.draw(painter, QPointF(0, GAP_S), clip=QRectF(event.rect()))

    def _paint_ground(self, painter: QPainter, box: QRectF, span: Span, current: bool) -> None:
        """Paint the tint and the underline of a span, which are below its letters."""
        upper = box.adjusted(0, 0, 0, -GAP_S)
        if current:
            painter.fillRect(upper, self.theme.color("accent_soft"))
        if span.look == "half":
            painter.fillRect(upper.adjusted(1, GAP_S, -1, -GAP_S), self.theme.color("cut"))
        if span.look == "chip":
            painter.setPen(self.theme.color("muted"))
            painter.setBrush(self.theme.color("sunken"))
            painter.drawRoundedRect(upper.adjusted(0.5, 0.5, -0.5, -0.5), GAP_S, GAP_S)
        if span.look == "note":
            return
        if span.color is not None:
            painter.fillRect(upper, _pale(span.color))
        if span.value is not None or span.color is not None:
            gap, thickness = 0.5 if span.value is not None else 0.0, self.theme.px(4)  # a gap separates tokens
            width = max(1.0, box.width() - 2 * gap)
            line = QRectF(box.left() + gap, box.bottom() - thickness - 2, width, thickness)
            painter.fillRect(line, color_of(span.value) if span.value is not None else span.color)

    def _paint_mark(self, painter: QPainter, box: QRectF, span: Span) -> None:
        """Paint the number of a source in front of its span."""
        painter.save()
        painter.setFont(self._font_of_marks())
        width = self._width_of_mark(span)
        badge = QRectF(max(0.0, box.left() - width), box.top(), width, QFontMetricsF(painter.font()).height() - 2)
        painter.fillRect(badge, span.color or self.theme.color("muted"))
        painter.setPen(self.theme.color("surface"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, span.mark)
        painter.restore()

    def _font_of_marks(self) -> QFont:
        return self.theme.font(SMALL - 3, bold=True)

    def _width_of_mark(self, span: Span) -> float:
        return QFontMetricsF(self._font_of_marks()).horizontalAdvance(span.mark) + GAP_S if span.mark else 0.0

    def _index_at(self, x: float, y: float) -> int | None:
        for index, boxes in enumerate(self._boxes):
            if any(box.contains(x, y) for box, _ in boxes):
                return index
        return None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        index = self._index_at(event.position().x(), event.position().y())
        if self._area.selectable:
            if event.button() == Qt.MouseButton.LeftButton:
                self._pressed = index
                self._select(range(0))
        elif index is not None:
            self._area.clicked.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.hovered.emit(-1 if index is None else index)
        pressed = self._pressed
        if pressed is not None and index is not None and (index != pressed or self.selected):
            self._select(range(min(pressed, index), max(pressed, index) + 1))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the span that was pressed, unless others were selected by dragging."""
        pressed, self._pressed = self._pressed, None
        if pressed is not None and not self.selected:
            self._area.clicked.emit(pressed)

    def _select(self, selected: range) -> None:
        if selected != self.selected:
            self.selected = selected
            self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._area.selectable:
            self._area.menu_wanted.emit(event.globalPos())
        else:
            super().contextMenuEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._area.hovered.emit(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the previous or next span by Left and Right, as a click would; with Shift move the selection's end."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self._area.selectable and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._extend(step)
        elif step and self.spans:
            now = len(self.spans) - 1 if self.current is None else self.current + step
            self._area.clicked.emit(min(max(now, 0), len(self.spans) - 1))
        elif event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self._area.selected_text() or self._area.text())
            self._area.copied.emit()
        else:
            super().keyPressEvent(event)

    def _extend(self, step: int) -> None:
        """Let the selection begin one span earlier or later; it ends with the current span, or the last."""
        last = len(self.spans) - 1 if self.current is None else self.current
        end = self.selected.stop or last + 1
        begin = min(max(0, (self.selected.start if self.selected else end) + step), end)
        self._select(range(begin, end) if begin < end else range(0))

    def describe_at(self, point: QPoint) -> str:
        index = self._index_at(point.x(), point.y())
        return self.spans[index].words if index is not None else ""


def _utf16_part(text: str, first: int, last: int) -> str:
    """Return the part of a text from one index to another, which count as Qt does: in UTF-16."""
    return text.encode("utf-16-le", "surrogatepass")[2 * first : 2 * last].decode("utf-16-le", "surrogatepass")


def _pale(color: QColor) -> QColor:
    pale = QColor(color)
    pale.setAlphaF(0.18)
    return pale


def _as_shown(text: str, first: bool) -> str:
    """Return a span's text with ⏎ in front of each line end.

    A single space at the beginning of a line has no width, so that lines begin flush with one another.
    """
    flush = re.sub("(?<=\n) (?=[^ \n])", NO_WIDTH, text)
    if first:
        flush = re.sub("^ (?=[^ \n])", NO_WIDTH, flush)
    return flush.replace("\n", "⏎" + LINE_SEPARATOR)


def _x_at(line: QTextLine, position: int) -> float:
    x, _ = cast("tuple[float, int]", line.cursorToX(position))  # `object` in the type stubs
    return x


def _format_range(start: int, end: int, form: QTextCharFormat) -> QTextLayout.FormatRange:
    made = QTextLayout.FormatRange()
    made.start, made.length, made.format = start, end - start, form
    return made
