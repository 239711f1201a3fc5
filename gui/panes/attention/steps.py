"""The four steps from one query to its attention weights and the head's output, with all numbers."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from engine.messages.attention import AttentionSteps
from gui.colormaps import diverging_image
from gui.i18n import number, percent, t
from gui.text import visible
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

Floats = NDArray[np.floating]
MOST_KEYS = 200  # greatest number of rows: the last keys of a long text


class AttentionStepsView(Painted):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.steps: AttentionSteps | None = None
        self.head = 0
        self.pieces: tuple[str, ...] = ()  # of the keys that are shown
        self._strips: list[tuple[QRectF, str, Floats]] = []  # boxes of numbers, for tooltips

    def set_data(self, steps: AttentionSteps, head: int, pieces: tuple[str, ...]) -> None:
        """Show the steps of a head; of `pieces`, those of all tokens, the ones up to the query are shown."""
        self.steps, self.head = steps, head
        self.first = max(0, steps.query + 1 - MOST_KEYS)
        self.pieces = pieces[self.first : steps.query + 1]
        self._make_room()
        query = visible(self.pieces[-1]) if self.pieces else ""
        self.setAccessibleDescription(t("pane.attention.steps.query", piece=query, head=head + 1))
        self.update()

    def _make_room(self) -> None:
        if self.steps is not None:
            self.setMinimumHeight(round(self._table_top() + (len(self.pieces) + 3) * self._row()))

    def restyle(self) -> None:
        self._make_room()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(360))

    # --- The numbers of this head ----------------------------------------------------------------

    def _of_head(self) -> dict[str, Floats]:
        steps = self.steps
        assert steps is not None
        group = self.head * len(steps.k) // len(steps.q)
        shown = slice(self.first, None)
        return {
            "k": steps.k[group, shown],
            "v": steps.v[group, shown],
            "raw": steps.k[group, shown] @ steps.q[self.head],
            "scaled": steps.scaled[self.head, shown],
            "weight": steps.weights[self.head, shown],
        }

    # --- Painting --------------------------------------------------------------------------------

    def _row(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height() + GAP_S

    def _table_top(self) -> float:
        return 5.4 * self._row() + GAP_L

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.steps is None or not self.pieces:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._strips = []
        numbers = self._of_head()
        self._paint_projections(painter, numbers)
        self._paint_table(painter, numbers, event.rect().top(), event.rect().bottom())

    def _paint_projections(self, painter: QPainter, numbers: dict[str, Floats]) -> None:
        """Paint step 1: the query token's input to the layer and its projections q, k and v."""
        steps = self.steps
        assert steps is not None
        piece, row = visible(self.pieces[-1]), self._row()
        self._title(painter, 0.0, "1", t("pane.attention.steps.project", piece=piece))
        lines = (
            ("x", steps.input),
            ("q = x · W_Q", steps.q[self.head]),
            ("k = x · W_K", numbers["k"][-1]),
            ("v = x · W_V", numbers["v"][-1]),
        )
        label = self.theme.px(104)
        for index, (name, values) in enumerate(lines):
            top = row * (1.1 + index)
            box = QRectF(0, top, label, row)
            self._text(painter, box, name, "text", Qt.AlignmentFlag.AlignLeft)
            width = (self.width() - label) * (1.0 if index == 0 else 0.62)
            self._strip(painter, QRectF(label, top + GAP_S, width, row - GAP_M), name, values)

    def _columns(self) -> dict[str, tuple[float, float]]:
        """Return the left edge and the width of each column of the table."""
        shares = {"piece": 0.16, "k": 0.2, "raw": 0.11, "scaled": 0.11, "weight": 0.22, "v": 0.2}
        left, found = 0.0, {}
        for name, share in shares.items():
            found[name] = (left, share * self.width() - GAP_M)
            left += share * self.width()
        return found

    def _paint_table(self, painter: QPainter, numbers: dict[str, Floats], top: int, bottom: int) -> None:
        """Paint steps 2 to 4, a row a key: q·k; scale and softmax; the weighted sum of the values."""
        assert self.steps is not None
        columns, row, begin = self._columns(), self._row(), self._table_top()
        for name, place, across in (
            ("k", "2", ("k", "raw")),
            ("scaled", "3", ("scaled", "weight")),
            ("v", "4", ("v",)),
        ):
            room = sum(columns[column][1] for column in across)
            self._title(painter, begin, place, t(f"pane.attention.steps.{name}"), columns[name][0], room)
        heads = {"raw": "q · k", "scaled": scaling(self.steps), "weight": "softmax"}
        for name, words in heads.items():
            left, width = columns[name]
            self._text(painter, QRectF(left, begin + row, width, row), words, "muted")
        first = begin + 2 * row
        for index, piece in enumerate(self.pieces):
            y = first + index * row
            if y + row < top or y > bottom:
                continue
            box = {name: QRectF(left, y, width, row) for name, (left, width) in columns.items()}
            chosen = index == len(self.pieces) - 1
            self._text(
                painter, box["piece"], visible(piece), "accent" if chosen else "text", Qt.AlignmentFlag.AlignLeft
            )
            self._strip(painter, _thin(box["k"]), f"k  {visible(piece)}", numbers["k"][index])
            self._text(painter, box["raw"], number(numbers["raw"][index], 2), "text")
            self._text(painter, box["scaled"], number(numbers["scaled"][index], 2), "text")
            self._share(painter, box["weight"], float(numbers["weight"][index]))
            self._strip(painter, _thin(box["v"]), f"v  {visible(piece)}", numbers["v"][index])
        self._paint_sum(painter, first + len(self.pieces) * row, columns["v"])

    def _paint_sum(self, painter: QPainter, y: float, column: tuple[float, float]) -> None:
        assert self.steps is not None
        left, width = column
        painter.setPen(self.theme.color("muted"))
        painter.drawLine(round(left), round(y + 1), round(left + width), round(y + 1))
        box = QRectF(left, y + 2, width, self._row())
        self._strip(painter, _thin(box), t("pane.attention.steps.sum"), self.steps.heads[self.head])
        words = QRectF(0, y + 2, left - GAP_M, self._row())
        self._text(painter, words, t("pane.attention.steps.sum"), "text", Qt.AlignmentFlag.AlignRight)

    def _share(self, painter: QPainter, box: QRectF, share: float) -> None:
        room = self.theme.px(58)  # for the percentage
        bar = QRectF(box.left() + room, box.top() + GAP_S, max(1.0, (box.width() - room) * share), box.height() - GAP_M)
        painter.fillRect(bar, self.theme.color("accent"))
        self._text(painter, QRectF(box.left(), box.top(), room - GAP_S, box.height()), percent(share, 1), "text")

    def _strip(self, painter: QPainter, box: QRectF, name: str, values: Floats) -> None:
        """Paint numbers as cells: red above zero, blue below, white at zero."""
        most = float(np.abs(values).max()) or 1.0
        pixels = diverging_image(values[None] / most)
        image = QImage(pixels.tobytes(), len(values), 1, 3 * len(values), QImage.Format.Format_RGB888)
        painter.drawImage(box, image)
        self._strips.append((box, name, values))

    def _title(
        self, painter: QPainter, y: float, number: str, words: str, left: float = 0.0, width: float = 0.0
    ) -> None:
        row = self._row()
        disc = QRectF(left, y + 1, row - 2, row - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("accent"))
        painter.drawEllipse(disc)
        painter.setFont(self.theme.font(SMALL, bold=True))
        painter.setPen(self.theme.color("on_accent"))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, number)
        room = (width or self.width()) - row - GAP_S
        box = QRectF(left + row + GAP_S, y, room, row)
        self._text(painter, box, words, "text", Qt.AlignmentFlag.AlignLeft, bold=True)

    def _text(
        self,
        painter: QPainter,
        box: QRectF,
        words: str,
        color: str,
        side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignRight,
        bold: bool = False,
    ) -> None:
        painter.setFont(self.theme.font(SMALL, bold=bold))
        painter.setPen(self.theme.color(color))
        text = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, text)

    # --- Description -----------------------------------------------------------------------------

    def describe_at(self, point: QPoint) -> str:
        for box, name, values in self._strips:
            if box.contains(point):
                index = min(int((point.x() - box.left()) / box.width() * len(values)), len(values) - 1)
                return f"{name} [{index + 1}] = {number(values[index], 4)}"
        return ""


def _thin(box: QRectF) -> QRectF:
    return box.adjusted(0, GAP_S, 0, -GAP_S)


def scaling(steps: AttentionSteps) -> str:
    """Return the formula from q·k to the scaled score: Gemma has a scale of its own, and Gemma 2 a soft cap too."""
    divided = f"÷ √{steps.scale**-2:.4g}" if steps.scale else "÷ √d_k"
    return f"{divided}, ± {steps.cap:g}" if steps.cap else divided
