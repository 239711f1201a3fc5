"""A legend: samples of lines, markers and colours with their names, in as many rows as they need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.colormaps import SHARE_TICKS, color_of, difference_ramp, share_ramp
from gui.i18n import percent
from gui.theme import GAP_L, GAP_S, SMALL, Theme
from gui.widgets.painted import Painted

SAMPLE, STOPS = 24, 8  # pixels of a sample line; stops of the gradient of a colour scale


@dataclass(frozen=True)
class Entry:
    """A name, after a sample if there is one. A name without a sample is muted."""

    text: str
    line: str = ""  # colour
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    marker: str = ""  # colour
    round: bool = True  # whether the marker is round; otherwise it is a diamond
    glyph: str = ""  # a character as the marker, in its colour
    bar: str = ""  # colour
    scale: bool = False  # whether the sample is a colour scale, from low to high


class Legend(Painted):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_entries(self, entries: list[Entry]) -> None:
        if entries != self.entries:
            self.entries = entries
            self.setAccessibleDescription(self.text())
            self.updateGeometry()
            self.update()

    def text(self) -> str:
        return "; ".join(entry.text for entry in self.entries)

    def heightForWidth(self, width: int) -> int:
        return max((place.bottom() + 1 for place, _ in self._places(width)), default=1)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self._metrics().height())

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(self.theme.font(SMALL - 1))

    def _sample_width(self, entry: Entry) -> int:
        """Return the width of the sample before the name."""
        if entry.line or entry.bar or entry.scale:
            return self.theme.px(2 * SAMPLE if entry.scale else SAMPLE)
        return self.theme.px(SAMPLE / 2) if entry.marker else 0

    def _places(self, width: int) -> Iterator[tuple[QRect, Entry]]:
        metrics, corner = self._metrics(), QPoint(0, 0)
        height = metrics.height() + GAP_S
        for entry in self.entries:
            needed = self._sample_width(entry) + GAP_S + metrics.horizontalAdvance(entry.text)
            if corner.x() and corner.x() + needed > width:
                corner = QPoint(0, corner.y() + height)
            yield QRect(corner, QSize(needed, height)), entry
            corner += QPoint(needed + GAP_L, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(SMALL - 1))
        for place, entry in self._places(self.width()):
            sample = self._sample_width(entry)
            middle = QPointF(place.left() + sample / 2, place.center().y())
            if entry.line:
                painter.setPen(QPen(QColor(entry.line), 2, entry.style))
                painter.drawLine(QPointF(place.left(), middle.y()), QPointF(place.left() + sample, middle.y()))
            if entry.bar or entry.scale:
                self._paint_bar(painter, middle, sample, entry)
            if entry.marker:
                self._paint_marker(painter, middle, entry)
            painter.setPen(self.theme.color("text" if sample else "muted"))
            shift = sample + GAP_S if sample else 0
            painter.drawText(place.adjusted(shift, 0, GAP_S, 0), Qt.AlignmentFlag.AlignVCenter, entry.text)
        painter.end()

    def _paint_bar(self, painter: QPainter, middle: QPointF, width: int, entry: Entry) -> None:
        box = QRectF(0, 0, width, self.theme.px(8))
        box.moveCenter(middle)
        colors = QLinearGradient(box.topLeft(), box.topRight())
        for step in range(STOPS + 1):
            colors.setColorAt(step / STOPS, color_of(step / STOPS) if entry.scale else QColor(entry.bar))
        painter.fillRect(box, colors)

    def _paint_marker(self, painter: QPainter, middle: QPointF, entry: Entry) -> None:
        if entry.glyph:
            box = QRectF(0, 0, self.theme.px(SAMPLE), painter.fontMetrics().height())
            box.moveCenter(middle)
            painter.setPen(QColor(entry.marker))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, entry.glyph)
            return
        size = self.theme.px(4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(entry.marker))
        if entry.round:
            painter.drawEllipse(middle, size, size)
        else:
            corners = ((0, -size), (size, 0), (0, size), (-size, 0))
            painter.drawPolygon(QPolygonF([middle + QPointF(x, y) for x, y in corners]))


def share_scale_size(theme: Theme) -> QSizeF:
    """Return the width and height that `paint_share_scale` needs."""
    metrics = QFontMetricsF(theme.font(SMALL))
    widest = metrics.horizontalAdvance(f" {_tick(SHARE_TICKS[1])} ")
    return QSizeF(max(theme.px(180), widest / (SHARE_TICKS[2] ** 0.5 - SHARE_TICKS[1] ** 0.5)), 2 * metrics.height())


def paint_share_scale(painter: QPainter, box: QRectF, theme: Theme) -> None:
    """Paint the colour scale of shares at the top of a box, with its ticks below; they are at their square roots."""
    painter.setFont(theme.font(SMALL))
    metrics = QFontMetricsF(painter.font())
    ends = [metrics.horizontalAdvance(_tick(share)) / 2 for share in (SHARE_TICKS[0], SHARE_TICKS[-1])]
    bar = QRectF(box.left() + ends[0], box.top(), box.width() - sum(ends), theme.px(10))
    painter.drawImage(bar, share_ramp())
    painter.setPen(theme.color("muted"))
    for share in SHARE_TICKS:
        x = bar.left() + share**0.5 * bar.width()
        painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + theme.px(3)))
        words = QRectF(x - bar.width() / 2, bar.bottom() + theme.px(3), bar.width(), metrics.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, _tick(share))


def paint_difference_scale(painter: QPainter, box: QRectF, theme: Theme, ticks: Mapping[float, str]) -> None:
    """Paint the colour scale of differences at the top of a box; `ticks` are the words at places from -1 to 1."""
    painter.setFont(theme.font(SMALL))
    metrics = QFontMetricsF(painter.font())
    edge = max(map(metrics.horizontalAdvance, ticks.values())) / 2
    bar = QRectF(box.left() + edge, box.top(), share_scale_size(theme).width() - 2 * edge, theme.px(10))
    painter.drawImage(bar, difference_ramp())
    painter.setPen(theme.color("muted"))
    for place, words in ticks.items():
        x = bar.center().x() + place * bar.width() / 2
        painter.drawText(
            QRectF(x - edge, bar.bottom() + theme.px(3), 2 * edge, metrics.height()),
            Qt.AlignmentFlag.AlignHCenter,
            words,
        )


def _tick(share: float) -> str:
    return percent(share) if share == SHARE_TICKS[-1] else f"{100 * share:.0f}"
