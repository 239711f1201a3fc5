"""Read Word files (Office Open XML, ISO/IEC 29500-1 clause 17, transitional and strict).

The text is that of the document's last version, as Word shows it with all changes accepted: deleted and moved-away
text, hidden text and the codes of fields are left out. Everything else is read once, in order. Footnotes, endnotes and
comments follow the paragraph that refers to them, as "[1] …" and "[Comment, author] …", so that they are found
together with it; headers and footers follow at the end, once for all sections.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Line, Lines, append_line, comment_label, has_letter
from engine.retrieval.readers.numbering import Numbering, value
from engine.retrieval.readers.package import Package, branch, descendants, refuse_ole
from engine.retrieval.readers.symbols import furigana_base, readable, symbol
from engine.retrieval.readers.word_styles import Styles, is_on

# Elements around paragraphs, rows and cells: content controls, custom XML, smart tags, insertions, moved-here text.
_CONTAINERS = frozenset({"sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"})
_DELETED = frozenset({"del", "moveFrom", "delText", "delInstrText"})
_PROPERTIES = frozenset({"pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr", "sdtEndPr", "customXmlPr", "smartTagPr"})
_SKIPPED = _DELETED | _PROPERTIES | {"sectPr"}
_MARKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}  # U+2011 is on no keyboard
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes", "commentReference": "comments"}


def read_docx(path: Path) -> Document:
    """Read a Word document. Raises EngineError if it is encrypted or older than Word 2007."""
    refuse_ole(path)
    with Package(path) as package:
        word = _Word(package)
        lines = Lines()
        lines.add_lines([*word.body(), *word.margins()])
    return lines.document()


class _Word:
    """A document: its parts, styles and lists, and the numbers of its notes."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.main = package.one_related("officeDocument")
        if self.main not in package:
            raise ValueError("it contains no document")
        self.styles = Styles(self._part("styles"))
        self.numbering = Numbering(self._part("numbering"))
        self._notes = {(kind, note.get("id")): (kind, note) for kind in _NOTES.values() for note in self._part(kind)}
        self._root = package.xml(self.main)
        self._count = 0  # notes so far
        self.pending: list[Line] = []  # notes to be written after the current paragraph or row

    def _part(self, kind: str) -> Element:
        return self.package.xml(self.package.one_related(kind, self.main))

    def body(self) -> list[Line]:
        story = _Story(self, self.main, is_body=True)
        return story.read(self._root.find("body"))

    def margins(self) -> list[Line]:
        """Return the different headers and footers; those without a letter are page numbers."""
        found: dict[str, None] = {}
        related = self.package.related(self.main)
        for label, name in (("[Header] ", "headerReference"), ("[Footer] ", "footerReference")):
            for reference in self._root.iter(name):
                _, part = related.get(reference.get("r:id", ""), ("", ""))
                text = " ".join(text for text, _ in _Story(self, part).read(self.package.xml(part))).strip()
                if has_letter(text):
                    found[label + text] = None
        return [(text, False) for text in [*found, *(text for text, _ in self.pending)]]

    def refer(self, kind: str, identifier: str | None) -> str:
        """Return the mark of a note; its text is written, with the same mark, after the current paragraph."""
        _, note = self._notes.pop((kind, identifier), (kind, None))
        if note is None:
            return ""
        if kind == "comments":
            mark, label = "", comment_label(note.get("author"))
        else:
            self._count += 1
            mark = f"[{self._count}]"
            label = f"{mark} "
        part = self.package.one_related(kind, self.main)
        first, *rest = [text for text, _ in _Story(self, part).read(note)] or [""]
        self.pending += [(label + first.lstrip(), False), *((text, False) for text in rest)]
        return mark


class _Story:
    """Reads one flow of text: the body, a cell, a text box, a note, a header."""

    def __init__(self, word: _Word, part: str, is_body: bool = False) -> None:
        self.word, self.part, self.is_body = word, part, is_body
        self.lines: list[Line] = []
        self._text: list[str] = []  # of the current paragraph
        self._boxes: list[Line] = []  # anchored in the current paragraph
        self._fields: list[bool] = []  # for each field that is open, whether its code is being read
        self._code: list[str] = []  # of the field
        self._font = ""

    def read(self, parent: Element | None) -> list[Line]:
        if parent is not None:
            self._blocks(parent)
            self._close()
        return self.lines

    # --- Blocks -------------------------------------------------------------------------------------

    def _blocks(self, parent: Element) -> None:
        for block in parent:
            if block.tag == "p":
                self._paragraph(block)
            elif block.tag == "tbl":
                self._close()
                self._table(block)
            elif block.tag in ("r", "hyperlink", "fldSimple", "oMath", "oMathPara"):  # allowed outside paragraphs
                self._paragraph(block)
            elif block.tag == "altChunk":  # a file of another format within this one
                _, target = self.word.package.related(self.part).get(block.get("r:id", ""), ("", ""))
                self._emit(f"[Not read: {target.rpartition('/')[2]}]")
            elif block.tag == "AlternateContent":
                self._blocks(_chosen(block))
            elif block.tag not in _SKIPPED:
                self._blocks(block)

    def _paragraph(self, paragraph: Element) -> None:
        self._run(paragraph)
        if self._fields and self._fields[-1]:  # otherwise a code without an end would hide the rest of the document
            self._fields.pop()
        if not _is_continued(paragraph):
            self._end_paragraph(paragraph)

    def _close(self) -> None:
        """End the last paragraph, also if its mark is deleted: no other one continues it."""
        if self._text or self._boxes:
            self._end_paragraph(Element("p"))

    def _end_paragraph(self, paragraph: Element) -> None:
        text, self._text = "".join(self._text).strip("\n"), []
        boxes, self._boxes = self._boxes, []
        styles, label = self.word.styles, ""
        number, level = styles.number(paragraph)
        if number:
            label = self.word.numbering.label(number, level)
        if text.strip() or not boxes:
            self._emit(label + text if text.strip() else "", self.is_body and styles.is_heading(paragraph))
        for box, _ in boxes:
            self._emit(box)

    def _emit(self, text: str, is_heading: bool = False) -> None:
        append_line(self.lines, text, is_heading)
        if self.is_body:
            self.lines += self.word.pending
            self.word.pending.clear()

    def _table(self, table: Element) -> None:
        """Write each row as a line; a row of a single cell as its paragraphs, because it often holds a whole page."""
        for row in descendants(table, "tr", _CONTAINERS):
            if _has(row, "trPr", "del", "hidden"):
                continue
            cells = [cell for cell in descendants(row, "tc", _CONTAINERS) if not _has(cell, "tcPr", "cellDel")]
            shown = [cell for cell in cells if not _is_covered(cell)]
            if len(shown) == 1:
                self._blocks(shown[0])
                continue
            stories = [_Story(self.word, self.part).read(None if _is_covered(cell) else cell) for cell in cells]
            self._emit(
                " | ".join(" ".join(text for text, _ in story if text).strip() for story in stories).rstrip(" |")
            )

    # --- Within a paragraph ---------------------------------------------------------------------------

    def _run(self, parent: Element) -> None:
        for node in parent:
            if node.tag in _INLINE:
                _INLINE[node.tag](self, node)
            elif node.tag not in _SKIPPED:
                self._run(node)

    def _add(self, text: str) -> None:
        if not any(self._fields):
            self._text.append(text)

    def _formatted(self, run: Element) -> None:
        properties = run.find("rPr")
        if properties is not None:
            if self.word.styles.is_hidden(properties):
                return
            fonts = properties.find("rFonts")
            self._font = fonts.get("ascii", "") if fonts is not None else ""
        self._run(run)
        self._font = ""

    def _written(self, node: Element) -> None:
        self._add(readable(node.text or "", self._font).replace("\n", " "))

    def _mark(self, node: Element) -> None:
        self._add(_MARKS[node.tag])

    def _symbol(self, node: Element) -> None:
        with suppress(ValueError):  # a code that is no number
            self._add(symbol(int(node.get("char", ""), 16), node.get("font", "")))

    def _ruby(self, node: Element) -> None:
        """Read the base text without its furigana.

        Between the characters (東とう京きょう都) they would hide the word from searches and from models in training.
        """
        for base in node.findall("rubyBase"):
            self._run(base)

    def _field(self, node: Element) -> None:
        kind = node.get("fldCharType")
        if kind == "begin":
            self._choice(node)
            self._fields.append(True)
        elif self._fields and kind == "separate":
            self._fields[-1] = False
        elif self._fields and kind == "end":
            self._fields.pop()
            self._add(furigana_base("".join(self._code)))
            self._code.clear()

    def _field_code(self, node: Element) -> None:
        self._code.append(node.text or "")

    def _choice(self, field: Element) -> None:
        """Read a check box, or the chosen entry of a drop-down field: they have no other result (17.16.9, 17.16.7)."""
        choices, box = field.find("ffData/ddList"), field.find("ffData/checkBox")
        if choices is not None:
            entries, chosen = choices.findall("listEntry"), value(choices, "result") or value(choices, "default") or "0"
            for entry in entries[int(chosen) :][:1] if chosen.isdecimal() else ():
                self._add(entry.get("val", ""))
        elif box is not None:
            checked = is_on(box, "checked") if box.find("checked") is not None else is_on(box, "default")
            self._add("☑" if checked else "☐")

    def _note(self, node: Element) -> None:
        self._add(self.word.refer(_NOTES[node.tag], node.get("id")))

    def _alternatives(self, node: Element) -> None:
        self._run(_chosen(node))

    def _box(self, node: Element) -> None:
        self._boxes += _Story(self.word, self.part).read(node)

    def _word_art(self, node: Element) -> None:
        self._boxes.append((node.get("string", ""), False))

    def _graphic(self, node: Element) -> None:
        related = self.word.package.related(self.part)
        _, target = related.get(node.get("r:id") or node.get("r:dm") or "", ("", ""))
        self._boxes += [(text, False) for text in self.word.package.graphic(target)]

    def _brackets(self, node: Element) -> None:
        """Read an expression in brackets (22.1.2.24), which are stored as properties."""
        found = {name: node.find(f"dPr/{name}") for name in ("begChr", "sepChr", "endChr")}
        begin, between, end = (
            default if sign is None else sign.get("val", "")
            for sign, default in zip(found.values(), "(|)", strict=True)
        )
        for index, part in enumerate(node.findall("e")):
            self._add(between if index else begin)
            self._run(part)
        self._add(end)

    def _numerator(self, node: Element) -> None:
        self._run(node)
        self._add("/")

    def _sum(self, node: Element) -> None:
        self._add(value(node, "chr") or "∫")

    def _inner_paragraph(self, node: Element) -> None:
        self._run(node)
        self._add("\n")


_INLINE: dict[str, Callable[[_Story, Element], None]] = {
    "t": _Story._written,
    "r": _Story._formatted,
    "sym": _Story._symbol,
    "ruby": _Story._ruby,
    "fldChar": _Story._field,
    "instrText": _Story._field_code,
    "AlternateContent": _Story._alternatives,
    "txbxContent": _Story._box,
    "textpath": _Story._word_art,
    "chart": _Story._graphic,
    "relIds": _Story._graphic,
    "p": _Story._inner_paragraph,
    "d": _Story._brackets,
    "num": _Story._numerator,
    "naryPr": _Story._sum,
    **dict.fromkeys(_MARKS, _Story._mark),
    **dict.fromkeys(_NOTES, _Story._note),
}


def _chosen(alternatives: Element) -> Element:
    chosen = branch(alternatives)
    return Element("none") if chosen is None else chosen


def _has(node: Element, properties: str, *names: str) -> bool:
    found = node.find(properties)
    return found is not None and any(is_on(found, name) for name in names)


def _is_continued(paragraph: Element) -> bool:
    """Return whether the next paragraph continues this one: its mark is deleted, or it is a large first letter."""
    frame = paragraph.find("pPr/framePr")
    is_letter = frame is not None and frame.get("dropCap", "none") != "none"
    return is_letter or _has(paragraph, "pPr/rPr", "del", "moveFrom")


def _is_covered(cell: Element) -> bool:
    """Return whether a cell only continues a merged one."""
    merges = [cell.find(f"tcPr/{name}") for name in ("vMerge", "hMerge")]
    return any(merge is not None and merge.get("val", "continue") == "continue" for merge in merges)
