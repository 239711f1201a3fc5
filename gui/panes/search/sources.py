"""The names and colours of sources, in all views of the Search pane."""

from pathlib import Path

from PySide6.QtGui import QColor

from engine.messages.search import Passage
from gui.i18n import t
from gui.theme import Theme


def source_color(theme: Theme, source: int) -> QColor:
    """Return the colour of a source, which is always shown together with its number."""
    return theme.series_color(source)


def place_of(passage: Passage) -> str:
    """Return file, page and heading if there are any, and the number of the passage in its file."""
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
    """Return the length in UTF-16 units, as Qt counts: 😀 and 𠮟 are two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
