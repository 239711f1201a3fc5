"""Texts written by a model and its changed forms, below each other: from where they differ in colour."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QTextCharFormat, QTextLayout

from gui.text import break_lines, keep_phrases, utf16_length
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL
from gui.widgets.painted import Painted, Policy

MOST_PROMPT = 160  # characters
SIZES = (34, 28, 24, LARGE, 17, NORMAL)  # of the type: the largest in which everything has room


@dataclass(frozen=True, slots=True)
class Row:
    """A text: its heading, the prompt, and what was written, which differs from character `same` on."""

    heading: str
    prompt: str
    text: str
    same: int
    current: bool = False
    broken: bool = False


class WrittenTexts(Painted):
    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.rows: tuple[Row, ...] = ()

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        if rows != self.rows:
            self.rows = rows
            self.setAccessibleDescription("\n".join(f"{row.heading}: {row.prompt}{row.text}" for row in rows))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(520), self.theme.px(300))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(120))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.rows:
            return
        painter = QPainter(self)
        layouts, font = self._fitting()
        while len(layouts) > 1 and self._needed(layouts, font) > self.height():
            layouts.pop()  # the first text is the one at the chosen strength
        heading = self._heading_font()
        extra = (self.height() - self._needed(layouts, font)) / len(layouts)
        y = 0.0
        for row, layout in zip(self.rows, layouts, strict=False):
            metrics, height = QFontMetricsF(heading), self._height(layout, font)
            box = QRectF(0, y, self.width(), metrics.height() + height + 2 * GAP_M + max(0.0, extra) - GAP_M)
            painter.fillRect(box, self.theme.color("accent_soft" if row.current else "sunken"))
            if row.current:
                painter.fillRect(QRectF(0, box.top(), self.theme.px(4), box.height()), self.theme.color("accent"))
            painter.setFont(heading)
            painter.setPen(self.theme.color("bad" if row.broken else "muted"))
            place = QRectF(box.left() + GAP_M, box.top() + GAP_S, box.width() - 2 * GAP_M, metrics.height())
            painter.drawText(place, 0, row.heading)
            painter.save()
            painter.setClipRect(box)
            painter.setPen(self.theme.color("text"))
            layout.draw(painter, QPointF(box.left() + GAP_M, place.bottom() + GAP_S))
            painter.restore()
            y = box.bottom() + GAP_M

    # --- Geometry --------------------------------------------------------------------------------

    def _heading_font(self) -> QFont:
        return self.theme.font(NORMAL, bold=True)

    def _fitting(self) -> tuple[list[QTextLayout], QFont]:
        """Return the layouts of the texts in the largest type that has room."""
        for size in SIZES:
            font = self.theme.font(size)
            layouts = [self._layout(row, font) for row in self.rows]
            if self._needed(layouts, font) <= self.height():
                break
        return layouts, font

    def _needed(self, layouts: list[QTextLayout], font: QFont) -> float:
        above = QFontMetricsF(self._heading_font()).height() + 2 * GAP_M
        return sum(self._height(layout, font) + above for layout in layouts)

    def _height(self, layout: QTextLayout, font: QFont) -> float:
        return layout.lineCount() * 1.3 * QFontMetricsF(font).height()

    def _layout(self, row: Row, font: QFont) -> QTextLayout:
        parts = [keep_phrases(_on_lines(part)) for part in (row.prompt, row.text[: row.same], row.text[row.same :])]
        layout = QTextLayout("".join(parts), font)
        formats, start = [], 0
        for part, name in zip(parts, ("muted", "text", "accent"), strict=True):
            form = QTextCharFormat()
            form.setForeground(self.theme.color(name))
            made = QTextLayout.FormatRange()
            made.start, made.length, made.format = start, utf16_length(part), form
            formats.append(made)
            start += made.length
        layout.setFormats(formats)
        break_lines(layout, max(1.0, self.width() - 2 * GAP_M), 1.3 * QFontMetricsF(font).height())
        return layout


def shortened(prompt: str) -> str:
    """Return the end of a prompt, as much as is shown before what was written."""
    return prompt if len(prompt) <= MOST_PROMPT else "…" + prompt[-MOST_PROMPT:]


def _on_lines(text: str) -> str:
    """Return a text with a sign for each line end, so that an empty line takes no room."""
    return text.replace("\n", "⏎")
