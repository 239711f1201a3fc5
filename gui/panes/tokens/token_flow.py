"""A text as chips in several lines, each underlined in the colour of its kind."""

from PySide6.QtCore import QPoint, QRectF, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from engine.messages.tokens import Tokens
from gui.theme import GAP_S, LARGE, SMALL
from gui.widgets.chips import ChipStyle
from gui.widgets.painted import Painted
from gui.widgets.token_strip import describe

KINDS = ("kanji", "hiragana", "katakana", "latin", "digit", "punctuation", "space", "byte", "other", "special")


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
        self._boxes: list[QRectF] = []

    def _style(self) -> ChipStyle:
        return ChipStyle(self.theme, LARGE, SMALL, GAP_S)

    def restyle(self) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Place the chips in lines of the widget's width."""
        style, tokens = self._style(), self.tokens
        width, height, x, y = float(self._area.viewport().width()), style.height, 0.0, 0.0
        self._boxes = []
        for piece, token_id in zip(tokens.pieces, tokens.ids.tolist(), strict=True) if tokens else ():
            advance = style.width(piece, str(token_id))
            if x and x + advance > width:
                x, y = 0.0, y + height + GAP_S
            self._boxes.append(QRectF(x, y, advance, height))
            x += advance + GAP_S
        self.setMinimumHeight(round(y + height) if self._boxes else 0)
        self.update()

    def resizeEvent(self, event: object) -> None:
        self.lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.tokens is None:
            return
        painter, style = QPainter(self), self._style()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, box in enumerate(self._boxes):
            if box.intersects(event.rect()):
                piece, number = self.tokens.pieces[index], str(self.tokens.ids[index])
                foot = self._area.color_of(self.tokens.kinds[index])
                style.paint(painter, box, piece, number, index == self.current, foot)

    def _index_at(self, x: float, y: float) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(x, y)), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.selected.emit(None if index == self.current else index)

    def describe_at(self, point: QPoint) -> str:
        index = self._index_at(point.x(), point.y())
        return describe(self.tokens, index) if index is not None and self.tokens is not None else ""
