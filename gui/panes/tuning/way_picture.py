"""The way of a model as a strip: a column for each station with its answers, and the ruler of what it has cost."""

from collections.abc import Iterator

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen

from engine.messages.way import Station, StationMeasured
from gui.i18n import number, percent, t
from gui.panes.tuning.way_sentence import WayShown, growth, name_of, short
from gui.text import tip
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, NORMAL
from gui.widgets.card import paint_text
from gui.widgets.painted import Painted, Policy

NARROWEST = 150  # pixels at zoom 1 of a column
RULER = ("kl", "old_loss", "distinct")
BAR = 6  # pixels at zoom 1


class WayPicture(Painted):
    chosen = Signal(str)  # the folder of a model

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.shown: WayShown | None = None
        self.current = 0  # the place in the path that the keyboard is at
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_data(self, shown: WayShown) -> None:
        if self.shown is None or self.shown.opened != shown.opened:
            self.current = shown.place
        self.shown = shown
        self.current = min(self.current, max(0, len(shown.path) - 1))
        self.setAccessibleDescription("\n".join(self.words(place) for place in range(len(shown.path))))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(600), self.theme.px(320))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(120))

    # --- Geometry --------------------------------------------------------------------------------

    @property
    def places(self) -> list[int]:
        """The places in the path for which there is room: the first one, and the last ones."""
        count = len(self.shown.path) if self.shown is not None else 0
        most = max(2, self.width() // self.theme.px(NARROWEST))
        return list(range(count)) if count <= most else [0, *range(count - most + 1, count)]

    def column(self, place: int) -> QRect:
        places, gap = self.places, self.theme.px(GAP_L)
        wide = (self.width() - gap * (len(places) - 1)) // max(1, len(places))
        return QRect(places.index(place) * (wide + gap), 0, wide, self.height())

    @property
    def line(self) -> int:
        """The height of a line of normal type."""
        return QFontMetrics(self.theme.font(NORMAL)).height()

    def head(self, place: int) -> QRect:
        """Return the box of a station."""
        column, large = self.column(place), QFontMetrics(self.theme.font(LARGE, True)).height()
        return QRect(column.left(), 0, column.width(), large + self.line + 2 * self.theme.px(GAP_M))

    def chips(self, place: int) -> list[tuple[QRect, Station]]:
        """Return the boxes of the models that branch off here."""
        if self.shown is None:
            return []
        box, high = self.head(place), self.line + self.theme.px(GAP_S)
        branches = self.shown.branches(place)[-2:]
        return [
            (QRect(box.left(), box.bottom() + GAP_S + index * (high + GAP_S), box.width(), high), station)
            for index, station in enumerate(branches)
        ]

    @property
    def top(self) -> int:
        """Where the answers begin."""
        rows = max((len(self.chips(place)) for place in self.places), default=0)
        high = self.line + self.theme.px(GAP_S) + GAP_S
        return self.head(self.places[0]).bottom() + rows * high + self.theme.px(GAP_M) if self.places else 0

    @property
    def ruler_height(self) -> int:
        high = len(RULER) * (self.line + self.theme.px(BAR + GAP_M)) + self.theme.px(GAP_M)
        return high if self.height() - self.top - high >= 3 * self.line else 0

    def answers(self) -> Iterator[tuple[int, str, QRect]]:
        """Yield the number and words of each prompt for which there is room, and the box of its row."""
        if self.shown is None:
            return
        room = self.height() - self.top - self.ruler_height
        count = min(len(self.shown.prompts), max(1, room // (3 * self.line)))
        for index, prompt in enumerate(self.shown.prompts[:count]):
            high = room // count
            yield index, prompt, QRect(0, self.top + index * high, self.width(), high)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.shown is None or not self.shown.path:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for before, place in zip([None, *self.places], self.places, strict=False):
            self._paint_head(painter, self.shown, place)
            if before is not None:
                self._paint_arrow(painter, before, place)
        for index, prompt, box in self.answers():
            self._paint_answers(painter, self.shown, index, prompt, box)
        if self.ruler_height:
            for place in self.places:
                self._paint_ruler(painter, self.shown, place)

    def _paint_head(self, painter: QPainter, shown: WayShown, place: int) -> None:
        theme, box, station = self.theme, self.head(place), shown.path[place]
        is_open = station.folder == shown.opened
        painter.setPen(QPen(theme.color("accent" if is_open else "border"), theme.px(2 if is_open else 1)))
        painter.setBrush(theme.color("accent_soft" if is_open else "surface"))
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), theme.px(GAP_M), theme.px(GAP_M))
        if self.hasFocus() and place == self.current:
            painter.setPen(QPen(theme.color("accent"), theme.px(1), Qt.PenStyle.DashLine))
            painter.drawRoundedRect(box.adjusted(4, 4, -4, -4), theme.px(GAP_S), theme.px(GAP_S))
        inner = box.adjusted(theme.px(GAP_M), theme.px(GAP_M), -theme.px(GAP_M), -theme.px(GAP_M))
        self._words(painter, inner, name_of(station), LARGE, "text", Qt.AlignmentFlag.AlignTop, bold=True)
        self._words(painter, inner, short(station.folder), NORMAL, "muted", Qt.AlignmentFlag.AlignBottom)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for chip, branch in self.chips(place):
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawRoundedRect(chip, theme.px(GAP_S), theme.px(GAP_S))
            words = f"{name_of(branch)} · {short(branch.folder)}"
            room = chip.adjusted(theme.px(GAP_M), 0, -theme.px(GAP_M), 0)
            self._words(painter, room, words, NORMAL, "muted", Qt.AlignmentFlag.AlignVCenter)

    def _words(
        self,
        painter: QPainter,
        box: QRect,
        words: str,
        size: int,
        color: str,
        where: Qt.AlignmentFlag,
        bold: bool = False,
    ) -> None:
        font = self.theme.font(size, bold)
        painter.setFont(font)
        painter.setPen(self.theme.color(color))
        shown = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, where | Qt.AlignmentFlag.AlignLeft, shown)

    def _paint_arrow(self, painter: QPainter, before: int, place: int) -> None:
        start, end = self.head(before), self.head(place)
        y, tip_of = start.center().y(), QPointF(end.left() - 1, start.center().y())
        painter.setPen(QPen(self.theme.color("muted"), self.theme.px(2)))
        painter.drawLine(QPointF(start.right() + 2, y), tip_of)
        for side in (-1, 1):
            painter.drawLine(tip_of, tip_of + QPointF(-self.theme.px(5), side * self.theme.px(4)))

    def _paint_answers(self, painter: QPainter, shown: WayShown, index: int, prompt: str, box: QRect) -> None:
        line = self.line
        heading = " ".join(prompt.split())
        if not heading.endswith(("?", "？")):
            heading = t("pane.tuning.way.prompt", prompt=heading)
        self._words(
            painter, QRect(0, box.top(), box.width(), line), heading, NORMAL, "accent", Qt.AlignmentFlag.AlignTop
        )
        before = ""
        for place in self.places:
            found = shown.of(place)
            if found is None or index >= len(found.texts):
                continue
            text, column = " ".join(found.texts[index].split()), self.column(place)
            top = box.top() + line + GAP_S
            room = QRect(column.left(), top, column.width(), box.bottom() - self.theme.px(GAP_S) - top)
            paint_text(
                painter, self.theme, room, text or t("pane.tuning.way.nothing"), "muted" if text == before else "text"
            )
            before = text

    def _paint_ruler(self, painter: QPainter, shown: WayShown, place: int) -> None:
        found, column, high = shown.of(place), self.column(place), self.line + self.theme.px(BAR + GAP_M)
        top = self.height() - self.ruler_height + self.theme.px(GAP_M)
        if found is None:
            return
        for index, name in enumerate(RULER):
            value = value_of(found, name)
            if value is None:
                continue
            box = QRect(column.left(), top + index * high, column.width(), self.line)
            self._words(painter, box, self._ruler_words(found, name), NORMAL, "text", Qt.AlignmentFlag.AlignVCenter)
            bar = QRectF(box.left(), box.bottom() + 1, box.width(), self.theme.px(BAR))
            painter.fillRect(bar, self.theme.color("sunken"))
            bar.setWidth(bar.width() * min(1.0, value / self.most(name)))
            painter.fillRect(bar, self.theme.series_color(index))

    def _ruler_words(self, found: StationMeasured, name: str) -> str:
        """Return a measure in words; the loss on old text with its change since the first model."""
        value, first = value_of(found, name) or 0.0, self.shown.of(0) if self.shown is not None else None
        grown = growth(first, found) if name == "old_loss" and first not in (None, found) and first else None
        words = percent(value) if name == "distinct" else number(value, 2)
        if grown is None:
            return t(f"pane.tuning.way.ruler.{name}", value=words)
        sign = "+" if grown >= 0 else "−"
        return t("pane.tuning.way.ruler.change", value=words, change=sign + percent(abs(grown), 1))

    def most(self, name: str) -> float:
        """Return the end of a measure's axis, the same in all columns."""
        if name == "distinct" or self.shown is None:
            return 1.0
        values = [value_of(found, name) or 0.0 for found in self.shown.measured.values()]
        return max(values, default=0.0) or 1.0

    # --- Choosing --------------------------------------------------------------------------------

    def words(self, place: int) -> str:
        """Return what is known of a station, in words."""
        if self.shown is None:
            return ""
        station, found = self.shown.path[place], self.shown.of(place)
        lines = [f"{name_of(station)} · {short(station.folder)}"]
        if found is not None:
            pairs = zip(self.shown.prompts, found.texts, strict=False)
            lines += [f"{prompt} → {' '.join(text.split())}" for prompt, text in pairs]
            lines += [self._ruler_words(found, name) for name in RULER if value_of(found, name) is not None]
        return "\n".join(lines)

    def place_at(self, x: float) -> int | None:
        return next(
            (place for place in self.places if self.column(place).left() <= x <= self.column(place).right()), None
        )

    def folder_at(self, point: QPoint) -> str:
        """Return the folder of the station or branch at a point, or ""."""
        if self.shown is None:
            return ""
        for place in self.places:
            if self.head(place).contains(point):
                return self.shown.path[place].folder
            for box, branch in self.chips(place):
                if box.contains(point):
                    return branch.folder
        return ""

    def describe_at(self, point: QPoint) -> str:
        place = self.place_at(point.x())
        return tip(self.words(place)) if place is not None else ""

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = bool(self.folder_at(event.position().toPoint()))
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        folder = self.folder_at(event.position().toPoint())
        if folder:
            self.chosen.emit(folder)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by Left and Right among the stations that have room, and open the model by Return."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and self.shown is not None:
            beside = [place for place in self.places if (place - self.current) * step > 0]
            self.current = min(beside, key=lambda place: abs(place - self.current), default=self.current)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.shown is not None:
            self.chosen.emit(self.shown.path[self.current].folder)
        else:
            super().keyPressEvent(event)


def value_of(found: StationMeasured, name: str) -> float | None:
    value: float | None = getattr(found, name)
    return value
