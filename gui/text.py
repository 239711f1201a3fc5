"""Text as it is shown on screen."""

import unicodedata
from html import escape

from PySide6.QtCore import QPointF
from PySide6.QtGui import Qt, QTextLayout

LONGEST_NAME = 120  # characters of a name on one line


def visible(piece: str) -> str:
    """Return `piece` with white space replaced by visible signs."""
    return piece.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥").replace("\u3000", "□")


def tip(text: str) -> str:
    """Return a text for a tooltip, which shows its characters even if it looks like HTML to Qt."""
    lines = escape(text).replace("\n", "<br>")
    return f"<p style='white-space: pre-wrap'>{lines}</p>" if Qt.mightBeRichText(text) else text


def in_menu(text: str) -> str:
    """Return a name for a menu or button, where & would underline the next letter."""
    return shown_name(text).replace("&", "&&")


def shown_name(text: str, most: int = LONGEST_NAME) -> str:
    """Return a name on one line: control characters become spaces, and of a long name the middle is left out."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units, in which Qt counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def break_lines(layout: QTextLayout, width: float, line_height: float) -> float:
    """Break the text of a layout into lines `line_height` apart, all in pixels; return their height together."""
    y = 0.0
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0.0, y))
        y += line_height
    layout.endLayout()
    return y


def first_line(text: str, most: int = 80) -> str:
    """Return the first line with more than a few characters, at most `most` of them."""
    lines = [line.strip() for line in text.split("\n") if len(line.strip()) > 3]
    return (lines[0] if lines else text.strip())[:most]
