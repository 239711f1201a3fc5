"""Read the visible text of HTML pages."""

import re
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.text.reading import detect_encoding

_INVISIBLE = "script, style, noscript, template, iframe, object, svg"
_HEADINGS = "title, h1, h2, h3, h4, h5, h6"
_BLOCKS = (
    "address, article, aside, blockquote, br, dd, div, dl, dt, figcaption, figure, footer, form, header, hr, li, main,"
    " nav, ol, option, p, pre, section, table, td, th, tr, ul"
)
_BREAK, _MARK = "\x1e", "\x1f"  # control characters, which mark the ends of blocks and headings
_CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)


def read_html(path: Path) -> Document:
    """Read the visible text of a page."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(re.sub(f"[{_BREAK}{_MARK}]", " ", _html(path)))
    for node in tree.css(_INVISIBLE):
        node.decompose()
    for names, mark in ((_BLOCKS, ""), (_HEADINGS, _MARK)):
        for node in tree.css(names):
            node.insert_before(_BREAK + mark)
            node.insert_after(mark + _BREAK)
    lines, root = Lines(), tree.root
    for block in (root.text() if root is not None else "").split(_BREAK):
        text = " ".join(block.replace(_MARK, "").split())
        if text:
            lines.add(text, text if block.startswith(_MARK) else "")
            lines.add("\n\n")
    return lines.document()


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
