"""What the picture of the machine is painted with: its type, its words, its colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from engine.messages.map import ForwardTrace
from gui.colormaps import diverging_image, image_of
from gui.panes.map.machine_plan import HIGH_ROW, Part, Plan
from gui.theme import NORMAL, SMALL, Theme


@dataclass(frozen=True)
class View:
    """What is shown, and what of it is selected."""

    trace: ForwardTrace
    prompt: str
    written: str  # by the model, behind the prompt
    written_tokens: int
    token: int | None  # row of the trace
    layer: int
    lit: str  # the station that the walk has reached
    focus: Part | None  # by keyboard

    @property
    def row(self) -> int:
        """The token that is looked at: the selected one, or the last."""
        return len(self.trace.pieces) - 1 if self.token is None else self.token


class Canvas:
    """Made for one paint event."""

    def __init__(self, painter: QPainter, theme: Theme, plan: Plan, view: View) -> None:
        self.painter, self.theme, self.plan, self.view, self.trace = painter, theme, plan, view, view.trace
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def font(self, size: int = NORMAL, bold: bool = False) -> QFont:
        """A size of the theme, larger where the whole picture is larger."""
        return self.theme.font(round(size * self.plan.unit / self.theme.zoom), bold)

    def _words(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag, size: int = NORMAL) -> None:
        self.painter.setFont(self.font(size))
        self._draw_words(box, words, color, align)

    def _draw_words(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag) -> None:
        """In the painter's font; what does not fit is cut with an ellipsis."""
        metrics = QFontMetricsF(self.painter.font())
        self.painter.setPen(self.theme.color(color))
        self.painter.drawText(box, align, metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width() + 1))

    def _fitting(self, box: QRectF, words: str, color: str, align: Qt.AlignmentFlag, size: int, bold: bool) -> None:
        """In this size, or in a smaller one that fits."""
        sizes = range(size, SMALL - 3, -1)
        fonts = (self.font(size, bold) for size in sizes)
        fits = (f for f in fonts if QFontMetricsF(f).horizontalAdvance(words) <= box.width())
        self.painter.setFont(next(fits, self.font(sizes[-1], bold)))
        self._draw_words(box, words, color, align)

    def _outline(self, box: QRectF, width: float, radius: float = 6) -> None:
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(self.theme.color("accent"), width))
        self.painter.drawRoundedRect(box, radius, radius)

    def _fill(self, box: QRectF, color: QColor, radius: float = 3) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(color)
        self.painter.drawRoundedRect(box, radius, radius)

    def _image(self, values: NDArray[np.floating], largest: float) -> QImage:
        """Numbers around zero, [rows, columns], in the colours of the legend."""
        pixels = np.ascontiguousarray(diverging_image(np.atleast_2d(values) / max(largest, 1e-12)))
        height, width = pixels.shape[:2]
        return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()

    def _size(self, row_height: float) -> int:
        """The type that fits a row: seen from the back of a hall where there is room for it."""
        return NORMAL + 4 if row_height >= HIGH_ROW * self.plan.unit else NORMAL


def spread(values: NDArray[np.floating]) -> float:
    """What gets the full colour: the 98th percentile of the magnitudes, so that one giant dims not all the others."""
    ordered = np.sort(np.abs(values), axis=None)
    return float(ordered[int(0.98 * (len(ordered) - 1))]) or float(ordered[-1])


def ramp() -> QImage:
    """0 to 100 per cent as the pictures of attention have it: by the root, so that weak traces show."""
    pixels = image_of(np.sqrt(np.linspace(0, 1, 64)))
    return QImage(pixels.tobytes(), 64, 1, 192, QImage.Format.Format_RGB888).copy()
