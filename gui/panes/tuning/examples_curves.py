"""What a run on examples has measured, over its seconds: shares of answers above, losses below."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF

from gui.i18n import number, percent, t
from gui.theme import GAP_M, GAP_S, NORMAL
from gui.tuner import TuningRecord
from gui.widgets.painted import Painted, Policy

SHARES = ("form", "right")
LOSSES = ("answer_loss", "old_loss")
COLORS = {"form": 1, "right": 0, "answer_loss": 3, "old_loss": 2}  # of the theme's series
SHARE_TICKS = (0.0, 0.5, 1.0)
ROUND = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Curves:
    """Points (seconds, value) by name, and the second at which the run will end, or has ended."""

    points: dict[str, tuple[tuple[float, float], ...]]
    end: float

    def last(self, name: str) -> float | None:
        points = self.points.get(name, ())
        return points[-1][1] if points else None

    def first(self, name: str) -> float | None:
        points = self.points.get(name, ())
        return points[0][1] if points else None

    def until(self, seconds: float) -> "Curves":
        """Return what was measured up to this second."""
        found = {name: tuple(point for point in points if point[0] <= seconds) for name, points in self.points.items()}
        return Curves({name: points for name, points in found.items() if points}, self.end)

    def values_at(self, seconds: float) -> dict[str, float]:
        """Return what was measured last up to this second, by name."""
        found = {}
        for name, points in self.points.items():
            before = [value for at, value in points if at <= seconds]
            if before:
                found[name] = before[-1]
        return found


def curves_of(record: TuningRecord) -> Curves:
    """Return what a run has measured. The loss on answers is that on the held-out ones."""
    points = {name: tuple(record.values(name)) for name in (*SHARES, "old_loss")}
    reports = [report for report in record.points if len(report.steps)]
    losses: dict[int, tuple[float, float]] = {}
    if reports:
        steps = np.concatenate([report.steps for report in reports])
        seconds = np.concatenate([report.seconds for report in reports])
        for report in reports:
            places = np.interp(report.validation_steps, steps, seconds)
            for step, at, loss in zip(report.validation_steps, places, report.validation_losses, strict=True):
                losses[int(step)] = float(at), float(loss)
    points["answer_loss"] = tuple(losses[step] for step in sorted(losses))
    points = {name: tuple(point for point in found if np.isfinite(point[1])) for name, found in points.items()}
    last = record.last
    trained = max((found[-1][0] for found in points.values() if found), default=0.0)
    return Curves(
        {name: found for name, found in points.items() if found}, trained + (last.seconds_left if last else 0)
    )


def ticks(most: float, count: int = 4) -> list[float]:
    """Return round values from 0 up to the first that is not below `most`."""
    if most <= 0:
        return [0.0, 1.0]
    power = 10.0 ** np.floor(np.log10(most / count))
    step = next((n * power for n in (*ROUND, 10) if n * power * count >= most), 10 * power)
    return [round(step * n, 10) for n in range(int(np.ceil(most / step - 1e-9)) + 1)]


class CurvePlot(Painted):
    """Two plots with one time axis, and the exact values of a moment as the tooltip."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.curves: Curves | None = None
        self.moment: float | None = None  # the second whose weights the open model has, if it was set back

    def set_curves(self, curves: Curves | None, moment: float | None = None) -> None:
        if (curves, moment) != (self.curves, self.moment):
            self.curves, self.moment = curves, moment
            self.setAccessibleDescription(self._words(self._now()) if curves else "")
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(320))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(140))

    # --- Geometry --------------------------------------------------------------------------------

    def areas(self) -> tuple[QRectF, QRectF]:
        """Return the boxes of the shares and of the losses."""
        metrics = QFontMetricsF(self.theme.font(NORMAL))
        left, title = metrics.horizontalAdvance(percent(1.0)) + GAP_M, 1.4 * metrics.height()
        height = (self.height() - 2 * title - 2.4 * metrics.height() - 2 * GAP_M) / 2
        width = self.width() - left - 2 * GAP_M
        upper = QRectF(left, title, width, height)
        return upper, upper.translated(0, height + title + 2 * GAP_M)

    def place(self, area: QRectF, seconds: float, value: float, most: float) -> QPointF:
        end = self._times()[-1]
        return QPointF(area.left() + area.width() * seconds / end, area.bottom() - area.height() * value / most)

    def _now(self) -> float:
        """Return the second whose values are in the titles."""
        end = self.curves.end if self.curves else 0.0
        return end if self.moment is None else self.moment

    def _times(self) -> list[float]:
        return ticks(self.curves.end if self.curves else 0.0, 5)

    def _losses(self) -> list[float]:
        points = self.curves.points if self.curves else {}
        return ticks(max((value for name in LOSSES for _, value in points.get(name, ())), default=0.0))

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.curves is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(NORMAL))
        upper, lower = self.areas()
        losses = self._losses()
        decimals = 0 if losses[1] >= 1 else 1
        self._paint_axis(painter, upper, list(SHARE_TICKS), percent)
        self._paint_axis(painter, lower, losses, lambda value: number(value, decimals))
        self._paint_times(painter, lower)
        for area, names, most in ((upper, SHARES, 1.0), (lower, LOSSES, losses[-1])):
            self._paint_titles(painter, area, [name for name in names if name in self.curves.points])
            for name in names:
                self._paint_curve(painter, area, name, most)
            if self.moment is not None:
                painter.setPen(QPen(self.theme.color("accent"), self.theme.px(2)))
                painter.drawLine(self.place(area, self.moment, 0, 1), self.place(area, self.moment, 1, 1))

    def _paint_axis(self, painter: QPainter, area: QRectF, marks: list[float], form: object) -> None:
        metrics = QFontMetricsF(painter.font())
        for mark in marks:
            y = area.bottom() - area.height() * mark / marks[-1]
            painter.setPen(self.theme.color("grid"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self.theme.color("muted"))
            box = QRectF(0, y - metrics.height() / 2, area.left() - GAP_M, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, form(mark))  # type: ignore[operator]

    def _paint_times(self, painter: QPainter, area: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        for mark in self._times():
            x = self.place(area, mark, 0, 1).x()
            words = t("pane.tuning.examples.seconds", seconds=number(mark, 0 if mark == round(mark) else 1))
            wide = metrics.horizontalAdvance(words)
            left = min(x - wide / 2, self.width() - wide)
            painter.drawText(QPointF(left, area.bottom() + GAP_S + metrics.ascent()), words)

    def _paint_titles(self, painter: QPainter, area: QRectF, names: list[str]) -> None:
        """Write the name and the last value of each curve above its plot, in its colour."""
        metrics, x = QFontMetricsF(painter.font()), area.left()
        values = self.curves.values_at(self._now()) if self.curves else {}
        for name in names:
            words = self._named(name, values.get(name))
            painter.setPen(self._color(name))
            painter.drawText(QPointF(x, area.top() - metrics.descent() - GAP_S), words)
            x += metrics.horizontalAdvance(words) + 3 * GAP_M

    def _paint_curve(self, painter: QPainter, area: QRectF, name: str, most: float) -> None:
        points = self.curves.points.get(name, ()) if self.curves else ()
        places = [self.place(area, seconds, value, most) for seconds, value in points]
        painter.setPen(QPen(self._color(name), self.theme.px(3)))
        painter.setBrush(self._color(name))
        painter.drawPolyline(QPolygonF(places))
        for place in places:
            painter.drawEllipse(place, self.theme.px(3), self.theme.px(3))

    def _color(self, name: str) -> QColor:
        return self.theme.series_color(COLORS[name])

    # --- In words --------------------------------------------------------------------------------

    def _named(self, name: str, value: float | None) -> str:
        figure = "–" if value is None else percent(value) if name in SHARES else number(value, 2)
        return t(f"pane.tuning.examples.curve.{name}", value=figure)

    def _words(self, seconds: float) -> str:
        values = self.curves.values_at(seconds) if self.curves else {}
        return "\n".join(self._named(name, values[name]) for name in (*SHARES, *LOSSES) if name in values)

    def describe_at(self, point: QPoint) -> str:
        if self.curves is None:
            return ""
        area = self.areas()[0]
        seconds = max(0.0, (point.x() - area.left()) / max(1.0, area.width()) * self._times()[-1])
        words = self._words(seconds)
        return t("pane.tuning.examples.at", seconds=number(seconds, 1)) + "\n" + words if words else ""
