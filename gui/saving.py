"""Save pictures and tables as PNG, SVG and CSV, written whole or not at all."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from engine.files import replacing
from gui import theme
from gui.pane import Table
from gui.theme import GAP_M, GAP_XL, LARGE, NORMAL, SMALL

PICTURE_SCALE = 2.0  # saved pictures have twice the screen's pixels, to be legible on a slide
FORMULA = tuple(
    "=+-@\t\r\n＝＋－＠"
)  # a spreadsheet may run a cell that begins with one of them (OWASP, "CSV Injection")
WRAPS = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of a saved picture; each may be empty."""

    title: str = ""  # above the picture
    sentence: str = ""  # below it: what to see
    source: str = ""  # below that: program, model and text


class Picture:
    """A widget on a plain ground, with a margin, its title above and its caption below."""

    def __init__(self, widget: QWidget, caption: Caption = Caption()) -> None:
        self._widget, self._theme = widget, theme.current().content
        above, below = ((caption.title, LARGE),), ((caption.sentence, NORMAL), (caption.source, SMALL))
        margin, width = self._theme.px(GAP_XL), widget.width()
        self._texts: list[tuple[QRect, str, int]] = []
        y = self._place(above, margin, margin, width)
        self._at = QPoint(margin, y)
        y = self._place(below, margin, y + widget.height() + self._theme.px(GAP_M), width)
        self.size = QSize(width + 2 * margin, y - self._theme.px(GAP_M) + margin)

    def _place(self, texts: tuple[tuple[str, int], ...], left: int, top: int, width: int) -> int:
        """Place the texts, wrapped to a width, from `top` downwards; return where the next thing begins."""
        for words, size in texts:
            if words:
                box = QRect(left, top, width, 1 << 15)
                box.setHeight(QFontMetrics(self._font(size)).boundingRect(box, WRAPS, words).height())
                self._texts.append((box, words, size))
                top = box.bottom() + 1 + self._theme.px(GAP_M)
        return top

    def _font(self, size: int) -> QFont:
        return self._theme.font(size, bold=size == LARGE)

    def paint(self, painter: QPainter) -> None:
        painter.fillRect(QRect(QPoint(), self.size), self._theme.color("surface"))
        for box, words, size in self._texts:
            painter.setFont(self._font(size))
            painter.setPen(self._theme.color("muted" if size == SMALL else "text"))
            painter.drawText(box, WRAPS, words)
        self._widget.render(painter, self._at, renderFlags=QWidget.RenderFlag.DrawChildren)


def picture(widget: QWidget, caption: Caption = Caption(), scale: float = PICTURE_SCALE) -> QPixmap:
    """Return the widget as a picture with its caption, in `scale` times the screen's resolution."""
    shown = Picture(widget, caption)
    pixmap = QPixmap(shown.size * scale)
    pixmap.setDevicePixelRatio(scale)
    painter = QPainter(pixmap)
    shown.paint(painter)
    painter.end()
    return pixmap


def save_png(widget: QWidget, path: Path, caption: Caption = Caption()) -> None:
    """Save a picture in twice the screen's resolution. Raises OSError."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture(widget, caption).save(buffer, "PNG")
    write_whole(path, buffer.data().data())


def save_svg(widget: QWidget, path: Path, caption: Caption = Caption()) -> None:
    """Save a vector graphic. Raises OSError."""
    shown, buffer = Picture(widget, caption), QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(shown.size)
    generator.setViewBox(QRect(QPoint(), shown.size))
    painter = QPainter(generator)
    shown.paint(painter)
    painter.end()
    write_whole(path, buffer.data().data())


def as_text(table: Table, separator: str) -> str:
    """Return a table as one line a row, in which no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")  # with both, a cell that has either is quoted
    writer.writerows([_harmless(cell) for cell in row] for row in (table.header, *table.rows))
    return out.getvalue()


def _harmless(cell: object) -> object:
    """Return a text that begins like a formula with an apostrophe before it; numbers, also as text, stay numbers."""
    if not (isinstance(cell, str) and cell.startswith(FORMULA)):
        return cell
    try:
        is_number = cell[0] in "+-" and math.isfinite(float(cell))
    except ValueError:
        is_number = False
    return cell if is_number else f"'{cell}"


def save_csv(table: Table, path: Path) -> None:
    """Save UTF-8 with a byte-order mark, without which spreadsheets garble Japanese. Raises OSError."""
    write_whole(path, as_text(table, ",").encode("utf-8-sig", "replace"))


def write_whole(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Write a whole file or none. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
