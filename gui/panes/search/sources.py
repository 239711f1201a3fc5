"""How a source is named and coloured, wherever it appears: in lists, in the prompt, on the map, in the answer."""

from pathlib import Path

from PySide6.QtGui import QColor

from engine.messages.search import Passage
from gui.i18n import t
from gui.theme import Theme


def source_color(theme: Theme, source: int) -> QColor:
    """Never alone: the number stands beside it."""
    return theme.series_color(source)


def place_of(passage: Passage) -> str:
    """File, page if it has pages, heading if it has one, and which passage of the file it is."""
    parts = [Path(passage.path).name]
    if passage.page:
        parts.append(t("pane.search.passages.page", page=passage.page))
    if passage.heading:
        parts.append(passage.heading)
    parts.append(t("pane.search.passages.number", number=passage.place + 1))
    return " · ".join(parts)


def one_line(text: str) -> str:
    return " ".join(text.split())


def utf16(text: str) -> int:
    """Length as Qt counts it: 😀 and 𠮟 are two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
