"""Find the headings of Markdown, reStructuredText, Org, AsciiDoc and LaTeX. The text is not changed.

A few patterns are enough, because only headings matter here: markdown-it-py needs 2.3 s for 640 kB.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.plain import whole_text

# Each pattern also matches code and comments, so that no heading is found inside them.
_MARKDOWN = r"""
    \A---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*$                                      # front matter
    | ^[ ]{0,3}(?P<fence>(?P<tick>[`~])(?P=tick){2,})(?!.*`).*\n(?:(?![ ]{0,3}(?P=fence)).*\n)*+(?:.*)  # code
    | <!--(?s:.*?)(?:-->|\Z)
    | ^[ ]{0,3}\#{1,6}[ \t]+(?P<name>\S.*?)(?:[ \t]+\#*[ \t]*)?(?:\{[^{}\n]*\})?[ \t]*$
    | (?:\A|(?<=\n\n))[ ]{0,3}(?![->*+|\d])(?P<underlined>\S.*)\n[ ]{0,3}(?:=+|-+)[ \t]*$
"""
_RST = r"^(?P<underlined>\S.*)\n(?P<line>(?P<mark>[-=`:'\"~^_*+\#<>.])(?P=mark){2,})[ \t]*$"
_ORG = (
    r"(?i:^\#\+begin_\w+)(?s:.*?)(?:(?i:^\#\+end_\w+)|\Z)"
    r" | ^\*+[ ](?:TODO[ ]|DONE[ ])?(?P<name>\S.*?)(?:[ \t]+:[\w@:]+:)?[ \t]*$"
)
_ASCIIDOC = r"^(?P<fence>-{4,}|\.{4,})\n(?s:.*?)(?:^(?P=fence)$|\Z) | ^={1,6}[ \t]+(?P<name>\S.*)$"
_LATEX = (
    r"(?<!\\)%.* | \\begin\{(?P<fence>verbatim|lstlisting)\}(?s:.*?)(?:\\end\{(?P=fence)\}|\Z)"
    r" | \\(?:title|part|chapter|(?:sub){0,2}section)\*?(?:\[.*?\])?\{(?P<name>[^{}\n]+)\}"
)
_PATTERNS = {
    suffix: re.compile(pattern, re.MULTILINE | re.VERBOSE)
    for suffixes, pattern in {
        ".md .markdown": _MARKDOWN,
        ".rst": _RST,
        ".org": _ORG,
        ".adoc": _ASCIIDOC,
        ".tex": _LATEX,
    }.items()
    for suffix in suffixes.split()
}
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)|(\*\*|__|`)(?=\S)(.+?)\2")


def read_marked(path: Path, encoding: str = "") -> Document:
    """Read a text and find its headings by the rules for its suffix."""
    document = whole_text(path, encoding)
    return replace(document, headings=tuple(_headings(document.text, path.suffix.lower())))


def _headings(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    for found in _PATTERNS[suffix].finditer(text):
        parts = found.groupdict()
        name = (parts.get("name") or parts.get("underlined") or "").strip()
        # docutils: an underline is at least as long as its title.
        if name and not (suffix == ".rst" and len(found["line"]) < len(name)):
            yield found.start(), _LINK.sub(lambda link: link[1] or link[3] or "", name)
