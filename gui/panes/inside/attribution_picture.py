"""The text in large type, each token tinted by what it contributes, and the methods below it as rows of colours."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, qGray

from engine.messages.attribution import Method
from gui.i18n import number, percent, t
from gui.panes.inside.attribution_shown import METHODS, Attribution
from gui.panes.inside.patch_picture import effect_color
from gui.text import marked, word
from gui.theme import GAP_L, GAP_M, GAP_S, HUGE, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy
from gui.widgets.token_strip import token_by_key

LARGEST = 2 * HUGE
LIGHT = 140  # luma, 0..255, from which a colour has black type on it
CENTER = Qt.AlignmentFlag.AlignCenter


class AttributionText(Painted):
    """The tokens as words of a text, each with its number below it, and the explained token after them."""

    chosen = Signal(object)  # the token to explain, an index in `pieces`, or None for the end of the text

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.shown: Attribution | None = None
        self.current: int | None = None
        self._boxes: list[QRectF] = []  # of the tokens, and of the explained one
        self._size = NORMAL
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, shown: Attribution | None) -> None:
        self.shown = shown
        self.setAccessibleDescription("; ".join(self.describe(i) for i in range(self._count())))
        self._lay_out()
        self.update()

    def _count(self) -> int:
        return 0 if self.shown is None else len(self.shown.explained.pieces)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(560), self.theme.px(240))

    # --- Geometry --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Choose the largest type in which the text fits, and place the tokens."""
        if self.shown is None:
            self._boxes = []
            return
        for size in range(LARGEST, SMALL - 1, -2):
            self._size, boxes = size, self._placed(size)
            if not boxes or boxes[-1].bottom() <= self.height():
                break
        down = max(0.0, self.height() - boxes[-1].bottom()) / 2 if boxes else 0.0
        self._boxes = [box.translated(0, down) for box in boxes]

    def _placed(self, size: int) -> list[QRectF]:
        metrics, small = QFontMetricsF(self.theme.font(size)), QFontMetricsF(self.theme.font(self._small(size)))
        height = metrics.height() + small.height() + GAP_S
        boxes: list[QRectF] = []
        x = y = 0.0
        target, bold = f" → {self._target()}", QFontMetricsF(self.theme.font(size, bold=True))
        for words in (*self._words(), target):
            wide = (bold if words == target else metrics).horizontalAdvance(words)
            width = max(wide, small.horizontalAdvance("−0.00")) + 2 * GAP_S
            if x and x + width > self.width():
                x, y = 0.0, y + height + GAP_M
            boxes.append(QRectF(x, y, min(width, self.width()), height))
            x += width + 2
        return boxes

    def _small(self, size: int) -> int:
        return max(SMALL, min(NORMAL + 3, size // 2))

    def _words(self) -> list[str]:
        return [] if self.shown is None else [marked(piece) for piece in self.shown.explained.pieces]

    def _target(self) -> str:
        assert self.shown is not None
        return word(self.shown.explained.target)

    def token_at(self, point: QPoint) -> int | None:
        return next((i for i, box in enumerate(self._boxes) if box.contains(point.toPointF())), None)

    def resizeEvent(self, event: object) -> None:
        self._lay_out()

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.shown is None or not self._boxes:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        known = "occlusion" in self.shown.values
        values = self.shown.values["occlusion"] if known else np.zeros(self._count())
        shares = self.shown.shares("occlusion") if known else values
        for index, words in enumerate(self._words()):
            color = effect_color(float(shares[index])) if known else self.theme.color("sunken")
            self._paint_token(painter, self._boxes[index], words, figure(values[index]), color)
        box = self._boxes[-1]
        painter.setFont(self.theme.font(self._size, bold=True))
        painter.setPen(self.theme.color("text"))
        upper, lower = self._halves(box)
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, f" → {self._target()}")
        painter.setFont(self.theme.font(self._small(self._size)))
        painter.setPen(self.theme.color("muted"))
        painter.drawText(lower, CENTER, percent(self.shown.explained.probability, 1))

    def _halves(self, box: QRectF) -> tuple[QRectF, QRectF]:
        height = QFontMetricsF(self.theme.font(self._size)).height()
        return QRectF(box.left(), box.top(), box.width(), height), box.adjusted(0, height, 0, 0)

    def _paint_token(self, painter: QPainter, box: QRectF, words: str, below: str, color: QColor) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor("black" if qGray(color.rgb()) >= LIGHT else "white"))
        upper, lower = self._halves(box)
        painter.setFont(self.theme.font(self._size))
        metrics = QFontMetricsF(painter.font())
        painter.drawText(upper, CENTER, metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width()))
        painter.setFont(self.theme.font(self._small(self._size)))
        painter.drawText(lower, CENTER, below)

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, index: int) -> str:
        """Return what a token contributes by each method."""
        shown = self.shown
        if shown is None:
            return ""
        if index >= self._count():
            return t("pane.inside.attribution.target", word=word(shown.explained.target))
        lines = [
            t("pane.inside.attribution.value", method=method_name(m), nats=number(float(values[index]), 2, signed=True))
            for m, values in shown.values.items()
        ]
        return "\n".join([f"“{marked(shown.explained.pieces[index])}”", *lines])

    def describe_at(self, point: QPoint) -> str:
        index = self.token_at(point)
        return "" if index is None else self.describe(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        index = self.token_at(event.position().toPoint())
        if index is not None and index < self._count():
            self.chosen.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not token_by_key(event.key(), self.current, self._count(), self.chosen.emit):
            super().keyPressEvent(event)


class MethodRows(Painted):
    """A row for each method: a cell for each token, coloured by what it contributes."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.shown: Attribution | None = None
        self.progress = 0.0  # of integrated gradients

    def set_data(self, shown: Attribution | None, progress: float) -> None:
        self.shown, self.progress = shown, progress
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(560), round((len(METHODS) + 1) * self._least() + GAP_M))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.sizeHint().height())

    def _least(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height() + 2 * GAP_S

    def _height(self) -> float:
        return max(self._least(), min(2.5 * self._least(), self.height() / (len(METHODS) + 1)))

    def cell(self, row: int, column: int) -> QRectF:
        """Return the box of a token in a method's row."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left = max(metrics.horizontalAdvance(method_name(method)) for method in METHODS) + GAP_L
        count = max(1, 0 if self.shown is None else len(self.shown.explained.pieces))
        width = max(1.0, min((self.width() - left) / count, self.theme.px(150)))
        return QRectF(left + column * width, (row + 1) * self._height(), width, self._height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown
        if shown is None:
            return
        painter = QPainter(self)
        painter.setFont(self.theme.font(NORMAL))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(self.theme.color("muted"))
        for column, piece in enumerate(shown.explained.pieces):
            box = self.cell(-1, column)
            words = metrics.elidedText(marked(piece), Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, CENTER, words)
        for row, method in enumerate(METHODS):
            self._paint_row(painter, shown, row, method)

    def _paint_row(self, painter: QPainter, shown: Attribution, row: int, method: Method) -> None:
        first = self.cell(row, 0)
        painter.setPen(self.theme.color("text"))
        name = QRectF(0, first.top(), first.left() - GAP_M, first.height())
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, method_name(method))
        if method not in shown.values:
            painter.setPen(self.theme.color("muted"))
            words = t("pane.inside.attribution.long")
            if method != "integrated" or shown.explained.whole:
                words = t("pane.inside.attribution.running", percent=percent(self.progress))
            painter.drawText(first.adjusted(0, 0, self.width(), 0), Qt.AlignmentFlag.AlignVCenter, words)
            return
        metrics, digits = QFontMetricsF(painter.font()), digits_of(shown.values[method])
        for column, (share, value) in enumerate(zip(shown.shares(method), shown.values[method], strict=True)):
            box, color = self.cell(row, column), effect_color(float(share))
            painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), color)
            words = figure(value, digits)
            if metrics.horizontalAdvance(words) + 2 <= box.width():
                painter.setPen(QPen(QColor("black" if qGray(color.rgb()) >= LIGHT else "white")))
                painter.drawText(box, CENTER, words)

    def describe_at(self, point: QPoint) -> str:
        shown = self.shown
        if shown is None:
            return ""
        for row, method in enumerate(METHODS):
            for column, piece in enumerate(shown.explained.pieces):
                if method in shown.values and self.cell(row, column).contains(point.toPointF()):
                    value = number(float(shown.values[method][column]), 2, signed=True)
                    return f"“{marked(piece)}”\n" + t(
                        "pane.inside.attribution.value", method=method_name(method), nats=value
                    )
        return ""


def digits_of(values: NDArray[np.float32]) -> int:
    """Return how many decimals the values of a row are written with: more where all are small."""
    most = float(np.abs(values).max(initial=0.0))
    return 1 if most >= 1 else 2 if most >= 0.1 else 3


def figure(value: float, digits: int = 1) -> str:
    """Return a number of nats with these decimals; "0" if there is nothing else in it."""
    return number(float(value), digits, signed=True) if abs(value) >= 0.5 * 10**-digits else "0"


def method_name(method: Method) -> str:
    return t(f"pane.inside.attribution.method.{method}")
