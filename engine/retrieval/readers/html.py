"""Read the visible text of HTML pages."""

from dataclasses import replace
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.page import page_text
from engine.retrieval.readers.plain import whole_text
from engine.text.encodings import declared_in_html, decode, detect


def read_html(path: Path, encoding: str = "") -> Document:
    """Read the visible text of a page.

    `encoding`: "" for that of its byte-order mark, else that which it declares, else the one detected.
    """
    page = whole_text(path, encoding, is_html=True)
    shown = page_text(page.text)
    return replace(page, text=shown.text, headings=shown.headings)


def decoded(data: bytes, declared: str = "") -> str:
    """Return the text of a page inside another file, in the encoding `declared` there, or else as in read_html."""
    guess = detect(data, declared or declared_in_html(data))
    return decode(data, guess.encoding if guess else "utf-8")[0]
