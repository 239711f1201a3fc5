"""One text cut by several tokenizers, a row each: the same character is at the same place in every row."""

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from engine.messages.tokens import TOKENIZERS, TokenizerColumn
from gui.i18n import number, t
from gui.panes.tokens.tints import tint
from gui.text import SIGNS
from gui.theme import GAP_L, GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL
from gui.widgets.painted import PaintedRows, Policy
from gui.widgets.token_groups import groups_of

MOST_SPREAD = 2.5  # of the characters of a short text, so that cuts between them are seen
LEAST_ROW, MOST_ROW = 24, 40  # the height of a row, in pixels at zoom 1
SIZES = (HUGE, 24, LARGE, 17, NORMAL)  # of type: the largest in which the whole text and a row's height fit


class Rulers(PaintedRows):
    """The signal `chosen` has the index of a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.own = ""  # the name of the open model
        self.columns: dict[str, TokenizerColumn] = {}  # of the present text
        self.names: list[str] = ["model"]  # of the rows; those of tokenizers that have not answered yet are empty
        self._groups: dict[str, list[list[int]]] = {}  # of the tokens of each row
        self.shown = "model"
        self.lit: tuple[int, int] | None = None  # the characters of the selected token
        self._size = NORMAL
        self._lefts: list[float] = [0.0]  # of the characters, before scrolling
        self._centred: list[float] = []  # where the characters are drawn, before scrolling
        self._scroll = 0.0

    def row_count(self) -> int:
        return len(self.names)

    def clear(self, own: str) -> None:
        """Begin with another text or another open model, whose name is `own`."""
        self.own, self.columns, self.lit, self._scroll = own, {}, None, 0.0
        self._lay_out()

    def add(self, column: TokenizerColumn) -> None:
        """Show how one more tokenizer cuts the text."""
        self.columns[column.name], self._groups[column.name] = column, groups_of(column.tokens)
        if column.name not in self.names:
            self.names = [name for name in TOKENIZERS if name in {*self.names, column.name}]
            self.updateGeometry()
        self.setAccessibleDescription("; ".join(self.words(name) for name in self.names if name in self.columns))
        self._lay_out()

    def settle(self) -> None:
        """Leave out the tokenizers that have not answered, because all that there are have."""
        self.names = [name for name in self.names if name in self.columns] or ["model"]
        self.updateGeometry()
        self._lay_out()

    def show_chosen(self, name: str) -> None:
        """Mark the tokenizer whose tokens are shown."""
        self.shown = name
        self.current = self.names.index(name) if name in self.names else 0
        self.update()

    def set_lit(self, span: tuple[int, int] | None) -> None:
        """Mark the characters of a token in every row, and scroll to them."""
        self.lit = span
        if span is not None and span[1] < len(self._lefts):
            left, right, room = self._lefts[span[0]], self._lefts[span[1]], self._track().width()
            self._scroll = min(max(self._scroll, right + GAP_L - room), max(0.0, left - GAP_L))
        self._clamp()

    def name_of(self, name: str) -> str:
        """Return the name of a tokenizer as it is shown."""
        return self.own if name == "model" else t(f"pane.tokens.tokenizers.{name}")

    def words(self, name: str) -> str:
        """Return a row in words."""
        column = self.columns[name]
        return t(
            "pane.tokens.rulers.words",
            name=self.name_of(name),
            count=column.count,
            ratio=number(column.characters / max(1, column.count), 2),
            vocabulary=number(column.vocabulary),
            english=number(column.english),
            japanese=number(column.japanese),
        )

    # --- Geometry --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.heights()[0])

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(160), self.heights()[0])

    def heights(self) -> tuple[int, int]:
        """Return the least and the greatest height that the rows can use, in pixels."""
        count = len(self.names) + 1
        return count * self.theme.px(LEAST_ROW), count * self.theme.px(MOST_ROW)

    def _row(self) -> int:
        """Return the height of a row; the first one has the headings."""
        return max(self.theme.px(LEAST_ROW), self.height() // (len(self.names) + 1))

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    def resizeEvent(self, event: object) -> None:
        self._lay_out()

    def _name_width(self) -> float:
        metrics = QFontMetricsF(self.theme.font(NORMAL, bold=True))
        widest = max(metrics.horizontalAdvance(self.name_of(name)) for name in self.names)
        return min(self.width() * 0.3, widest + 2 * GAP_L)

    def _track(self) -> QRectF:
        """Return the place of the text in the first row."""
        height, left = self._row(), self._name_width()
        return QRectF(left, height, max(1.0, self.width() - left - self.theme.px(72)), height)

    def _lay_out(self) -> None:
        """Place the characters in the largest type in which all are seen."""
        room, text = self._track().width(), self._cut_text()
        fitting = [size for size in SIZES if 1.2 * self.theme.px(size) <= self._row()] or SIZES[-1:]
        for self._size in fitting:
            advances = self._advances(text)
            self._lefts = [0.0, *accumulate(max(4.0, advances[character]) for character in text)]
            if self._lefts[-1] <= room:
                break
        spread = max(1.0, min(MOST_SPREAD, room / max(1.0, self._lefts[-1])))
        self._lefts = [left * spread for left in self._lefts]
        self._centred = [
            (left + right - advances[character]) / 2
            for character, (left, right) in zip(text, pairwise(self._lefts), strict=True)
        ]
        self._clamp()

    def _fonts(self) -> tuple[QFont, QFont]:
        """Return the fonts of characters and of the signs of white space."""
        return self.theme.font(self._size), self.theme.font(self._size // 2)

    def _advances(self, text: str) -> dict[str, float]:
        """Return the width of each character of the text."""
        plain, small = map(QFontMetricsF, self._fonts())
        return {c: (small if c in SIGNS else plain).horizontalAdvance(_sign(c)) for c in set(text)}

    def _cut_text(self) -> str:
        """Return the beginning of the text, whose tokens every column has."""
        return next((column.tokens.text for column in self.columns.values()), "")

    def _clamp(self) -> None:
        self._scroll = max(0.0, min(self._scroll, self._lefts[-1] - self._track().width()))
        self.update()

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track, height = self._track(), self._row()
        painter.setFont(self.theme.font(SMALL))
        painter.setPen(self.theme.color("muted"))
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(GAP_M, 0, track.left(), height), middle, t("pane.tokens.rulers.tokenizer"))
        painter.drawText(QRectF(0, 0, self.width() - GAP_M, height), middle | right, t("pane.tokens.rulers.tokens"))
        for row, name in enumerate(self.names):
            self._paint_row(painter, track.translated(0, row * height), row, name)

    def _paint_row(self, painter: QPainter, track: QRectF, row: int, name: str) -> None:
        whole = QRectF(0, track.top(), self.width(), track.height())
        is_shown, column = name == self.shown, self.columns.get(name)
        if is_shown:
            painter.fillRect(whole, self.theme.color("accent_soft"))
            painter.fillRect(QRectF(0, whole.top(), 3, whole.height()), self.theme.color("accent"))
        if self.hasFocus() and row == self.current:
            painter.setPen(self.theme.color("accent"))
            painter.drawRect(whole.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setFont(self.theme.font(NORMAL, bold=is_shown))
        painter.setPen(self.theme.color("text"))
        words, middle = self.name_of(name), Qt.AlignmentFlag.AlignVCenter
        left = QRectF(GAP_M, track.top(), track.left() - 2 * GAP_M, track.height())
        words = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, left.width())
        painter.drawText(left, middle, words)
        if column is None:
            return
        painter.drawText(whole.adjusted(0, 0, -GAP_M, 0), middle | Qt.AlignmentFlag.AlignRight, number(column.count))
        painter.save()
        painter.setClipRect(track)
        self._paint_cuts(painter, track, column)
        painter.restore()

    def _paint_cuts(self, painter: QPainter, track: QRectF, column: TokenizerColumn) -> None:
        """Paint the tokens of a row, with a gap at each cut; several tokens of the same characters share their box."""
        inner = track.adjusted(0, 2, 0, -2)
        origin = track.left() - self._scroll
        for group in self._groups[column.name]:
            first, last = int(column.tokens.starts[group[0]]), int(column.tokens.ends[group[-1]])
            left, width = origin + self._lefts[first], self._lefts[last] - self._lefts[first]
            if left > track.right():
                break
            if left + width < track.left():
                continue
            for part, index in enumerate(group):
                box = QRectF(left + part * width / len(group), inner.top(), width / len(group), inner.height())
                painter.fillRect(box.adjusted(0, 0, -1.0 if width > GAP_S else 0.0, 0), tint(self.theme, index))
        self._paint_characters(painter, track, origin)

    def _paint_characters(self, painter: QPainter, track: QRectF, origin: float) -> None:
        text, (plain, small) = self._cut_text(), self._fonts()
        baseline = track.center().y() + QFontMetricsF(plain).capHeight() / 2
        begin = max(0, bisect_right(self._lefts, self._scroll) - 1)
        end = min(len(text), bisect_left(self._lefts, self._scroll + track.width()))
        first, last = self.lit or (0, 0)
        lit = [place for place in range(begin, end) if first <= place < last]
        others = [place for place in range(begin, end) if not first <= place < last]
        signs = [place for place in others if text[place] in SIGNS]
        letters = [place for place in others if text[place] not in SIGNS]
        for places, font, color in ((lit, plain, "accent"), (signs, small, "muted"), (letters, plain, "text")):
            painter.setFont(font)
            painter.setPen(self.theme.color(color))
            for place in places:
                painter.drawText(QPointF(origin + self._centred[place], baseline), _sign(text[place]))

    # --- Mouse -----------------------------------------------------------------------------------

    def _row_at(self, y: float) -> int:
        return int(y // self._row()) - 1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if 0 <= row < len(self.names) and self.names[row] in self.columns:
            self.choose(row)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._lefts[-1] <= self._track().width():
            event.ignore()
            return
        delta = QPointF(event.angleDelta())
        self._scroll -= delta.x() or delta.y()
        self._clamp()

    def describe_at(self, point: QPoint) -> str:
        row = self._row_at(point.y())
        found = 0 <= row < len(self.names) and self.names[row] in self.columns
        return self.words(self.names[row]) if found else ""


def _sign(character: str) -> str:
    """Return a character as it is shown: white space as a sign."""
    return SIGNS.get(character, character)
