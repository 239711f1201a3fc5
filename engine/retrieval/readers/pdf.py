"""Read the text of PDF files, page by page."""

import re
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines


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
