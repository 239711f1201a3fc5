"""Open the XML parts of zipped Office documents: Office Open XML (ECMA-376) and OpenDocument (ISO/IEC 26300).

Files are not trusted. A part that defines entities is refused: they could grow without bound or name other files, and
Office programs define none. Size and depth are bounded. Nothing is unpacked to disk.
"""

import posixpath
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Self
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser

from engine.errors import EngineError

MOST_UNPACKED = 200_000_000  # bytes of all parts that are read; pictures and films are not
CHUNK = 1 << 16  # bytes
DEEPEST = 256  # nested elements, as libxml2 allows; real documents have some 60

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of encrypted Office files, and of those before 2007
_ENTITY = tuple("<!ENTITY".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
_OLD_STREAMS = ("WordDocument", "Workbook", "Book", "PowerPoint Document")
_OFFICE = ("http://schemas.microsoft.com/office/", "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")


class Package:
    """A zipped document.

    Elements and attributes lose their namespaces, because the standard has two sets (strict and transitional). Only
    attributes of relationships keep a prefix ("r:id"), because "id" may be beside them.
    """

    def __init__(self, file: Path) -> None:
        self._zip = zipfile.ZipFile(file)
        # Some programs write backslashes; the names of parts do not depend on case (ECMA-376 part 2, 6.2.2.3).
        self._parts = {part.filename.replace("\\", "/").lower(): part for part in self._zip.infolist()}
        self._unpacked = 0
        self._related: dict[str, dict[str, tuple[str, str]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    @property
    def names(self) -> list[str]:
        """The names of all parts, in lower case."""
        return list(self._parts)

    def read(self, name: str) -> bytes:
        """Return the XML of a part. Raises ValueError if it defines entities, else as `data`."""
        data = self.data(name)
        if any(mark in data for mark in _ENTITY):
            raise ValueError("it defines entities")
        return data

    def data(self, name: str) -> bytes:
        """Return the bytes of a part. Raises KeyError if there is none, MemoryError beyond MOST_UNPACKED."""
        part = self._parts[name.lower()]
        self._unpacked += part.file_size
        if self._unpacked > MOST_UNPACKED:
            raise MemoryError(f"more than {MOST_UNPACKED:,} bytes")
        return self._zip.read(part)

    def xml(self, name: str) -> Element:
        """Return the root of a part; an empty element if there is no such part."""
        if not name or name not in self:
            return Element("none")
        parser = XMLParser(target=_Builder())
        parser.feed(self.read(name))
        return parser.close()

    def each(self, name: str, tags: frozenset[str]) -> Iterator[Element]:
        """Yield the elements with these names, and clear each afterwards, so that no large tree is in memory."""
        builder = _Builder(tags)
        parser = XMLParser(target=builder)
        data = self.read(name) if name in self else b""
        for start in range(0, len(data), CHUNK):
            parser.feed(data[start : start + CHUNK])
            for node in builder.finished:
                yield node
                node.clear()
            builder.finished.clear()
        if data:
            parser.close()

    def related(self, name: str = "") -> dict[str, tuple[str, str]]:
        """Return the kind and name of each part that a part (by default the package) refers to, by identifier."""
        if name in self._related:
            return self._related[name]
        folder, base = posixpath.split(name)
        found = self._related[name] = {}
        for node in self.xml(posixpath.join(folder, "_rels", f"{base}.rels")):
            if node.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, node.get("Target", "").replace("\\", "/")))
                found[node.get("Id", "")] = node.get("Type", "").rpartition("/")[2], target.lstrip("/")
        return found

    def one_related(self, kind: str, name: str = "") -> str:
        """Return the name of the first part of a kind that a part refers to; "" if there is none."""
        return next((target for found, target in self.related(name).values() if found == kind), "")

    def graphic(self, name: str) -> list[str]:
        """Return the text of a chart or diagram: its paragraphs, then the names of series and categories, each once."""
        tree = self.xml(name)
        paragraphs = ["".join(t.text or "" for t in p.iter("t")).strip() for p in tree.iter("p")]
        labels = [v.text or "" for kind in ("strCache", "strLit") for cache in tree.iter(kind) for v in cache.iter("v")]
        return [text for text in [*paragraphs, *dict.fromkeys(labels)] if text]


class _Builder(TreeBuilder):
    """Builds a tree with local names only."""

    def __init__(self, tags: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.finished: list[Element] = []  # of these names
        self._tags = tags
        self._depth = 0
        self._namespaces: dict[str, str] = {}

    def start_ns(self, prefix: str, uri: str) -> None:
        self._namespaces[prefix] = uri

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"elements nested more than {DEEPEST} deep")
        if attrs:
            attrs = {_local(name): value for name, value in attrs.items()}
            if "Requires" in attrs:
                attrs["Requires"] = " ".join(self._namespaces.get(p, "unknown") for p in attrs["Requires"].split())
        return super().start(_local(tag), attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        node = super().end(tag)
        if self._tags and node.tag in self._tags:
            self.finished.append(node)
        return node


@lru_cache(maxsize=4096)
def _local(name: str) -> str:
    namespace, _, local = name.rpartition("}")
    return f"r:{local}" if namespace.endswith("/relationships") else local


def branch(alternatives: Element) -> Element | None:
    """Return the alternative of mc:AlternateContent (ECMA-376 part 3, 9.3) to read, as all have the same content.

    It is the first choice whose namespaces are all Office's own, else the fallback.
    """
    for choice in alternatives.findall("Choice"):
        if all(uri.startswith(_OFFICE) for uri in choice.get("Requires", "unknown").split()):
            return choice
    return alternatives.find("Fallback")


def descendants(parent: Element, name: str, containers: frozenset[str]) -> Iterator[Element]:
    """Yield the nearest elements of that name in order, looking only into `containers`."""
    for child in parent:
        if child.tag == name:
            yield child
        elif child.tag in containers:
            yield from descendants(child, name, containers)


def refuse_ole(path: Path) -> None:
    """Raise EngineError if a file is encrypted, or of Office 97 to 2003: neither is a package."""
    with path.open("rb") as file:
        if file.read(8) != OLE:
            return
        data = file.read(MOST_UNPACKED)
    old = any(f"{stream}\0".encode("utf-16-le") in data for stream in _OLD_STREAMS)
    raise EngineError("error.document_old" if old else "error.document_encrypted", file=str(path))
