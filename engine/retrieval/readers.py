"""Read files of several formats as documents: text, pages and headings.

Files are not trusted: no script in them is run, no link followed, nothing unpacked to disk. reader_process.py
handles files that make a library crash, hang or use too much memory.
"""

import csv
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.text.reading import detect_encoding, read_chunks

MOST_CHARACTERS = 100_000_000  # characters of a document: several hundred books
MOST_UNPACKED = 400_000_000  # bytes in a .docx
OUR_BUGS = (AttributeError, ImportError, NameError, TypeError)  # seldom a damaged file: their traceback is logged


class Lines:
    """Collects the parts of a text, and where its headings and pages begin."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[tuple[int, str]] = []
        self._pages: list[int] = []

    def add(self, text: str, heading: str = "") -> None:
        """Append `text`, which begins with `heading` if there is one."""
        if heading.strip():
            self._headings.append((self._length, " ".join(heading.split())))
        self._parts.append(text)
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            raise ValueError(f"more than {MOST_CHARACTERS:,} characters")

    def begin_page(self) -> None:
        self._pages.append(self._length)

    def document(self) -> Document:
        return Document("".join(self._parts), tuple(self._pages), tuple(self._headings))


def read_document(path: Path) -> Document:
    """Read a file by the reader for its suffix. Raises EngineError, which names what is wrong with the file."""
    try:
        document = READERS.get(path.suffix.lower(), read_text)(path)
    except (EngineError, MemoryError):
        raise
    except (FileNotFoundError, PermissionError) as error:
        raise EngineError("error.text_unreadable", file=str(path), reason=error.strerror or "") from error
    except Exception as error:  # libraries raise anything on damaged files
        if isinstance(error, OUR_BUGS):
            logging.getLogger(__name__).exception("unexpected error in %s", path)
        reason = f"{type(error).__name__}: {error}"[:200]
        raise EngineError("error.document_broken", file=str(path), reason=reason) from error
    if not document.text.strip():
        raise EngineError("error.document_images" if document.pages else "error.document_empty", file=str(path))
    return document


# --- Plain texts ----------------------------------------------------------------------------------


def read_text(path: Path) -> Document:
    text = _whole(path)
    return Document(text, headings=tuple(_title(text)))


def _whole(path: Path) -> str:
    lines = Lines()
    for part in read_chunks(path):
        lines.add(part)
    return lines.document().text


def _title(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of the first line if it is short and no sentence."""
    start = len(text) - len(text.lstrip())
    first, _, rest = text[start:].partition("\n")
    if rest.strip() and 0 < len(first) <= 150 and not first.rstrip().endswith(tuple("。．.!?！？,、:：")):
        yield start, first.strip()


def read_markdown(path: Path) -> Document:
    text = _whole(path)
    return Document(text, headings=tuple((m.start(), m[1].strip()) for m in _HEADING.finditer(text)))


_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*?)[ \t#]*$", re.MULTILINE)


def read_csv(path: Path) -> Document:
    """Read each row as a line of "column: value", or of values where the first row is no header."""
    text = _whole(path)
    head = text[:4096].partition("\n")[0]
    separator = max("\t;|,", key=head.count)
    csv.field_size_limit(1_000_000)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    names = next(rows, [])
    lines = Lines()
    named = len(set(names)) == len(names) and not any(re.fullmatch(r"[\d.,%\s-]*", name) for name in names)
    if not named:
        lines.add(_row([], names))
    for row in rows:
        lines.add(_row(names if named else [], row))
    return lines.document()


def _row(names: list[str], values: list[str]) -> str:
    cells = [
        f"{names[index].strip()}: {value.strip()}" if index < len(names) else value.strip()
        for index, value in enumerate(values)
        if value.strip()
    ]
    return ", ".join(cells) + "\n" if cells else ""


# --- HTML -----------------------------------------------------------------------------------------

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


# --- PDF and Word ---------------------------------------------------------------------------------


def read_pdf(path: Path) -> Document:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise EngineError("error.document_encrypted", file=str(path)) from error
        raise
    lines = Lines()
    with pdf:
        for number in range(len(pdf)):
            lines.begin_page()
            page = pdf[number]
            text = page.get_textpage().get_text_bounded()
            lines.add(_unwrapped(text) + "\n\n")
            page.close()
    return lines.document()


def _unwrapped(text: str) -> str:
    """Join the lines of a page into sentences, and hyphenated words, because PDF has no paragraphs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe", "-").replace("\x02", "-")
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
    text = re.sub(r"(?<=[\u3041-\u30ff\u4e00-\u9fff、])\n(?=[\u3041-\u30ff\u4e00-\u9fff])", "", text)
    return re.sub(r"(?<=[a-z,;])\n(?=[a-z(])", " ", text)


def read_docx(path: Path) -> Document:
    from docx import Document as open_docx
    from docx.oxml.ns import qn

    with path.open("rb") as file:
        if file.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":  # the container of encrypted Office files
            raise EngineError("error.document_encrypted", file=str(path))
    with zipfile.ZipFile(path) as parts:
        if sum(part.file_size for part in parts.infolist()) > MOST_UNPACKED:
            raise EngineError("error.document_large", file=str(path))
    lines = Lines()
    word = open_docx(str(path))
    names = {style.style_id: style.name or "" for style in word.styles}
    for block in word.element.body:
        if block.tag == qn("w:p"):
            style = block.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
            name = names.get(style.get(qn("w:val")), "") if style is not None else ""
            text = _runs(block)
            lines.add(text, text if re.match("(?i)heading|title|見出し|表題", name) else "")
            lines.add("\n")
        elif block.tag == qn("w:tbl"):
            for row in block.iter(qn("w:tr")):
                lines.add(" | ".join(_runs(cell).strip() for cell in row.iter(qn("w:tc"))) + "\n")
    return lines.document()


def _runs(element: Any) -> str:
    """Return the text of a paragraph or cell."""
    marks = {"t": None, "tab": "\t", "br": "\n", "cr": "\n", "p": "\n"}
    found = []
    for node in element.iter():
        name = str(node.tag).rpartition("}")[2]
        if name in marks:
            found.append(marks[name] or node.text or "")
    return "".join(found).strip("\n")


Reader = Callable[[Path], Document]
READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
}
SUFFIXES = frozenset({*READERS, ".txt", ".text"})
