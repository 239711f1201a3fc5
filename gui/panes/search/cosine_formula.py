"""cos θ = A·B / (|A| |B|) with the numbers of a question and a passage, and the largest terms of the product."""

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from engine.messages.search import VectorPair
from gui import layout
from gui.i18n import number, t
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.themed import Themed
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.painted import Painted

STRONGEST = 9  # dimensions shown one by one; the others are summed


class CosineFormula(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pair: VectorPair | None = None
        self._name = ""
        self.title, self.caption = layout.label("title", wraps=True), layout.label("muted", wraps=True)
        self.fraction, self.products, self.open_button = _Fraction(), BarList(0.55), QPushButton()
        parts = (self.title, self.fraction, self.caption, self.products)
        column = layout.stack(self, *parts, 1, spacing=GAP_M)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.retranslate()

    def set_pair(self, pair: VectorPair | None, name: str) -> None:
        """Show the vectors of the question A and of the passage B, called `name`."""
        self.pair, self._name = pair, name
        self.title.setText(
            t("pane.search.cosine.title", passage=name) if pair is not None else t("pane.search.cosine.choose")
        )
        for widget in (self.fraction, self.caption, self.products, self.open_button):
            widget.setVisible(pair is not None)
        if pair is None:
            return
        self.fraction.set_pair(pair)
        self.caption.setText(t("pane.search.cosine.products", width=len(pair.products)))
        self.products.set_bars(product_bars(pair))

    def rows(self) -> list[tuple[object, ...]]:
        """Return dimension, A, B and their product for every dimension."""
        if self.pair is None:
            return []
        columns = (self.pair.question.tolist(), self.pair.passage.tolist(), self.pair.products.tolist())
        return [(place, *numbers) for place, numbers in enumerate(zip(*columns, strict=True), start=1)]

    def retranslate(self) -> None:
        self.open_button.setText(t("pane.search.cosine.open"))
        self.products.setAccessibleName(t("pane.search.cosine.products", width=0))
        self.set_pair(self.pair, self._name)


def product_bars(pair: VectorPair) -> list[Bar]:
    """Return the largest terms of A·B by absolute value, and the sum of the others."""
    strongest = np.argsort(-np.abs(pair.products), kind="stable")[:STRONGEST].tolist()
    bars = [
        Bar(
            f"[{d + 1}]  {number(pair.question[d], 2, signed=True)} × {number(pair.passage[d], 2, signed=True)}",
            float(pair.products[d]),
            number(pair.products[d], 4, signed=True),
        )
        for d in strongest
    ]
    others = len(pair.products) - len(strongest)
    if others:
        rest = pair.dot - float(pair.products[strongest].sum())
        bars.append(Bar(t("pane.search.cosine.others", count=others), rest, number(rest, 4, signed=True)))
    return bars


class _Fraction(Painted):
    """The formula twice: in letters, and in numbers."""

    def __init__(self) -> None:
        super().__init__(down=QSizePolicy.Policy.Fixed)
        self.pair: VectorPair | None = None

    def set_pair(self, pair: VectorPair) -> None:
        self.pair = pair
        self.setAccessibleName("cos θ = A·B / (|A| |B|)")
        self.setAccessibleDescription(" ".join(self._numbers()))
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        return QSize(self.theme.px(280), round(2 * metrics.height() + 3 * GAP_S))

    def _numbers(self) -> tuple[str, str, str]:
        """Return numerator, denominator and result."""
        assert self.pair is not None
        a, b = self.pair.lengths
        return number(self.pair.dot, 4), f"{number(a, 4)} × {number(b, 4)}", f"= {number(self.pair.cosine, 4)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.pair is None:
            return
        painter = QPainter(self)
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        above, below, result = self._numbers()
        parts = (("cos θ =", ""), ("A · B", "|A| |B|"), ("=", ""), (above, below), (result, ""))
        widths = [max(metrics.horizontalAdvance(words) for words in part) for part in parts]
        shrink = min(1.0, self.width() / (sum(widths) + len(parts) * 2 * GAP_M))
        painter.scale(shrink, shrink)
        x = 0.0
        for place, ((upper, lower), width) in enumerate(zip(parts, widths, strict=True)):
            last = place == len(parts) - 1
            painter.setFont(self.theme.font(NORMAL, bold=last))
            painter.setPen(self.theme.color("accent" if last else "text"))
            self._paint_part(painter, QRectF(x, 0, width + GAP_M, self.height()), upper, lower)
            x += width + 2 * GAP_M

    def _paint_part(self, painter: QPainter, box: QRectF, upper: str, lower: str) -> None:
        if not lower:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, upper)
            return
        half = box.height() / 2
        painter.drawText(QRectF(box.left(), 0, box.width(), half), Qt.AlignmentFlag.AlignCenter, upper)
        painter.drawText(QRectF(box.left(), half, box.width(), half), Qt.AlignmentFlag.AlignCenter, lower)
        painter.setPen(QPen(self.theme.color("text"), 1.2))
        painter.drawLine(round(box.left()), round(half), round(box.right()), round(half))
