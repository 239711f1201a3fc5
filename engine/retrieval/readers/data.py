r"""Read JSON and JSON Lines as text. Escapes are decoded, so that a search for 東京 finds "\u6771\u4eac"."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines, one_line
from engine.retrieval.readers.plain import whole_text


def read_json(path: Path, encoding: str = "") -> Document:
    """Read the plain values of each object as a line of "key: value"; keep a text that is not JSON as it is."""
    document = whole_text(path, encoding)
    lines = Lines()
    try:
        for value in _values(document.text):
            for line in _lines("", value):
                lines.add(f"{line}\n")
    except (ValueError, RecursionError):
        return document
    return replace(document, text=lines.document().text)


def _values(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except ValueError:
        yield from (json.loads(line) for line in text.split("\n") if line.strip())


def _lines(name: str, value: Any) -> Iterator[str]:
    """Yield the lines of a value; `name` is its key in the object around it, or ""."""
    if isinstance(value, dict):
        if row := ", ".join(f"{key}: {text}" for key, item in value.items() if (text := _text(item))):
            yield row
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _lines(key, item)
    elif isinstance(value, list):
        if texts := [text for item in value if (text := _text(item))]:
            yield f"{name}: {', '.join(texts)}" if name else "\n".join(texts)
        for item in value:
            if isinstance(item, dict | list):
                yield from _lines(name, item)
    elif text := _text(value):
        yield text


def _text(value: Any) -> str:
    """Return a string, number or boolean as text; "" for others."""
    if value is None or isinstance(value, dict | list):
        return ""
    return one_line(value if isinstance(value, str) else json.dumps(value))
