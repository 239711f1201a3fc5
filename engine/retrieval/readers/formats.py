"""Read files of several formats as documents: text, pages and headings. One module a family of formats.

Files are not trusted: no script in them is run, no link followed, nothing unpacked to disk. reader_process.py
handles files that make a library crash, hang or use too much memory.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.data import read_json
from engine.retrieval.readers.epub import read_epub
from engine.retrieval.readers.html import read_html
from engine.retrieval.readers.mail import read_mail, read_saved_page
from engine.retrieval.readers.marked import read_marked
from engine.retrieval.readers.opendocument import read_odf
from engine.retrieval.readers.package import refuse_ole
from engine.retrieval.readers.plain import read_captions, read_text
from engine.retrieval.readers.rtf import read_rtf
from engine.retrieval.readers.sheets import read_xlsx
from engine.retrieval.readers.slides import read_pptx
from engine.retrieval.readers.table import read_csv
from engine.retrieval.readers.word import read_docx

OUR_BUGS = (AttributeError, ImportError, NameError, TypeError)  # seldom a damaged file: their traceback is logged


def read_pdf(path: Path) -> Document:
    """Read a PDF file. Its reader imports numpy, which takes longer than reading most files of other formats."""
    from engine.retrieval.readers import pdf

    return pdf.read_pdf(path)


Reader = Callable[[Path], Document]
TextReader = Callable[[Path, str], Document]  # the string is the encoding chosen, or "" to detect it


def read_old(path: Path) -> Document:
    """Read a file with a suffix of Office 97 to 2003: many contain RTF, a web page or a newer format."""
    refuse_ole(path)
    begin = path.read_bytes()[:4096].lstrip().lower()
    if begin.startswith(b"{\\rtf"):
        return read_rtf(path)
    if begin.startswith(b"pk"):
        return {".doc": read_docx, ".xls": read_xlsx}.get(path.suffix.lower(), read_pptx)(path)
    if b"<html" in begin or b"<table" in begin:
        return read_html(path)
    raise EngineError("error.document_old", file=str(path))


TEXT_READERS: dict[str, TextReader] = {
    ".txt": read_text,
    ".text": read_text,
    ".log": read_text,
    ".md": read_marked,
    ".markdown": read_marked,
    ".rst": read_marked,
    ".org": read_marked,
    ".adoc": read_marked,
    ".tex": read_marked,
    ".srt": read_captions,
    ".vtt": read_captions,
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
}
READERS: dict[str, Reader] = {
    ".eml": read_mail,
    ".mht": read_saved_page,
    ".mhtml": read_saved_page,
    ".epub": read_epub,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".docm": read_docx,  # with macros, which are not read
    ".dotx": read_docx,  # a template
    ".dotm": read_docx,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
    ".pptx": read_pptx,
    ".pptm": read_pptx,
    ".ppsx": read_pptx,  # opens as a slide show
    ".odt": read_odf,
    ".ott": read_odf,
    ".ods": read_odf,
    ".odp": read_odf,
    ".rtf": read_rtf,
    ".doc": read_old,
    ".xls": read_old,
    ".ppt": read_old,
}
SUFFIXES = frozenset({*TEXT_READERS, *READERS})


def read_document(path: Path, encoding: str = "") -> Document:
    """Read a file by the reader for its suffix, a text in `encoding` or in the one detected.

    Raises EngineError, which names what is wrong with the file.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in READERS:
            document = READERS[suffix](path)
        else:
            document = TEXT_READERS.get(suffix, read_text)(path, encoding)
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
