r"""Read Rich Text Format (Microsoft's specification 1.9.1).

A file contains text, control words such as \par, and groups in braces; the end of a group restores the formatting
before it. Text is in the code page of its font; \u gives a code of UTF-16, followed by \uc characters for old readers.
striprtf 0.0.35 drops footnotes, and fails where the second byte of a Japanese character is a letter, as in Word's
files.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.retrieval.passages import Document
from engine.retrieval.readers.lines import Line, Lines, append_line, comment_label, has_letter
from engine.retrieval.readers.package import refuse_ole
from engine.retrieval.readers.symbols import furigana_base, readable, symbol
from engine.retrieval.readers.word_styles import HEADING

DEEPEST = 1000  # groups within groups

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|[\r\n\0]+|(?P<text>[^\\{}\r\n\0]+)|\\"
)
# Groups without text of the document. So are other groups that begin with \*, except those of _TEXT.
_SKIPPED_NAMES = """
    aftncn aftnsep aftnsepc bkmkend bkmkstart colortbl datafield datastore filetbl ftncn ftnsep ftnsepc generator info
    latentstyles levelnumbers leveltext listoverridetable listtable mmathPr nonesttables nonshppict objdata object pict
    pntxta pntxtb private revtbl rsidtbl rxe shprslt sn sv tc template themedata txe userprops xe xmlnstbl
"""
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_ASIDE = frozenset({"footnote", "annotation", "shptxt", "dptxbxtext"})  # written after the paragraph or row
_MARGINS = {f"{kind}{page}": f"[{kind.capitalize()}] " for kind in ("header", "footer") for page in ("", *"lrf")}
_TEXT = _ASIDE | _MARGINS.keys() | {"shpinst", "do", "ud", "atnauthor", "fldinst", "moMath", "moMathPara"}
_BREAKS = frozenset({"sect", "page", "column", "line", "softline"})
_CELL = "\x1f"  # marks the end of a cell
_CHARACTERS = {
    "tab": "\t", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ", "bullet": "•",
    "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "cell": _CELL, "nestcell": _CELL,
    "~": "\u00a0", "_": "-", "\\": "\\", "{": "{", "}": "}",
}  # fmt: skip
_CODE_PAGES = {  # by the charset of a font
    77: "mac_roman", 78: "cp932", 128: "cp932", 129: "cp949", 130: "johab", 134: "cp936", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250",
}  # fmt: skip
_SYMBOLS = 2  # the charset of fonts such as Symbol


def read_rtf(path: Path) -> Document:
    """Read an RTF file: its last version, with notes, comments, headers and footers as in Word files."""
    refuse_ole(path)
    data = path.read_bytes()
    if not data.lstrip().startswith(b"{\\rtf"):
        raise ValueError("it does not begin with {\\rtf")
    lines = Lines()
    lines.add_lines(_Rtf().read(data))
    return lines.document()


@dataclass(slots=True)
class _Flow:
    """One flow of text: the body, a note, a header."""

    kind: str = ""  # the control word that began it
    lines: list[Line] = field(default_factory=list)
    text: list[str] = field(default_factory=list)  # of the current paragraph

    def end_line(self, is_heading: bool = False) -> None:
        text = "".join(self.text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = " | ".join(part.strip(" ") for part in text.split(_CELL)).rstrip(" |")
        self.text.clear()
        append_line(self.lines, text, is_heading)


@dataclass(slots=True)
class _Group:
    """What a group may change until its end."""

    flow: _Flow
    is_skipped: bool = False
    is_hidden: bool = False
    is_deleted: bool = False
    is_in_table: bool = False
    is_heading: bool = False
    is_fonts: bool = False  # it is the table of fonts
    is_styles: bool = False  # it is the table of styles
    has_two_versions: bool = False  # \upr: the second one in Unicode
    font: int = -1
    fallback: int = 1  # characters after \u for readers without Unicode
    code: list[str] | None = None  # of a field


class _Rtf:
    def __init__(self) -> None:
        self._body = _Flow()
        self._group = _Group(self._body)
        self._groups: list[_Group] = []
        self._aside: list[Line] = []  # notes, comments and boxes of the current paragraph
        self._margins: dict[str, None] = {}
        self._bytes = bytearray()  # text not yet decoded
        self._to_skip = 0  # characters of a fallback
        self._notes, self._author, self._is_optional = 0, "", False
        self._code_page, self._font, self._first_font = "cp1252", -1, -1
        self._fonts: dict[int, tuple[int, str]] = {}  # charset and name
        self._style, self._headings = 0, set[int]()  # the style that is being defined; those of headings

    def read(self, data: bytes) -> list[Line]:
        place = 0
        while found := _TOKEN.match(data, place):
            place = found.end()
            if found["word"]:
                number = int(found["number"]) if found["number"] else None
                if found["word"] == b"bin":
                    place += max(0, number or 0)
                else:
                    self._control(found["word"].decode(), number)
            elif found["brace"]:
                self._open() if found["brace"] == b"{" else self._close()
            elif found["sign"]:
                self._sign(found["sign"].decode("latin-1"))
            elif found["byte"] or found["text"]:
                self._raw(bytes.fromhex(found["byte"].decode()) if found["byte"] else found["text"])
        self._decode()
        self._end_paragraph()
        return [*self._body.lines, *((text, False) for text in self._margins)]

    # --- Groups -------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._decode()
        self._to_skip = 0
        if len(self._groups) > DEEPEST:
            raise ValueError(f"groups nested more than {DEEPEST} deep")
        outer, self._style = self._group, 0
        self._groups.append(outer)
        self._group = replace(outer, is_skipped=outer.is_skipped or outer.has_two_versions, has_two_versions=False)

    def _close(self) -> None:
        self._decode()
        self._to_skip, self._is_optional = 0, False
        closed = self._group
        if self._groups:
            self._group = self._groups.pop()
        if closed.code is not None and self._group.code is None:
            self._group.flow.text.append(furigana_base("".join(closed.code)))
        if closed.flow is not self._group.flow:
            self._finish(closed.flow)

    def _finish(self, flow: _Flow) -> None:
        """Put a note, comment or box after the current paragraph, a header or footer at the end."""
        flow.end_line()
        texts = [text for text, _ in flow.lines if text]
        if flow.kind in _MARGINS:
            text = " ".join(texts)
            if has_letter(text):
                self._margins[_MARGINS[flow.kind] + text] = None
        elif flow.kind == "atnauthor":
            self._author = " ".join(texts)
        elif texts:
            label = f"[{self._notes}] " if flow.kind == "footnote" else ""
            if flow.kind == "annotation":
                label = comment_label(self._author)
            self._aside += [(f"{label}{texts[0]}", False), *((text, False) for text in texts[1:])]

    # --- Control words ----------------------------------------------------------------------------------

    def _control(self, word: str, number: int | None) -> None:
        group, is_optional, self._is_optional = self._group, self._is_optional, False
        if word == "u" and number is not None:
            self._unicode(number)
            return
        self._decode()
        if word in _SKIPPED or (is_optional and word not in _TEXT):
            group.is_skipped = True
        elif word in _ASIDE or word in _MARGINS or word == "atnauthor":
            if word == "footnote" and not group.is_skipped and not group.is_deleted:
                self._notes += 1
                self._add(f"[{self._notes}]")
            group.flow = _Flow(word)
            group.is_in_table = False
        elif word in _WORDS:
            _WORDS[word](self, number)
        elif word in _BREAKS:
            self._add("\n")
        elif word in _CHARACTERS:
            self._add(_CHARACTERS[word])

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._is_optional = True
        elif sign in "\r\n":
            self._par(None)
        elif sign in _CHARACTERS:
            if self._to_skip:
                self._to_skip -= 1
            else:
                self._decode()
                self._add(_CHARACTERS[sign])

    def _par(self, _: int | None) -> None:
        if self._group.is_in_table:
            self._add(" ")
        elif not self._group.is_skipped and not self._group.is_deleted:  # else the mark itself is deleted
            self._end_paragraph()

    def _nested_row(self, _: int | None) -> None:
        self._group.flow.text.append(" ")  # although its group, \nesttableprops, is skipped

    def _row(self, _: int | None) -> None:
        self._end_paragraph()

    def _end_paragraph(self) -> None:
        flow = self._group.flow
        flow.end_line(self._group.is_heading)
        if flow is self._body:
            flow.lines += self._aside
            self._aside = []

    def _plain(self, _: int | None) -> None:
        self._group.is_hidden, self._group.is_deleted, self._group.font = False, False, self._first_font

    def _pard(self, _: int | None) -> None:
        self._group.is_in_table = self._group.is_heading = False

    def _set_font(self, number: int | None) -> None:
        self._group.font = number or 0
        if self._group.is_fonts:
            self._font = number or 0
            self._fonts[self._font] = (0, "")

    def _set_style(self, number: int | None) -> None:
        self._style = number or 0
        self._group.is_heading = self._style in self._headings and not self._group.is_styles

    def _outline(self, number: int | None) -> None:
        if not self._group.is_styles:
            self._group.is_heading = (number or 0) < 9
        elif (number or 0) < 9:
            self._headings.add(self._style)

    def _set_charset(self, number: int | None) -> None:
        self._fonts[self._font] = (number or 0, "")

    def _field_code(self, _: int | None) -> None:
        self._group.code = []

    def _table_of_fonts(self, _: int | None) -> None:
        self._group.is_fonts = True

    def _table_of_styles(self, _: int | None) -> None:
        self._group.is_styles = True

    def _code_page_is(self, number: int | None) -> None:
        self._code_page = f"cp{number}"

    # --- Text -------------------------------------------------------------------------------------------

    def _raw(self, data: bytes) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        self._bytes += data

    def _unicode(self, number: int) -> None:
        self._decode()
        self._add(readable(chr(number & 0xFFFF), self._fonts.get(self._group.font, (0, "Symbol"))[1]))
        self._to_skip = self._group.fallback

    def _decode(self) -> None:
        if not self._bytes:
            return
        data, charset, name = bytes(self._bytes), *self._fonts.get(self._group.font, (0, ""))
        self._bytes.clear()
        if self._group.is_fonts:
            charset, _ = self._fonts.get(self._font, (0, ""))
            self._fonts[self._font] = charset, data.decode("latin-1").strip(" ;")
        elif self._group.is_styles:
            name = _decoded(data, (self._code_page, "cp1252")).strip()
            if HEADING.match(name) and not self._group.is_skipped:
                self._headings.add(self._style)
        elif charset == _SYMBOLS:
            self._add("".join(symbol(code, name) if code != 32 else " " for code in data))
        else:
            self._add(_decoded(data, (_CODE_PAGES.get(charset, self._code_page), self._code_page, "cp1252")))

    def _add(self, text: str) -> None:
        group = self._group
        if group.code is not None:
            group.code.append(text)
        elif not (group.is_skipped or group.is_hidden or group.is_deleted or group.is_fonts or group.is_styles):
            group.flow.text.append(text)


def _decoded(data: bytes, code_pages: tuple[str, ...]) -> str:
    """Decode by the first code page that fits: Japanese files use Latin fonts too, and charsets can be wrong."""
    for code_page in code_pages:
        try:
            return readable(data.decode(code_page))
        except (LookupError, UnicodeDecodeError):
            pass
    return data.decode("cp1252", "replace")


def _switch(name: str) -> Callable[[_Rtf, int | None], None]:
    def switch(rtf: _Rtf, number: int | None) -> None:
        setattr(rtf._group, name, number != 0)

    return switch


def _fallback(rtf: _Rtf, number: int | None) -> None:
    rtf._group.fallback = max(0, number if number is not None else 1)


def _first_font(rtf: _Rtf, number: int | None) -> None:
    rtf._first_font = rtf._group.font = number or 0


def _unicode_version(rtf: _Rtf, _: int | None) -> None:
    rtf._group.is_skipped = rtf._groups[-1].is_skipped if rtf._groups else False
    if len(rtf._groups) > 1:
        rtf._group.is_skipped = rtf._groups[-2].is_skipped


_WORDS: dict[str, Callable[[_Rtf, int | None], None]] = {
    "par": _Rtf._par,
    "row": _Rtf._row,
    "nestrow": _Rtf._nested_row,
    "plain": _Rtf._plain,
    "pard": _Rtf._pard,
    "f": _Rtf._set_font,
    "fcharset": _Rtf._set_charset,
    "fldinst": _Rtf._field_code,
    "fonttbl": _Rtf._table_of_fonts,
    "ansicpg": _Rtf._code_page_is,
    "v": _switch("is_hidden"),
    "deleted": _switch("is_deleted"),
    "intbl": _switch("is_in_table"),
    "upr": _switch("has_two_versions"),
    "outlinelevel": _Rtf._outline,
    "s": _Rtf._set_style,
    "stylesheet": _Rtf._table_of_styles,
    "uc": _fallback,
    "deff": _first_font,
    "ud": _unicode_version,
}
