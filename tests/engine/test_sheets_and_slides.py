"""Excel workbooks and PowerPoint presentations, as their programs show them."""

import zipfile
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval.readers.formats import read_document
from engine.retrieval.readers.number_format import BUILT_IN, shown
from tests.engine.documents import WORD_NAMES, relationships, word, zipped
from tests.engine.officeml import SHEET_NAMES, presentation, rows, workbook
from tests.engine.wordml import p as word_paragraph


def lines(path: Path) -> list[str]:
    return [line for line in read_document(path).text.split("\n") if line]


# --- Sheets ---------------------------------------------------------------------------------------------


def test_rows_have_the_names_of_their_columns_below_the_titles(tmp_path: Path) -> None:
    table = rows(("Sales",), (), ("Item", "Price"), ("Pencil", 80), (None, 90), ("Pen", None, "new"))
    found = read_document(workbook(tmp_path / "a.xlsx", {"List": table, "~Menus": rows(("secret",)), "Empty": ""}))
    assert found.text.splitlines() == ["List", "Sales", "Item: Pencil, Price: 80", "Price: 90", "Item: Pen, new"]
    assert found.headings == ((0, "List"),)


@pytest.mark.parametrize("table", [(("a", "a"), ("b", "c")), ((1, "a"), ("b", "c")), (("a", "b"),)])
def test_a_first_row_that_names_no_columns_is_read_as_values(tmp_path: Path, table: tuple[tuple[object, ...]]) -> None:
    found = lines(workbook(tmp_path / "a.xlsx", {"S": rows(*table)}))
    assert found == ["S", *(", ".join(map(str, row)) for row in table)]


def test_every_kind_of_cell_is_read(tmp_path: Path) -> None:
    strings = (
        "<si><t>plain</t></si><si><r><t>ri</t></r><r><rPr/><t xml:space='preserve'>ch </t></r></si>"
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr/></si><si><t>two_x000D_\nlines</t></si>"
    )
    cells = "".join(f'<c t="s"><v>{i}</v></c>' for i in (0, 1, 2, 3, 99))
    cells += '<c t="b"><v>1</v></c><c t="str"><f>A1</f><v>result</v></c><c t="e"><v>#REF!</v></c>'
    cells += '<c t="d"><v>2026-11-28</v></c>'
    cells += "<c><f>1+1</f></c><c><v>no number</v></c>"
    path = workbook(tmp_path / "a.xlsx", {"S": f"<sheetData><row>{cells}</row></sheetData>"}, strings)
    assert lines(path)[1] == "plain, rich, 東京, two lines, TRUE, result, #REF!, 2026-11-28, no number"


def test_merged_cells_are_read_once(tmp_path: Path) -> None:
    table = rows((1, "covered", "c"), ("covered", "covered", "d"))
    merged = '<mergeCells><mergeCell ref="A1:B2"/></mergeCells>'
    assert lines(workbook(tmp_path / "a.xlsx", {"S": table + merged})) == ["S", "1, c", "d"]
    tall = merged.replace("A1:B2", "A1:B1048576")
    assert lines(workbook(tmp_path / "a.xlsx", {"S": table + tall})) == ["S", "1, c", "d"]


def test_shapes_charts_and_comments_of_a_sheet_are_read(tmp_path: Path) -> None:
    drawing = f"<x {WORD_NAMES}><a:p><a:r><a:t>In a box</a:t></a:r></a:p></x>"
    comments = (
        f"<comments {SHEET_NAMES}><authors><author>Mori</author></authors><commentList>"
        '<comment ref="A1" authorId="0"><text><r><t>Is it</t></r><r><t> so?</t></r></text></comment>'
        "</commentList></comments>"
    )
    path = workbook(tmp_path / "a.xlsx", {"S": rows(("x",))}, drawing=drawing, comments=comments)
    assert lines(path) == ["S", "x", "In a box", "[Comment, Mori] Is it so?"]


def test_the_last_cell_of_a_sheet_is_read(tmp_path: Path) -> None:
    corner = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>corner</t></is></c></row>'
    merged = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    path = workbook(tmp_path / "a.xlsx", {"S": f"<sheetData>{corner}</sheetData>{merged}"})
    assert lines(path) == ["S", "corner"]


def test_a_strict_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"S": rows(("text",))})
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    main = ("schemas.openxmlformats.org/spreadsheetml/2006/main", "purl.oclc.org/ooxml/spreadsheetml/main")
    kinds = ("schemas.openxmlformats.org/officeDocument/2006/", "purl.oclc.org/ooxml/officeDocument/")
    strict = {name: part.replace(*main).replace(*kinds) for name, part in parts.items()}
    assert strict != parts
    assert lines(zipped(tmp_path / "b.xlsx", strict)) == ["S", "text"]


def test_numbers_are_read_in_their_formats(tmp_path: Path) -> None:
    cells = '<c s="0"><v>0.25</v></c><c s="1"><v>46354</v></c><c s="2"><v>46354</v></c><c s="9"><v>1.5</v></c>'
    path = workbook(tmp_path / "a.xlsx", {"S": f"<sheetData><row>{cells}</row></sheetData>"}, "", ("9", "14", "d.m.yy"))
    assert lines(path)[1] == "25%, 2026-11-28, 28.11.26, 1.5"


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.1 + 0.2, "General", "0.3"),
        (123456789012, "General", "123456789012"),
        (-2.5, "General", "-2.5"),
        (-2.5, '[Red]General"円"', "-2.5円"),
        (1234567, "#,##0", "1,234,567"),
        (3.14159, "0.00", "3.14"),
        (0.1234, "0.0%", "12.3%"),
        (0.5, "#.##", ".5"),
        (2.5, "0.0#", "2.5"),
        (7, "0000", "0007"),
        (-7, "0000.0", "-0007.0"),
        (12345.678, "0.00E+00", "1.23E+04"),
        (1234567, "#,##0,", "1,235"),
        (980, "[$¥-411]#,##0", "¥980"),
        (1234.5, '"¥"#,##0.00;[Red]"△"#,##0.00', "¥1,234.50"),
        (-1234.5, '"¥"#,##0.00;[Red]"△"#,##0.00', "△1,234.50"),
        (-5, '"¥"#,##0', "-¥5"),
        (0, '0;-0;"none"', "none"),
        (0, '_-* #,##0.00_-;-* #,##0.00_-;_-* "-"??_-;_-@_-', "-"),
        (0.5, "# ?/?", "0.5"),
        (5, "@", "5"),
        (46354, 'yyyy"年"m"月"d"日"', "2026年11月28日"),
        (46354, 'ggge"年"m"月"d"日"(aaa)', "令和8年11月28日(土)"),
        (43585, "ge.m.d", "平31.4.30"),
        (46354.75, "yyyy/mm/dd hh:mm:ss", "2026/11/28 18:00:00"),
        (0.75, "h:mm AM/PM", "6:00 PM"),
        (0.0423, "mm:ss", "00:55"),
        (1.5, "[h]:mm", "36:00"),
        (1.00001157, "mm:ss.0", "00:01.0"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (1e9, "yyyy-mm-dd", "1000000000"),
        (float("inf"), "yyyy-mm-dd", "inf"),
    ],
)  # fmt: skip
def test_a_number_is_shown_as_by_excel(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_every_built_in_format_shows_something() -> None:
    assert all(shown(46354.75, code) for code in BUILT_IN.values())
    assert shown(44892, "yyyy-mm-dd", date_1904=True) == "2026-11-28"


# --- Slides -----------------------------------------------------------------------------------------------


def paragraph(text: str) -> str:
    return f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"


def shape(*texts: str, kind: str = "") -> str:
    holder = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>' if kind else ""
    return f"<p:sp>{holder}<p:txBody>{''.join(map(paragraph, texts))}</p:txBody></p:sp>"


def test_slides_are_pages_with_their_titles_as_headings(tmp_path: Path) -> None:
    first = shape("Tokyo", kind="ctrTitle") + shape("A guide") + shape("7", kind="sldNum") + shape("ACME", kind="ftr")
    second = f"<p:grpSp>{shape('In a group')}<p:grpSp>{shape('and deeper')}</p:grpSp></p:grpSp>"
    found = read_document(presentation(tmp_path / "a.pptx", (first, second + shape("Next", kind="title"))))
    assert found.text == "Tokyo\nA guide\n\nNext\nIn a group\nand deeper\n\n"
    assert [text for _, text in found.headings] == ["Tokyo", "Next"]
    assert found.page_of(found.text.index("In a group")) == 2


def test_tables_charts_and_diagrams_of_slides_are_read(tmp_path: Path) -> None:
    def tc(text: str, merged: str = "") -> str:
        return f"<a:tc {merged}><a:txBody>{paragraph(text)}</a:txBody></a:tc>"

    merged = tc("", 'hMerge="1"')
    table = f"<a:tbl><a:tr>{tc('wide')}{merged}</a:tr><a:tr>{tc('a')}{tc('b')}</a:tr></a:tbl>"
    diagram = '<p:graphicFrame><a:graphic><dgm:relIds r:dm="diagramData"/></a:graphic></p:graphicFrame>'
    data = f"<x {WORD_NAMES}><dgm:pt><dgm:t>{paragraph('Plan')}</dgm:t></dgm:pt></x>"
    frames = f"<p:graphicFrame>{table}</p:graphicFrame>{diagram}"
    assert lines(presentation(tmp_path / "a.pptx", (frames,), diagramData=data)) == ["wide", "a | b", "Plan"]


def test_notes_and_comments_follow_their_slide_marked(tmp_path: Path) -> None:
    notes = (
        f"<p:notes {WORD_NAMES}><p:cSld><p:spTree>{shape('9', kind='sldNum')}{shape('Speak', 'slowly', kind='body')}"
    )
    comments = f"<p:cmLst {WORD_NAMES}><p:cm><p:text>Why?</p:text></p:cm></p:cmLst>"
    path = presentation(
        tmp_path / "a.pptx",
        (shape("One"), shape("Two")),
        notesSlide=notes + "</p:spTree></p:cSld></p:notes>",
        comments=comments,
    )
    assert lines(path) == ["One", "[Notes] Speak", "slowly", "[Comment] Why?", "Two"]


def test_one_alternative_of_a_slides_shape_and_of_its_text_is_read(tmp_path: Path) -> None:
    choice = "<mc:Choice Requires='wps'>{}</mc:Choice><mc:Fallback>{}</mc:Fallback>"
    both = f"<mc:AlternateContent>{choice}</mc:AlternateContent>"
    inner = both.format("<m:oMath><m:r><m:t>x+1</m:t></m:r></m:oMath>", "<a:r><a:t>picture</a:t></a:r>")
    runs = f"<a:r><a:t>f = </a:t></a:r>{inner}<a:br/><a:fld><a:t>field</a:t></a:fld>"
    text = f"<p:sp><p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>"
    assert lines(presentation(tmp_path / "a.pptx", (both.format(text, shape("old")),))) == ["f = x+1", "field"]


def test_a_presentation_of_pictures_only_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        read_document(presentation(tmp_path / "a.pptx", ("<p:pic/>",)))
    assert raised.value.key == "error.document_images"


# --- Names of Office 97 to 2003 -----------------------------------------------------------------------------


def test_old_files_are_refused_with_advice_unless_they_contain_another_format(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    for name, stream in (("a.doc", "WordDocument"), ("a.xls", "Workbook"), ("a.ppt", "PowerPoint Document")):
        (tmp_path / name).write_bytes(ole + f"{stream}\0".encode("utf-16-le"))
        with pytest.raises(EngineError) as raised:
            read_document(tmp_path / name)
        assert raised.value.key == "error.document_old"
    (tmp_path / "b.doc").write_bytes(b"{\\rtf1 Rich text.}")
    (tmp_path / "b.xls").write_bytes(b"<html><body><table><tr><td>Cell</td></tr></table></body></html>")
    (tmp_path / "c.doc").write_bytes(word(tmp_path / "c.docx", word_paragraph("New.")).read_bytes())
    assert [lines(tmp_path / name) for name in ("b.doc", "b.xls", "c.doc")] == [["Rich text."], ["Cell"], ["New."]]


def test_a_package_without_a_document_is_refused(tmp_path: Path) -> None:
    for suffix in ("docx", "xlsx", "pptx", "odt"):
        path = zipped(tmp_path / f"a.{suffix}", {"_rels/.rels": relationships({})})
        with pytest.raises(EngineError):
            read_document(path)
