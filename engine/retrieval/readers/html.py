"""Read the visible text of HTML pages."""

import re
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.page import page_text
from engine.text.reading import detect_encoding

_CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)


def read_html(path: Path) -> Document:
    """Read the visible text of a page."""
    return page_text(_html(path))


def _html(path: Path) -> str:
    """Decode a page by the encoding that it declares, if that fits, else by the one detected."""
    data = path.read_bytes()
    named = _CHARSET.search(data[:4096])
    for encoding in [named[1].decode()] if named else []:
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            pass
    return data.decode(detect_encoding(path), "replace")
