"""The candidates for the next token: their probability before and after the sampling stages, and the draw."""

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from engine.messages.generation import STAGES, Candidates
from gui.i18n import number, percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.painted import Painted, Policy

MOST_SEGMENTS = 12  # of the cumulative bar; the remaining tokens share one more


class CandidateBars(Painted):
    chosen = Signal(int)  # a token's ID

    def __init__(self, parent: QWidget | None = None, *, draws: bool = True) -> None:
        """`draws`: whether the stages and the draw are shown; otherwise only the model's own probabilities."""
        super().__init__(parent, down=Policy.Expanding)
        self.draws = draws
        self.candidates: Candidates | None = None
        self.current = -1  # the row selected by keyboard
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.retranslate()

    def set_candidates(self, candidates: Candidates | None) -> None:
        self.candidates = candidates
        self.current = min(self.current, self.rows() - 1)
        self.setAccessibleDescription(self.describe(0) if candidates is not None else "")
        self.update()

    def retranslate(self) -> None:
        self.set_candidates(self.candidates)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(260), 10 * self._row_height() + self._line_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(190), 4 * self._row_height() + self._line_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.current = min(self.current, self.rows() - 1)

    # --- Geometry --------------------------------------------------------------------------------

    def _row_height(self) -> int:
        return round(QFontMetricsF(self.theme.font(NORMAL)).height() + 2)

    def _line_height(self) -> int:
        """Return the height of the probabilities end to end, with the draw."""
        if not self.draws:
            return 0
        return self.theme.px(16) + round(2 * QFontMetricsF(self.theme.font(SMALL)).height()) + GAP_M

    def rows(self) -> int:
        """Return the number of candidates that there is room for."""
        if self.candidates is None:
            return 0
        return max(1, min(len(self.candidates.ids), (self.height() - self._line_height()) // self._row_height()))

    def _label_width(self) -> float:
        metrics = QFontMetricsF(self.theme.font(NORMAL, bold=True))  # the drawn token is bold
        pieces = self.candidates.pieces[: self.rows()] if self.candidates else ()
        widest = max((metrics.horizontalAdvance(visible(piece)) for piece in pieces), default=0.0)
        return min(widest, self.width() * 0.35) + GAP_M

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        candidates = self.candidates
        if candidates is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        label = self._label_width()
        figures = QFontMetricsF(self.theme.font(SMALL)).horizontalAdvance(percent(1, 1)) + GAP_M
        room = max(20.0, self.width() - label - figures - GAP_S)
        highest = max(float(candidates.probabilities[[0, -1]].max()), 1e-6)
        for row in range(self.rows()):
            self._paint_row(painter, row, label, room / highest)
        if self.draws:
            self._paint_line(painter, QRectF(0, self.height() - self._line_height(), self.width(), self._line_height()))

    def _paint_row(self, painter: QPainter, row: int, label: float, scale: float) -> None:
        candidates, height = self.candidates, self._row_height()
        assert candidates is not None
        y = row * height
        model, left = float(candidates.probabilities[0, row]), float(candidates.probabilities[-1, row])
        if row == self.current and self.hasFocus():
            painter.fillRect(QRectF(0, y, self.width(), height), self.theme.color("accent_soft"))
        painter.setPen(self.theme.color("text" if left > 0 else "muted"))
        painter.setFont(self.theme.font(NORMAL, bold=row == candidates.drawn))
        metrics = QFontMetricsF(painter.font())
        text = metrics.elidedText(visible(candidates.pieces[row]), Qt.TextElideMode.ElideRight, label - GAP_M)
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, y, label - GAP_M, height), align, text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("cut") if left <= 0 else self.theme.series_color(0))
        painter.drawRoundedRect(QRectF(label, y + 3, max(1.0, model * scale), height - 10), 2, 2)
        if left > 0 and self.draws:
            painter.setBrush(self.theme.series_color(4))
            painter.drawRect(QRectF(label, y + height - 6, max(1.0, left * scale), 3))
        painter.setPen(self.theme.color("muted"))
        painter.setFont(self.theme.font(SMALL))
        x = label + max(model, left) * scale + GAP_M
        shown = left if left > 0 else model
        where = QRectF(x, y, self.width() - x, height)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, percent(shown, 1))

    def _paint_line(self, painter: QPainter, box: QRectF) -> None:
        """Paint the final probabilities end to end, with the random number as a triangle."""
        candidates = self.candidates
        assert candidates is not None
        width, height, top = box.width(), self.theme.px(10), box.top() + self.theme.px(10)
        final = sorted((float(p) for p in candidates.probabilities[-1] if p > 0), reverse=True)[:MOST_SEGMENTS]
        x = 0.0
        for index, probability in enumerate(final):
            color = self.theme.series_color(0)
            color.setAlphaF(max(0.25, 1 - index / MOST_SEGMENTS))
            painter.fillRect(QRectF(x, top, max(1.0, probability * width - 1), height), color)
            x += probability * width
        if x < width - 1:
            painter.fillRect(QRectF(x, top, width - x, height), self.theme.color("cut"))
        drawn = QRectF(
            candidates.drawn_from * width, top, (candidates.drawn_to - candidates.drawn_from) * width, height
        )
        painter.setPen(self.theme.series_color(1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(drawn)
        mark, size = candidates.draw * width, self.theme.px(5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.series_color(1))
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(mark - size, top - size - 2),
                    QPointF(mark + size, top - size - 2),
                    QPointF(mark, top - 1),
                ]
            )
        )
        painter.setPen(self.theme.color("muted"))
        painter.setFont(self.theme.font(SMALL))
        below = QRectF(0, top + height + 2, width, box.bottom() - top - height)
        words = t(
            "pane.generation.candidates.draw",
            draw=number(candidates.draw, 2),
            piece=visible(candidates.pieces[candidates.drawn]),
        )
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(width))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)

    # --- Description and selection ------------------------------------------------------------------

    def describe(self, row: int) -> str:
        """Return a candidate's probability after each stage, in words."""
        candidates = self.candidates
        assert candidates is not None
        values = candidates.probabilities[:, row]
        lines = [
            t("pane.generation.candidates.token", piece=visible(candidates.pieces[row]), id=int(candidates.ids[row]))
        ]
        if not self.draws:
            return "\n".join([*lines, t("pane.generation.candidates.own", rank=row + 1, percent=percent(values[0], 2))])
        for stage, value in zip(STAGES, values, strict=True):
            if value <= 0:
                lines.append(t("pane.generation.candidates.cut", stage=t(f"pane.generation.candidates.stage.{stage}")))
                break
            lines.append(f"{t(f'pane.generation.candidates.stage.{stage}')}: {percent(value, 2)}")
        return "\n".join(lines)

    def _row_at(self, y: float) -> int | None:
        row = int(y // self._row_height())
        return row if 0 <= row < self.rows() else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        row = self._row_at(event.position().y())
        if row is not None and self.candidates is not None:
            self.current = row
            self.chosen.emit(int(self.candidates.ids[row]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.candidates is not None and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self.current = min(max(self.current + step, 0), self.rows() - 1)
            self.setAccessibleDescription(self.describe(self.current))
            self.update()
        elif self.candidates is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current >= 0:
            self.chosen.emit(int(self.candidates.ids[self.current]))
        else:
            super().keyPressEvent(event)

    def describe_at(self, point: QPoint) -> str:
        row = self._row_at(point.y())
        return self.describe(row) if row is not None else ""
