"""The measures of a run of improvement over its seconds: reward and preferred large, what they cost small."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF

from gui.i18n import number, percent, t
from gui.panes.tuning.improve_shown import MEASURES, ImproveShown
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

LARGE_ONES, SMALL_ONES = MEASURES[:2], MEASURES[2:]
COLORS = {"reward": 1, "preferred": 0, "kl": 3, "length": 4, "distinct": 2, "old_loss": 5}  # of the theme's series
SHARES = ("preferred", "distinct")
ROOM_FOR_SMALL = 250  # pixels at zoom 1 of the height


@dataclass(frozen=True)
class Axis:
    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def of(cls, values: list[float], count: int = 3) -> "Axis":
        """Return an axis that includes 0 and the values, with about `count` round ticks."""
        low, high = min([0.0, *values]), max([0.0, *values])
        if high - low < 1e-9:
            return cls(0.0, 1.0, (0.0, 1.0))
        raw = (high - low) / count
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(n * power for n in (1, 2, 5, 10) if n * power >= raw * 0.999)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(round(n * step, 10) for n in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks)


SHARE_AXIS = Axis(0.0, 1.0, (0.0, 0.5, 1.0))


def figure(name: str, value: float) -> str:
    """Return a measure in words, without its name."""
    return percent(value) if name in SHARES else number(value, 0 if name == "length" else 2)


class ImprovePlot(Painted):
    chosen = Signal(int)  # a moment

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.shown = ImproveShown()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, shown: ImproveShown) -> None:
        if shown != self.shown:
            self.shown = shown
            self.setAccessibleDescription("\n".join(self.title(name) for name in MEASURES if shown.points(name)))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(460), self.theme.px(340))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(130))

    # --- Geometry --------------------------------------------------------------------------------

    @property
    def seconds(self) -> Axis:
        return Axis.of([moment.seconds for moment in self.shown.moments], 4)

    def axis(self, name: str) -> Axis:
        if name in SHARES:
            return SHARE_AXIS
        values = [value for _, value in self.shown.points(name)]
        if name == "kl" and self.shown.most_kl is not None:
            values.append(self.shown.most_kl)
        return Axis.of(values, 3 if name == "reward" else 2)

    def _line(self, size: int = NORMAL) -> float:
        return QFontMetricsF(self.theme.font(size)).height()

    @property
    def large(self) -> QRectF:
        """The box of the large plot, whose left axis is the reward and whose right one is the share."""
        side, title = self._tick_width(), self._line(LARGE) + GAP_M
        below = self._line(SMALL) + GAP_S
        height = self.height() * (0.52 if self.has_small else 1.0) - title - below
        return QRectF(side, title, self.width() - 2 * side, max(10.0, height))

    def _tick_width(self) -> float:
        return QFontMetricsF(self.theme.font(SMALL)).horizontalAdvance("100 %") + 2 * GAP_M

    @property
    def has_small(self) -> bool:
        return self.height() >= self.theme.px(ROOM_FOR_SMALL)

    def small(self) -> Iterator[tuple[str, QRectF]]:
        """Yield the name and box of each small plot."""
        if not self.has_small:
            return
        names = [name for name in SMALL_ONES if self.shown.points(name)]
        top, side, gap = self.large.bottom() + self._line(SMALL) + GAP_L, self._tick_width(), float(GAP_L)
        columns = 2
        rows = max(1, math.ceil(len(names) / columns))
        wide, high = (self.width() - gap) / columns, (self.height() - top) / rows
        title = self._line() + GAP_S
        for index, name in enumerate(names):
            x, y = index % columns * (wide + gap), top + index // columns * high
            yield name, QRectF(x + side, y + title, wide - side - GAP_M, max(8.0, high - title - GAP_M))

    def place(self, box: QRectF, axis: Axis, seconds: float, value: float) -> QPointF:
        across = self.seconds
        x = box.left() + box.width() * (seconds - across.low) / (across.high - across.low)
        return QPointF(x, box.bottom() - box.height() * (value - axis.low) / (axis.high - axis.low))

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.shown.moments:
            return
        box = self.large
        self._paint_ticks(painter, box, "reward", left=True)
        self._paint_ticks(painter, box, "preferred", left=False)
        self._paint_seconds(painter, box)
        self._paint_titles(painter, box)
        for name in LARGE_ONES:
            self._paint_curve(painter, box, name)
        self._paint_moment(painter, box)
        for name, place in self.small():
            self._paint_small(painter, place, name)

    def _paint_titles(self, painter: QPainter, box: QRectF) -> None:
        """Write the names of both curves above the plot: the one of the left axis on the left."""
        half, high = self.width() / 2, self._line(LARGE)
        for name, left in zip(LARGE_ONES, (0.0, half), strict=True):
            words, room = self.title(name), half - GAP_M
            size = next(
                (
                    size
                    for size in (LARGE, NORMAL)
                    if QFontMetricsF(self.theme.font(size, True)).horizontalAdvance(words) <= room
                ),
                SMALL,
            )
            painter.setFont(self.theme.font(size, True))
            painter.setPen(self._color(name))
            side = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRectF(left, 0, half, high), side | Qt.AlignmentFlag.AlignVCenter, words)

    def _paint_small(self, painter: QPainter, box: QRectF, name: str) -> None:
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self._color(name))
        title = QRectF(box.left(), box.top() - self._line() - GAP_S, self.width() / 2, self._line())
        room = box.width()
        words = QFontMetricsF(painter.font()).elidedText(self.title(name), Qt.TextElideMode.ElideRight, room)
        painter.drawText(title, Qt.AlignmentFlag.AlignVCenter, words)
        self._paint_ticks(painter, box, name, left=True)
        limit = self.shown.most_kl
        if name == "kl" and limit is not None:
            axis = self.axis(name)
            painter.setPen(QPen(self.theme.color("bad"), self.theme.px(1), Qt.PenStyle.DashLine))
            across = self.seconds
            painter.drawLine(self.place(box, axis, across.low, limit), self.place(box, axis, across.high, limit))
        self._paint_curve(painter, box, name)
        self._paint_moment(painter, box)

    def _paint_ticks(self, painter: QPainter, box: QRectF, name: str, left: bool) -> None:
        axis, high = self.axis(name), self._line(SMALL)
        painter.setFont(self.theme.font(SMALL))
        decimals = 0 if all(tick == round(tick) for tick in axis.ticks) else 1
        form: Callable[[float], str] = percent if name in SHARES else lambda tick: number(tick, decimals)
        lowest = box.bottom() + high
        for tick in axis.ticks:
            y = self.place(box, axis, 0, tick).y()
            if left:
                painter.setPen(self.theme.color("grid"))
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            if lowest - y < high:
                continue
            lowest = y
            painter.setPen(self._color(name) if name in LARGE_ONES else self.theme.color("muted"))
            side = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
            at = box.left() - self._tick_width() if left else box.right() + GAP_M
            room = QRectF(at, y - high / 2, self._tick_width() - GAP_M, high)
            painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter, form(tick))

    def _paint_seconds(self, painter: QPainter, box: QRectF) -> None:
        painter.setFont(self.theme.font(SMALL))
        painter.setPen(self.theme.color("muted"))
        across, high = self.seconds, self._line(SMALL)
        decimals = 0 if all(tick == round(tick) for tick in across.ticks) else 1
        for tick in across.ticks:
            x = self.place(box, SHARE_AXIS, tick, 0).x()
            words = t("pane.tuning.improve.seconds", seconds=number(tick, decimals))
            room = QRectF(x - box.width() / 8, box.bottom() + GAP_S, box.width() / 4, high)
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter, words)

    def _paint_curve(self, painter: QPainter, box: QRectF, name: str) -> None:
        axis, color = self.axis(name), self._color(name)
        places = [self.place(box, axis, *point) for point in self.shown.points(name) if math.isfinite(point[1])]
        painter.setPen(QPen(color, self.theme.px(3 if name in LARGE_ONES else 2)))
        painter.setBrush(color)
        painter.drawPolyline(QPolygonF(places))
        size = self.theme.px(4 if name in LARGE_ONES else 3)
        for place in places:
            painter.drawEllipse(place, size, size)

    def _paint_moment(self, painter: QPainter, box: QRectF) -> None:
        """Mark the moment that is looked at."""
        if self.shown.chosen is not None or self.hasFocus():
            x = self.place(box, SHARE_AXIS, self.shown.moments[self.shown.place].seconds, 0).x()
            painter.setPen(QPen(self.theme.color("accent"), self.theme.px(1)))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))

    def _color(self, name: str) -> QColor:
        return self.theme.series_color(COLORS[name])

    # --- In words --------------------------------------------------------------------------------

    def title(self, name: str) -> str:
        """Return the name of a measure, with its value at the moment that is looked at."""
        value = self.shown.now(name)
        kind = f"{name}_by_reward" if name == "preferred" and not self.shown.judged else name
        return t(f"pane.tuning.improve.measure.{kind}", value="–" if value is None else figure(name, value))

    def words(self, place: int) -> str:
        """Return what was measured at a moment."""
        moment = self.shown.moments[place]
        lines = [t("pane.tuning.improve.at", step=moment.step, seconds=number(moment.seconds, 1))]
        for name in MEASURES:
            if name in moment.values:
                value = figure(name, moment.values[name])
                kind = f"{name}_by_reward" if name == "preferred" and not self.shown.judged else name
                lines.append(t(f"pane.tuning.improve.measure.{kind}", value=value))
        return "\n".join(lines)

    def describe_at(self, point: QPoint) -> str:
        return self.words(self.nearest(point)) if self.shown.moments else ""

    # --- Choosing a moment -----------------------------------------------------------------------

    def nearest(self, point: QPoint) -> int:
        """Return the moment that is nearest to a point in any of the plots."""
        boxes = [self.large, *(box for _, box in self.small())]
        box = min(boxes, key=lambda box: abs(box.center().y() - point.y()) + abs(box.center().x() - point.x()))
        moments = self.shown.moments
        return min(
            range(len(moments)),
            key=lambda index: (abs(self.place(box, SHARE_AXIS, moments[index].seconds, 0).x() - point.x()), -index),
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.shown.moments:
            self.chosen.emit(self.nearest(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Look at another moment by Left, Right, Home and End."""
        last = len(self.shown.moments) - 1
        goal = {
            Qt.Key.Key_Left: self.shown.place - 1,
            Qt.Key.Key_Right: self.shown.place + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }.get(Qt.Key(event.key()))
        if goal is None or last < 0:
            super().keyPressEvent(event)
        else:
            self.chosen.emit(min(max(0, goal), last))
