"""Painting what comes out of the model: the probabilities of the next token, and the draw."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPolygonF

from engine.messages.generation import Candidates
from gui.i18n import number, percent, t
from gui.panes.map.canvas import Canvas
from gui.panes.map.plan import Plan
from gui.text import visible
from gui.theme import GAP_S, NORMAL, SMALL

CENTRE, RIGHT = Qt.AlignmentFlag.AlignCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
MODEL, AFTER = 0, 4  # colours of the model's probabilities and of those after the sampling settings, as in Generation
TWO_LINES = 34  # least height of a row, at unit 1, with both probabilities


class Outcome(Canvas):
    def _paint_probabilities(self) -> None:
        """Paint the candidates with their probabilities on an axis from 0 to 100 %."""
        found, inner = self.trace.candidates, self.plan.inner("probabilities")
        rows = shown_candidates(self.plan, found)
        first = self.plan.candidate_row(0, len(rows))
        both = has_settings(found) and self.plan.head > 0 and first.height() >= TWO_LINES * self.plan.unit
        if both:
            self._paint_heads(QRectF(inner.left(), inner.top(), inner.width(), self.plan.head))
        metrics = QFontMetricsF(self.font(self._size(first.height()), bold=True))
        label = min(max(metrics.horizontalAdvance(visible(found.pieces[i])) for i in rows), inner.width() * 0.4)
        for place, index in enumerate(rows):
            self._paint_candidate(self.plan.candidate_row(place, len(rows)), label, index, both)

    def _paint_heads(self, box: QRectF) -> None:
        """Paint what the two bars of a candidate are."""
        line, side = box.height() / 2, 9 * self.plan.unit
        for place, (key, color) in enumerate((("model", MODEL), ("after", AFTER))):
            row = QRectF(box.left(), box.top() + place * line, box.width(), line)
            self._fill(QRectF(row.left(), row.center().y() - side / 2, side, side), self.theme.series_color(color), 2)
            row.setLeft(row.left() + side + GAP_S)
            self._fitting(row, t(f"pane.map.picture.{key}"), "muted", LEFT, SMALL, False)

    def _paint_candidate(self, row: QRectF, label: float, index: int, both: bool) -> None:
        """Paint a candidate's name, and its probability in the model; with `both`, that after the settings below."""
        found = self.trace.candidates
        drawn, size = index == found.drawn, self._size(row.height())
        name = QRectF(row.left(), row.top(), label, row.height())
        self._fitting(name, visible(found.pieces[index]), "accent" if drawn else "text", RIGHT, size, drawn)
        line = QRectF(name.right() + 6, row.top(), row.width() - label - 6, row.height())
        if not both:
            self._paint_share(line, float(found.probabilities[0, index]), MODEL)
            return
        for place, (stage, color) in enumerate(((0, MODEL), (-1, AFTER))):
            half = QRectF(
                line.left(), row.top() + (0.08 + 0.42 * place) * row.height(), line.width(), 0.42 * row.height()
            )
            self._paint_share(half, float(found.probabilities[stage, index]), color)

    def _paint_share(self, line: QRectF, share: float, color: int) -> None:
        """Paint a probability as a bar on its axis, and in per cent at the right."""
        self.painter.setFont(self.font(SMALL))
        figure = QFontMetricsF(self.painter.font()).horizontalAdvance(percent(1, 1))
        axis = QRectF(
            line.left(), 0, max(4.0, line.width() - figure - 4), min(0.7 * line.height(), 20 * self.plan.unit)
        )
        axis.moveTop(line.center().y() - axis.height() / 2)
        self.painter.fillRect(axis, self.theme.color("sunken"))
        if share > 0:
            bar = QRectF(axis.left(), axis.top(), max(1.5, share * axis.width()), axis.height())
            self.painter.fillRect(bar, self.theme.series_color(color))
        words = percent(share, 1) if share > 0 else "–"
        self._draw_words(QRectF(line.right() - figure, line.top(), figure + 2, line.height()), words, "text", RIGHT)

    def _paint_draw(self) -> None:
        """Paint the cumulative probabilities upright, the random number as an arrow, and the drawn token."""
        found, inner, unit = self.trace.candidates, self.plan.inner("draw"), self.plan.unit
        chip = QRectF(inner.left(), inner.bottom() - 34 * unit, inner.width(), 34 * unit)
        self._fill(chip, self.theme.color("accent"), 6)
        self._fitting(
            chip.adjusted(3, 0, -3, 0), visible(found.pieces[found.drawn]), "on_accent", CENTRE, NORMAL + 4, True
        )
        bar = QRectF(inner.left(), inner.top(), 16 * unit, chip.top() - inner.top() - self.plan.pad)
        if bar.height() < 30 * unit:
            return
        self.painter.fillRect(bar, self.theme.color("cut"))
        y = bar.top()
        for share in sorted((float(p) for p in found.probabilities[-1]), reverse=True):
            height = share * bar.height()
            self.painter.fillRect(
                QRectF(bar.left(), y, bar.width(), max(0.0, height - 1)), self.theme.series_color(AFTER)
            )
            y += height
        hit = QRectF(bar.left(), bar.top() + found.drawn_from * bar.height(), bar.width(), 0)
        hit.setHeight(max(2.0, (found.drawn_to - found.drawn_from) * bar.height()))
        self.painter.fillRect(hit, self.theme.color("accent"))
        if found.sampling.temperature == 0:  # there is no draw: the likeliest token is taken
            words = QRectF(bar.right() + 4, hit.center().y() - 10 * unit, inner.right() - bar.right() - 4, 20 * unit)
            self._words(words, "T = 0", "text", LEFT, SMALL)
            return
        mark, size = bar.top() + found.draw * bar.height(), 6 * unit
        self._fill_triangle(QPointF(bar.right() + 1, mark), size)
        words = QRectF(bar.right() + size + 4, 0, inner.right() - bar.right() - size - 4, 20 * unit)
        words.moveTop(min(max(inner.top(), mark - 10 * unit), bar.bottom() - 20 * unit))
        self._words(words, number(found.draw, 2), "text", LEFT, SMALL)

    def _fill_triangle(self, tip: QPointF, size: float) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(self.theme.color("accent"))
        self.painter.drawPolygon(QPolygonF([tip, tip + QPointF(size, -size * 0.7), tip + QPointF(size, size * 0.7)]))


def shown_candidates(plan: Plan, found: Candidates) -> list[int]:
    """Return the indices of the candidates that there is room for, always with the drawn one."""
    rows = list(range(plan.candidate_rows(len(found.ids))))
    if found.drawn not in rows:
        rows[-1] = found.drawn
    return rows


def has_settings(found: Candidates) -> bool:
    """Return whether the sampling settings change the model's probabilities."""
    return bool((found.probabilities[0] != found.probabilities[-1]).any())
