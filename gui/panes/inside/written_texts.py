"""Texts written by a model and its changed forms, below each other: from where they differ in colour."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, QSizeF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QTextCharFormat, QTextLayout, QTextLine

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
    def __init__(self, beside: bool = False) -> None:
        """Show headings above the texts, or `beside` them."""
        super().__init__(down=Policy.Expanding)
        self._beside = beside
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
        top, extra = 0.0, (self.height() - self._needed(layouts, font)) / len(layouts)
        for row, layout in zip(self.rows, layouts, strict=False):
            height = self._row_height(layout, font) + extra if extra >= 0 else self.height() / len(layouts)
            self._paint_row(painter, QRectF(0, top, self.width(), height - GAP_M), row, layout)
            top += height

    def _paint_row(self, painter: QPainter, box: QRectF, row: Row, layout: QTextLayout) -> None:
        painter.save()
        painter.setClipRect(box)
        ground = self.theme.color("accent_soft" if row.current else "sunken")
        painter.fillRect(box, ground)
        if row.current:
            painter.fillRect(QRectF(0, box.top(), self.theme.px(4), box.height()), self.theme.color("accent"))
        inside = box.adjusted(self._left(), GAP_S, -GAP_M, 0)
        painter.setFont(self._heading_font())
        painter.setPen(self.theme.color("bad" if row.broken else "muted"))
        painter.drawText(inside, 0, row.heading)
        painter.setPen(self.theme.color("text"))
        inside.adjust(self._column(), self._above(), 0, 0)
        line = self._line(layout.font())
        painter.setClipRect(QRectF(inside.topLeft(), QSizeF(inside.width(), inside.height() // line * line)))
        layout.draw(painter, inside.topLeft())
        painter.setFont(layout.font())
        seen = int(inside.height() // line)
        if 1 <= seen < layout.lineCount():
            self._paint_ellipsis(painter, inside, layout.lineAt(seen - 1), ground)
        painter.restore()

    def _paint_ellipsis(self, painter: QPainter, inside: QRectF, line: QTextLine, ground: QColor) -> None:
        """Show at the end of the last line in sight that the text goes on."""
        width = QFontMetricsF(painter.font()).horizontalAdvance("…")
        end = min(line.naturalTextWidth(), inside.width() - width)
        place = QRectF(inside.left() + end, inside.top() + line.y(), width, line.height())
        painter.fillRect(place, ground)
        painter.drawText(place, 0, "…")

    # --- Geometry --------------------------------------------------------------------------------

    def _heading_font(self) -> QFont:
        return self.theme.font(NORMAL, bold=True)

    def _left(self) -> float:
        """Return the width of the bar that marks the current text, and of the gap beside it."""
        return float(self.theme.px(4) + GAP_S)

    def _column(self) -> float:
        """Return the width of the headings beside the texts; 0 if they are above them."""
        metrics = QFontMetricsF(self._heading_font())
        return max(metrics.horizontalAdvance(row.heading) for row in self.rows) + 2 * GAP_M if self._beside else 0.0

    def _above(self) -> float:
        """Return the height of a heading above its text."""
        return 0.0 if self._beside else QFontMetricsF(self._heading_font()).height()

    def _fitting(self) -> tuple[list[QTextLayout], QFont]:
        """Return the layouts of the texts in the largest type that has room.

        If none has, the last ones below headings are left out, and of the others only the first lines are shown.
        """
        least = len(self.rows) if self._beside else min(2, len(self.rows))
        for count in range(len(self.rows), least - 1, -1):
            for size in SIZES:
                font = self.theme.font(size)
                layouts = [self._layout(row, font) for row in self.rows[:count]]
                if self._needed(layouts, font) <= self.height():
                    return layouts, font
        return layouts, font

    def _needed(self, layouts: list[QTextLayout], font: QFont) -> float:
        return sum(self._row_height(layout, font) for layout in layouts)

    def _row_height(self, layout: QTextLayout, font: QFont) -> float:
        """Return the height of a row with the gap below it."""
        return self._above() + self._height(layout, font) + 2 * GAP_M

    def _height(self, layout: QTextLayout, font: QFont) -> float:
        return layout.lineCount() * self._line(font)

    def _line(self, font: QFont) -> float:
        """Return the height of a line, which is less for many texts beside their headings."""
        return (1.1 if self._beside else 1.3) * QFontMetricsF(font).height()

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
        break_lines(layout, max(1.0, self.width() - self._column() - self._left() - GAP_M), self._line(font))
        return layout


def shortened(prompt: str) -> str:
    """Return the end of a prompt, as much as is shown before what was written."""
    return prompt if len(prompt) <= MOST_PROMPT else "…" + prompt[-MOST_PROMPT:]


def _on_lines(text: str) -> str:
    """Return a text with a sign for each line end, so that an empty line takes no room."""
    return text.replace("\n", "⏎")
