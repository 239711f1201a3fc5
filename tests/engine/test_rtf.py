"""Rich Text Format: code pages, groups, tables, notes and hidden text."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.formats import read_document

FONTS = rb"{\f0\fnil\fcharset128 MS Mincho;}{\f1\fswiss\fcharset0 Arial;}{\f2\fcharset2 Symbol;}{\f3\fcharset204 C;}"
HEAD = rb"{\rtf1\ansi\ansicpg932\deff0{\fonttbl" + FONTS + b"}"


def read(folder: Path, body: bytes, head: bytes = HEAD) -> Document:
    (folder / "a.rtf").write_bytes(head + body + b"}")
    return read_document(folder / "a.rtf")


def lines(folder: Path, body: bytes) -> list[str]:
    return [line for line in read(folder, body).text.split("\n") if line]


def hexed(text: str, encoding: str) -> bytes:
    r"""Return a text as Word writes it: letters as they are, even as second bytes; others as \'xx."""
    return b"".join(bytes([b]) if chr(b).isalnum() and b < 128 else b"\\'%02x" % b for b in text.encode(encoding))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"\f0 " + hexed("東京は晴れ。ソボ表", "cp932"), "東京は晴れ。ソボ表"),
        (rb"\f0 " + hexed("東", "cp932") + b"\r\n" + hexed("京", "cp932"), "東京"),
        (rb"\f1 caf\'e9", "café"),
        (rb"\f3 " + hexed("Москва", "cp1251"), "Москва"),
        (rb"{\f3 \'cc}\f0 \'93\'8c", "М東"),
        (rb"\f2 \'61\'b7", "α•"),
        (rb"\u26481?\u20140\'3f", "東京"),
        (rb"\uc2\u26481\'93\'8c{\uc0\u20140}\u-28637\'93\'73x", "東京連x"),
        (rb"\u55357?\u56842?", "😊"),
        (rb"\u55357?x", "\ufffdx"),
        (rb"a\~b\_c\-d\emdash e\{\}\\", "a\u00a0b-cd—e{}\\"),
        (rb"shown{\v hidden \b more}{\v0 too}{\deleted gone}", "showntoo"),
        (rb"{\upr{ansi}{\*\ud{unicode \u26481?}}}", "unicode 東"),
        (rb'{\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}}', "link"),
        (rb"{\field{\*\fldinst EQ \\* jc2 \\o\\ad(\\s\\up 9(\'82\'c6\'82\'a4),\'93\'8c)}{\fldrslt }}\'8b\'9e", "東京"),
        (rb"{\*\unknown no}{\info{\title no}}{\pict\pngblip 00ff}a\bin4 {}\b", "a"),
        (rb"{\*\revtbl\revdttm-2074015744 x}{\revised\revdttm-2074015744 new}", "new"),
    ],
)
def test_the_text_of_a_paragraph(tmp_path: Path, body: bytes, text: str) -> None:
    assert read(tmp_path, body).text.strip("\n") == text


def test_a_latin_font_in_a_file_without_a_code_page_and_one_with_a_wrong_charset(tmp_path: Path) -> None:
    assert read(tmp_path, rb"na\'efve", rb"{\rtf1\ansi ").text == "naïve\n"
    wrong = rb"{\rtf1\ansi\ansicpg932{\fonttbl{\f0\fcharset0 x;}}\f0 "
    assert read(tmp_path, hexed("日本", "cp932"), wrong).text == "日本\n"


def test_paragraphs_tables_and_headings(tmp_path: Path) -> None:
    styles = rb"{\stylesheet{\s1 heading 1;}{Normal;}{\*\cs2 heading 1 Char;}{\s7\outlinelevel1 Own;}}"
    styles += rb"\pard\plain "
    body = rb"\pard\s1 One\par\pard\s7 Two\par\pard\outlinelevel0 Three\par\pard text\line more\par"
    table = rb"\trowd\cellx1\cellx2\intbl A\par a\cell B\cell\row\trowd\intbl \cell C\cell\row\pard after\par"
    found = read(tmp_path, styles + body + table)
    assert found.text.split("\n")[:8] == ["One", "Two", "Three", "text", "more", "A a | B", " | C", "after"]
    assert [text for _, text in found.headings] == ["One", "Two", "Three"]


def test_lists_keep_their_numbers(tmp_path: Path) -> None:
    listed = rb"{\listtext 1.\tab}First\par{\pntext\'95\tab}{\*\pn\pnlvlblt{\pntxtb x}}Second\par"
    assert lines(tmp_path, rb"\f1 " + listed) == ["1.\tFirst", "•\tSecond"]


def test_notes_comments_boxes_and_headers_are_marked_and_follow(tmp_path: Path) -> None:
    body = (
        rb"{\header Rules\par}{\footer {\field{\*\fldinst PAGE}{\fldrslt 1}}}{\headerf Rules}"
        rb"Word{\super\chftn}{\*\footnote\chftn A note.\par More.}"
        rb"{\*\atnid M}{\*\atnauthor Mori}\chatn{\*\annotation{\*\atndate 1}So?} end"
        rb"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt Box.\par}}{\shprslt Box.}}\par After\par"
    )
    assert lines(tmp_path, body) == [
        *("Word[1] end", "[1] A note.", "More.", "[Comment, Mori] So?", "Box.", "After", "[Header] Rules"),
    ]


def test_a_deleted_end_of_a_paragraph_joins_it_to_the_next(tmp_path: Path) -> None:
    assert lines(tmp_path, rb"One{\deleted\par} two\par") == ["One two"]


def test_other_files_are_refused_and_groups_without_an_end_are_read(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="begin"):
        read(tmp_path, b"", b"plain text")
    with pytest.raises(EngineError, match="nested"):
        read(tmp_path, b"{" * 5000)
    assert lines(tmp_path, rb"{{\b text") == ["text"]
    assert lines(tmp_path, rb"text}}}}more\bin999999999 x") == ["textmore"]
