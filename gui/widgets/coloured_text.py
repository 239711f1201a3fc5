"""A text that was written token by token, each underlined in the colour of a number; painted, wrapping, scrolling."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QScrollArea, QSizePolicy, QToolTip, QWidget

from gui.colormaps import color_of
from gui.text import visible
from gui.theme import GAP_S, LARGE, SMALL
from gui.themed import Themed

WIDE = 0x2E7F  # characters above it are as wide as kanji, and lines break between them
CLOSING = frozenset(".,:;!?%)]}”’。、，．：；！？）」』】〕〉》・ー々っッ")  # begin no line
OPENING = frozenset("([{“‘（「『【〔〈《")  # end no line
JOINER, SKINS = "\u200d", "🏻🏼🏽🏾🏿"  # what makes one emoji of several


@dataclass(frozen=True)
class Span:
    """One token: what is written, the number behind its colour (0..1, None for the prompt), and in words.

    `color` tints what comes from somewhere, and `mark` is the number of where that is.
    """

    text: str
    value: float | None
    words: str = ""
    color: QColor | None = None
    mark: str = ""


class ColouredText(Themed, QScrollArea):
    clicked = Signal(int)  # index of a span
    hovered = Signal(int)  # index of a span, -1 for none
    copied = Signal()

    def __init__(self, size: int = LARGE, parent: QWidget | None = None) -> None:
        """`size` of the type, one of the theme's."""
        super().__init__(parent)
        self.size_of_type = size
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = _Page(self)
        self.setWidget(self.page)
        self.restyle()

    def set_spans(self, spans: list[Span], current: int | None = None) -> None:
        """`current` is the span to which the eye is led, usually the last."""
        self.page.set_spans(spans, current)
        bottom = self.page.bottom_of(current if current is not None else len(spans) - 1)
        self.ensureVisible(0, bottom, 0, self.page.line_height)

    def restyle(self) -> None:
        self.page.lay_out()

    def text(self) -> str:
        return "".join(span.text for span in self.page.spans)


class _Page(Themed, QWidget):
    def __init__(self, area: ColouredText) -> None:
        super().__init__()
        self._area = area
        self.spans: list[Span] = []
        self.current: int | None = None
        self._boxes: list[list[tuple[QRectF, str]]] = []  # each span may run over several lines
        self.line_height = 1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def set_spans(self, spans: list[Span], current: int | None) -> None:
        self.spans, self.current = spans, current
        self.setAccessibleDescription("".join(span.text for span in spans)[-500:])
        self.lay_out()

    def lay_out(self) -> None:
        """Sets the spans in lines: Latin words are kept whole, also of several tokens; Japanese may break anywhere."""
        metrics = QFontMetricsF(self.theme.font(self._area.size_of_type))
        self.line_height = round(metrics.height() + 3 * GAP_S)
        width, x, y = max(60.0, float(self._area.viewport().width())), 0.0, 0.0
        parts = [
            (index, part) for index, span in enumerate(self.spans) for part in self._parts(span.text, metrics, width)
        ]
        advances = [metrics.horizontalAdvance(part) for _, part in parts]
        joined = _widths_to_break([part for _, part in parts], advances)
        self._boxes = [[] for _ in self.spans]  # each span may run over several lines
        for (index, part), advance, together in zip(parts, advances, joined, strict=True):
            if part == "\n":
                mark = metrics.horizontalAdvance("⏎")
                self._boxes[index].append((QRectF(x, y, mark, self.line_height), "⏎"))
                x, y = 0.0, y + self.line_height
                continue
            room = 0.0 if self._boxes[index] else self._width_of_mark(self.spans[index])
            # What is joined goes to the next line in one, unless it would not fit there either.
            needed = room + (together if together <= width else advance)
            if x + needed > width and x > 0:
                x, y = 0.0, y + self.line_height
            if x == 0.0 and part[0] == " " and len(part) > 1:
                x = -metrics.horizontalAdvance(" ")  # lines begin flush with one another
            x += room
            self._boxes[index].append((QRectF(x, y, advance, self.line_height), part))
            x += advance
        self.setMinimumHeight(round(y) + self.line_height)
        self.updateGeometry()
        self.update()

    def _parts(self, text: str, metrics: QFontMetricsF, width: float) -> Iterator[str]:
        """Between which a line may end; what is wider than a line ends wherever it must."""
        for part in _cut(text, _line_may_end):
            yield from _cut(part, _eye_parts) if metrics.horizontalAdvance(part) > width else (part,)

    def bottom_of(self, index: int) -> int:
        boxes = self._boxes[index] if 0 <= index < len(self._boxes) else []
        return round(boxes[-1][0].bottom()) if boxes else self.minimumHeight()

    def sizeHint(self) -> QSize:
        return QSize(200, self.minimumHeight())

    def resizeEvent(self, event: object) -> None:
        self.lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.theme.font(self._area.size_of_type))
        base = QFontMetricsF(painter.font()).ascent() + GAP_S
        thickness = self.theme.px(4)
        for index, (span, boxes) in enumerate(zip(self.spans, self._boxes, strict=True)):
            for box, part in boxes:
                if box.bottom() < event.rect().top() or box.top() > event.rect().bottom():
                    continue
                if index == self.current:
                    painter.fillRect(box.adjusted(0, 0, 0, -GAP_S), self.theme.color("accent_soft"))
                if span.color is not None:
                    painter.fillRect(box.adjusted(0, 0, 0, -GAP_S), _pale(span.color))
                quiet = (span.value is None and span.color is None) or part == "⏎"
                painter.setPen(self.theme.color("muted" if quiet else "text"))
                painter.drawText(box.left(), box.top() + base, part)
                if span.value is not None or span.color is not None:
                    gap = 0.5 if span.value is not None else 0.0  # tokens are told apart, a passage is one
                    width = max(1.0, box.width() - 2 * gap)
                    line = QRectF(box.left() + gap, box.bottom() - thickness - 2, width, thickness)
                    painter.fillRect(line, color_of(span.value) if span.value is not None else span.color)
            if span.mark and boxes:
                self._paint_mark(painter, boxes[0][0], span)

    def _paint_mark(self, painter: QPainter, box: QRectF, span: Span) -> None:
        """A small number in front, as high as an index."""
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
        if index is not None:
            self._area.clicked.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.hovered.emit(-1 if index is None else index)

    def leaveEvent(self, event: QEvent) -> None:
        self._area.hovered.emit(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right walk from span to span as clicks do."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self.spans:
            now = len(self.spans) - 1 if self.current is None else self.current + step
            self._area.clicked.emit(min(max(now, 0), len(self.spans) - 1))
        elif event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self._area.text())
            self._area.copied.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), self.spans[index].words if index is not None else "", self)
            return True
        return super().event(event)


def _pale(color: QColor) -> QColor:
    pale = QColor(color)
    pale.setAlphaF(0.18)
    return pale


def _cut(text: str, may_end: Callable[[str, str], bool]) -> list[str]:
    """In parts: one ends where `may_end`, given it and the character behind it, says so."""
    parts: list[str] = []
    for character in text:
        if not parts or may_end(parts[-1], character):
            parts.append(character)
        else:
            parts[-1] += character
    return parts


def _line_may_end(part: str, following: str) -> bool:
    """Within a token: around what is wide, and before a space, which goes with the word behind it."""
    if "\n" in (part, following):
        return True
    if not _eye_parts(part, following):
        return False
    return max(ord(part[-1]), ord(following)) > WIDE or (following == " " and part[-1] != " ")


def _eye_parts(part: str, following: str) -> bool:
    """Not か and its voicing mark, nor a family of emoji: they are one character to the eye."""
    joined = part[-1] == JOINER or following[0] == JOINER or following[0] in SKINS
    return not joined and unicodedata.category(following[0])[0] != "M"


def _breaks_between(before: str, after: str) -> bool:
    """Whether a line may end between two parts: never before what closes, nor behind what opens, nor in a word."""
    if "\n" in (before, after):
        return True
    if after[0] in CLOSING or before[-1] in OPENING or not _eye_parts(before, after):
        return False
    wide = ord(before[-1]) > WIDE or ord(after[0]) > WIDE
    return wide or after[0].isspace() or before[-1].isspace()


def _widths_to_break(parts: list[str], advances: list[float]) -> list[float]:
    """For each part its width, and that of all behind it from which no line may part it."""
    widths = list(advances)
    for index in range(len(parts) - 2, -1, -1):
        if not _breaks_between(parts[index], parts[index + 1]):
            widths[index] += widths[index + 1]
    return widths


def marked(piece: str) -> str:
    """A piece for words and tables."""
    return visible(piece) or "∅"
