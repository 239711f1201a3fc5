"""A text as one row of chips with piece and ID. It is painted, so that thousands of tokens are cheap."""

from bisect import bisect_right
from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from engine.messages.tokens import Tokens
from gui.i18n import t
from gui.text import visible
from gui.theme import GAP_S, NORMAL, SMALL
from gui.widgets.chips import ChipStyle
from gui.widgets.painted import Painted, Policy

ID_SIZE = SMALL - 2
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
        self._lefts: list[float] = []  # x of each chip before scrolling
        self._right = 0.0
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
        return QSize(400, round(self._style().height))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, round(self._style().height))

    # --- Geometry --------------------------------------------------------------------------------

    def _style(self) -> ChipStyle:
        return ChipStyle(self.theme, NORMAL, ID_SIZE, 1)

    def _lay_out(self) -> None:
        style, x = self._style(), 0.0
        self._lefts = []
        for piece, token_id in zip(self.tokens.pieces, self.tokens.ids, strict=True) if self.tokens else ():
            self._lefts.append(x)
            x += style.width(piece, str(token_id)) + GAP_S
        self._right = x
        self._clamp()

    def _span(self, index: int) -> tuple[float, float]:
        following = self._lefts[index + 1] if index + 1 < len(self._lefts) else self._right
        return self._lefts[index], following - GAP_S

    def _clamp(self) -> None:
        self._scroll = max(0.0, min(self._scroll, self._right - self.width()))
        self.update()

    def _index_at(self, x: float) -> int | None:
        index = bisect_right(self._lefts, x + self._scroll) - 1
        return index if index >= 0 and x + self._scroll < self._span(index)[1] else None

    # --- Painting and input ----------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.tokens is None:
            return
        painter, style = QPainter(self), self._style()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = max(0, bisect_right(self._lefts, self._scroll) - 1)
        for index in range(first, len(self._lefts)):
            left, right = self._span(index)
            if left - self._scroll > self.width():
                break
            box = QRectF(left - self._scroll, 0, right - left, self.height())
            number = str(self.tokens.ids[index])
            style.paint(painter, box, self.tokens.pieces[index], number, index == self.current)
        self._paint_fades(painter)

    def _paint_fades(self, painter: QPainter) -> None:
        """Paint a chevron at each edge beyond which there are more chips."""
        painter.setFont(self.theme.font(NORMAL, bold=True))
        width = self.theme.px(CHEVRON)
        for shown, left, sign in (
            (self._scroll > 0, 0, "‹"),
            (self._right - self._scroll > self.width() + 1, self.width() - width, "›"),
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
