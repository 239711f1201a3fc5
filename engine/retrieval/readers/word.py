"""Read Word files (.docx)."""

import re
import zipfile
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines

MOST_UNPACKED = 400_000_000  # bytes in a .docx


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
