"""Read PowerPoint presentations (Office Open XML, ISO/IEC 29500-1 clause 19): each slide is a page.

Titles are headings. Speaker notes and comments follow their slide, marked "[Notes]" and "[Comment]". Dates, slide
numbers and the footers that all slides repeat are left out.
"""

from pathlib import Path
from xml.etree.ElementTree import Element

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Line, Lines, comment_label, one_line
from engine.retrieval.readers.package import Package, branch, refuse_ole
from engine.retrieval.readers.symbols import readable

_TITLES = frozenset({"title", "ctrTitle"})
_REPEATED = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})  # placeholders
_PARENTS = frozenset({"cSld", "spTree", "grpSp", "Choice", "Fallback"})


def read_pptx(path: Path) -> Document:
    """Read a presentation. Raises EngineError if it is encrypted or older than PowerPoint 2007."""
    refuse_ole(path)
    lines = Lines()
    with Package(path) as package:
        main = package.one_related("officeDocument")
        related = package.related(main)
        for slide in package.xml(main).findall("sldIdLst/sldId"):
            _, part = related.get(slide.get("r:id", ""), ("", ""))
            lines.begin_page()
            for text, is_title in _slide(package, part):
                lines.add(f"{text}\n", text if is_title else "")
            lines.add("\n")
    return lines.document()


def _slide(package: Package, part: str) -> list[Line]:
    """Return the lines of a slide, its title first: shapes are stored from back to front."""
    found = sorted(_shapes(package, part, package.xml(part)), key=lambda line: not line[1])
    for kind, target in package.related(part).values():
        if kind == "notesSlide":
            notes = [text for text, _ in _shapes(package, target, package.xml(target))]
            found += [(f"[Notes] {text}", False) for text in notes[:1]] + [(text, False) for text in notes[1:]]
        elif kind == "comments":  # before 2021 their text was in "text", since then in paragraphs
            for comment in package.xml(target).iter("cm"):
                text = comment.findtext("text") or " ".join(_paragraphs(comment))
                found.append((comment_label("") + text, False))
    return found


def _shapes(package: Package, part: str, parent: Element) -> list[Line]:
    """Return the text of the shapes in `parent`, and whether it is the slide's title."""
    found: list[Line] = []
    for shape in parent:
        if shape.tag == "AlternateContent":
            chosen = branch(shape)
            found += _shapes(package, part, chosen) if chosen is not None else []
        elif shape.tag in _PARENTS:
            found += _shapes(package, part, shape)
        elif shape.tag == "graphicFrame":
            found += [(text, False) for text in _frame(package, part, shape)]
        else:
            holder = next(shape.iter("ph"), None)
            kind = holder.get("type", "obj") if holder is not None else ""
            if kind in _TITLES:
                title = one_line(" ".join(_paragraphs(shape)))
                found += [(title, True)] if title else []
            elif kind not in _REPEATED:
                found += [(text, False) for text in _paragraphs(shape)]
    return found


def _frame(package: Package, part: str, frame: Element) -> list[str]:
    """Return the rows of a table, or the text of a chart or diagram."""
    found = []
    for row in frame.iter("tr"):
        cells = [cell for cell in row.findall("tc") if not {cell.get("hMerge"), cell.get("vMerge")} & {"1", "true"}]
        found.append(" | ".join(" ".join(_paragraphs(cell)) for cell in cells).rstrip(" |"))
    related = package.related(part)
    for node in frame.iter():
        if node.tag in ("chart", "relIds"):
            found += package.graphic(related.get(node.get("r:id") or node.get("r:dm") or "", ("", ""))[1])
    return [text for text in found if text]


def _paragraphs(parent: Element) -> list[str]:
    texts = ("".join(_text(p)) for p in parent.iter("p"))
    return [text.strip() for text in texts if text.strip()]


def _text(node: Element) -> list[str]:
    """Return the text of a paragraph in pieces; equations have alternatives within it."""
    found = []
    for child in node:
        if child.tag == "AlternateContent":
            chosen = branch(child)
            found += _text(chosen) if chosen is not None else []
        elif child.tag == "t":
            found.append(readable(child.text or ""))
        elif child.tag in ("br", "tab"):
            found.append("\n" if child.tag == "br" else "\t")
        else:
            found += _text(child)
    return found
