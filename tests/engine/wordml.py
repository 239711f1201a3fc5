"""Write WordprocessingML in short: p paragraph, r run, tbl table, tr row, tc cell."""

from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.formats import read_document
from tests.engine.documents import word

BEFORE, AFTER = "<w:p><w:r><w:t>Before.</w:t></w:r></w:p>", "<w:p><w:r><w:t>After.</w:t></w:r></w:p>"


def p(text: str, properties: str = "", run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{r(text, run)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def tc(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content if content.startswith('<') else p(content)}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    row = "".join(cell if cell.startswith("<w:") else tc(cell) for cell in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{row}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/>{''.join(rows)}</w:tbl>"


def read(folder: Path, body: str, **parts: str) -> Document:
    return read_document(word(folder / "a.docx", body, **parts))


def lines(folder: Path, body: str, **parts: str) -> list[str]:
    return [line for line in read(folder, body, **parts).text.split("\n") if line]


def inline(folder: Path, content: str, **parts: str) -> str:
    """Return how this content of a paragraph is read."""
    (line,) = lines(folder, f"<w:p>{content}</w:p>", **parts)
    return line
