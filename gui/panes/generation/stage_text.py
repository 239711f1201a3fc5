"""The text on the stage: as large as its room allows, and smaller as it grows."""

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent

from gui.theme import GAP_S, HUGE, LARGE, NORMAL
from gui.widgets.coloured_text import ColouredText, Span

SIZES = (60, 44, 36, HUGE, 24, LARGE, 17, NORMAL)  # pixels at zoom 1, the largest first
MEASURED = 200  # characters, at most, of a text whose lines are measured
FILLED = 0.85  # of a line, where words are kept whole


class StageText(ColouredText):
    def __init__(self, sizes: tuple[int, ...] = SIZES) -> None:
        super().__init__(sizes[0])
        self._sizes = sizes

    def set_spans(self, spans: list[Span], current: int | None = None) -> None:
        self._choose_size("".join(span.shown or span.text for span in spans))
        super().set_spans(spans, current)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.set_spans(self.page.spans, self.page.current)

    def place_of(self, index: int) -> QRectF | None:
        """Return the box of a span in this widget, None if it is not on screen."""
        boxes = self.page.boxes_of(index)
        if not boxes:
            return None
        widest = max(boxes, key=QRectF.width)  # a space may be on the line before
        return QRectF(QPointF(self.page.mapTo(self, widest.topLeft().toPoint())), widest.size())

    def is_large_in(self, height: float) -> bool:
        """Return whether the text fits into this height, in pixels, in one of the two largest sizes."""
        text = "".join(span.shown or span.text for span in self.page.spans)
        return self._fits(text, self._sizes[1], height)

    def _choose_size(self, text: str) -> None:
        """Choose the largest size at which the text fits without scrolling; the lines are estimated."""
        self.size_of_type = next(
            filter(lambda size: self._fits(text, size, self.viewport().height()), self._sizes), self._sizes[-1]
        )

    def _fits(self, text: str, size: int, height: float) -> bool:
        metrics = QFontMetricsF(self.page.theme.font(size))
        width = FILLED * max(1, self.viewport().width())
        if len(text) * metrics.averageCharWidth() * metrics.height() > 4 * width * height:
            return False  # far too long, and not worth measuring
        return self._lines(text, metrics, width) * round(metrics.height() + 3 * GAP_S) <= height

    def _lines(self, text: str, metrics: QFontMetricsF, width: float) -> int:
        """Return the number of lines of a text; those of a long one are estimated, which is quicker."""
        if len(text) > MEASURED:
            return sum(max(1, math.ceil(metrics.horizontalAdvance(line) / width)) for line in text.split("\n"))
        room, wrap = QRectF(0, 0, width, 1e6), Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere
        whole = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap.value, text)
        if whole.width() > width:  # a word is wider than a line
            whole = metrics.boundingRect(room, wrap.value, text)
        return max(1, round(whole.height() / metrics.lineSpacing()))
