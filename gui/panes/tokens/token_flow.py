"""A text as chips in several lines, each underlined in the colour of its kind.

A character of several tokens is one chip, divided below the character.
"""

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from engine.messages.tokens import Tokens
from gui.theme import GAP_S, HUGE, LARGE, NORMAL, SMALL
from gui.widgets.chips import ChipStyle
from gui.widgets.painted import Painted
from gui.widgets.token_strip import describe

KINDS = ("kanji", "hiragana", "katakana", "latin", "digit", "punctuation", "space", "byte", "other", "special")
MOST_PARTS = 8  # tokens in one chip
SIZES = (44, 36, HUGE, LARGE)  # of type, in pixels at zoom 1, for texts of at most SHORT tokens
SHORT = 300


class TokenFlow(QScrollArea):
    selected = Signal(object)  # index, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.page = _Chips(self)
        self.setWidget(self.page)

    def set_tokens(self, tokens: Tokens | None) -> None:
        self.page.tokens = tokens
        self.page.lay_out()

    def set_current(self, index: int | None) -> None:
        self.page.current = index
        self.page.update()

    def color_of(self, kind: str) -> QColor:
        return self.page.theme.series_color(KINDS.index(kind))


class _Chips(Painted):
    def __init__(self, area: TokenFlow) -> None:
        super().__init__()
        self._area = area
        self.tokens: Tokens | None = None
        self.current: int | None = None
        self._size = LARGE  # of the type
        self._boxes: list[QRectF] = []
        self._groups: list[list[int]] = []

    def _style(self) -> ChipStyle:
        return ChipStyle(self.theme, self._size, SMALL if self._size == LARGE else NORMAL, GAP_S)

    def restyle(self) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Place the chips in lines of the widget's width, in the largest type in which a short text fits."""
        short = self.tokens is not None and len(self.tokens.ids) <= SHORT
        for self._size in SIZES if short else (LARGE,):
            height = self._place()
            if height <= self._area.viewport().height():
                break
        self.setMinimumHeight(round(height) if self._boxes else 0)
        self.update()

    def _place(self) -> float:
        """Place the chips, tokens of one character without a gap between them, and return the height of all lines."""
        style, tokens = self._style(), self.tokens
        width, height, x, y = float(self._area.viewport().width()), style.height, 0.0, 0.0
        self._boxes, self._groups = [], groups_of(tokens) if tokens else []
        for group in self._groups:
            assert tokens is not None
            ids, text = [str(tokens.ids[index]) for index in group], text_of(tokens, group)
            each = [style.width(text if len(group) == 1 else "", number) for number in ids]
            each = [advance + max(0.0, style.width(text) - sum(each)) / len(group) for advance in each]
            if x and x + sum(each) > width:
                x, y = 0.0, y + height + GAP_S
            for advance in each:
                self._boxes.append(QRectF(x, y, advance, height))
                x += advance
            x += GAP_S
        return y + height

    def resizeEvent(self, event: object) -> None:
        self.lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.tokens is None:
            return
        painter, style = QPainter(self), self._style()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in self._groups:
            whole = self._boxes[group[0]].united(self._boxes[group[-1]])
            if not whole.intersects(event.rect()):
                continue
            text, colors = text_of(self.tokens, group), [self._area.color_of(self.tokens.kinds[i]) for i in group]
            if len(group) == 1:
                number = str(self.tokens.ids[group[0]])
                style.paint(painter, whole, text, number, group[0] == self.current, colors[0])
                continue
            style.paint(painter, whole, text)
            for index, color in zip(group, colors, strict=True):
                self._paint_part(painter, style, index, color, index > group[0])

    def _paint_part(self, painter: QPainter, style: ChipStyle, index: int, color: QColor, divided: bool) -> None:
        """Paint a token that is a part of a character: its ID below the character, and a line before it."""
        assert self.tokens is not None
        box, chosen = self._boxes[index], index == self.current
        lower = QRectF(box.left(), box.bottom() - style.number_height, box.width(), style.number_height)
        if chosen:
            painter.fillRect(lower, self.theme.color("accent"))
        if divided:
            painter.fillRect(QRectF(lower.left(), lower.top(), 1, lower.height()), self.theme.color("border"))
        painter.fillRect(QRectF(box.left() + GAP_S, box.bottom() - 3, box.width() - 2 * GAP_S, 3), color)
        painter.setFont(self.theme.font(style.number))
        painter.setPen(self.theme.color("on_accent" if chosen else "muted"))
        words = lower.adjusted(0, 0, 0, -style.edge)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, str(self.tokens.ids[index]))

    def _index_at(self, x: float, y: float) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(x, y)), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.selected.emit(None if index == self.current else index)

    def describe_at(self, point: QPoint) -> str:
        index = self._index_at(point.x(), point.y())
        return describe(self.tokens, index) if index is not None and self.tokens is not None else ""


def groups_of(tokens: Tokens) -> list[list[int]]:
    """Return the tokens in groups that share characters; most groups are one token, none is over MOST_PARTS."""
    groups: list[list[int]] = []
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    for index in range(len(starts)):
        shares = index > 0 and starts[index - 1] <= starts[index] < ends[index - 1]
        if shares and len(groups[-1]) < MOST_PARTS:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def text_of(tokens: Tokens, group: list[int]) -> str:
    """Return the piece of a token, or the characters of a group of several."""
    first, last = group[0], group[-1]
    return tokens.pieces[first] if first == last else tokens.text[tokens.starts[first] : tokens.ends[last]]
