"""The geometry of the map: the box of each part, used for painting and for the mouse."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF

STATIONS: tuple[str, ...] = ("text", "tokens", "ids", "vectors", "layers", "norm", "logits", "probabilities", "draw")
PER_TOKEN = ("tokens", "ids", "vectors")  # stations with a row for each token
IN_THREE = (("text", "tokens", "ids", "vectors"), ("layers",), ("norm", "logits", "probabilities", "draw"))

# Least legible widths in pixels at zoom 1, and shares of the remaining width.
LEAST = {
    "text": 96, "tokens": 78, "ids": 46, "vectors": 70, "layers": 170,
    "norm": 40, "logits": 72, "probabilities": 150, "draw": 84,
}  # fmt: skip
SHARE = {
    "text": 8, "tokens": 5, "ids": 1, "vectors": 22, "layers": 90,
    "norm": 1, "logits": 6, "probabilities": 32, "draw": 6,
}  # fmt: skip
DROPPED = (
    "norm",
    "ids",
    "text",
    "logits",
    "draw",
    "vectors",
)  # stations that are left out first, in this order, where there is no room
GAP, CAPTION, LOOP, PAD = 24, 26, 30, 8  # pixels between stations, above each, below all, inside each
LOW, LOWEST = 230, 120  # heights below which these distances are smaller, and the arrow back is left out
ROW_HEIGHT, HIGH_ROW, TALLEST_ROW = 19, 36, 60  # pixels of a token or candidate; from HIGH_ROW with larger type
LABEL, LEGEND = 21, 42  # heights inside the layers
HEAD = 34  # height above the candidates for what their two bars are


class Part(NamedTuple):
    """A part that can be pointed at: a station, or the attention or MLP of one layer."""

    name: str
    layer: int = 0


@dataclass(frozen=True)
class Cell:
    """The boxes of one layer."""

    card: QRectF
    label: QRectF  # empty where there is no room
    attention: QRectF
    mlp: QRectF


@dataclass(frozen=True)
class Plan:
    unit: float  # scale: pixels for one pixel of the constants above
    width: float
    rows: tuple[tuple[str, ...], ...]  # the stations that are shown
    boxes: dict[str, QRectF]
    caption: float  # height above each box
    pad: float  # inside each box
    tokens: int  # number of tokens in the trace
    first_token: int  # the first one that is shown
    token_height: float
    cells: tuple[Cell, ...]
    legend: QRectF  # empty where there is no room
    loop: float  # y of the arrow back
    loop_room: float  # its height; 0 where it is left out
    head: float  # height above the candidates; 0 where there is no room

    @property
    def stations(self) -> tuple[str, ...]:
        return tuple(name for row in self.rows for name in row)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts in the order of the forward pass; a layer has two, its attention and its MLP."""
        inner = [Part(name, i) for i in range(len(self.cells)) for name in ("attention", "mlp")]
        return tuple(part for name in self.stations for part in (inner if name == "layers" else [Part(name)]))

    def box(self, part: Part) -> QRectF:
        if part.name == "attention":
            return self.cells[part.layer].attention
        return self.cells[part.layer].mlp if part.name == "mlp" else self.boxes[part.name]

    def inner(self, station: str) -> QRectF:
        """Return a station's box without its padding."""
        return self.boxes[station].adjusted(self.pad, self.pad, -self.pad, -self.pad)

    def token_row(self, station: str, index: int) -> QRectF:
        """Return the row of traced token `index` in a station."""
        inner = self.inner(station)
        top = inner.center().y() - (self.tokens - self.first_token) * self.token_height / 2
        return QRectF(
            inner.left(), top + (index - self.first_token) * self.token_height, inner.width(), self.token_height
        )

    def candidate_rows(self, candidates: int) -> int:
        """Return the number of candidates that there is room for."""
        room = self.inner("probabilities").height() - self.head
        return max(1, min(candidates, int(room / (ROW_HEIGHT * self.unit))))

    def candidate_row(self, place: int, rows: int) -> QRectF:
        inner = self.inner("probabilities").adjusted(0, self.head, 0, 0)
        height = min(inner.height() / rows, TALLEST_ROW * self.unit)
        top = inner.center().y() - rows * height / 2
        return QRectF(inner.left(), top + place * height, inner.width(), height)

    def part_at(self, point: QPointF) -> Part | None:
        for index, cell in enumerate(self.cells):
            if cell.mlp.contains(point):
                return Part("mlp", index)
            if cell.card.contains(point):
                return Part("attention", index)
        for name, box in self.boxes.items():
            if name != "layers" and box.adjusted(0, -self.caption, 0, 0).contains(point):
                return Part(name)
        return None

    def token_at(self, station: str, point: QPointF) -> int | None:
        found = (i for i in range(self.first_token, self.tokens) if self.token_row(station, i).contains(point))
        return next(found, None)


def plan_for(width: float, height: float, zoom: float, tokens: int, layers: int) -> Plan:
    """Return the plan for a size: one row of stations, or three if it is narrow, and fewer where it is small."""
    unit = zoom * min(1.6, max(1.0, min(width / 1350, height / 600) / zoom))
    fewest = tuple(name for name in STATIONS if name not in DROPPED)
    unit = min(unit, unit * width / _least(fewest, unit))  # smaller type rather than a part outside the picture
    everything = _least(STATIONS, unit)
    three = width < everything and height > 3 * 170 * unit and width > max(_least(row, unit) for row in IN_THREE)
    rows = IN_THREE if three else (_that_fit(width, unit),)
    low = height < LOW * unit
    caption, pad = (CAPTION - 6 if low else CAPTION) * unit, (PAD / 2 if low else PAD) * unit
    loop = 0.0 if height < LOWEST * unit else (LOOP / 2 if low else LOOP) * unit
    margin = GAP * unit if len(rows) > 1 else 1.0  # space for the arrow back at the left
    each = (height - loop) / len(rows)
    boxes: dict[str, QRectF] = {}
    for number, row in enumerate(rows):
        below = GAP * unit if number < len(rows) - 1 else 2
        boxes |= _in_line(
            row, QRectF(margin, number * each + caption, width - margin - 2, each - caption - below), unit
        )
    room = boxes["tokens"].height() - 2 * pad
    shown = max(1, min(tokens, int(room / (ROW_HEIGHT * unit))))
    cells, legend = _cells(boxes["layers"], layers, unit, pad)
    return Plan(
        unit=unit,
        width=width,
        rows=rows,
        boxes=boxes,
        caption=caption,
        pad=pad,
        tokens=tokens,
        first_token=max(0, tokens - shown),
        token_height=min(room / shown, TALLEST_ROW * unit),
        cells=cells,
        legend=legend,
        loop=height - loop / 2,
        loop_room=loop,
        head=HEAD * unit if boxes["probabilities"].height() > LOW * unit else 0.0,
    )


def _least(stations: tuple[str, ...], unit: float) -> float:
    return unit * (sum(LEAST[name] for name in stations) + GAP * (len(stations) - 1)) + 4


def _that_fit(width: float, unit: float) -> tuple[str, ...]:
    left = STATIONS
    for name in DROPPED:
        if _least(left, unit) <= width:
            break
        left = tuple(station for station in left if station != name)
    return left


def _in_line(stations: tuple[str, ...], area: QRectF, unit: float) -> dict[str, QRectF]:
    """Give every station its least width and its share of the rest."""
    gap = GAP * unit
    spare = max(0.0, area.width() - _least(stations, unit))
    shares = sum(SHARE[name] for name in stations)
    x, boxes = area.left(), {}
    for name in stations:
        width = LEAST[name] * unit + spare * SHARE[name] / shares
        boxes[name] = QRectF(x, area.top(), width, max(1.0, area.height()))
        x += width + gap
    return boxes


def _cells(box: QRectF, layers: int, unit: float, pad: float) -> tuple[tuple[Cell, ...], QRectF]:
    """Lay the layers out in reading order, in as many rows as make their pictures largest."""
    if not layers:
        return (), QRectF()
    area = box.adjusted(pad, pad, -pad, -pad)
    legend = QRectF()
    if area.height() > 190 * unit and area.width() > 250 * unit:
        area.setHeight(area.height() - LEGEND * unit)
        legend = QRectF(area.left(), area.bottom() + pad / 2, area.width(), LEGEND * unit - pad / 2)
    rows = max(range(1, layers + 1), key=lambda rows: _picture_side(area, math.ceil(layers / rows), rows, unit))
    columns = math.ceil(layers / rows)
    rows = math.ceil(layers / columns)
    side = max(2.0, _picture_side(area, columns, rows, unit))
    gap, label, edge = _inside(area.width() / columns, unit)
    width, height = area.width() / columns, min(area.height() / rows, label + 1.16 * side + 3 * edge + 3.5 * gap)
    top = area.center().y() - rows * height / 2
    cells = []
    for index in range(layers):
        x, y = area.left() + index % columns * width, top + index // columns * height
        cells.append(_cell(QRectF(x, y, width, height), side, unit))
    return tuple(cells), legend


def _inside(width: float, unit: float) -> tuple[float, float, float]:
    """Return, for a cell of this width, the gap between cells, the height of its label and its padding."""
    if width > 96 * unit:
        return 10 * unit, LABEL * unit, 6 * unit
    return min(4 * unit, width * 0.1), 0.0, min(3 * unit, width * 0.06)


def _picture_side(area: QRectF, columns: int, rows: int, unit: float) -> float:
    width, height = area.width() / columns, area.height() / rows
    gap, label, pad = _inside(width, unit)
    return min(width - gap - 2 * pad, (height - gap - label - 3 * pad) / 1.16)


def _cell(room: QRectF, side: float, unit: float) -> Cell:
    """Return the box of the attention pattern and that of the MLP's strip below it, centred."""
    gap, label, pad = _inside(room.width(), unit)
    strip = min(0.16 * side, 30 * unit)
    height = label + side + strip + 3 * pad
    width = min(room.width() - gap, side + 2 * pad)
    card = QRectF(room.center().x() - width / 2, room.center().y() - height / 2, width, height)
    attention = QRectF(card.center().x() - side / 2, card.top() + label + pad, side, side)
    mlp = QRectF(attention.left(), attention.bottom() + pad, side, strip)
    return Cell(
        card, QRectF(attention.left(), card.top() + pad / 2, side, label) if label else QRectF(), attention, mlp
    )
