"""Painting the map: each station in its box from plan.py."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QPainter,
    QPen,
    QPolygonF,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)

from gui.colormaps import spread
from gui.i18n import number, t
from gui.panes.map.outcome import LEFT, RIGHT, Outcome
from gui.panes.map.plan import GAP, Cell
from gui.text import utf16_length, visible
from gui.theme import GAP_S, NORMAL, SMALL
from gui.widgets.heatmap import shares_image
from gui.widgets.legend import paint_share_scale, share_scale_size

LONGEST_SHOWN = 300  # last characters of the text
CENTRE = Qt.AlignmentFlag.AlignCenter


class Picture(Outcome):
    def paint(self) -> None:
        self._paint_arrows()
        painters = {
            "text": self._paint_text, "tokens": self._paint_tokens, "ids": self._paint_ids,
            "vectors": self._paint_vectors, "layers": self._paint_layers, "norm": self._paint_norm,
            "logits": self._paint_logits, "probabilities": self._paint_probabilities, "draw": self._paint_draw,
        }  # fmt: skip
        for station, box in self.plan.boxes.items():
            self._paint_frame(station, box)
            painters[station]()
        if self.view.focus is not None:
            self._outline(self.plan.box(self.view.focus).adjusted(-3, -3, 3, 3), 2)

    # --- Frames and arrows -----------------------------------------------------------------------

    def _paint_frame(self, station: str, box: QRectF) -> None:
        lit = station == self.view.lit
        self.painter.setBrush(self.theme.color("accent_soft" if lit else "surface"))
        self.painter.setPen(QPen(self.theme.color("accent" if lit else "border"), 2 if lit else 1))
        self.painter.drawRoundedRect(box, 8, 8)
        room = GAP * self.plan.unit / 2 - 1
        caption = QRectF(box.left() - room, box.top() - self.plan.caption, box.width() + 2 * room, self.plan.caption)
        caption.setRight(min(caption.right(), self.plan.width))
        words = t(f"pane.map.picture.station.{station}")
        if station == "layers":
            words = t("pane.map.picture.layers", count=len(self.plan.cells))
        self.painter.setFont(self.font(NORMAL, bold=True))
        if QFontMetricsF(self.painter.font()).horizontalAdvance(words) > caption.width():
            self.painter.setFont(self.font(SMALL))
        self._draw_words(caption, words, "accent" if lit else "text", CENTRE)

    def _paint_arrows(self) -> None:
        """Paint arrows from each station to the next, and from the last back to the first."""
        for index, row in enumerate(self.plan.rows):
            for before, after in pairwise(row):
                a, b = self.plan.boxes[before], self.plan.boxes[after]
                self._arrow([QPointF(a.right(), a.center().y()), QPointF(b.left(), b.center().y())], after)
            if index + 1 < len(self.plan.rows):
                a, b = self.plan.boxes[row[-1]], self.plan.boxes[self.plan.rows[index + 1][0]]
                middle = a.bottom() + (b.top() - self.plan.caption - a.bottom()) / 2
                x = b.left() - 9  # beside the caption above the box
                corners = [(a.center().x(), a.bottom()), (a.center().x(), middle), (x, middle)]
                corners += [(x, b.center().y()), (b.left(), b.center().y())]
                self._arrow([QPointF(*corner) for corner in corners], self.plan.rows[index + 1][0])
        if self.plan.loop_room:
            self._paint_arrow_back()

    def _paint_arrow_back(self) -> None:
        first, last = self.plan.boxes[self.plan.stations[0]], self.plan.boxes[self.plan.stations[-1]]
        y, end = self.plan.loop, QPointF(first.center().x(), first.bottom())
        corners = [QPointF(last.center().x(), last.bottom()), QPointF(last.center().x(), y), QPointF(end.x(), y), end]
        if len(self.plan.rows) > 1:  # the other rows are below the first station
            x = 4.0
            corners[2:] = [QPointF(x, y), QPointF(x, first.center().y()), QPointF(first.left(), first.center().y())]
        self._arrow(corners, "back")
        words = t("pane.map.picture.back")
        self.painter.setFont(self.font(SMALL))
        metrics = QFontMetricsF(self.painter.font())
        width = metrics.horizontalAdvance(words) + 24
        if width < corners[1].x() - corners[2].x() and self.plan.loop_room >= metrics.height():
            middle = (corners[1].x() + corners[2].x()) / 2
            box = QRectF(middle - width / 2, y - metrics.height() / 2, width, metrics.height())
            self.painter.fillRect(box, self.theme.color("surface"))
            self._draw_words(box, words, "accent" if self.view.lit == "back" else "muted", CENTRE)

    def _arrow(self, corners: list[QPointF], toward: str) -> None:
        """Paint an arrow along the corners, in the accent colour if it leads to the highlighted station."""
        lit = toward == self.view.lit
        color, size = self.theme.color("accent" if lit else "muted"), 4.5 * self.plan.unit
        tip, before = corners[-1], corners[-2]
        length = max(1e-6, abs(tip.x() - before.x()) + abs(tip.y() - before.y()))
        along = QPointF((tip.x() - before.x()) / length, (tip.y() - before.y()) / length)
        tip -= along * 2
        across, foot = QPointF(-along.y(), along.x()), tip - along * size * 1.6
        self.painter.setPen(QPen(color, 2.2 if lit else 1.3))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.drawPolyline(QPolygonF([*corners[:-1], foot]))
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(color)
        self.painter.drawPolygon(QPolygonF([tip, foot + across * size, foot - across * size]))

    # --- What goes in ----------------------------------------------------------------------------

    def _paint_text(self) -> None:
        """Paint the end of the text, wrapped, with the generated part in the accent colour."""
        inner, view = self.plan.inner("text"), self.view
        whole = (view.prompt + view.written).replace("\n", "⏎")
        shown = whole[-LONGEST_SHOWN:]
        written = min(len(view.written), len(shown))
        while True:
            cut = len(shown) < len(whole)
            layout = self._text_layout(("…" if cut else "") + shown, written, inner.width())
            if layout.boundingRect().height() <= inner.height() or len(shown) <= 4:
                break
            shown = shown[max(1, len(shown) // 12) :]
            written = min(written, len(shown))
        self.painter.setPen(self.theme.color("text"))
        top = inner.top() + max(0.0, inner.height() - layout.boundingRect().height()) / 2
        self.painter.save()
        self.painter.setClipRect(inner)
        layout.draw(self.painter, QPointF(inner.left(), top))
        self.painter.restore()

    def _text_layout(self, text: str, written: int, width: float) -> QTextLayout:
        layout = QTextLayout(text, self.font(self._size(self.plan.token_height)))
        option = QTextOption(Qt.AlignmentFlag.AlignLeft)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        span, accent = QTextLayout.FormatRange(), QTextCharFormat()
        accent.setForeground(self.theme.color("accent"))
        span.start, span.length, span.format = (
            utf16_length(text[: len(text) - written]),
            utf16_length(text[-written:]),
            accent,
        )
        layout.setFormats([span] if written else [])
        layout.beginLayout()
        y = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            y += line.height() * 1.15
        layout.endLayout()
        return layout

    def _rows(self, station: str) -> list[tuple[int, QRectF]]:
        """Return the rows of the tokens that there is room for, with their indices."""
        first, count = self.plan.first_token, len(self.trace.pieces)
        return [(index, self.plan.token_row(station, index)) for index in range(first, count)]

    def _paint_tokens(self) -> None:
        own, size = len(self.trace.pieces) - self.view.written_tokens, self._size(self.plan.token_height)
        for index, row in self._rows("tokens"):
            chosen = index == self.view.token
            chip = row.adjusted(0, 1.5, 0, -1.5)
            self._fill(chip, self.theme.color("accent" if chosen else "sunken"), 5)
            if index >= own and not chosen:
                self._outline(chip.adjusted(0.5, 0.5, -0.5, -0.5), 1, 5)
            color = "on_accent" if chosen else "accent" if index >= own else "text"
            self._fitting(chip.adjusted(3, 0, -3, 0), visible(self.trace.pieces[index]), color, CENTRE, size, False)

    def _paint_ids(self) -> None:
        size = self._size(self.plan.token_height) - 2
        for index, row in self._rows("ids"):
            chosen = index == self.view.token
            color = "accent" if chosen else "muted"
            self._fitting(row.adjusted(-6, 0, 6, 0), str(self.trace.ids[index]), color, CENTRE, size, False)

    def _paint_vectors(self) -> None:
        values, largest = self.trace.embedding, spread(self.trace.embedding)
        for index, row in self._rows("vectors"):
            strip = row.adjusted(0, row.height() * 0.2, 0, -row.height() * 0.2)
            self.painter.drawImage(strip, self._image(values[index], largest))
            if index == self.view.token:
                self._outline(strip.adjusted(-1.5, -1.5, 1.5, 1.5), 1.5, 2)

    # --- The layers ------------------------------------------------------------------------------

    def _paint_layers(self) -> None:
        cells = self.plan.cells
        for index, cell in enumerate(cells):
            if index:
                self._paint_step(cells[index - 1].card, cell.card)
        for index, cell in enumerate(cells):
            chosen = index == self.view.layer
            self._fill(cell.card, self.theme.color("background"), 6)
            if chosen:
                self._outline(cell.card, 1.5)
            if not cell.label.isEmpty():
                self._paint_label(cell.label, index)
            self._paint_attention(cell.attention, index)
            self._paint_mlp(cell, index)
            for part, box in (("attention", cell.attention), ("mlp", cell.mlp)):
                if (index, part) in self.view.changed:
                    self._outline(box.adjusted(-1, -1, 1, 1), 2.0, 2, "bad")
        if not self.plan.legend.isEmpty():
            self._paint_legend(self.plan.legend)

    def _paint_step(self, a: QRectF, b: QRectF) -> None:
        """Paint the line from one layer to the next: straight, or around the corner into the next row."""
        self.painter.setPen(QPen(self.theme.color("accent" if self.view.lit == "layers" else "muted"), 1.3))
        if abs(a.center().y() - b.center().y()) < 1:
            self.painter.drawLine(QPointF(a.right(), a.center().y()), QPointF(b.left(), b.center().y()))
            return
        middle = (a.bottom() + b.top()) / 2
        corners = [(a.center().x(), a.bottom()), (a.center().x(), middle), (b.center().x(), middle)]
        self.painter.drawPolyline(QPolygonF([*(QPointF(*c) for c in corners), QPointF(b.center().x(), b.top())]))

    def _paint_label(self, box: QRectF, index: int) -> None:
        """Paint a layer's name and the length of the token's vector after the layer."""
        self.painter.setFont(self.font(SMALL, bold=True))
        name = t("pane.map.picture.layer", layer=index + 1)
        self._draw_words(box, name, "accent" if index == self.view.layer else "text", LEFT)
        taken = QFontMetricsF(self.painter.font()).horizontalAdvance(name) + 8
        self.painter.setFont(self.font(SMALL))
        lengths = [f"|x| {number(length, 1)}" for length in self.trace.norms[1:, self.view.row].tolist()]
        widest = max(map(QFontMetricsF(self.painter.font()).horizontalAdvance, lengths))
        if widest <= box.width() - taken:  # the same for all layers, so that they look alike
            self._draw_words(box, lengths[index], "muted", RIGHT)

    def _paint_attention(self, box: QRectF, index: int) -> None:
        shares = self.trace.attention[index]
        count = len(shares)
        self.painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, count > box.width())
        self.painter.drawImage(box, shares_image(shares))
        cell = box.width() / count
        if cell > 9:  # thin gaps make single cells countable
            self.painter.setPen(QPen(self.theme.color("background"), 1))
            for i in range(1, count):
                self.painter.drawLine(
                    QPointF(box.left(), box.top() + i * cell), QPointF(box.right(), box.top() + i * cell)
                )
                self.painter.drawLine(
                    QPointF(box.left() + i * cell, box.top()), QPointF(box.left() + i * cell, box.bottom())
                )
        if self.view.token is not None:
            self._outline(
                QRectF(box.left(), box.top() + self.view.token * cell, (self.view.token + 1) * cell, cell), 2, 2
            )
        self._paint_corner(box, index)

    def _paint_corner(self, box: QRectF, index: int) -> None:
        """Paint a label into the masked corner: the part's name, or the layer's number if it is not shown elsewhere."""
        labelled = not self.plan.cells[index].label.isEmpty()
        words = t("pane.map.picture.attention") if labelled else str(index + 1)
        self.painter.setFont(self.font(SMALL if labelled else SMALL - 1))
        if QFontMetricsF(self.painter.font()).horizontalAdvance(words) < box.width() * (0.72 if labelled else 0.25):
            self._draw_words(box, words, "muted", Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)

    def _paint_mlp(self, cell: Cell, index: int) -> None:
        self.painter.setFont(self.font(SMALL))
        metrics, strip = QFontMetricsF(self.painter.font()), QRectF(cell.mlp)
        if not cell.label.isEmpty() and strip.height() >= metrics.height() * 0.9:
            strip.setLeft(strip.left() + metrics.horizontalAdvance("MLP") + 8)
            self._draw_words(cell.mlp, "MLP", "muted", LEFT)
        self.painter.drawImage(strip, self._image(self.trace.mlp[index], spread(self.trace.mlp[index])))

    def _paint_legend(self, box: QRectF) -> None:
        """Paint the legend of both colour maps: attention weights, and signed numbers where there is room."""
        self.painter.setFont(self.font(SMALL - 1))
        metrics, unit, x = QFontMetricsF(self.painter.font()), self.plan.unit, box.left()
        scaled = replace(self.theme, zoom=unit)
        scale, words = share_scale_size(scaled), t("pane.map.picture.shares")
        paint_share_scale(self.painter, QRectF(QPointF(x, box.top()), scale), scaled)
        self.painter.setFont(self.font(SMALL - 1))
        line = QRectF(x, box.top() - metrics.height() / 2 + 5 * unit, box.width(), metrics.height())
        line.setLeft(x + scale.width() + GAP_S)
        self._draw_words(line, words, "muted", LEFT)
        line.setLeft(line.left() + metrics.horizontalAdvance(words) + 20 * unit)
        ends, bar = ("−", f"+  {t('pane.map.picture.numbers')}"), 44 * unit
        if line.width() < sum(map(metrics.horizontalAdvance, ends)) + bar + 2 * GAP_S:
            return
        self._draw_words(line, ends[0], "muted", LEFT)
        line.setLeft(line.left() + metrics.horizontalAdvance(ends[0]) + GAP_S)
        image = QRectF(line.left(), line.center().y() - 5 * unit, bar, 10 * unit)
        self.painter.drawImage(image, self._image(np.linspace(-1, 1, 64), 1.0))
        line.setLeft(image.right() + GAP_S)
        self._draw_words(line, ends[1], "muted", LEFT)

    # --- What comes out --------------------------------------------------------------------------

    def _paint_norm(self) -> None:
        inner = self.plan.inner("norm")
        width = min(inner.width(), 26 * self.plan.unit)
        strip = QRectF(inner.center().x() - width / 2, inner.top(), width, inner.height())
        self.painter.drawImage(strip, self._image(self.trace.final[:, None], spread(self.trace.final)))

    def _paint_logits(self) -> None:
        """Paint the histogram of the logits, high ones above; bars show square roots, so that one token is seen."""
        inner, line = self.plan.inner("logits"), 18 * self.plan.unit
        self._words(
            QRectF(inner.left(), inner.top(), inner.width(), line), _signed(self.trace.highest), "muted", LEFT, SMALL
        )
        low = QRectF(inner.left(), inner.bottom() - line, inner.width(), line)
        self._words(low, _signed(self.trace.lowest), "muted", LEFT, SMALL)
        area = inner.adjusted(0, line + 2, 0, -line - 2)
        lengths = np.sqrt(self.trace.histogram / max(1, int(self.trace.histogram.max())))
        step = area.height() / len(lengths)
        for index, length in enumerate(lengths[::-1].tolist()):
            if length > 0:
                bar = QRectF(
                    area.left(), area.top() + index * step, max(2.0, length * area.width()), max(1.0, step - 1)
                )
                self.painter.fillRect(bar, self.theme.series_color(0))


def _signed(value: float) -> str:
    return number(value, 1).replace("-", "−")
