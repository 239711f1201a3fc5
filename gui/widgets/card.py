"""A large button: a title, facts, and a text; or a text alone."""

import re
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QTextLayout
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from gui.text import break_lines, keep_phrases, tip
from gui.theme import GAP_L, GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL, Theme
from gui.themed import Themed

SMALLEST = 11  # type of a text that would not fit otherwise
# Pixels at zoom 1: its least height, those at which the text is shown and in which the facts are large.
LEAST, ROOM_FOR_TEXT, TALL = 84, 190, 320


class Card(Themed, QPushButton):
    """A button as large as its room. Its text grows with it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.facts, self.caption, self.written = "", tuple[str, ...](), "", ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    @property
    def theme(self) -> Theme:
        """The program's theme with the zoom of the content."""
        return self.content

    def show_words(self, title: str, facts: Sequence[str], caption: str = "", written: str = "") -> None:
        """Show a title, a line for each fact, and below a caption the text that was written.

        A text without a title and a caption fills the card.
        """
        self.title, self.facts, self.caption, self.written = title, tuple(facts), caption, " ".join(written.split())
        self.setText("\n".join((title, *facts)) if title else self.written)  # what screen readers read
        self.setToolTip(tip("\n".join(filter(None, (title, *facts, caption, self.written)))))
        self.update()

    def restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(LEAST))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.theme.px(LEAST))

    def lines(self) -> list[tuple[QRect, str, int, bool, str]]:
        """Return place, words, type size, boldness and colour of each line for which there is room."""
        is_small = self.height() < self.theme.px(2 * LEAST) or self.width() < self.theme.px(200)
        pad = self.theme.px(GAP_M if is_small else GAP_L)
        box = self.rect().adjusted(pad, pad, -pad, -pad)
        large = box.height() >= self.theme.px(ROOM_FOR_TEXT)
        sizes = (HUGE, LARGE, NORMAL) if large else (NORMAL,)
        fitting = (size for size in sizes if self._width(self.title, size, True) <= box.width())
        rows = [(self.title, next(fitting, SMALL), True, "text")] if self.title else []
        free = HUGE if large and not self.written else LARGE if box.height() >= self.theme.px(TALL) else NORMAL
        for index, (fact, size) in enumerate(zip(self.facts, (NORMAL, free, min(free, LARGE)), strict=False)):
            parts = [fact] if self._width(fact, size) <= box.width() else re.split(r" ?[·・] ?", fact)
            rows += [(part, size, False, "text" if index else "muted") for part in parts]
        if large and self.caption and (self.written or self._width(self.caption, SMALL) <= box.width()):
            rows.append((self.caption, SMALL, False, "muted"))
        placed, top = [], box.top()
        for words, size, bold, color in rows:
            metrics = QFontMetrics(self.theme.font(size, bold))
            top += self.theme.px(GAP_L if words == self.caption else 0)
            if top + metrics.height() > box.bottom() + 2:
                break
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width() + 2)  # widths are rounded
            placed.append((QRect(box.left(), top, box.width(), metrics.height()), shown, size, bold, color))
            top += metrics.height() + self.theme.px(GAP_S)
        return placed

    def _width(self, words: str, size: int, bold: bool = False) -> int:
        return QFontMetrics(self.theme.font(size, bold)).horizontalAdvance(words)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = self.isChecked() or self.hasFocus()
        width = self.theme.px(2 if self.isChecked() else 1)
        painter.setPen(QPen(self.theme.color("accent" if marked else "border"), width))
        painter.setBrush(self.theme.color("accent_soft" if self.isChecked() or self.underMouse() else "surface"))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), self.theme.px(GAP_M), self.theme.px(GAP_M))
        lines = self.lines()
        for place, words, size, bold, color in lines:
            painter.setFont(self.theme.font(size, bold))
            painter.setPen(self.theme.color(color if self.isEnabled() else "faint"))
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, words)
        color = "text" if self.isEnabled() else "faint"
        captioned = bool(lines) and lines[-1][2:] == (SMALL, False, "muted")
        if self.written and lines and (captioned or not self.facts):
            above = lines[-1][0]
            top = above.bottom() + self.theme.px(GAP_S)
            room = QRect(above.left(), top, above.width(), self.height() - self.theme.px(GAP_L) - top)
            paint_text(painter, self.theme, room, self.written, color)
        elif self.written and not self.title:
            pad = self.theme.px(GAP_M)
            room, sizes = self.rect().adjusted(pad, pad, -pad, -pad), (HUGE, LARGE, NORMAL, SMALL, SMALLEST)
            paint_text(painter, self.theme, room, self.written, color, True, sizes)
        painter.end()


class Excerpt(Themed, QWidget):
    """The beginning of a text below a caption, in the room that is left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption, self.text = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def show_text(self, caption: str, text: str) -> None:
        self.caption, self.text = caption, " ".join(text.split())
        self.setAccessibleName(f"{caption} {self.text}")
        self.update()

    def restyle(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.content, QPainter(self)
        font = theme.font(NORMAL)
        high = QFontMetrics(font).height() + theme.px(GAP_S)
        if self.height() >= 2 * high:
            painter.setFont(font)
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignTop, self.caption)
            paint_text(painter, theme, self.rect().adjusted(0, high, 0, 0), self.text, "text")
        painter.end()


def paint_text(
    painter: QPainter,
    theme: Theme,
    room: QRect,
    text: str,
    color: str,
    in_the_middle: bool = False,
    sizes: Sequence[int] = (HUGE, LARGE, NORMAL),
) -> None:
    """Paint as many whole lines of a text as there is room for, in the largest of the sizes in which all of it fits."""
    layout, high = QTextLayout(), 0.0
    for size in sizes:
        font = theme.font(size)
        metrics = QFontMetrics(font)
        words = keep_phrases(text, room.width() // metrics.horizontalAdvance("\u3042")) if size > NORMAL else text
        layout = QTextLayout(words, font)
        high = break_lines(layout, room.width(), metrics.lineSpacing())
        wide = max((layout.lineAt(n).naturalTextWidth() for n in range(layout.lineCount())), default=0.0)
        if high <= room.height() and wide <= room.width():
            break
    top = room.top() + (max(0.0, room.height() - high) / 2 if in_the_middle else 0.0)
    painter.setPen(theme.color(color))
    for line in map(layout.lineAt, range(layout.lineCount())):
        if line.y() + line.height() <= room.height() + 1:
            line.draw(painter, QPointF(room.left(), top))
