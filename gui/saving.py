"""Save pictures and tables as PNG, SVG and CSV, written whole or not at all."""

import csv
import io
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QSize
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from engine.files import replacing
from gui.pane import Table

PICTURE_SCALE = 2.0  # saved pictures have twice the screen's pixels, to be legible on a slide


def picture(widget: QWidget, scale: float = PICTURE_SCALE) -> QPixmap:
    pixmap = QPixmap(QSize(widget.width(), widget.height()) * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(widget.palette().window().color())
    widget.render(pixmap, QPoint())
    return pixmap


def save_png(widget: QWidget, path: Path) -> None:
    """Save a picture in twice the screen's resolution. Raises OSError."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture(widget).save(buffer, "PNG")
    write_whole(path, buffer.data().data())


def save_svg(widget: QWidget, path: Path) -> None:
    """Save a vector graphic. Raises OSError."""
    buffer = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(widget.size())
    generator.setViewBox(widget.rect())
    painter = QPainter(generator)
    widget.render(painter, QPoint())
    painter.end()
    write_whole(path, buffer.data().data())


def as_text(table: Table, separator: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return out.getvalue()


def save_csv(table: Table, path: Path) -> None:
    """Save UTF-8 with a byte-order mark, without which spreadsheets garble Japanese. Raises OSError."""
    write_whole(path, as_text(table, ",").encode("utf-8-sig"))


def write_whole(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Write a whole file or none. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
