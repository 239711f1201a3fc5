"""Read OpenDocument texts, spreadsheets and presentations (ISO/IEC 26300): .odt, .ods, .odp.

As in Word files, the text is that of the last version (deleted text is stored in text:tracked-changes), furigana and
hidden text are left out, and notes, comments, headers and footers are marked.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Line, Lines, append_line, comment_label, has_letter, one_line
from engine.retrieval.readers.package import Package, refuse_ole
from engine.retrieval.readers.sheets import Row, rows_as_lines
from engine.retrieval.readers.symbols import readable

MOST_COPIES = 1000  # of a row or cell that is repeated; files may name millions

_SKIPPED = frozenset(
    {
        *("tracked-changes", "ruby-text", "note-citation", "forms", "binary-data", "thumbnail"),
        *("hidden-text", "hidden-paragraph", "annotation-end", "covered-table-cell", "event-listeners", "shapes"),
        *("sequence-decls", "user-field-decls", "variable-decls", "dde-connection-decls"),
    }
)
_TITLES = frozenset({"title", "desc"})  # of a picture; within a paragraph, a field with the document's title
_BLOCKS = frozenset({"p", "h", "list", "table"})
_REPEATED = frozenset({"header", "footer", "date-time", "page-number"})  # on each slide
_MARGINS = ("header", "footer")

Kinds = dict[str, str]  # of styles: name to "hidden" or "title"


def read_odf(path: Path) -> Document:
    """Read an OpenDocument file. Raises EngineError if it is encrypted."""
    refuse_ole(path)
    with Package(path) as package:
        if next(package.xml("META-INF/manifest.xml").iter("encryption-data"), None) is not None:
            raise EngineError("error.document_encrypted", file=str(path))
        content, styles = package.xml("content.xml"), package.xml("styles.xml")
        kinds = _kinds(styles) | _kinds(content)
        lines = Lines()
        for body in content.findall("body/*"):
            if body.tag == "spreadsheet":
                _spreadsheet(package, body, kinds, lines)
            elif body.tag in ("presentation", "drawing"):
                _slides(package, body, kinds, lines)
            else:
                lines.add_lines([*_Story(package, kinds).read(body), *_margins(package, styles, kinds)])
    return lines.document()


def _kinds(root: Element) -> Kinds:
    """Return the styles of hidden text, tables and sections ("hidden"), and those of titles ("title")."""
    kinds = {}
    for style in root.iter("style"):
        name, parent = style.get("name", ""), style.get("parent-style-name", "")
        if any(properties.get("display") in ("none", "false") for properties in style):
            kinds[name] = "hidden"
        elif "Title" in (name, parent):  # the internal name in every language
            kinds[name] = "title"
    return kinds


def _margins(package: Package, styles: Element, kinds: Kinds) -> list[Line]:
    """Return the different headers and footers; those without a letter are page numbers."""
    found: dict[str, None] = {}
    for name in _MARGINS:
        for margin in (node for node in styles.iter() if node.tag == name or node.tag.startswith(f"{name}-")):
            text = " ".join(text for text, _ in _Story(package, kinds).read(margin) if text).strip()
            if has_letter(text) and margin.get("display") != "false":
                found[f"[{name.capitalize()}] {text}"] = None
    return [(text, False) for text in found]


def _spreadsheet(package: Package, body: Element, kinds: Kinds, lines: Lines) -> None:
    for table in body.findall("table"):
        if kinds.get(table.get("style-name", "")) != "hidden":
            story = _Story(package, kinds)
            rows = [dict(enumerate(cells, start=1)) for cells in story.rows(table)]
            shapes = [line for shapes in table.findall("shapes") for line in _Story(package, kinds).read(shapes)]
            filled: list[Row] = [{column: text for column, text in row.items() if text} for row in rows]
            found = [*rows_as_lines([row for row in filled if row]), *(text for text, _ in [*story.pending, *shapes])]
            if found:
                name = table.get("name", "")
                lines.add_lines([(name, True), *((text, False) for text in found)])


def _slides(package: Package, body: Element, kinds: Kinds, lines: Lines) -> None:
    for page in body.findall("page"):
        lines.begin_page()
        story = _Story(package, kinds)
        for shape in sorted(page, key=lambda shape: shape.get("class") != "title"):
            kind = shape.get("class", "")
            if shape.tag == "notes":
                texts = [text for text, _ in _Story(package, kinds).read(shape) if text]
                story.lines += [(f"[Notes] {text}" if index == 0 else text, False) for index, text in enumerate(texts)]
            elif kind == "title":
                title = one_line(" ".join(text for text, _ in _Story(package, kinds).read(shape)))
                story.lines += [(title, True)] if title else []
            else:
                story.read(_wrapped(shape))
        lines.add_lines([*story.lines, ("", False)])


def _wrapped(node: Element) -> Element:
    parent = Element("box")
    parent.append(node)
    return parent


class _Story:
    """Reads one flow of text: the body, a cell, a text box, a note."""

    def __init__(self, package: Package, kinds: Kinds, pending: list[Line] | None = None) -> None:
        self._package, self._kinds = package, kinds
        self.lines: list[Line] = []
        self._text: list[str] = []  # of the current paragraph
        self._boxes: list[Line] = []  # anchored in the current paragraph
        self._owns_notes = pending is None
        self.pending: list[Line] = [] if pending is None else pending  # notes and comments of this paragraph or row

    def _inner(self) -> "_Story":
        return _Story(self._package, self._kinds, self.pending)

    def read(self, parent: Element) -> list[Line]:
        for block in parent:
            if block.get("class") in _REPEATED:
                continue
            if block.tag in ("p", "h"):
                kind = self._kinds.get(block.get("style-name", ""))
                if kind != "hidden":
                    self._paragraph(block, is_heading=block.tag == "h" or kind == "title")
            elif block.tag == "table":
                for cells in self.rows(block):
                    self._emit(" | ".join(cells).rstrip(" |"))
            elif block.tag in ("annotation", "object"):
                self._inline(block, around=True)
                self._end(False)
            elif block.tag not in _SKIPPED | _TITLES and not self._is_hidden(block):
                self.read(block)
        return self.lines

    def _is_hidden(self, node: Element) -> bool:
        kind = self._kinds.get(node.get("style-name", ""))
        return node.get("display") == "none" or (node.tag in ("span", "table") and kind == "hidden")

    def _paragraph(self, paragraph: Element, is_heading: bool) -> None:
        self._add(paragraph.text)
        self._inline(paragraph)
        self._end(is_heading)

    def _end(self, is_heading: bool) -> None:
        text, self._text = "".join(self._text).strip(), []
        boxes, self._boxes = self._boxes, []
        if text or not (boxes or self.pending):
            self._emit(text, is_heading)
        self.lines += boxes
        if self._owns_notes:
            self._flush()

    def _emit(self, text: str, is_heading: bool = False) -> None:
        append_line(self.lines, text, is_heading)
        if self._owns_notes:
            self._flush()

    def _flush(self) -> None:
        self.lines += self.pending
        self.pending.clear()

    def rows(self, table: Element) -> list[list[str]]:
        """Return the cells of each row; a cell that continues a merged one is empty."""
        found: list[list[str]] = []
        for row in table:
            if row.tag == "table-row":
                cells: list[str] = []
                for cell in row:
                    if cell.tag in ("table-cell", "covered-table-cell"):
                        lines = self._inner().read(cell) if cell.tag == "table-cell" else []
                        text = one_line(" ".join(text for text, _ in lines if text))
                        cells += [text] * _copies(cell, "number-columns-repeated", bool(text))
                found += [cells] * _copies(row, "number-rows-repeated", any(cells))
            elif row.tag.startswith("table-") or row.tag == "soft-page-break":  # groups and headers of rows
                found += self.rows(row)
        return found

    # --- Within a paragraph ---------------------------------------------------------------------------

    def _inline(self, parent: Element, around: bool = False) -> None:
        """Read the children of a node and the text after each; with `around` the node itself as if it were a child."""
        for node in [parent] if around else parent:
            if node.tag == "note":
                self._note(node)
            elif node.tag == "annotation":
                self._put_aside(comment_label(node.findtext("creator")), node)
            elif node.tag == "object":
                self._object(node)
            elif node.tag in _BLOCKS:  # in a frame that is anchored here
                self._boxes += self._inner().read(_wrapped(node))
            elif node.tag in _MARKS:
                self._text.append(_MARKS[node.tag] * _copies(node, "c", True))
            elif node.tag in _TITLES and parent.tag not in ("p", "h", "span", "a"):
                pass
            elif node.tag not in _SKIPPED and not self._is_hidden(node):
                self._add(node.text)
                self._inline(node)
            if not around:
                self._add(node.tail)

    def _add(self, text: str | None) -> None:
        """Add text with each run of white space as one space (part 3, 6.1.2); several are written as text:s."""
        if text:
            self._text.append(readable(_SPACES.sub(" ", text)))

    def _note(self, note: Element) -> None:
        mark = f"[{(note.findtext('note-citation') or '*').strip()}]"
        self._text.append(mark)
        body = note.find("note-body")
        if body is not None:
            self._put_aside(f"{mark} ", body)

    def _put_aside(self, label: str, note: Element) -> None:
        first, *rest = [text for text, _ in self._inner().read(note) if text] or [""]
        self.pending += [(label + first, False), *((text, False) for text in rest)]

    def _object(self, node: Element) -> None:
        """Read an equation (MathML), within this paragraph, or the labels of a chart."""
        root = node.find("math")
        if root is None:
            root = self._package.xml(f"{node.get('href', '').removeprefix('./').rstrip('/')}/content.xml")
        if root.tag == "math":
            self._text += [part.text.strip() for part in root.iter() if part.tag in _MATH and part.text]
        else:
            labels = dict.fromkeys(p.text or "" for p in root.iter("p"))
            self._boxes += [(text, False) for text in labels if has_letter(text)]


_SPACES = re.compile("[ \t\r\n]+")
_MARKS = {"s": " ", "tab": "\t", "line-break": "\n"}
_MATH = frozenset({"mi", "mn", "mo", "mtext"})


def _copies(node: Element, name: str, has_text: bool) -> int:
    """Return how often a cell, row or space is repeated: once without text, and at most MOST_COPIES times."""
    count = node.get(name, "1")
    return min(int(count) if count.isdecimal() and len(count) < 9 else 1, MOST_COPIES) if has_text else 1
