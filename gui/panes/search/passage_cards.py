"""The passages found for a question, best first, with a line below those that are in the prompt."""

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QTextLayout
from PySide6.QtWidgets import QWidget

from engine.messages.search import SearchHit
from gui.i18n import number, percent, t
from gui.panes.search.retrieval import Retrieval
from gui.panes.search.sources import one_line, place_of, source_color
from gui.text import break_lines
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.painted import PaintedRows

MOST_LINES = 8  # of a passage
BAR = 5  # height of the bar of a score, in pixels at zoom 1


@dataclass(frozen=True)
class Row:
    """A passage, or the line above the passages that are left out for the same reason (`source` is -1)."""

    source: int
    words: str = ""


class PassageCards(PaintedRows):
    """`chosen` is emitted with the rank of a passage, from 0."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.asked = Retrieval()
        self.rows: list[Row] = []

    def set_asked(self, asked: Retrieval) -> None:
        self.asked, self.rows = asked, _rows(asked)
        self.current = min(self.current, max(0, len(asked.hits) - 1))
        words = (f"{n}  {place_of(hit.passage)}  {number(hit.score, 3)}" for n, hit in enumerate(asked.hits, start=1))
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def row_count(self) -> int:
        return len(self.asked.hits)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(260), self.theme.px(200))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(140), round(2 * self._line()))

    # --- Places ----------------------------------------------------------------------------------

    def _line(self) -> float:
        return QFontMetricsF(self.theme.font(NORMAL)).height()

    def _lines(self) -> int:
        """Return how many lines of each passage there is room for."""
        room = self.height() - self._rule() * sum(row.source < 0 for row in self.rows)
        lines = int((room / max(1, len(self.asked.hits)) - self._head() - 2 * GAP_M) / self._line())
        return min(MOST_LINES, max(0, lines))

    def _head(self) -> float:
        """Return the height of a card without the lines of its passage."""
        return self._line() + self.theme.px(BAR) + 3 * GAP_S

    def _rule(self) -> float:
        """Return the height of the line between two groups."""
        return self._line() + GAP_M

    def boxes(self) -> dict[int, QRectF]:
        """Return the box of each row that there is room for, by its index in `rows`."""
        boxes, y, lines = dict[int, QRectF](), 0.0, self._lines()
        for index, row in enumerate(self.rows):
            height, gap = self._rule(), 0
            if row.source >= 0:
                text = self._text(row.source, lines) if lines else None
                height, gap = self._head() + (text.lineCount() * self._line() + GAP_S if text else 0), GAP_M
            if y + height > self.height() + 1:
                break
            boxes[index] = QRectF(0, y, self.width(), height)
            y += height + gap
        return boxes

    def _text(self, source: int, lines: int) -> QTextLayout:
        """Return a passage on at most this many lines; of a longer one, what begins with the nearest sentence."""
        passage, (start, end) = self.asked.hits[source].passage.text, self.asked.hits[source].best
        before, best, after = (one_line(part) for part in (passage[:start], passage[start:end], passage[end:]))
        width = self.width() - 2 * GAP_M
        text = self._broken(" ".join(filter(None, (before, best, after))), width)
        if text.lineCount() > lines:
            text = self._broken(" ".join(filter(None, ("…" if before else "", best, after))), width)
        if text.lineCount() > lines:
            units = text.text().encode("utf-16-le", "surrogatepass")
            cut = 2 * text.lineAt(lines - 1).textStart()
            shown, last = (part.decode("utf-16-le", "surrogatepass") for part in (units[:cut], units[cut:]))
            text = self._broken(
                shown + QFontMetricsF(text.font()).elidedText(last, Qt.TextElideMode.ElideRight, width), width
            )
        return text

    def _broken(self, words: str, width: float) -> QTextLayout:
        text = QTextLayout(words, self.theme.font(NORMAL))
        break_lines(text, width, self._line())
        return text

    def box_of(self, source: int) -> QRectF | None:
        """Return the box of a passage, or None where there is no room for it."""
        return next((box for index, box in self.boxes().items() if self.rows[index].source == source), None)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lines, boxes = self._lines(), self.boxes()
        if hidden := sum(row.source >= 0 for row in self.rows[len(boxes) :]):
            painter.setFont(self.theme.font(SMALL))
            painter.setPen(self.theme.color("muted"))
            corner = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
            painter.drawText(QRectF(self.rect()), corner, f"+ {hidden}")
        for index, box in boxes.items():
            row = self.rows[index]
            if row.source < 0:
                self._paint_rule(painter, box, row.words)
            else:
                self._paint_card(painter, box, row.source, lines)

    def _paint_rule(self, painter: QPainter, box: QRectF, words: str) -> None:
        painter.setPen(QPen(self.theme.color("warning"), 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(box.topLeft(), box.topRight())
        painter.setPen(self.theme.color("warning"))
        painter.setFont(self.theme.font(NORMAL))
        shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)

    def _paint_card(self, painter: QPainter, box: QRectF, source: int, lines: int) -> None:
        hit, is_out = self.asked.hits[source], self.asked.fate(source) in ("far", "count", "room")
        color, words = source_color(self.theme, source), self.theme.color("muted" if is_out else "text")
        ground = QColor(color)
        ground.setAlphaF(0.0 if is_out else 0.14)
        painter.fillRect(box, ground)
        if source == self.current and self.hasFocus():
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.drawRect(box.adjusted(1, 1, -1, -1))
        inner = box.adjusted(GAP_M, GAP_S, -GAP_M, 0)
        head = QRectF(inner.left(), inner.top(), inner.width(), self._line())
        self._paint_head(painter, head, source, words, self.theme.color("faint") if is_out else color)
        bar = QRectF(head.left(), head.bottom() + GAP_S, head.width(), self.theme.px(BAR))
        painter.fillRect(bar, self.theme.color("grid"))
        best = self.asked.hits[0].score
        bar.setWidth(max(1.0, bar.width() * min(1.0, hit.score / best if best > 0 else 0.0)))
        painter.fillRect(bar, self.theme.color("faint") if is_out else color)
        if lines:
            painter.setPen(words)
            self._text(source, lines).draw(painter, QPointF(inner.left(), bar.bottom() + GAP_S))

    def _paint_head(self, painter: QPainter, box: QRectF, source: int, words: QColor, color: QColor) -> None:
        """Paint number, place and score of a passage."""
        hit, side = self.asked.hits[source], box.height() * 0.92
        badge = QRectF(box.left(), box.center().y() - side / 2, side, side)
        painter.fillRect(badge, color)
        painter.setFont(self.theme.font(SMALL, bold=True))
        painter.setPen(self.theme.color("surface"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(source + 1))
        painter.setFont(self.theme.font(NORMAL))
        metrics, score = QFontMetricsF(painter.font()), number(hit.score, 3)
        painter.setPen(words)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, score)
        place = box.adjusted(side + GAP_M, 0, -metrics.horizontalAdvance(score) - GAP_M, 0)
        name = metrics.elidedText(place_of(hit.passage), Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)

    # --- Mouse -----------------------------------------------------------------------------------

    def _source_at(self, point: QPoint) -> int:
        boxes = self.boxes().items()
        return next((self.rows[index].source for index, box in boxes if box.contains(point.toPointF())), -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self.choose(self._source_at(event.position().toPoint()))

    def describe_at(self, point: QPoint) -> str:
        source = self._source_at(point)
        return describe(self.asked, source) if source >= 0 else ""


def _rows(asked: Retrieval) -> list[Row]:
    """Return the passages, with a line in front of each group that is left out for one reason."""
    rows, fates = list[Row](), ["taken", *(asked.fate(source) for source in range(len(asked.hits)))]
    for source, (before, fate) in enumerate(pairwise(fates)):
        if fate in ("far", "count", "room") and fate != before:
            rows.append(Row(-1, reason(asked, fate)))
        rows.append(Row(source))
    return rows


def reason(asked: Retrieval, fate: str) -> str:
    """Return in words why passages are left out."""
    share = asked.sourced.prompt.nearest if asked.sourced.prompt else 0.0
    return t(f"pane.search.left_out.{fate}", percent=percent(share), count=len(asked.taken))


def describe(asked: Retrieval, source: int) -> str:
    """Return place, scores and text of a passage, and why it is not in the prompt."""
    hit, fate = asked.hits[source], asked.fate(source)
    figures = {"score": number(hit.score, 3), "cosine": number(hit.cosine, 4), "keyword": number(hit.keyword, 2)}
    lines = [f"{source + 1}  {place_of(hit.passage)}", t("pane.search.card", **figures)]
    if fate in ("far", "count", "room"):
        lines.append(reason(asked, fate))
    return "\n".join([*lines, hit.passage.text])


def sentence_of(hit: SearchHit) -> str:
    """Return the sentence of a passage that is nearest to the question, or its beginning if none is near."""
    start, end = hit.best
    return one_line(hit.passage.text[start:end] if end > start else hit.passage.text)
