"""Context windows drawn to one scale: a square is 100 tokens, of the text, of the open model and of others."""

from dataclasses import dataclass
from math import ceil, sqrt

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.i18n import number, percent, t
from gui.layout import stack
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL
from gui.themed import Themed
from gui.widgets.labelled_slider import LabelledSlider
from gui.widgets.painted import Painted

SQUARE = 100  # tokens
NOVEL = 120_000  # tokens of some 90,000 English words
# Names and tokens of texts as long as …; the first is the user's own.
LENGTHS = (
    ("own", 0),
    ("tweet", 60),
    ("mail", 300),
    ("article", 1500),
    ("story", 8000),
    ("thesis", 40_000),
    ("novel", NOVEL),
    ("epic", 780_000),
)
# Context windows as their makers stated them, with the year of publication.
KNOWN = (
    ("GPT-2", 2019, 1024),
    ("GPT-3", 2020, 2048),
    ("GPT-4", 2023, 8192),
    ("Claude 3", 2024, 200_000),
    ("GPT-4.1", 2025, 1_047_576),
)
BIG = 40  # size of the figure, in pixels at zoom 1


@dataclass(frozen=True, slots=True)
class Block:
    """A number of tokens drawn as squares."""

    name: str
    note: str  # the year, or what it is
    tokens: int
    is_own: bool = False  # whether it is the open model's window


class ContextPage(Themed, QWidget):
    changed = Signal()  # another length was chosen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_tokens = 0
        self.model: tuple[str, int] | None = None
        self.picture = ContextPicture()
        self.length = LabelledSlider(range(len(LENGTHS)), self._length_words)
        self.length.changing.connect(self._show)
        stack(self, self.picture, self.length, spacing=GAP_M).setStretch(0, 1)
        self.retranslate()

    @property
    def tokens(self) -> int:
        """The tokens of the text whose length is chosen."""
        return LENGTHS[int(self.length.value)][1] or self._own_tokens

    def set_text(self, tokens: int, model: tuple[str, int] | None) -> None:
        """Set the tokens of the user's text, and the open model's name and context."""
        self._own_tokens, self.model = tokens, model
        self._show()

    def set_length(self, place: int) -> None:
        """Choose a length by its place in LENGTHS."""
        self.length.set_value(place)
        self._show()

    def blocks(self) -> list[Block]:
        """Return the windows, and a novel, in the order of their size."""
        own = [Block(self.model[0], t("pane.tokens.context.open"), self.model[1], is_own=True)] if self.model else []
        novel = Block(t("pane.tokens.context.novel"), t("pane.tokens.context.book"), NOVEL)
        known = [Block(name, str(year), tokens) for name, year, tokens in KNOWN]
        return sorted([*own, novel, *known], key=lambda block: (block.tokens, not block.is_own))

    def retranslate(self) -> None:
        self.length.set_label(t("pane.tokens.context.length"), t("pane.tokens.context.length_tip"))
        self.picture.setAccessibleName(t("pane.tokens.view.context"))
        self._show()

    def _length_words(self, place: float) -> str:
        name, tokens = LENGTHS[int(place)]
        return t(
            "pane.tokens.context.text", name=t(f"pane.tokens.context.{name}"), tokens=number(tokens or self._own_tokens)
        )

    def _show(self) -> None:
        self.length.set_label(self.length.name.text())
        context = self.model[1] if self.model else 0
        self.picture.set_blocks(self.blocks(), self.tokens, context)
        self.changed.emit()


class ContextPicture(Painted):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self.tokens = self.context = 0

    def set_blocks(self, blocks: list[Block], tokens: int, context: int) -> None:
        """Show these blocks, filled by a text of this many tokens, and the open model's context."""
        self.blocks, self.tokens, self.context = blocks, tokens, context
        self.setAccessibleDescription("; ".join(map(self._words, blocks)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(400), self.theme.px(260))

    def _words(self, block: Block) -> str:
        return t(
            "pane.tokens.context.words",
            name=block.name,
            note=block.note,
            tokens=number(block.tokens),
            fill=_fill(self.tokens, block.tokens),
        )

    # --- Geometry --------------------------------------------------------------------------------

    def _left(self) -> float:
        """Return the width of the left part: the figure, and one square enlarged."""
        return min(self.width() * 0.25, float(self.theme.px(250)))

    def _labels(self, block: Block) -> tuple[str, str, str]:
        return block.name, block.note, number(block.tokens)

    def _label_width(self, block: Block) -> float:
        bold, plain = (QFontMetricsF(self.theme.font(NORMAL, bold=strong)) for strong in (True, False))
        name, *others = self._labels(block)
        return (
            min(max(bold.horizontalAdvance(name), *map(plain.horizontalAdvance, others)), 1.0 * self.theme.px(130))
            + GAP_M
        )

    def shown(self) -> list[Block]:
        """Return the blocks whose labels have room; the smallest of other models are left out first."""
        blocks, room = list(self.blocks), 0.85 * (self.width() - self._left() - GAP_L)
        while sum(map(self._label_width, blocks)) > room:
            others = [block for block in blocks[:-1] if not block.is_own]
            if not others:
                break
            blocks.remove(others[0])
        return blocks

    def places(self) -> tuple[float, list[QRectF]]:
        """Return the side of a square in pixels, and the column of each block with its label."""
        width = self.width() - self._left() - GAP_L
        foot = 3 * 1.3 * self.theme.px(NORMAL) + GAP_M
        height = max(10.0, self.height() - foot - 1.3 * self.theme.px(NORMAL))
        blocks = self.shown()
        sides = [columns_of(block.tokens) for block in blocks]
        side = height / max((_rows_of(block.tokens) for block in blocks), default=1)
        labels = [self._label_width(block) for block in blocks]
        while side > 0.5 and sum(max(label, n * side + GAP_M) for label, n in zip(labels, sides, strict=True)) > width:
            side *= 0.97
        x, found = self._left() + GAP_L, []
        for label, n in zip(labels, sides, strict=True):
            column = max(label, n * side + GAP_M)
            found.append(QRectF(x, 0, column, self.height()))
            x += column
        return side, found

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_figure(painter)
        side, columns = self.places()
        for block, column in zip(self.shown(), columns, strict=True):
            self._paint_block(painter, block, column, side)

    def _paint_block(self, painter: QPainter, block: Block, column: QRectF, side: float) -> None:
        line = 1.3 * self.theme.px(NORMAL)
        base = self.height() - 3 * line - GAP_M
        squares, filled = block.tokens / SQUARE, min(self.tokens, block.tokens) / SQUARE
        self._paint_squares(painter, column.left(), base, side, columns_of(block.tokens), squares, "cut")
        self._paint_squares(painter, column.left(), base, side, columns_of(block.tokens), filled, "accent")
        for row, words in enumerate(self._labels(block)):
            painter.setFont(self.theme.font(NORMAL, bold=row == 0))
            painter.setPen(self.theme.color("accent" if block.is_own and not row else "text" if row != 1 else "muted"))
            box = QRectF(column.left(), base + GAP_M + row * line, column.width(), line)
            words = QFontMetricsF(painter.font()).elidedText(
                words, Qt.TextElideMode.ElideMiddle, column.width() - GAP_S
            )
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, words)
        top = base - ceil(squares / columns_of(block.tokens)) * side
        painter.setPen(self.theme.color("accent"))
        painter.setFont(self.theme.font(NORMAL, bold=True))
        place = QRectF(column.left(), top - line - 2, column.width(), line)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, _fill(self.tokens, block.tokens))

    def _paint_squares(
        self, painter: QPainter, left: float, base: float, side: float, columns: int, count: float, color: str
    ) -> None:
        """Paint rows of squares upwards from `base`; the last one is a part of a square."""
        gap = 1.0 if side >= 4 else 0.0
        rows, rest = divmod(count, columns)
        brush = self.theme.color(color)
        if not gap:
            painter.fillRect(QRectF(left, base - rows * side, columns * side, rows * side), brush)
            painter.fillRect(QRectF(left, base - (rows + 1) * side, rest * side, side), brush)
            self._paint_lines(painter, QRectF(left, base - (rows + 1) * side, columns * side, (rows + 1) * side), side)
            return
        for row in range(ceil(count / columns)):
            inside = min(float(columns), count - row * columns)
            for place in range(ceil(inside)):
                part = min(1.0, inside - place)
                box = QRectF(left + place * side, base - (row + 1) * side, part * side - gap * (part == 1), side - gap)
                painter.fillRect(box, brush)

    def _paint_lines(self, painter: QPainter, block: QRectF, side: float) -> None:
        """Divide a block whose squares are too small into blocks of 10 × 10 squares, from its lower left corner."""
        painter.setPen(QPen(self.theme.color("surface"), 1))
        for line in range(1, ceil(block.width() / (10 * side))):
            x = block.left() + line * 10 * side
            painter.drawLine(QPointF(x, block.top()), QPointF(x, block.bottom()))
        for line in range(1, ceil(block.height() / (10 * side))):
            y = block.bottom() - line * 10 * side
            painter.drawLine(QPointF(block.left(), y), QPointF(block.right(), y))

    def _paint_figure(self, painter: QPainter) -> None:
        """Paint how much of the model's context is used, and one square with a dot for each of its tokens."""
        width, big = self._left(), self.theme.px(BIG)
        used = t("pane.tokens.context.of", tokens=number(self.tokens), context=number(self.context))
        font = self.theme.font(BIG, bold=True)
        while QFontMetricsF(font).horizontalAdvance(used) > width and font.pixelSize() > 10:
            font.setPixelSize(font.pixelSize() - 1)
        painter.setFont(font)
        painter.setPen(self.theme.color("bad" if self.tokens > self.context else "accent"))
        painter.drawText(QRectF(0, 0, width, 1.3 * big), Qt.AlignmentFlag.AlignVCenter, used)
        painter.setFont(self.theme.font(NORMAL))
        painter.setPen(self.theme.color("text"))
        wraps = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft
        under = QRectF(0, 1.3 * big, width, 3 * 1.4 * self.theme.px(NORMAL))
        painter.drawText(under, wraps, t(f"pane.tokens.context.{'more' if self.tokens > self.context else 'used'}"))
        room = self.height() - under.bottom() - 2 * 1.4 * self.theme.px(NORMAL) - GAP_M
        side = min(width, room)
        if side < self.theme.px(60):
            return
        square = QRectF(0, under.bottom(), side, side)
        painter.fillRect(square, self.theme.color("sunken"))
        dot = side / 10
        for place in range(SQUARE):
            y, x = divmod(place, 10)
            box = QRectF(square.left() + x * dot, square.top() + y * dot, dot, dot).adjusted(2, 2, -2, -2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("accent" if place < self.tokens else "cut"))
            painter.drawEllipse(box)
        painter.setPen(self.theme.color("muted"))
        foot = QRectF(0, square.bottom() + GAP_S, width, 2 * 1.4 * self.theme.px(NORMAL))
        painter.drawText(foot, wraps, t("pane.tokens.context.square"))

    def describe_at(self, point: QPoint) -> str:
        _, columns = self.places()
        found = (block for block, column in zip(self.shown(), columns, strict=True) if column.contains(point))
        block = next(found, None)
        return self._words(block) if block else ""


def columns_of(tokens: int) -> int:
    """Return how many squares are in a row of a block."""
    return max(1, ceil(sqrt(tokens / SQUARE)))


def _rows_of(tokens: int) -> int:
    return ceil(tokens / SQUARE / columns_of(tokens))


def _fill(tokens: int, window: int) -> str:
    """Return how much of a window a text fills, such as "20 %", or how often it does, such as "× 12"."""
    share = tokens / max(1, window)
    if share > 1:
        return f"× {number(share, 1 if share < 10 else 0)}"
    return percent(share)
