"""The running text in large type: each token on its own tint, its ID below it.

A character of several tokens is drawn once, and its box is divided; the bytes of each token are below it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from engine.messages.tokens import Tokens
from gui.layout import UNLIMITED
from gui.panes.tokens.tints import tint
from gui.text import visible
from gui.theme import GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL, Theme
from gui.widgets.painted import Painted
from gui.widgets.token_groups import bytes_of, groups_of, shown, text_of
from gui.widgets.token_strip import describe, token_by_key

SIZES = (120, 88, 64, 44, 36, HUGE, LARGE)  # of type, in pixels at zoom 1: the largest in which the text fits
SIGN = 0.4  # the size of the sign of a space before a word, as a part of that of the word
# Characters: how many may have the largest type, how many the third largest; a longer text than LONG has the smallest.
FEW, SHORT, LONG = 8, 60, 1500


@dataclass(frozen=True, slots=True)
class Line:
    """The measures of a line of text in one size of type, in pixels."""

    theme: Theme
    size: int  # of type, at zoom 1

    @property
    def number(self) -> int:
        """The size of the IDs."""
        return SMALL if self.size == LARGE else NORMAL

    @property
    def text_height(self) -> float:
        return round(1.3 * self.theme.px(self.size))

    @property
    def number_height(self) -> float:
        return round(1.3 * self.theme.px(self.number))

    def height(self, has_bytes: bool) -> float:
        """Return the height of a line's boxes: characters, IDs, and bytes if there are any."""
        return self.text_height + self.number_height * (1 + has_bytes) + GAP_S


class TokenFlow(QScrollArea):
    selected = Signal(object)  # index, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.most: int | None = None
        self.page = _Text(self)
        self.setWidget(self.page)
        self.setFocusProxy(self.page)

    def set_tokens(self, tokens: Tokens | None) -> None:
        self.page.tokens = tokens
        self.page.setAccessibleDescription(" | ".join(map(visible, tokens.pieces[:200])) if tokens else "")
        self.page.lay_out()

    def set_most(self, height: int | None) -> None:
        """Set the greatest height, in pixels, which a short text does not fill; None fills the room there is."""
        self.most = height
        if height is None:
            self.setMinimumHeight(0)
            self.setMaximumHeight(UNLIMITED)
        self.page.lay_out()

    def set_current(self, index: int | None) -> None:
        """Mark a token, and scroll to it."""
        self.page.current = index
        self.page.update()
        if index is not None and index < len(self.page._boxes):
            box = self.page._boxes[index].toRect()
            self.ensureVisible(box.center().x(), box.center().y(), 0, box.height())

    def sizeHint(self) -> QSize:
        return QSize(self.page.theme.px(300), self.page.minimumHeight())


class _Text(Painted):
    def __init__(self, area: TokenFlow) -> None:
        super().__init__()
        self._area = area
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.tokens: Tokens | None = None
        self.current: int | None = None
        self.line = Line(self.theme, LARGE)
        self._boxes: list[QRectF] = []  # of the tokens
        self._groups: list[list[int]] = []
        self._tops: list[float] = []  # of the groups

    def restyle(self) -> None:
        self.lay_out()

    # --- Geometry --------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """Place the tokens in lines of the widget's width, in the largest type in which the text fits."""
        tokens, room = self.tokens, self._area.most or self._area.viewport().height()
        self._groups = groups_of(tokens) if tokens else []
        length = len(tokens.text) if tokens else 0
        sizes = SIZES[-1:] if length > LONG else SIZES[0 if length <= FEW else 2 if length <= SHORT else 3 :]
        height = 0.0
        for size in sizes:
            self.line = Line(self.theme, size)
            height = self._place()
            if height <= room:
                break
        self._tops = [self._boxes[group[0]].top() for group in self._groups]
        self.setMinimumHeight(round(height))
        if self._area.most is not None:
            self._area.setFixedHeight(min(round(height), self._area.most))
        self.update()

    def _place(self) -> float:
        """Place the tokens without gaps, and return the height of all lines."""
        line, tokens = self.line, self.tokens
        self._boxes = []
        if tokens is None:
            return 0.0
        width, x, y, first = float(self._area.viewport().width()), 0.0, 0.0, 0  # of the line's tokens
        for group, each in zip(self._groups, self._widths(tokens), strict=True):
            if x and x + sum(each) > width:
                x, y, first = 0.0, y + self._end_line(tokens, first) + GAP_M, len(self._boxes)
            for advance in each:
                self._boxes.append(QRectF(x, y, min(advance, width), line.text_height))
                x += min(advance, width)
            if "\n" in tokens.pieces[group[-1]]:
                x = width
        return y + self._end_line(tokens, first)

    def _end_line(self, tokens: Tokens, first: int) -> float:
        """Set the height of the boxes from `first` on, one line of them, and return it."""
        height = self.line.height(any(bytes_of(tokens, index) for index in range(first, len(self._boxes))))
        for box in self._boxes[first:]:
            box.setHeight(height)
        return height

    def _widths(self, tokens: Tokens) -> Iterator[list[float]]:
        """Yield the widths of the tokens of each group."""
        font, small = (QFontMetricsF(self.line.theme.font(size)) for size in (self.line.size, self.line.number))
        widths: dict[str, float] = {}
        for group in self._groups:
            text = text_of(tokens, group)
            if text not in widths:
                sign, rest = shown(text)
                widths[text] = font.horizontalAdvance(sign) * SIGN + font.horizontalAdvance(rest)
            each = [self._least(small, index) for index in group]
            yield [round(least + max(0.0, widths[text] - sum(each)) / len(group)) for least in each]

    def _least(self, small: QFontMetricsF, index: int) -> float:
        """Return the least width of a token: that of its ID or of its bytes, with a margin."""
        assert self.tokens is not None
        texts = (str(self.tokens.ids[index]), bytes_of(self.tokens, index))
        return max(map(small.horizontalAdvance, texts)) + GAP_S + 2

    def _index_at(self, x: float, y: float) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(x, y)), None)

    def resizeEvent(self, event: object) -> None:
        self.lay_out()

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.tokens is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = bisect_left(self._tops, event.rect().top() - self.line.height(has_bytes=True) - GAP_M)
        for place in range(first, len(self._groups)):
            if self._tops[place] > event.rect().bottom():
                break
            self._paint_group(painter, self._groups[place])

    def _paint_group(self, painter: QPainter, group: list[int]) -> None:
        assert self.tokens is not None
        for index in group:
            self._paint_token(painter, index, shares=len(group) > 1)
        whole = self._boxes[group[0]].united(self._boxes[group[-1]])
        upper = QRectF(whole.left(), whole.top(), whole.width(), self.line.text_height)
        is_chosen = group == [self.current]
        font = self.line.theme.font(self.line.size)
        metrics, (sign, text) = QFontMetricsF(font), shown(text_of(self.tokens, group))
        before = metrics.horizontalAdvance(sign) * SIGN
        if self.tokens.kinds[group[0]] == "special":
            painter.setPen(QPen(self.theme.color("muted"), 1, Qt.PenStyle.DashLine))
            painter.drawRect(whole.adjusted(1, 1, -1, -1))
        x = upper.left() + max(0.0, upper.width() - before - metrics.horizontalAdvance(text)) / 2
        baseline = upper.center().y() + (metrics.ascent() - metrics.descent()) / 2
        painter.setPen(self.theme.color("on_accent" if is_chosen else "muted"))
        painter.setFont(self.line.theme.font(round(self.line.size * SIGN)))
        painter.drawText(QPointF(x, baseline), sign)
        painter.setPen(self.theme.color("on_accent" if is_chosen else "text"))
        painter.setFont(font)
        painter.drawText(QPointF(x + before, baseline), text)

    def _paint_token(self, painter: QPainter, index: int, shares: bool) -> None:
        """Paint a token's background, its ID and its bytes, and lines around it if it shares a character."""
        assert self.tokens is not None
        box, line, chosen = self._boxes[index], self.line, index == self.current
        painter.fillRect(box, tint(self.theme, index))
        if chosen:
            painter.fillRect(box.adjusted(0, line.text_height if shares else 0, 0, 0), self.theme.color("accent"))
        if shares:
            painter.setPen(QPen(self.theme.color("surface"), 1))
            painter.drawLine(box.topLeft(), box.bottomLeft())
            painter.drawLine(box.topRight(), box.bottomRight())
        painter.setFont(self.theme.font(line.number))
        row = QRectF(box.left(), box.top() + line.text_height, box.width(), line.number_height)
        painter.setPen(self.theme.color("on_accent" if chosen else "muted"))
        painter.drawText(row, Qt.AlignmentFlag.AlignCenter, str(self.tokens.ids[index]))
        data = bytes_of(self.tokens, index)
        if data:
            painter.setPen(self.theme.color("on_accent" if chosen else "text"))
            painter.drawText(row.translated(0, line.number_height), Qt.AlignmentFlag.AlignCenter, data)

    # --- Mouse and keyboard ----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.selected.emit(None if index == self.current else index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not token_by_key(event.key(), self.current, len(self._boxes), self._area.selected.emit):
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        index = self._index_at(point.x(), point.y())
        return describe(self.tokens, index) if index is not None and self.tokens is not None else ""
