"""The computation of one row of attention as a film of four pictures, with all numbers."""

from PySide6.QtCore import QEasingCurve, QPoint, QPointF, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QFontMetricsF, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from engine.messages.attention import AttentionSteps
from gui.i18n import number, t
from gui.panes.attention.numbers import Floats, Numbers, numbers_of
from gui.panes.attention.pictures import SERIES, Pictures, part
from gui.text import word
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

PICTURES = ("project", "compare", "weigh", "add")
STEP_MS, PLAY_MS = 600, 3000  # for a picture: to the next one; in the whole film
ROOM_FOR_ALL = 560, 340  # pixels at zoom 1 of width and height below which only one picture is shown
ROOM_FOR_FORMULA = 240  # pixels at zoom 1 of the height
LOWEST_ROW = 22  # pixels at zoom 1
HEADINGS = 2  # rows of a picture that are no keys
# The formula: each symbol, its subscript, and the pictures in which it is lit.
FORMULA = (
    ("softmax", "", {2}), ("(", "", ()), ("q", "", {0, 1}), (" · ", "", {1}), ("k", "", {0, 1}), (" ÷ ", "", {2}),
    ("√d", "k", {2}), (")", "", ()), (" · ", "", {3}), ("v", "", {0, 3}),
)  # fmt: skip


class AttentionFilm(Painted):
    """Four pictures at a moment from 0 to 4; at 4 all are complete. Space plays the next picture."""

    moved = Signal(float)  # the moment
    playing_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.numbers: Numbers | None = None
        self.moment = float(len(PICTURES))
        self._strips: list[tuple[QRectF, str, Floats]] = []  # boxes of numbers, for tooltips
        self._motion = QVariantAnimation(self)
        self._motion.valueChanged.connect(self._set_moment)
        self._motion.stateChanged.connect(lambda state, _: self.playing_changed.emit(self.is_playing))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_data(self, steps: AttentionSteps, head: int, pieces: tuple[str, ...]) -> None:
        """Show the steps of a head; `pieces` are those of all tokens."""
        self.numbers = numbers_of(steps, head, pieces)
        query = word(self.numbers.pieces[-1]) if self.numbers.pieces else ""
        self.setAccessibleDescription(t("pane.attention.film.query", piece=query, head=head + 1))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(300))

    # --- Moving through the film -------------------------------------------------------------------

    @property
    def is_playing(self) -> bool:
        return self._motion.state() == QVariantAnimation.State.Running

    @property
    def current(self) -> int:
        """The picture that is changing, or that is complete last."""
        return max(0, -int(-self.moment // 1) - 1)

    def go_to(self, moment: float) -> None:
        """Show the moment at once, and stop."""
        self._motion.stop()
        self._set_moment(moment)

    def _set_moment(self, moment: float) -> None:
        self.moment = min(max(float(moment), 0.0), float(len(PICTURES)))
        self.moved.emit(self.moment)
        self.update()

    def next(self) -> None:
        """Play the next picture; after the last one, the first."""
        start = 0.0 if self.moment >= len(PICTURES) else self.moment
        self._move(start, float(int(start + 1)), STEP_MS, QEasingCurve.Type.InOutQuad)

    def back(self) -> None:
        """Go back to the beginning of the current picture, or to that of the one before."""
        self.go_to(float(-int(-self.moment // 1) - 1))

    def play_or_pause(self) -> None:
        if self.is_playing:
            self._motion.stop()
        else:
            start = 0.0 if self.moment >= len(PICTURES) else self.moment
            end = float(len(PICTURES))
            self._move(start, end, round((end - start) * PLAY_MS), QEasingCurve.Type.Linear)

    def _move(self, start: float, end: float, milliseconds: int, curve: QEasingCurve.Type) -> None:
        self._motion.stop()
        self._motion.setStartValue(start)
        self._motion.setEndValue(end)
        self._motion.setDuration(milliseconds)
        self._motion.setEasingCurve(curve)
        self._motion.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._motion.stop()

    # --- Painting ------------------------------------------------------------------------------------

    def boxes(self) -> dict[int, QRectF]:
        """Return the box of each picture that is shown: all in a row or in two, or the current one alone."""
        whole = QRectF(0, 0, self.width(), self.height() - self._formula_height())
        width, height = (self.theme.px(length) for length in ROOM_FOR_ALL)
        if self.width() < width or self.height() < height:
            return {self.current: whole}
        columns = len(PICTURES) if self.width() > 3.6 * self.height() else 2
        across = (whole.width() - (columns - 1) * GAP_L) / columns
        down = (whole.height() - (len(PICTURES) // columns - 1) * GAP_L) / (len(PICTURES) // columns)
        return {
            index: QRectF(index % columns * (across + GAP_L), index // columns * (down + GAP_L), across, down)
            for index in range(len(PICTURES))
        }

    def _formula_height(self) -> float:
        """Return the height of the formula; 0 in a small picture, which has none."""
        if self.height() < self.theme.px(ROOM_FOR_FORMULA):
            return 0.0
        return QFontMetricsF(self.theme.font(LARGE)).height() + GAP_M

    def _title_height(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height() + GAP_M

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.numbers is None or not self.numbers.pieces:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pictures, boxes = Pictures(painter, self.theme, self.numbers), self.boxes()
        lowest = min(box.height() for box in boxes.values()) - self._title_height()
        keys = self.numbers.keys_in(max(1, int(lowest / self.theme.px(LOWEST_ROW)) - HEADINGS))
        for index, box in boxes.items():
            moment = part(self.moment, index, index + 1)
            self._paint_title(painter, box, index)
            inner = box.adjusted(0, self._title_height(), 0, 0)
            if moment <= 0 and index != self.current:
                continue
            if index == 0:
                pictures.project(inner, moment)
            else:
                (pictures.compare, pictures.weigh, pictures.add)[index - 1](inner, moment, keys)
        self._strips = pictures.strips
        if self._formula_height():
            self._paint_formula(painter)

    def _is_lit(self, index: int) -> bool:
        return index == self.current and self.moment < len(PICTURES)

    def _paint_title(self, painter: QPainter, box: QRectF, index: int) -> None:
        """Paint a picture's number and title."""
        assert self.numbers is not None
        lit, height = self._is_lit(index), self._title_height() - GAP_S
        disc = QRectF(box.left(), box.top(), height, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent" if lit or self.moment >= len(PICTURES) else "faint"))
        painter.drawEllipse(disc)
        painter.setFont(self.theme.font(NORMAL, bold=True))
        painter.setPen(self.theme.color("on_accent"))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(index + 1))
        painter.setPen(self.theme.color("accent" if lit else "text"))
        words = t(f"pane.attention.film.{PICTURES[index]}", piece=word(self.numbers.pieces[-1]))
        room = QRectF(disc.right() + GAP_M, box.top(), box.right() - disc.right() - GAP_M, height)
        before, subscript, after = words.partition("_k")
        metrics, middle = QFontMetricsF(painter.font()), Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, middle, metrics.elidedText(before, Qt.TextElideMode.ElideRight, room.width()))
        if subscript:
            place = room.adjusted(metrics.horizontalAdvance(before), metrics.height() / 4, 0, metrics.height() / 4)
            painter.drawText(room.adjusted(metrics.horizontalAdvance(before + "k"), 0, 0, 0), middle, after)
            painter.setFont(self.theme.font(SMALL - 2, bold=True))
            painter.drawText(place, middle, "k")

    def _paint_formula(self, painter: QPainter) -> None:
        """Paint the formula at the bottom; the symbols of the current picture are lit."""
        normal, small = self.theme.font(LARGE, bold=True), self.theme.font(NORMAL, bold=True)
        wide, narrow = QFontMetricsF(normal), QFontMetricsF(small)
        widths = [wide.horizontalAdvance(symbol) + narrow.horizontalAdvance(sub) for symbol, sub, _ in FORMULA]
        x, baseline = (self.width() - sum(widths)) / 2, self.height() - wide.descent()
        for (symbol, sub, pictures), width in zip(FORMULA, widths, strict=True):
            lit = any(self._is_lit(index) for index in pictures)
            color = self.theme.color("accent" if lit else "text" if self.moment >= len(PICTURES) else "faint")
            series = SERIES.get(symbol)
            if series is not None and (lit or self.moment >= len(PICTURES)):
                color = self.theme.series_color(series)
            painter.setPen(color)
            painter.setFont(normal)
            painter.drawText(QPointF(x, baseline), symbol)
            painter.setFont(small)
            painter.drawText(QPointF(x + wide.horizontalAdvance(symbol), baseline + narrow.descent()), sub)
            x += width

    # --- Keys, mouse and description -----------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Space | Qt.Key.Key_Right:
                self.next()
            case Qt.Key.Key_Left:
                self.back()
            case Qt.Key.Key_Home:
                self.go_to(0.0)
            case Qt.Key.Key_End:
                self.go_to(float(len(PICTURES)))
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Play the picture that was clicked."""
        self.setFocus()
        index = next((index for index, box in self.boxes().items() if box.contains(event.position())), None)
        if index is not None:
            self._move(float(index), float(index + 1), STEP_MS, QEasingCurve.Type.InOutQuad)

    def describe_at(self, point: QPoint) -> str:
        for box, name, values in reversed(self._strips):
            if box.contains(point):
                index = min(int((point.x() - box.left()) / box.width() * len(values)), len(values) - 1)
                return f"{name} [{index + 1}] = {number(values[index], 4)}"
        return ""
