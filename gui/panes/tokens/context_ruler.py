"""A text's length beside the contexts of the open model and of well-known models, on a logarithmic scale."""

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.i18n import number, percent, t
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.themed import Themed

# As their makers stated them; a range where versions differ.
KNOWN = (
    ("GPT-3.5", 4096, 4096),
    ("GPT-4", 8192, 128_000),
    ("Claude 3.5", 200_000, 200_000),
)
LONGEST = 1_000_000


class ContextRuler(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tokens = 0
        self.own: tuple[str, int] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_text(self, tokens: int, own: tuple[str, int] | None) -> None:
        """Show a text of this many tokens; `own` is the open model's name and context."""
        self.tokens, self.own = tokens, own
        self.setAccessibleDescription("; ".join(self.words()))
        self.update()

    def restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.theme.px(220))

    def bars(self) -> list[tuple[str, int, int]]:
        """Return the name of each context and its least and greatest number of tokens."""
        own = [(self.own[0], self.own[1], self.own[1])] if self.own else []
        return [*own, *KNOWN]

    def words(self) -> list[str]:
        return [self._words(least, most) for _, least, most in self.bars()]

    def _words(self, least: int, most: int) -> str:
        context = number(most) if least == most else f"{number(least)}–{number(most)}"
        share = self.tokens / least
        return t("pane.tokens.ruler.share", context=context, percent=percent(share, 0 if share >= 1 else 1))

    def _x(self, tokens: float) -> float:
        return self._left() + (self.width() - self._left()) * math.log10(max(1.0, tokens)) / math.log10(LONGEST)

    def _left(self) -> float:
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        names = [t("pane.tokens.ruler.text"), *(name for name, _, _ in self.bars())]
        return min(self.width() * 0.3, max(map(metrics.horizontalAdvance, names)) + 2 * GAP_M)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = [(t("pane.tokens.ruler.text"), self.tokens, self.tokens), *self.bars()]
        scale = 2.2 * QFontMetricsF(self.theme.font(SMALL)).height()
        height = min(float(self.theme.px(64)), (self.height() - scale) / len(rows))
        self._paint_scale(painter, len(rows) * height)
        for index, (name, least, most) in enumerate(rows):
            self._paint_row(painter, QRectF(0, index * height, self.width(), height), name, least, most, index == 0)

    def _paint_row(self, painter: QPainter, row: QRectF, name: str, least: int, most: int, is_text: bool) -> None:
        painter.setFont(self.theme.font(NORMAL, bold=is_text))
        painter.setPen(self.theme.color("text"))
        label = QRectF(0, row.top(), self._left() - GAP_M, row.height())
        text = QFontMetricsF(painter.font()).elidedText(name, Qt.TextElideMode.ElideRight, label.width())
        painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        bar = QRectF(self._left(), row.top() + GAP_S, max(2.0, self._x(most) - self._left()), row.height() - 2 * GAP_S)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent" if is_text else "sunken"))
        painter.drawRoundedRect(bar, 3, 3)
        if not is_text:
            certain = QRectF(bar.left(), bar.top(), max(2.0, self._x(least) - bar.left()), bar.height())
            painter.setBrush(self.theme.color("cut"))
            painter.drawRoundedRect(certain, 3, 3)
            filled = QRectF(bar.left(), bar.bottom() - 4, min(self._x(self.tokens), self._x(most)) - bar.left(), 4)
            painter.fillRect(filled, self.theme.color("accent"))
        words = number(self.tokens) if is_text else self._words(least, most)
        painter.setFont(self.theme.font(SMALL))
        inside = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2 * GAP_M < bar.width()
        painter.setPen(self.theme.color("on_accent" if is_text and inside else "text"))
        place = (
            bar.adjusted(GAP_M, 0, 0, 0)
            if inside
            else QRectF(bar.right() + GAP_M, bar.top(), row.width(), bar.height())
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_scale(self, painter: QPainter, y: float) -> None:
        painter.setFont(self.theme.font(SMALL - 1))
        height = QFontMetricsF(painter.font()).height()
        for power in range(0, 7):
            x = self._x(10**power)
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(round(x), 0, round(x), round(y))
            painter.setPen(self.theme.color("muted"))
            box = QRectF(x - 40, y + GAP_S, 80, height) if power < 6 else QRectF(x - 80, y + GAP_S, 80, height)
            side = Qt.AlignmentFlag.AlignHCenter if power < 6 else Qt.AlignmentFlag.AlignRight
            painter.drawText(box, side, number(10**power))
        foot = QRectF(self._left(), y + height + GAP_S, self.width() - self._left(), height)
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, t("pane.tokens.ruler.axis"))
