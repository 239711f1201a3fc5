"""A text as one row of chips with piece and ID. It is painted, so that thousands of tokens are cheap.

A character of several tokens is one chip, divided below the character into the bytes of its tokens.
"""

from bisect import bisect_right
from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from engine.messages.tokens import Tokens
from gui.i18n import t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy
from gui.widgets.token_groups import bytes_of, groups_of, text_of

ID_SIZE = SMALL - 2
EDGE = 1  # pixels above a piece and below an ID
CHEVRON = 16  # pixels at zoom 1 for the sign that there is more


class TokenStrip(Painted):
    """One line of chips that scrolls sideways by wheel, keys or by selecting."""

    selected = Signal(object)  # index, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.tokens: Tokens | None = None
        self.current: int | None = None
        self._groups: list[list[int]] = []  # of the tokens, one a chip
        self._lefts: list[float] = []  # x of each token before scrolling
        self._rights: list[float] = []
        self._scroll = 0.0
        self.restyle()

    def set_tokens(self, tokens: Tokens | None) -> None:
        self.tokens = tokens
        self.setAccessibleDescription(" ".join(map(visible, tokens.pieces[:200])) if tokens else "")
        self._lay_out()

    def set_current(self, index: int | None) -> None:
        self.current = index
        if index is not None and index < len(self._lefts):
            (left, right), edge = self._span(index), self.theme.px(CHEVRON)
            self._scroll = min(max(self._scroll, right + edge - self.width()), left - edge)
        self._clamp()

    def restyle(self) -> None:
        self._lay_out()
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(400, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self._height())

    # --- Geometry --------------------------------------------------------------------------------

    def _metrics(self, size: int) -> QFontMetricsF:
        return QFontMetricsF(self.theme.font(size))

    def _number_height(self) -> float:
        """Return the height of the row of IDs and bytes."""
        return self._metrics(ID_SIZE).height() + EDGE

    def _height(self) -> int:
        return round(self._metrics(NORMAL).height() + self._number_height() + EDGE)

    def _lay_out(self) -> None:
        """Place the tokens in whole pixels: an edge between two would be blurred."""
        self._groups = groups_of(self.tokens) if self.tokens is not None else []
        self._lefts, self._rights = [], []
        large, small, x = self._metrics(NORMAL), self._metrics(ID_SIZE), 0
        for group in self._groups:
            least = [small.horizontalAdvance(self._number(index)) for index in group]
            more = max(0.0, large.horizontalAdvance(self._words(group)) - sum(least)) / len(group)
            for width in least:
                self._lefts.append(x)
                x += ceil(width + more) + 2 * (GAP_M if len(group) == 1 else GAP_S)
                self._rights.append(x)
            x += GAP_S
        self._clamp()

    def _words(self, group: list[int]) -> str:
        """Return what is written on a chip: a piece, or a character of which its tokens are the bytes."""
        assert self.tokens is not None
        return visible(text_of(self.tokens, group))

    def _number(self, index: int) -> str:
        """Return what is written below a token: its bytes if it is no whole piece, or else its ID."""
        assert self.tokens is not None
        return bytes_of(self.tokens, index) or str(self.tokens.ids[index])

    def _span(self, index: int) -> tuple[float, float]:
        return self._lefts[index], self._rights[index]

    def _end(self) -> float:
        return self._rights[-1] if self._rights else 0.0

    def _clamp(self) -> None:
        self._scroll = max(0.0, min(self._scroll, self._end() - self.width()))
        self.update()

    def _index_at(self, x: float) -> int | None:
        index = bisect_right(self._lefts, x + self._scroll) - 1
        return index if index >= 0 and x + self._scroll < self._rights[index] else None

    # --- Painting and input ----------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.tokens is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in self._groups[self._first_shown() :]:
            left, right = self._lefts[group[0]] - self._scroll, self._rights[group[-1]] - self._scroll
            if left > self.width():
                break
            self._paint_chip(painter, QRectF(left, 0, right - left, self.height()), group)
        self._paint_fades(painter)

    def _first_shown(self) -> int:
        """Return the first chip that is not left of the widget."""
        return bisect_right(self._groups, self._scroll, key=lambda group: self._rights[group[-1]])

    def _paint_chip(self, painter: QPainter, box: QRectF, group: list[int]) -> None:
        chosen, foot = self.current in group, self._number_height()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent" if chosen and len(group) == 1 else "sunken"))
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        painter.setFont(self.theme.font(ID_SIZE))
        for index in group:
            left, right = self._span(index)
            part = QRectF(left - self._scroll, box.bottom() - foot, right - left, foot - EDGE)
            if index == self.current and len(group) > 1:
                painter.fillRect(part, self.theme.color("accent"))
            if index > group[0]:
                painter.setPen(QPen(self.theme.color("border"), 1))
                painter.drawLine(part.topLeft(), part.bottomLeft())
            painter.setPen(self.theme.color("on_accent" if index == self.current else "muted"))
            painter.drawText(part, Qt.AlignmentFlag.AlignCenter, self._number(index))
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("on_accent" if chosen and len(group) == 1 else "text"))
        painter.drawText(box.adjusted(0, EDGE, 0, -foot), Qt.AlignmentFlag.AlignCenter, self._words(group))

    def _paint_fades(self, painter: QPainter) -> None:
        """Paint a chevron at each edge beyond which there are more chips."""
        painter.setFont(self.theme.font(NORMAL, bold=True))
        width = self.theme.px(CHEVRON)
        for shown, left, sign in (
            (self._scroll > 0, 0, "‹"),
            (self._end() - self._scroll > self.width() + 1, self.width() - width, "›"),
        ):
            if shown:
                box = QRectF(left, 0, width, self.height())
                painter.fillRect(box, self.theme.color("background"))
                painter.setPen(self.theme.color("muted"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, sign)

    def resizeEvent(self, event: object) -> None:
        self._clamp()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x())
        self.selected.emit(None if index == self.current else index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta: QPointF = QPointF(event.angleDelta())
        self._scroll -= delta.x() or delta.y()
        self._clamp()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not token_by_key(event.key(), self.current, len(self._lefts), self.selected.emit):
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        index = self._index_at(point.x())
        return describe(self.tokens, index) if index is not None and self.tokens is not None else ""


def token_by_key(key: int, current: int | None, count: int, select: Callable[[int | None], object]) -> bool:
    """Select another of `count` tokens by an arrow key, Home or End, or none by Escape; return whether it was one."""
    last = count - 1
    moves = {
        Qt.Key.Key_Right: 0 if current is None else min(current + 1, last),
        Qt.Key.Key_Left: last if current is None else max(current - 1, 0),
        Qt.Key.Key_Home: 0,
        Qt.Key.Key_End: last,
    }
    if key in moves and count:
        select(moves[Qt.Key(key)])
    elif key == Qt.Key.Key_Escape and current is not None:
        select(None)
    else:
        return False
    return True


def describe(tokens: Tokens, index: int) -> str:
    """Return a description of a token: its ID, bytes, characters and kind."""
    data = tokens.text.encode("utf-8", "surrogatepass")[tokens.byte_starts[index] : tokens.byte_ends[index]]
    return t(
        "widget.token.describe",
        piece=visible(tokens.pieces[index]),
        id=tokens.ids[index],
        bytes=data.hex(" ").upper(),
        start=tokens.starts[index],
        end=tokens.ends[index],
        kind=t(f"widget.token.kind.{tokens.kinds[index]}"),
    )
