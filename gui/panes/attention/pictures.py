"""The four pictures of the film of attention; each is painted at a moment from 0, its beginning, to 1, its end."""

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen

from gui.colormaps import diverging_image, spread
from gui.i18n import number, percent, t
from gui.panes.attention.numbers import Floats, Numbers
from gui.panes.attention.sentence import share
from gui.text import word
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL, Theme
from gui.widgets.arrow import paint_arrow

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
SERIES = {"q": 0, "k": 1, "v": 2}  # of the theme's series colours: blue, orange, green
HIGHEST_ROW = 40  # pixels at zoom 1


def part(moment: float, begin: float, end: float) -> float:
    """Return how much of the time from `begin` to `end` has passed, 0 to 1."""
    return min(1.0, max(0.0, (moment - begin) / (end - begin)))


@dataclass(frozen=True)
class Column:
    left: float
    width: float

    def row(self, y: float, height: float) -> QRectF:
        return QRectF(self.left, y, self.width, height)

    def strip(self, y: float, height: float) -> QRectF:
        """Return the box of a strip of numbers in a row."""
        return QRectF(self.left + GAP_S, y + height * 0.14, self.width - GAP_S, height * 0.72)


@dataclass
class Pictures:
    painter: QPainter
    theme: Theme
    numbers: Numbers
    strips: list[tuple[QRectF, str, Floats]] = field(default_factory=list)  # painted numbers, for tooltips

    # --- 1: the query token's vector times three matrices --------------------------------------------

    def project(self, box: QRectF, moment: float) -> None:
        """Paint x at the left, and arrows from it to q, k and v."""
        numbers, row = self.numbers, self._row_height(box, 5)
        x_box = QRectF(box.left(), box.top() + 1.5 * row, box.width() * 0.3, row)
        self._words(x_box.translated(0, -row), f"x  {word(numbers.pieces[-1])}", LEFT)
        self._strip(x_box, "x", numbers.input, spread(numbers.input), "text")
        for index, (name, values) in enumerate((("q", numbers.q), ("k", numbers.k[-1]), ("v", numbers.v[-1]))):
            y, now = box.top() + (0.2 + 1.3 * index) * row, part(moment, index / 3, (index + 1) / 3)
            color = self.theme.series_color(SERIES[name])
            start, end = (
                QPointF(x_box.right() + GAP_S, x_box.center().y()),
                QPointF(box.left() + box.width() * 0.44, y + row / 2),
            )
            tip = start + (end - start) * part(now, 0, 0.5)
            paint_arrow(self.painter, start, tip, color, self.theme.px(6), width=self.theme.px(2))
            label = QRectF(end.x() + GAP_S, y, box.width() * 0.2, row)
            if now >= 0.5:
                self._words(label, f"{name} = x · W", LEFT, color, sub=name.upper(), bold=True)
            strip = QRectF(label.right(), y, box.right() - label.right(), row * 0.8)
            self._strip(strip, name, values, spread(values), name, part(now, 0.5, 1))
        self._legend(QRectF(box.left(), box.top() + 4.1 * row, box.width(), row))

    def _legend(self, box: QRectF) -> None:
        """Paint what the colours of the numbers mean."""
        self.painter.setFont(self.theme.font(SMALL))
        width, middle = float(self.theme.px(90)), box.center().y()
        ramp = QRectF(box.left() + self.theme.px(16), middle - self.theme.px(5), width, self.theme.px(10))
        self._image(ramp, np.linspace(-1, 1, 64), 1.0)
        self._words(QRectF(box.left(), box.top(), self.theme.px(16), box.height()), "−", LEFT, size=SMALL)
        words = f"+  {t('pane.attention.film.signs')}"
        self._words(
            QRectF(ramp.right() + GAP_S, box.top(), box.right() - ramp.right(), box.height()), words, LEFT, size=SMALL
        )

    # --- 2: the query on each key ----------------------------------------------------------------------

    def compare(self, box: QRectF, moment: float, keys: list[int]) -> None:
        """Paint q on each key in turn: their products, and at the right the sum so far."""
        numbers, row = self.numbers, self._row_height(box, len(keys) + 2)
        names, strips, sums = self._columns(box, 0.26, 0.52, 0.22)
        self._words(names.row(box.top(), row), "q", RIGHT, self._color("q"), bold=True)
        self._strip(strips.strip(box.top(), row), "q", numbers.q, spread(numbers.q), "q")
        self._words(sums.row(box.top(), row), "q · k", RIGHT, self._color("muted"))
        largest, width = spread(numbers.k), numbers.k.shape[1]
        for place, key in enumerate(keys):
            y = box.top() + (place + 1) * row
            now = part(moment * len(keys), place, place + 1)
            self._key_name(names.row(y, row), key)
            strip = strips.strip(y, row)
            self._strip(strip, f"k  {word(numbers.pieces[key])}", numbers.k[key], largest, "k")
            done = round(now * width)
            if 0 < now < 1:  # q is on this key
                products = numbers.q * numbers.k[key]
                upper = QRectF(strip.left(), strip.top(), strip.width(), strip.height() / 2)
                self._strip(upper, "q", numbers.q, spread(numbers.q), "q")
                lit = QRectF(strip.left(), strip.top(), strip.width() * done / width, strip.height())
                self._image(lit, products[: max(1, done)], spread(products))
                total = float(products[:done].sum())
                self._words(sums.row(y, row), number(total, 2), RIGHT, self._color("accent"), bold=True)
            elif now == 1:
                self._words(sums.row(y, row), number(float(numbers.raw[key]), 2), RIGHT)
        self._others(box, len(keys) + 1, row, keys)

    # --- 3: scale and softmax --------------------------------------------------------------------------

    def weigh(self, box: QRectF, moment: float, keys: list[int]) -> None:
        """Paint the scores as bars, scaled on the same axis, and their softmax on an axis of 0 to 100 %."""
        numbers, row = self.numbers, self._row_height(box, len(keys) + 2)
        names, *stages = self._columns(box, 0.22, 0.26, 0.26, 0.26)
        for column, words in zip(stages, ("q · k", numbers.scaling, "softmax"), strict=True):
            self._words(column.row(box.top(), row), words, LEFT, self._color("muted"))
        low, high = min(0.0, float(np.nanmin(numbers.raw))), max(0.0, float(np.nanmax(numbers.raw)), 1e-9)
        grown, scaled, shared = part(moment, 0, 1 / 3), part(moment, 1 / 3, 2 / 3), part(moment, 2 / 3, 1)
        for place, key in enumerate(keys):
            y = box.top() + (place + 1) * row
            self._key_name(names.row(y, row), key)
            raw, after = float(numbers.raw[key]), float(numbers.scaled[key])
            boxes = [column.row(y, row) for column in stages]
            self._bar(boxes[0], raw * grown, (low, high), number(raw, 2), "accent")
            if scaled > 0:
                self._bar(boxes[1], raw + scaled * (after - raw), (low, high), number(after, 2), "accent")
            if shared > 0:
                weight = float(numbers.weights[key])
                self._bar(boxes[2], weight * shared, (0.0, 1.0), share(weight), "accent")
        self._axis(stages[2].row(box.top() + (len(keys) + 1) * row, row))
        self._others(box, len(keys) + 1, row, keys)

    def _bar(self, box: QRectF, value: float, axis: tuple[float, float], words: str, color: str) -> None:
        """Paint a number, and at its right a bar from zero on an axis from `axis[0]` to `axis[1]`."""
        room = self._number_room()
        self._words(QRectF(box.left(), box.top(), room - GAP_S, box.height()), words, RIGHT)
        low, high = axis
        left, width = box.left() + room, max(1.0, box.width() - room)
        value = min(max(float(np.nan_to_num(value)), low), high)
        begin, end = sorted(left + (x - low) / (high - low) * width for x in (0.0, value))
        height = box.height() * 0.6
        bar = QRectF(begin, box.center().y() - height / 2, max(1.0, end - begin), height)
        self.painter.fillRect(bar, self._color(color))
        self.painter.setPen(QPen(self._color("cut"), 1))
        zero = left - low / (high - low) * width
        self.painter.drawLine(QPointF(zero, box.top()), QPointF(zero, box.bottom()))

    def _axis(self, box: QRectF) -> None:
        """Paint the axis of the shares below their bars: 0 to 100 %."""
        box = box.adjusted(self._number_room(), 0, 0, 0)
        self.painter.setPen(QPen(self._color("muted"), 1))
        self.painter.drawLine(box.topLeft(), box.topRight())
        self._words(box, "0", LEFT, self._color("muted"), size=SMALL)
        self._words(box, percent(1), RIGHT, self._color("muted"), size=SMALL)

    def _number_room(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).horizontalAdvance("−100.00 ")

    # --- 4: the weighted sum of the values ---------------------------------------------------------------

    def add(self, box: QRectF, moment: float, keys: list[int]) -> None:
        """Paint the values, which shrink to their weights and fall together into the output."""
        numbers, row = self.numbers, self._row_height(box, len(keys) + 2)
        names, shares, strips = self._columns(box, 0.26, 0.18, 0.56)
        largest = spread(numbers.v)
        shrunk, fallen = part(moment, 0, 0.5), part(moment, 0.5, 1)
        hides = len(keys) < len(numbers.weights)
        bottom = box.top() + (len(keys) + (1 if hides else 0.5)) * row
        for place, key in enumerate(keys):
            y, weight = box.top() + place * row, float(np.nan_to_num(numbers.weights[key]))
            self._key_name(names.row(y, row), key)
            self._words(shares.row(y, row), share(weight), RIGHT)
            strip = strips.strip(y, row)
            height = max(1.0, strip.height() * (1 - shrunk * (1 - weight)))
            now = QRectF(strip.left(), strip.center().y() - height / 2, strip.width(), height)
            self._strip(now, f"v  {word(numbers.pieces[key])}", numbers.v[key], largest, "v")
            if 0 < fallen < 1:
                self._image(now.translated(0, (bottom - y) * fallen), numbers.v[key], largest)
        self._others(box, len(keys), row, keys)
        line = bottom - row * 0.1
        self.painter.setPen(QPen(self._color("muted"), 1))
        self.painter.drawLine(QPointF(strips.left, line), QPointF(strips.left + strips.width, line))
        label = t("pane.attention.film.output")
        self._words(QRectF(box.left(), bottom, strips.left - box.left() - GAP_M, row), label, RIGHT, bold=True)
        if fallen > 0:
            self._strip(strips.strip(bottom, row), label, numbers.output, largest, "text", fallen)

    # --- Parts of all ------------------------------------------------------------------------------------

    def _color(self, name: str) -> QColor:
        return self.theme.series_color(SERIES[name]) if name in SERIES else self.theme.color(name)

    def _row_height(self, box: QRectF, rows: int) -> float:
        return min(box.height() / max(1, rows), float(self.theme.px(HIGHEST_ROW)))

    def _columns(self, box: QRectF, *parts: float) -> list[Column]:
        """Return the columns of a picture, as parts of its width."""
        found, left = [], box.left()
        for one in parts:
            found.append(Column(left, one * box.width() - GAP_M))
            left += one * box.width()
        return found

    def _key_name(self, box: QRectF, key: int) -> None:
        chosen = key == len(self.numbers.pieces) - 1
        self._words(
            box, word(self.numbers.pieces[key]), RIGHT, self._color("accent" if chosen else "text"), bold=chosen
        )

    def _others(self, box: QRectF, place: int, row: float, keys: list[int]) -> None:
        """Write how many keys are not shown and what share they have together."""
        others = len(self.numbers.weights) - len(keys)
        if others:
            rest = float(self.numbers.weights.sum() - self.numbers.weights[keys].sum())
            words = t("pane.attention.film.others", count=others, percent=share(max(0.0, rest)))
            at = QRectF(box.left(), box.top() + place * row, box.width() * 0.7, row)
            self._words(at, words, LEFT, self._color("muted"))

    def _strip(self, box: QRectF, name: str, values: Floats, largest: float, color: str, shown: float = 1.0) -> None:
        """Paint numbers as cells: red above zero, blue below, white at zero; `shown` of them from the left."""
        if shown <= 0:
            return
        count = max(1, round(shown * len(values)))
        seen = QRectF(box.left(), box.top(), box.width() * count / len(values), box.height())
        self._image(seen, values[:count], largest)
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(self._color(color), 1.5))
        if box.height() > self.theme.px(6):
            self.painter.drawRect(seen)
        self.painter.fillRect(QRectF(box.left() - GAP_S, box.top(), GAP_S, box.height()), self._color(color))
        if shown >= 1:
            self.strips.append((box, name, values))

    def _image(self, box: QRectF, values: Floats, largest: float) -> None:
        pixels = np.ascontiguousarray(diverging_image(values[None] / max(largest, 1e-12)))
        image = QImage(pixels.data, len(values), 1, 3 * len(values), QImage.Format.Format_RGB888)
        self.painter.drawImage(box, image)

    def _words(
        self,
        box: QRectF,
        words: str,
        side: Qt.AlignmentFlag,
        color: QColor | None = None,
        *,
        size: int = NORMAL,
        bold: bool = False,
        sub: str = "",
    ) -> None:
        """Write words into a box, shortened if they do not fit, with a subscript after them."""
        self.painter.setFont(self.theme.font(size, bold=bold))
        self.painter.setPen(color or self._color("text"))
        metrics = QFontMetricsF(self.painter.font())
        text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        self.painter.drawText(box, side, text)
        if sub:
            after = box.adjusted(metrics.horizontalAdvance(words) + 1, metrics.height() / 3, 0, metrics.height() / 3)
            self.painter.setFont(self.theme.font(size - 4, bold=bold))
            self.painter.drawText(after, side, sub)
