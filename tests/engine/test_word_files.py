"""Word files: headings, the numbers of lists, parts and packages."""

import zipfile
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval.readers import package
from engine.retrieval.readers.formats import read_document
from engine.retrieval.readers.numbering import formatted
from tests.engine.documents import WORD_NAMES, docx, relationships, word, zipped
from tests.engine.wordml import lines, p, read, tbl, tc, tr

# --- Headings and numbers ------------------------------------------------------------------------------------


def style(name: str, properties: str = "", based_on: str = "", shown: str = "") -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return f'<w:style w:styleId="{name}"><w:name w:val="{shown or name}"/>{base}<w:pPr>{properties}</w:pPr></w:style>'


def test_headings_are_known_by_their_level_in_any_language(tmp_path: Path) -> None:
    level = '<w:outlineLvl w:val="{}"/>'
    styles = (
        style("berschrift1", level.format(0), shown="Überschrift 1")
        + style("Own", based_on="berschrift1")
        + style("a1", shown="見出し 1")
        + style("Contents", level.format(9), based_on="berschrift1")
        + style("Round", based_on="Circle") + style("Circle", based_on="Round")
    )  # fmt: skip
    names = ("berschrift1", "Own", "a1", "Contents", "Round", "Heading2", "Normal")
    body = "".join(p(name, f'<w:pStyle w:val="{name}"/>') for name in names) + p("Direct", level.format(2))
    headings = [text for _, text in read(tmp_path, body, styles=styles).headings]
    assert headings == ["berschrift1", "Own", "a1", "Heading2", "Direct"]


def level(depth: int, kind: str, text: str, start: int = 1) -> str:
    values = f'<w:start w:val="{start}"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/>'
    return f'<w:lvl w:ilvl="{depth}">{values}</w:lvl>'


def item(text: str, number: int, depth: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>')


def test_lists_are_numbered_as_shown(tmp_path: Path) -> None:
    levels = level(0, "decimal", "第%1条") + level(1, "lowerLetter", "%1.%2)") + level(2, "bullet", "\uf0b7")
    numbering = (
        f'<w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
        "</w:lvlOverride></w:num>"
    )
    body = item("A", 1) + item("B", 1, 1) + item("C", 1, 1) + item("D", 1) + item("E", 1, 1) + item("F", 1, 2)
    body += item("G", 2) + item("H", 2) + item("I", 0) + p("J", '<w:pStyle w:val="Listed"/>')
    listed = style("Listed", '<w:numPr><w:numId w:val="1"/></w:numPr>')
    assert lines(tmp_path, body, numbering=numbering, styles=listed) == [
        *("第1条 A", "1.a) B", "1.b) C", "第2条 D", "2.a) E", "• F"),
        *("第1条 G", "第2条 H", "I", "第3条 J"),
    ]


@pytest.mark.parametrize(
    ("kind", "number", "text"),
    [
        ("decimal", 12, "12"),
        ("decimalZero", 3, "03"),
        ("upperRoman", 1994, "MCMXCIV"),
        ("lowerRoman", 9, "ix"),
        ("lowerLetter", 27, "aa"),
        ("upperLetter", 2, "B"),
        ("decimalFullWidth", 10, "１０"),
        ("japaneseCounting", 10, "十"),
        ("japaneseCounting", 21, "二十一"),
        ("aiueoFullWidth", 3, "ウ"),
        ("iroha", 2, "ロ"),
        ("decimalEnclosedCircle", 20, "⑳"),
        ("decimalEnclosedCircle", 21, "21"),
        ("none", 1, ""),
        ("unknown", 5, "5"),
    ],
)
def test_numbers_in_the_formats_of_lists(kind: str, number: int, text: str) -> None:
    assert formatted(number, kind) == text


# --- Packages ---------------------------------------------------------------------------------------------------


def test_a_strict_document_in_parts_of_other_names_is_read(tmp_path: Path) -> None:
    paragraph = p("Strict.", '<w:pStyle w:val="X"/>')
    styles = style("X", '<w:outlineLvl w:val="1"/>')
    parts = {
        "_rels/.rels": relationships({"a": ("officeDocument", "/word/document2.xml")}),
        "word\\document2.xml": f"<w:document {WORD_NAMES}><w:body>{paragraph}</w:body></w:document>",
        "Word/_rels/document2.xml.rels": relationships({"b": ("styles", "styles7.xml")}),
        "word/styles7.xml": f"<w:styles {WORD_NAMES}>{styles}</w:styles>",
    }
    main = ("schemas.openxmlformats.org/wordprocessingml/2006/main", "purl.oclc.org/ooxml/wordprocessingml/main")
    kinds = ("schemas.openxmlformats.org/officeDocument/2006/", "purl.oclc.org/ooxml/officeDocument/")
    strict = {name: part.replace(*main).replace(*kinds) for name, part in parts.items()}
    found = read_document(zipped(tmp_path / "a.docx", strict))
    assert (found.text, found.headings) == ("Strict.\n", ((0, "Strict."),))


@pytest.mark.parametrize("suffix", ["docm", "dotx", "dotm"])
def test_documents_with_macros_and_templates_are_read(tmp_path: Path, suffix: str) -> None:
    assert read_document(word(tmp_path / f"a.{suffix}", p("Text."))).text == "Text.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("entity", ['<!ENTITY x "y">', '<!ENTITY x SYSTEM "file:///etc/passwd">'])
def test_a_document_that_defines_entities_is_refused(tmp_path: Path, entity: str, encoding: str) -> None:
    body = f"<!DOCTYPE d [{entity}]><w:document {WORD_NAMES}><w:body>{p('&x;')}</w:body></w:document>"
    main: dict[str, str | bytes] = {
        "_rels/.rels": relationships({"a": ("officeDocument", "d.xml")}),
        "d.xml": body.encode(encoding),
    }
    with pytest.raises(EngineError, match="entities"):
        read_document(zipped(tmp_path / "a.docx", main))


def test_a_document_type_of_old_programs_and_utf_16_are_read(tmp_path: Path) -> None:
    """OpenOffice 2 wrote the former into the list of a package's files."""
    body = f'<!DOCTYPE d PUBLIC "-//x" "d.dtd"><w:document {WORD_NAMES}><w:body>{p("文")}</w:body></w:document>'
    main: dict[str, str | bytes] = {
        "_rels/.rels": relationships({"a": ("officeDocument", "d.xml")}),
        "d.xml": body.encode("utf-16"),
    }
    assert read_document(zipped(tmp_path / "a.docx", main)).text == "文\n"


@pytest.mark.parametrize("depth", [300, 100_000])
def test_deeply_nested_elements_are_refused(tmp_path: Path, depth: int) -> None:
    with pytest.raises(EngineError, match="nested"):
        read(tmp_path, "<w:sdt>" * depth + p("x") + "</w:sdt>" * depth)


def test_elements_nested_as_deep_as_allowed_are_read(tmp_path: Path) -> None:
    table = p("x")
    for _ in range(80):
        table = tbl(tr(tc(table), "y"))
    assert read(tmp_path, table).text.count("x") == 1
    assert read(tmp_path, "<w:sdt>" * 250 + p("x") + "</w:sdt>" * 250).text == "x\n"


def test_a_bomb_is_refused_and_large_pictures_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = word(tmp_path / "a.docx", p("Text."))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts, parts.open("word/media/film.bin", "w") as part:
        part.write(bytes(1_000_000))
    monkeypatch.setattr(package, "MOST_UNPACKED", 100_000)
    assert read_document(path).text == "Text.\n"
    with pytest.raises(MemoryError):
        read_document(word(tmp_path / "b.docx", p("Text.") + " " * 100_000))


def test_old_and_encrypted_files_are_refused_with_advice(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    for stream, key in (("EncryptedPackage", "error.document_encrypted"), ("WordDocument", "error.document_old")):
        path = tmp_path / "a.docx"
        path.write_bytes(ole + f"{stream}\0".encode("utf-16-le"))
        with pytest.raises(EngineError) as raised:
            read_document(path)
        assert raised.value.key == key


def test_a_file_that_python_docx_wrote_is_read(tmp_path: Path) -> None:
    docx(tmp_path / "a.docx")
    assert read_document(tmp_path / "a.docx").text.splitlines() == [
        "Travel rules",
        "Trips are paid by the company.",
        "City | Limit",
        "Kyoto | 9000 yen",
        "休暇",
        "夏季休暇は8月13日から15日までです。",
    ]
