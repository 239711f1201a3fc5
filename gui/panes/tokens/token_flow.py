"""A text as chips over as many lines as it takes, coloured at the foot by kind."""

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QScrollArea, QToolTip, QWidget

from engine.messages.tokens import Tokens
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE, SMALL
from gui.themed import Themed
from gui.widgets.token_strip import describe

KINDS = ("kanji", "hiragana", "katakana", "latin", "digit", "punctuation", "space", "byte", "other", "special")


class TokenFlow(Themed, QScrollArea):
    selected = Signal(object)  # index, or None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.page = _Chips(self)
        self.setWidget(self.page)
        self.restyle()

    def set_tokens(self, tokens: Tokens | None) -> None:
        self.page.tokens = tokens
        self.page.lay_out()

    def set_current(self, index: int | None) -> None:
        self.page.current = index
        self.page.update()

    def restyle(self) -> None:
        self.page.lay_out()

    def color_of(self, kind: str) -> QColor:
        return self.page.theme.series_color(KINDS.index(kind))


class _Chips(Themed, QWidget):
    def __init__(self, area: TokenFlow) -> None:
        super().__init__()
        self._area = area
        self.tokens: Tokens | None = None
        self.current: int | None = None
        self._boxes: list[QRectF] = []

    def lay_out(self) -> None:
        piece_font, id_font = QFontMetricsF(self.theme.font(LARGE)), QFontMetricsF(self.theme.font(SMALL))
        height = piece_font.height() + id_font.height() + 3 * GAP_S
        width, x, y = float(self._area.viewport().width()), 0.0, 0.0
        self._boxes = []
        tokens = self.tokens
        for piece, id in zip(tokens.pieces, tokens.ids.tolist(), strict=True) if tokens else ():
            advance = max(piece_font.horizontalAdvance(visible(piece)), id_font.horizontalAdvance(str(id))) + 2 * GAP_M
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
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        id_height = QFontMetricsF(self.theme.font(SMALL)).height()
        for index, box in enumerate(self._boxes):
            if box.bottom() < event.rect().top() or box.top() > event.rect().bottom():
                continue
            chosen = index == self.current
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("accent" if chosen else "sunken"))
            painter.drawRoundedRect(box, GAP_S, GAP_S)
            foot = QRectF(box.left() + GAP_S, box.bottom() - 3, box.width() - 2 * GAP_S, 3)
            painter.fillRect(foot, self._area.color_of(self.tokens.kinds[index]))
            painter.setPen(self.theme.color("on_accent" if chosen else "text"))
            painter.setFont(self.theme.font(LARGE))
            upper = box.adjusted(0, GAP_S, 0, -id_height - GAP_S)
            painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, visible(self.tokens.pieces[index]))
            painter.setPen(self.theme.color("on_accent" if chosen else "muted"))
            painter.setFont(self.theme.font(SMALL))
            lower = QRectF(box.left(), box.bottom() - id_height - GAP_S, box.width(), id_height)
            painter.drawText(lower, Qt.AlignmentFlag.AlignCenter, str(int(self.tokens.ids[index])))

    def _index_at(self, x: float, y: float) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(x, y)), None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().x(), event.position().y())
        self._area.selected.emit(None if index == self.current else index)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.tokens is not None:
            index = self._index_at(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), describe(self.tokens, index) if index is not None else "", self)
            return True
        return super().event(event)
