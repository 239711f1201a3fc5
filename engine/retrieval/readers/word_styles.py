"""Look up the properties that the styles of a Word document give a paragraph or run (ISO/IEC 29500-1, 17.7)."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from engine.retrieval.readers.numbering import value

HEADING = re.compile("heading|title|見出し|表題", re.IGNORECASE)


class Styles:
    """The styles of a document by identifier. A style inherits from the one that it is based on."""

    def __init__(self, root: Element) -> None:
        self._styles = {style.get("styleId", ""): style for style in root.findall("style")}

    def _chain(self, name: str) -> Iterator[Element]:
        seen = set()
        while name in self._styles and name not in seen:
            seen.add(name)
            yield self._styles[name]
            name = value(self._styles[name], "basedOn")

    def is_heading(self, paragraph: Element) -> bool:
        """Return whether a paragraph has an outline level, its own or its style's, or its style is called a heading.

        Programs in other languages translate the names, and people base their own styles on the built-in ones; the
        level remains.
        """
        name = value(paragraph, "pPr/pStyle")
        for properties in (paragraph.find("pPr"), *(style.find("pPr") for style in self._chain(name))):
            level = value(properties, "outlineLvl") if properties is not None else ""
            if level:
                return level < "9"  # 9 is body text
        names = [name, *(value(style, "name") for style in self._chain(name))]
        return any(HEADING.match(name) for name in names)

    def number(self, paragraph: Element) -> tuple[str, int]:
        """Return the list that numbers a paragraph, or "" if none does, and the depth in it."""
        own = paragraph.find("pPr/numPr")
        style = value(paragraph, "pPr/pStyle")
        inherited = [node.find("pPr/numPr") for node in self._chain(style)]
        found = [node for node in (own, *inherited) if node is not None]
        number = next((value(node, "numId") for node in found if value(node, "numId")), "")
        depth = next((value(node, "ilvl") for node in found if value(node, "ilvl")), "0")
        return number if number != "0" else "", int(depth) if depth.isdecimal() else 0

    def is_hidden(self, properties: Element) -> bool:
        """Return whether a run is hidden text (17.3.2.41), by itself or by its character style."""
        if properties.find("vanish") is not None:
            return is_on(properties, "vanish")
        chain = self._chain(value(properties, "rStyle"))
        return any(is_on(found, "vanish") for style in chain if (found := style.find("rPr")) is not None)


def is_on(properties: Element, name: str) -> bool:
    """Return whether a property is present and not switched off."""
    found = properties.find(name)
    return found is not None and found.get("val", "true") not in ("0", "false", "off")
