"""Read plain texts and subtitles."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.text.reading import TextFile


def read_text(path: Path, encoding: str = "") -> Document:
    document = whole_text(path, encoding)
    return replace(document, headings=tuple(_title(document.text)))


def whole_text(path: Path, encoding: str = "", is_html: bool = False) -> Document:
    """Read a file as one text without headings, in an encoding or in the one detected, see TextFile."""
    file, lines = TextFile(path, encoding, is_html), Lines()
    for part in file.chunks():
        lines.add(part)
    text = lines.document().text
    return Document(text, encoding=file.encoding, certain=file.certain, replaced=file.replaced)


def _title(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of the first line if it is short and not a sentence."""
    start = len(text) - len(text.lstrip())
    first, _, rest = text[start:].partition("\n")
    if rest.strip() and 0 < len(first) <= 150 and not first.rstrip().endswith(tuple("。．.!?！？,、:：")):
        yield start, first.strip()


def read_captions(path: Path, encoding: str = "") -> Document:
    """Read what is spoken in subtitles (.srt, .vtt), without numbers, times and markup."""
    document = whole_text(path, encoding)
    return replace(document, text=_CUE.sub("", document.text))


_TIME = r"(?:\d+:)?\d\d:\d\d[.,]\d+"
_CUE = re.compile(
    r"\AWEBVTT.*(?:\n.+)*|^(?:NOTE|STYLE|REGION)\b(?:.*\n)(?:.+\n)*"
    rf"|^(?:[^\n<>]*\n)?{_TIME}[ ]+-->[ ]+{_TIME}.*\n"
    r"|</?(?:[biucv]|ruby|rt|font|lang)\b[^<>\n]*>|<[\d:.]+>|\{\\[^{}\n]*\}",
    re.MULTILINE,
)
