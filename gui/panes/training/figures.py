"""A row of statistics with their names. It is painted, because labels would lay out the window at each change."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.text import tip
from gui.theme import GAP_M, GAP_S, GAP_XL, LARGE, SMALL
from gui.widgets.painted import Painted

CAPTION = SMALL


class FigureRow(Painted):
    """The statistics that fit, the most important first; the tooltip contains all of them.

    In a tall row each name is above its value, otherwise before it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, across=QSizePolicy.Policy.Ignored, down=QSizePolicy.Policy.Fixed)
        self.tall = False
        self.figures: list[tuple[str, str]] = []
        self._widths: dict[int, int] = {}  # greatest width so far of each figure, so that its neighbours do not move
        self.restyle()

    def set_figures(self, figures: list[tuple[str, str]]) -> None:
        """Show (name, value) pairs."""
        if figures == self.figures:
            return
        self.figures = figures
        words = "\n".join(f"{name}: {figure}" for name, figure in figures)
        self.setToolTip(tip(words))
        self.setAccessibleDescription(words)
        self.update()

    def set_tall(self, tall: bool) -> None:
        if tall != self.tall:
            self.tall = tall
            self.restyle()

    def restyle(self) -> None:
        self._widths.clear()
        super().restyle()

    def sizeHint(self) -> QSize:
        caption, figure = self._metrics()
        height = caption.height() + figure.height() if self.tall else figure.height()
        return QSize(self.theme.px(200), height + GAP_S)

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.sizeHint().height())

    def fitting(self) -> list[tuple[QRect, str, str]]:
        """Return box, name and value of each statistic for which there is room."""
        caption, figure = self._metrics()
        left, placed = 0, []
        for index, (name, value) in enumerate(self.figures):
            before, own = caption.horizontalAdvance(name), figure.horizontalAdvance(value)
            width = max(before, own) if self.tall else before + GAP_S + own
            width = self._widths[index] = max(width, self._widths.get(index, 0))
            if left + width > self.width():
                break
            placed.append((QRect(left, 0, width, self.height()), name, value))
            left += width + (GAP_XL if self.tall else GAP_M + GAP_S)
        return placed

    def _metrics(self) -> tuple[QFontMetrics, QFontMetrics]:
        value = LARGE if self.tall else SMALL
        return QFontMetrics(self.theme.font(CAPTION)), QFontMetrics(self.theme.font(value))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        caption, _ = self._metrics()
        for place, name, value in self.fitting():
            painter.setFont(self.theme.font(CAPTION))
            painter.setPen(self.theme.color("muted"))
            align = Qt.AlignmentFlag.AlignLeft
            painter.drawText(
                place, align | (Qt.AlignmentFlag.AlignTop if self.tall else Qt.AlignmentFlag.AlignVCenter), name
            )
            painter.setFont(self.theme.font(LARGE if self.tall else SMALL))
            painter.setPen(self.theme.color("text"))
            if self.tall:
                painter.drawText(place.adjusted(0, caption.height(), 0, 0), align | Qt.AlignmentFlag.AlignTop, value)
            else:
                shift = caption.horizontalAdvance(name) + GAP_S
                painter.drawText(place.adjusted(shift, 0, 0, 0), align | Qt.AlignmentFlag.AlignVCenter, value)
        painter.end()
