"""Read books in EPUB 2 and 3 (W3C EPUB 3.3; IDPF OPF 2.0.1).

The XML parts of a book are read by the HTML parser, like its chapters: it tolerates damage, and ignores the
definitions of entities, which could grow without bound or name other files.
"""

import posixpath
import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.html import decoded
from engine.retrieval.readers.lines import Lines, append, one_line
from engine.retrieval.readers.package import Package
from engine.retrieval.readers.page import page_text, parse

# How fonts are obfuscated, which is no reason to refuse a book: EPUB 3.3, 4.4.2, and Adobe's own way.
_FONTS = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
_TEXT = re.compile("html|svg|dtbook|oeb1-document")  # in the media types of chapters
_NAV = re.compile(r"<nav\b.*?</nav>", re.DOTALL | re.IGNORECASE)
FALLBACKS = 8  # most steps from an item that is not text to one that is


def read_epub(path: Path) -> Document:
    """Read the title of a book and its chapters in their order, without the table of contents.

    A chapter that has no heading gets its name in the table of contents as one. Raises EngineError if a chapter is
    encrypted.
    """
    with Package(path) as package:
        book = _Book(package)
        try:
            return book.document()
        except RuntimeError as error:  # also zipfile's, if a password is needed
            raise EngineError("error.document_encrypted", file=str(path)) from error


class _Book:
    def __init__(self, package: Package) -> None:
        self._package = package
        roots = [node.attributes.get("full-path") or "" for node in self._all("META-INF/container.xml", "rootfile")]
        self._opf = self._find([*roots, *(name for name in package.names if name.endswith(".opf"))])
        self._items = {node.attributes.get("id"): node.attributes for node in self._all(self._opf, "item")}

    def document(self) -> Document:
        """Return the book. Raises RuntimeError if a chapter is encrypted, ValueError if there is none."""
        chapters = self._chapters()
        if not chapters:
            raise ValueError("the book has no chapters")
        if not self._encrypted().isdisjoint(chapters):
            raise RuntimeError("encrypted")
        names, tables = self._names(), self._tables()
        lines = Lines()
        title = next((one_line(node.text()) for node in self._all(self._opf, "title")), "")
        for chapter in chapters:
            html = decoded(self._package.data(chapter))
            if chapter in tables:
                html = _without_table(html)
            page = page_text(html, titled=False)
            if not page.text:
                continue
            if title and not page.text.startswith(title):
                lines.add(f"{title}\n\n", title)
            title = ""
            append(lines, page, names.get(chapter, ""))
            lines.add("\n")
        return lines.document()

    def _chapters(self) -> list[str]:
        """Return the parts that the spine lists, if they exist and are text; without a spine, all pages."""
        found = []
        for node in self._all(self._opf, "itemref"):
            item = self._items.get(node.attributes.get("idref"))
            for _ in range(FALLBACKS):
                if item is None or _TEXT.search(item.get("media-type") or "html"):
                    break
                item = self._items.get(item.get("fallback"))
            if item is not None and _TEXT.search(item.get("media-type") or "html"):
                found.append(self._part(item.get("href")))
        pages = sorted(name for name in self._package.names if name.endswith((".xhtml", ".html", ".htm")))
        return list(dict.fromkeys(filter(None, found))) or pages

    def _names(self) -> dict[str, str]:
        """Return the first name of each chapter in the table of contents."""
        names: dict[str, str] = {}
        for item in self._items.values():
            part = self._part(item.get("href"))
            if "nav" in (item.get("properties") or "").split():
                entries = [(node, "href", node) for nav in self._all(part, "nav")[:1] for node in nav.css("a[href]")]
            elif "dtbncx" in (item.get("media-type") or ""):
                entries = [(node, "src", node.parent.css_first("text")) for node in self._all(part, "content")]
            else:
                continue
            for node, attribute, label in entries:
                chapter = self._part(node.attributes.get(attribute), posixpath.dirname(part))
                if label is not None:
                    names.setdefault(chapter, one_line(label.text()))
        return names

    def _tables(self) -> set[str]:
        """Return the parts that hold a table of contents."""
        navs = (item for item in self._items.values() if "nav" in (item.get("properties") or "").split())
        guides = (node.attributes for node in self._all(self._opf, "reference") if node.attributes.get("type") == "toc")
        return {self._part(values.get("href")) for values in (*navs, *guides)}

    def _encrypted(self) -> set[str]:
        """Return the parts that are encrypted, without obfuscated fonts."""
        found = set()
        for data in self._all("META-INF/encryption.xml", "encrypteddata"):
            methods = {node.attributes.get("algorithm") for node in _elements(data, "encryptionmethod")}
            if methods.isdisjoint(_FONTS):
                found |= {self._part(node.attributes.get("uri"), "") for node in _elements(data, "cipherreference")}
        return found

    def _all(self, part: str, name: str) -> list[Any]:
        """Return the elements with a name in a part; an empty list if there is no such part."""
        return _elements(parse(decoded(self._package.data(part))).root, name) if part in self._package else []

    def _part(self, reference: str | None, folder: str | None = None) -> str:
        """Return the part that a reference names, relative to the package document or to a folder; "" if none."""
        address = urldefrag(reference or "").url
        base = posixpath.dirname(self._opf) if folder is None else folder
        paths = [
            posixpath.normpath(posixpath.join("/", base, form)).lstrip("/") for form in (unquote(address), address)
        ]
        return self._find(paths) if address else ""

    def _find(self, names: list[str]) -> str:
        """Return the first of these names that is a part of the book; "" if none is.

        Names may differ in Unicode composition, and zipfile reads UTF-8 names that are not marked as such as CP437.
        """
        for name in names:
            for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
                for written in (form, form.encode("utf-8", "replace").decode("cp437")):
                    if written in self._package:
                        return written
        return ""


def _elements(root: Any, name: str) -> list[Any]:
    """Return the elements with a name in any namespace."""
    return [node for node in root.css("*") if node.tag.rpartition(":")[2] == name]


def _without_table(html: str) -> str:
    """Leave out a table of contents: the `nav` elements, or a page that has headings and links only."""
    html = _NAV.sub("", html)
    body = parse(html).body
    if body is None:
        return html
    rest = re.sub(r"\s", "", body.text())
    linked = sum(len(re.sub(r"\s", "", node.text())) for node in body.css("a[href], :is(h1, h2, h3)"))
    return "" if linked > 0.8 * len(rest) else html
