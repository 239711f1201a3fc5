"""Turn HTML into text as a reader of the page sees it: blocks, rows of tables, headings.

selectolax parses the page as HTML5. Of the 60 pages in tests/engine/test_html.py, white space apart, html-text reads 31
right, resiliparse 30, selectolax's own text() 29, inscriptis and trafilatura 26.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Lines
from engine.retrieval.readers.xhtml import as_html

# Furigana (rt, rtc, and the brackets rp) are left out, as in Word files: a search finds a phrase only in the plain
# base text, and brackets would cut 東京都庁 where ruby marks a part of it: 東京（とうきょう）都庁.
_UNREAD_NAMES = "annotation annotation-xml datalist desc metadata rp rt rtc script style title"
_UNREAD = frozenset(_UNREAD_NAMES.split())
# What browsers show only without scripts, frames or the codec is read if the page has no other text.
_FALLBACKS = {"audio", "canvas", "iframe", "noembed", "noframes", "noscript", "template", "video"}
_RAW = {"iframe", "noembed", "noframes"}  # the parser keeps their content as one string
_LINES = {"dd", "dt", "li", "optgroup", "option", "summary", "text", "tr"}
_PARAGRAPH_NAMES = (
    "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure"
    " footer form header hgroup hr legend listing main menu nav ol p plaintext pre search section select table"
    " textarea ul xmp"
)
_PARAGRAPHS = frozenset(_PARAGRAPH_NAMES.split())
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TALL = _HEADINGS | {"table", "hr", "pre", "form"}  # a row with one of these arranges the page: its cells are blocks
_VERBATIM = {"listing", "plaintext", "pre", "textarea", "xmp"}
_SHOWING_NAMES = "button date email number reset search submit tel text time url"
_SHOWING = frozenset(_SHOWING_NAMES.split())

# HTML standard, 15.3.1 "Hidden elements". Text with aria-hidden is read, because it is seen; only the copies that
# KaTeX and MathJax draw of a formula are not.
_HIDDEN = '[hidden]:not([hidden="until-found"]), dialog:not([open]), [popover], .katex-html, .MathJax nobr'
_NOTES = 'sup:has(a), .footnote-ref, a[href*="#"] > sup:only-child, [role="doc-noteref"], [epub\\:type~="noteref"]'
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid|list-item|table)\s*(?:;|!|$)", re.IGNORECASE)

LONG = 400  # characters of a cell from which on its paragraphs are kept
DEEPEST = 4  # frames within frames

# Unicode's noncharacters mark the structure within the text; those of the page itself are removed.
_BREAK, _LINE, _PARAGRAPH, _CELL, _HEADING, _SPACE, _TAB, _NEWLINE = map(chr, range(0xFDD0, 0xFDD8))
_MARKS = re.compile("[\ufdd0-\ufdd7]")
_KEEP = str.maketrans({" ": _SPACE, "\t": _TAB, "\n": _NEWLINE, "\xa0": _SPACE})
_KEPT = str.maketrans({_SPACE: " ", _TAB: "\t", _NEWLINE: "\n", _CELL: " "})
_BLANKS = " \t\n\f\xa0"
_SPACES = re.compile(f"[{_BLANKS}]+")
_BETWEEN = re.compile(
    f"([{_BLANKS}]*[{_BREAK}{_LINE}{_PARAGRAPH}{_CELL}][{_BLANKS}{_BREAK}{_LINE}{_PARAGRAPH}{_CELL}]*)"
)
# CSS Text 3, 4.1.3: a line end between two East Asian characters is no space.
_WIDE = "\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\U00020000-\U0003ffff"
_EAST_ASIAN_LINE_END = re.compile(f"(?<=[{_WIDE}])[ \t]*\n[{_BLANKS}]*(?=[{_WIDE}])")
# Places where a line may break within a word. Khmer, Thai and their neighbours end words by U+200B: there it stays.
_UNSEEN = re.compile("[\u00ad\u2060\ufeff]|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b")


def page_text(html: str, titled: bool = True) -> Document:
    """Return the visible text of a page and its headings; if `titled`, the title first unless a heading is the same.

    The text of templates, and what is shown without scripts or frames, is read if the page has no other.
    """
    tree = parse(html)
    text = _Walk(tree).text()
    blocks = list(_blocks(text)) or list(_blocks(_Walk(tree, hidden_too=True).text()))
    lines = Lines()
    for title in tree.css(":not(svg) > title")[: int(titled)]:
        name = _one_line(title.text())
        if name and (name, True) not in {block[:2] for block in blocks}:
            lines.add(name, name)
            lines.add("\n\n")
    for block, is_heading, end in blocks:
        lines.add(block, block if is_heading else "")
        lines.add(end)
    return lines.document()


def parse(html: str) -> Any:
    """Return the tree of a page or of another text in XML."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(as_html(_MARKS.sub("", html.replace("\r\n", "\n").replace("\r", "\n"))))


_Slots = dict[str, list[tuple[Any, Any]]]  # the nodes in each slot of a shadow tree, with the slots around them


class _Walk:
    """Collects the text of a tree in order, with marks. Only frames are recursive: elements may be nested deeply."""

    def __init__(self, tree: Any, hidden_too: bool = False, depth: int = 0) -> None:
        self._root = tree.root
        self._hidden_too = hidden_too
        self._depth = depth
        self._parts: list[str] = []
        self._rows: list[int] = []  # where the open rows of tables begin; -1 if a row arranges the page
        self._heading = (0, 0)  # the open heading's address, and where it begins
        self._verbatim = self._ruby = 0  # open elements of these kinds
        self._linked = False  # whether a link has just ended
        # Elements by their address:
        self._hidden: set[int] = set()
        self._blocks: set[int] = set()
        self._notes: set[int] = set()
        self._shadows: dict[int, Any] = {}  # the shadow tree of each host
        self._tex: dict[int, str] = {}  # the source of each formula
        parts = [self._root]
        for part in parts:
            self._find_special(part)
            parts += part.template_fragments()  # not those within them

    def _find_special(self, part: Any) -> None:
        template = part.parent
        if template is not None and template.parent is not None and "shadowrootmode" in template.attributes:
            self._shadows[template.parent.mem_id] = part
        if not self._hidden_too:
            self._hidden.update(node.mem_id for node in part.css(_HIDDEN))
        for node in part.css("[style]"):
            style = node.attributes["style"] or ""
            if _HIDDEN_STYLE.search(style) and not self._hidden_too:
                self._hidden.add(node.mem_id)
            elif _BLOCK_STYLE.search(style):
                self._blocks.add(node.mem_id)
        self._notes.update(node.mem_id for node in part.css(_NOTES))
        for math in part.css("math"):
            tex = math.css_first('annotation[encoding*="tex"]')
            self._tex[math.mem_id] = tex.text() if tex is not None else math.attributes.get("alttext") or ""

    def text(self) -> str:
        """Return all text, with marks between its parts."""
        stack: list[tuple[Any, bool, _Slots]] = [(self._root, True, {})]
        while stack:
            node, entering, slots = stack.pop()
            if node.is_text_node:
                self._add(node.text_content)
            elif not entering:
                self._leave(node)
            elif node.is_element_node and self._enter(node):
                stack.append((node, False, slots))
                stack += ((child, True, its_slots) for child, its_slots in reversed(self._shown_in(node, slots)))
        return "".join(self._parts)

    def _shown_in(self, node: Any, slots: _Slots) -> list[tuple[Any, _Slots]]:
        """Return the nodes within an element, of a host those of its shadow tree, and the content of their slots."""
        if node.tag == "slot" and (given := slots.get(node.attributes.get("name") or "")):
            return given
        shadow = self._shadows.get(node.mem_id)
        if shadow is not None:
            own = [(child, slots) for child in _children(node)]
            slots = {}
            for child, outer in own:
                name = child.attributes.get("slot") if child.is_element_node else None
                slots.setdefault(name or "", []).append((child, outer))
        inner = node.template_fragments()[0] if node.tag == "template" else shadow or node
        return [(child, slots) for child in _children(inner)]

    def _add(self, text: str) -> None:
        if self._verbatim:
            text = text.translate(_KEEP)
        elif self._ruby:  # blanks beside the elements of a ruby are layout of the source
            text = re.sub(f"^[{_BLANKS}]+|[{_BLANKS}]+$", "\n", text)
        self._parts.append(text)
        self._linked = False

    def _enter(self, node: Any) -> bool:
        """Begin an element; return whether its content is to be read."""
        tag = node.tag
        if tag in _UNREAD or node.mem_id in self._hidden:
            return False
        if tag in _FALLBACKS or tag in ("img", "input", "math"):
            return self._replace(node)
        self._end_block(node)
        if tag == "br":
            self._parts.append(_NEWLINE if self._verbatim else _BREAK)
        elif (tag == "a" and self._linked) or tag == "button" or node.mem_id in self._notes:
            self._parts.append("\n")  # apart from its neighbour, if not between Japanese characters
        elif tag in ("td", "th"):
            self._parts.append(_CELL)
        elif tag == "tr":
            self._rows.append(len(self._parts))
        if tag in _TALL and self._rows:
            self._rows[-1] = -1
        if tag in _HEADINGS and not self._heading[0]:
            self._heading = node.mem_id, len(self._parts)
        self._verbatim += tag in _VERBATIM
        self._ruby += tag == "ruby"
        return True

    def _leave(self, node: Any) -> None:
        tag = node.tag
        self._verbatim -= tag in _VERBATIM
        self._ruby -= tag == "ruby"
        if tag == "tr" and (start := self._rows.pop()) >= 0:
            self._parts[start:] = [_row("".join(self._parts[start:]))]
        elif node.mem_id == self._heading[0]:
            start = self._heading[1]
            name = _one_line("".join(self._parts[start:]))
            self._parts[start:] = [_HEADING + name] if name else []
            self._heading = 0, 0
        elif tag == "button":
            self._parts.append("\n")
        self._end_block(node)
        self._linked = tag == "a"

    def _end_block(self, node: Any) -> None:
        if node.tag in _PARAGRAPHS or node.tag in _HEADINGS:
            self._parts.append(_PARAGRAPH)
        elif node.tag in _LINES or node.mem_id in self._blocks:
            self._parts.append(_LINE)

    def _replace(self, node: Any) -> bool:
        """Add what is shown instead of the content of an element; return whether the content is read too."""
        tag, values = node.tag, node.attributes
        if tag == "img":  # the HTML standard, 4.8.4.4: the text that says the same as the image
            if values.get("alt"):
                self._add(f"\n{values['alt']}\n")
        elif tag == "input":
            if (values.get("type") or "text").lower() in _SHOWING:
                self._add(f"\n{values.get('value') or ''}\n")
        elif tag == "math":
            if tex := self._tex.get(node.mem_id):
                self._add(tex)
            return not tex
        elif tag == "iframe" and values.get("srcdoc"):
            self._frame(values["srcdoc"])
        elif self._hidden_too and tag in _RAW:
            self._frame(node.text())
        elif tag == "template" and node.parent is not None and node.parent.mem_id in self._shadows:
            return False  # read with its host
        elif self._hidden_too:
            self._parts.append(_PARAGRAPH)
            return True
        return False

    def _frame(self, html: str) -> None:
        if self._depth < DEEPEST:
            inner = _Walk(parse(html), self._hidden_too, self._depth + 1).text()
            self._parts += (_PARAGRAPH, inner, _PARAGRAPH)
            if self._rows:
                self._rows[-1] = -1


def _children(node: Any) -> list[Any]:
    found, child = [], node.first_child
    while child is not None:
        found.append(child)
        child = child.next
    return found


# --- Text with marks ------------------------------------------------------------------------------


def _row(text: str) -> str:
    """Put the cells of a row on one line, unless a cell is so long that the table only arranges the page."""
    before, *cells = text.split(_CELL)
    lines = [_one_line(cell) for cell in cells]
    if any(
        len(line) > LONG and _PARAGRAPH in cell.strip(_BLANKS + _PARAGRAPH)
        for line, cell in zip(lines, cells, strict=True)
    ):
        return text
    if sum(map(bool, lines)) < 2:
        return _LINE.join((before, *cells))
    return f"{before}{_LINE}{' | '.join(lines).rstrip(' |')}"


def _one_line(text: str) -> str:
    return _collapsed(_MARKS.sub(" ", text))


def _collapsed(text: str) -> str:
    """Return a text with white space as CSS Text 3 collapses it, and without invisible characters."""
    text = _EAST_ASIAN_LINE_END.sub("", _UNSEEN.sub("", text))
    return _SPACES.sub(" ", text).strip(_BLANKS)


def _blocks(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield each block of a text with marks, whether it is a heading, and the line ends after it."""
    pieces = [*_BETWEEN.split(text), _PARAGRAPH]
    block, is_heading, between = "", False, ""
    for piece, end in zip(pieces[::2], pieces[1::2], strict=True):
        if words := _collapsed(piece.lstrip(_HEADING)).translate(_KEPT).rstrip("\n"):
            if block:
                yield block, is_heading, _ends(between)
            block, is_heading, between = words, _HEADING in piece, ""
        between += end
    if block:
        yield block, is_heading, "\n"


def _ends(marks: str) -> str:
    return "\n\n" if _PARAGRAPH in marks or _CELL in marks or marks.count(_BREAK) > 1 else "\n"
