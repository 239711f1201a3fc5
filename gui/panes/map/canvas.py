"""Drawing helpers for the map: text that fits, boxes, vectors as colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from engine.messages.map import ForwardTrace
from gui.colormaps import diverging_image
from gui.panes.map.plan import HIGH_ROW, Part, Plan
from gui.theme import NORMAL, SMALL, Theme


@dataclass(frozen=True)
class View:
    """The content of the map, and what is selected in it."""

    trace: ForwardTrace
    prompt: str
    written: str  # text generated after the prompt
    written_tokens: int
    token: int | None  # its row in the trace
    layer: int
    lit: str  # the station that is highlighted
    focus: Part | None  # the part with the keyboard focus
    changed: frozenset[tuple[int, str]] = frozenset()  # layer and "attention" or "mlp": parts changed in the model

    @property
    def row(self) -> int:
        """The row of the selected token, or of the last."""
        return len(self.trace.pieces) - 1 if self.token is None else self.token


class Canvas:
    """A painter with the map's sizes and colours, for one paint event."""

    def __init__(self, painter: QPainter, theme: Theme, plan: Plan, view: View) -> None:
        self.painter, self.theme, self.plan, self.view, self.trace = painter, theme, plan, view, view.trace
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def font(self, size: int = NORMAL, bold: bool = False) -> QFont:
        """Return a font of the theme, scaled with the picture."""
        return self.theme.font(round(size * self.plan.unit / self.theme.zoom), bold)

    def _words(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag, size: int = NORMAL) -> None:
        self.painter.setFont(self.font(size))
        self._draw_words(box, words, color, align)

    def _draw_words(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag) -> None:
        """Draw text in the painter's font, cut with an ellipsis where it does not fit."""
        metrics = QFontMetricsF(self.painter.font())
        self.painter.setPen(self.theme.color(color))
        self.painter.drawText(box, align, metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width() + 1))

    def _fitting(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag, size: int, bold: bool) -> None:
        """Draw text in this size, or in a smaller one that fits."""
        sizes = range(size, SMALL - 3, -1)
        fonts = (self.font(size, bold) for size in sizes)
        fits = (f for f in fonts if QFontMetricsF(f).horizontalAdvance(words) <= box.width())
        self.painter.setFont(next(fits, self.font(sizes[-1], bold)))
        self._draw_words(box, words, color, align)

    def _outline(self, box: QRectF, width: float, radius: float = 6, color: str = "accent") -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(self.theme.color(color), width))
        self.painter.drawRoundedRect(box, radius, radius)

    def _fill(self, box: QRectF, color: QColor, radius: float = 3) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(color)
        self.painter.drawRoundedRect(box, radius, radius)

    def _image(self, values: NDArray[np.floating], largest: float) -> QImage:
        """Return numbers around zero, [rows, columns], as an image in diverging colours."""
        pixels = np.ascontiguousarray(diverging_image(np.atleast_2d(values) / max(largest, 1e-12)))
        height, width = pixels.shape[:2]
        return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()

    def _size(self, row_height: float) -> int:
        """Return the type size for a row, larger where there is room."""
        return NORMAL + 4 if row_height >= HIGH_ROW * self.plan.unit else NORMAL
