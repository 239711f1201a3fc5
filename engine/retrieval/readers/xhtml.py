"""Let the HTML parser read XML: XHTML pages, and the lists of an EPUB."""

import re

_EMPTY = re.compile(r"""<([A-Za-z][\w:.-]*+)((?:[^<>"'/]++|"[^"]*+"|'[^']*+'|/(?!>))*+)/>""")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)]]>", re.DOTALL)
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}


def as_html(text: str) -> str:
    """Write `<a/>` as `<a></a>` and CDATA as text if this is XML; return other pages as they are."""
    head = text[:2000].lstrip("\ufeff \n")
    if not head.startswith("<?xml") and "http://www.w3.org/1999/xhtml" not in head:
        return text
    text = _CDATA.sub(lambda found: found[1].replace("&", "&amp;").replace("<", "&lt;"), text)
    return _EMPTY.sub(lambda found: found[0] if found[1] in _VOID else f"<{found[1]}{found[2]}></{found[1]}>", text)
