"""Read the text of PDF files.

pdfium (BSD licence) reads the characters; pdf_layout.py orders them into lines and columns, pdf_text.py joins lines
into paragraphs. No script in a file is run: this build of pdfium has no JavaScript.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.retrieval.readers.pdf_layout import page_columns
from engine.retrieval.readers.pdf_text import Page, parts

MOST_SAVED = 50_000_000  # bytes; of a larger file no copy is made to find its soft hyphens
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\x01-\x08\x0e-\x1f]")


def read_pdf(path: Path) -> Document:
    """Read the text page by page, with the outline as headings.

    Raises EngineError if the file needs a password, or if its fonts do not say which characters they show.
    """
    pdf = _opened(path)
    with pdf:
        pages = [_columns(pdf, number) for number in range(len(pdf))]
        outline = list(_outline(pdf))
    lines, page = Lines(), -1
    for number, text in parts(pages):
        for _ in range(page, number):
            lines.begin_page()
        page = max(page, number)
        lines.add(text)
    for _ in range(page, len(pages) - 1):
        lines.begin_page()
    document = lines.document()
    if 3 * len(_UNREADABLE.findall(document.text)) > len(document.text) > 0:
        raise EngineError("error.document_garbled", file=str(path))
    return Document(document.text, document.pages, tuple(_headings(document, outline)))


def _opened(path: Path) -> Any:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise EngineError("error.document_encrypted", file=str(path)) from error
        raise
    if path.stat().st_size <= MOST_SAVED:
        pdf = _with_soft_hyphens(pdf)
    pdf.init_forms()
    return pdf


def _with_soft_hyphens(pdf: Any) -> Any:
    """Return the file with code 173 of WinAnsiEncoding named a soft hyphen, if it uses that encoding.

    The PDF standard (ISO 32000-1, annex D.2, note 6) shows this code as a hyphen, and pdfium reads it as a hard one,
    although programs write it where a word may be divided. The copy has no compressed objects, so the name can be
    replaced in its bytes; pdfium finds the objects that this moves.
    """
    import pypdfium2

    copy = io.BytesIO()
    try:
        pdf.save(copy)
        data, count = re.subn(
            rb"/Encoding\s*/WinAnsiEncoding\b",
            b"/Encoding<</BaseEncoding/WinAnsiEncoding/Differences[173/softhyphen]>>",
            copy.getvalue(),
        )
        named = pypdfium2.PdfDocument(data) if count else pdf
    except pypdfium2.PdfiumError:
        return pdf
    return named if len(named) == len(pdf) else pdf


def _columns(pdf: Any, number: int) -> Page:
    """Return the lines of a page, with the values of its form fields as they are shown."""
    import pypdfium2.raw as pdfium

    page = pdf[number]
    if not {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT}.isdisjoint(_annotations(page)):
        page.flatten()
        page.close()
        page = pdf[number]
    try:
        return page_columns(page.get_textpage())
    finally:
        page.close()


def _annotations(page: Any) -> Iterator[int]:
    import pypdfium2.raw as pdfium

    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        yield pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)


def _outline(pdf: Any) -> Iterator[tuple[int, str]]:
    """Yield page and title of each entry of the outline."""
    for entry in pdf.get_toc():
        target = entry.get_dest()
        page = target.get_index() if target else None
        if page is not None and entry.get_title().strip():
            yield page, " ".join(entry.get_title().split())


def _headings(document: Document, outline: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield offset and title of each entry of the outline: of the line that begins with it, or the next paragraph."""
    ends = [*document.pages[1:], len(document.text)]
    last = 0
    for page, title in outline:
        start, end = max(last, document.pages[page]), ends[page]
        words = r"\s+".join(map(re.escape, title.split()))
        found = re.compile(rf"(?:^|(?<=\n))(?:[\d.]+\s+)?{words}").search(document.text, start, end)
        last = found.start() if found else document.text.find("\n\n", start) + 2
        if found or last >= 2:
            yield last, title
