"""OpenDocument texts, spreadsheets and presentations, as their programs show them."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.formats import read_document
from tests.engine.officeml import ODF_NAMES, opendocument

HIDDEN = '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'


def p(content: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{content}</text:p>'


def text(folder: Path, body: str, styles: str = "", automatic: str = "", **parts: str) -> Document:
    return read_document(opendocument(folder / "a.odt", "text", body, styles, automatic, **parts))


def lines(folder: Path, body: str, styles: str = "", automatic: str = "", **parts: str) -> list[str]:
    return [line for line in text(folder, body, styles, automatic, **parts).text.split("\n") if line]


def box(*paragraphs: str) -> str:
    return f"<draw:frame><draw:text-box>{''.join(map(p, paragraphs))}</draw:text-box></draw:frame>"


def row(*cells: str, extra: str = "") -> str:
    whole = "".join(f"<table:table-cell {extra}>{cell}</table:table-cell>" for cell in cells)
    return f"<table:table-row {extra.replace('columns', 'rows')}>{whole}</table:table-row>"


# --- Texts --------------------------------------------------------------------------------------------------


def test_headings_lists_sections_and_paragraphs_are_read_in_order(tmp_path: Path) -> None:
    inner = f"<text:list><text:list-item>{p('inner')}</text:list-item></text:list>"
    item = f"<text:list-item>{p('item')}{inner}</text:list-item>"
    body = f"<text:h text:outline-level='1'>休暇</text:h><text:section>{p('In a section.')}</text:section>"
    found = text(tmp_path, body + f"<text:list>{item}</text:list>" + p("Last."))
    assert found.text == "休暇\nIn a section.\nitem\ninner\nLast.\n"
    assert found.headings == ((0, "休暇"),)


def test_titles_are_headings(tmp_path: Path) -> None:
    own = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    found = text(tmp_path, p("案内", "P1") + p("Text.") + p("More", "Title"), '<style:style style:name="Title"/>', own)
    assert [heading for _, heading in found.headings] == ["案内", "More"]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("a<text:span>b<text:span>c</text:span>d</text:span>e", "abcde"),
        ('a<text:s text:c="3"/>b<text:s/>c<text:tab/>d', "a   b c\td"),
        ("a\n   b\u3000c", "a b\u3000c"),
        ("a<text:line-break/>b", "a\nb"),
        ("a<text:soft-page-break/>b\u00adc", "abc"),
        ('<text:a xlink:href="x">link</text:a>!', "link!"),
        (
            "東<text:ruby><text:ruby-base>京</text:ruby-base><text:ruby-text>きょう</text:ruby-text></text:ruby>都",
            "東京都",
        ),
        ("a<text:change-start/>new<text:change-end/>b<text:change/>c", "anewbc"),
        ('a<text:span text:style-name="H">hidden</text:span>b<text:hidden-text>no</text:hidden-text>', "ab"),
        ("<text:title>Field</text:title> of <text:page-number>3</text:page-number>", "Field of 3"),
        ("x<draw:frame><draw:image/><svg:title>picture</svg:title><svg:desc>alt</svg:desc></draw:frame>y", "xy"),
    ],
)
def test_the_content_of_a_paragraph(tmp_path: Path, content: str, shown: str) -> None:
    assert text(tmp_path, p(content), automatic=HIDDEN).text == shown + "\n"


def test_deleted_and_hidden_text_is_left_out(tmp_path: Path) -> None:
    deleted = f"<text:changed-region><text:deletion>{p('deleted')}</text:deletion></text:changed-region>"
    body = f"<text:tracked-changes>{deleted}</text:tracked-changes>{p('Kept.')}{p('secret', 'H')}"
    body += f"<text:section text:display='none'>{p('hidden section')}</text:section>"
    assert lines(tmp_path, body, automatic=HIDDEN) == ["Kept."]


def test_notes_comments_and_boxes_follow_their_paragraph(tmp_path: Path) -> None:
    body = f"<text:note-body>{p(' Note.')}{p('More.')}</text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{body}</text:note>"
    comment = f"<office:annotation><dc:creator>Mori</dc:creator><dc:date>2026</dc:date>{p('So?')}</office:annotation>"
    drawn = f"<draw:g><draw:custom-shape>{p('Shape.')}</draw:custom-shape></draw:g>"
    content = f"Word{note} and{comment}{box('Box.')}{drawn} end."
    assert lines(tmp_path, p(content) + p("After.")) == [
        *("Word[1] and end.", "[1] Note.", "More.", "[Comment, Mori] So?", "Box.", "Shape.", "After."),
    ]


def test_tables_are_read_once_with_merged_and_nested_cells(tmp_path: Path) -> None:
    nested = f"<table:table>{row(p('left'), p('right'))}</table:table>"
    covered = f"<table:covered-table-cell>{p('covered')}</table:covered-table-cell>"
    wide = f"<table:table-row><table:table-cell>{p('wide')}</table:table-cell>{covered}</table:table-row>"
    twice = row(p("x"), extra='table:number-columns-repeated="2"')
    body = f"<table:table-header-rows>{wide}</table:table-header-rows>"
    body += row(p("before") + nested + p("after"), p("y")) + twice
    assert lines(tmp_path, f"<table:table>{body}</table:table>" + p("After.")) == [
        "wide",
        "before left | right after | y",
        "x | x",
        "x | x",
        "After.",
    ]


def test_equations_are_read_in_their_place_and_charts_after_the_paragraph(tmp_path: Path) -> None:
    equation = "<math:math><math:mi>E</math:mi><math:mo>=</math:mo><math:mn>1</math:mn></math:math>"
    chart = f"<office:c {ODF_NAMES}><draw:chart>{p('Visitors')}{p('12')}</draw:chart></office:c>"
    frames = (
        f"<draw:object>{equation}</draw:object><draw:object xlink:href='./Object'/><draw:object xlink:href='Sum/'/>"
    )
    parts = {"Object_content": chart, "Sum_content": equation.replace("<math:math", f"<math:math {ODF_NAMES}")}
    assert lines(tmp_path, p(f"So {frames}."), **parts) == ["So E=1E=1.", "Visitors"]


def test_headers_and_footers_are_read_once_at_the_end(tmp_path: Path) -> None:
    margins = f"<style:header>{p('Rules')}</style:header><style:footer>{p('3')}</style:footer>"
    page = f"<style:master-page>{margins}</style:master-page>"
    page += page.replace("style:header>", "style:header-left>")
    styles = f"<office:master-styles>{page}</office:master-styles>"
    assert lines(tmp_path, p("Body."), styles) == ["Body.", "[Header] Rules"]


def test_an_encrypted_file_is_refused_as_such(tmp_path: Path) -> None:
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    with pytest.raises(EngineError) as raised:
        text(tmp_path, "", **{"META-INF_manifest": manifest})
    assert raised.value.key == "error.document_encrypted"


# --- Spreadsheets and presentations --------------------------------------------------------------------------------


REPEATED = 'table:number-columns-repeated="1048576"'


def test_sheets_are_read_as_shown_with_the_names_of_columns(tmp_path: Path) -> None:
    comment = f"<office:annotation>{p('Why?')}</office:annotation>"
    rows = row(p("Title")) + row(p("Share"), p("Day")) + row(p("25%") + comment) + row("", extra=REPEATED)
    shown = f'<table:table table:name="Sales">{rows}</table:table>'
    style = '<style:style style:name="X"><style:table-properties table:display="false"/></style:style>'
    hidden = f'<table:table table:name="Menus" table:style-name="X">{row(p("secret"))}</table:table>'
    found = read_document(opendocument(tmp_path / "a.ods", "spreadsheet", shown + hidden, automatic=style))
    assert found.text.splitlines() == ["Sales", "Title", "Share: 25%", "[Comment] Why?"]
    assert found.headings == ((0, "Sales"),)


def test_huge_numbers_of_repeated_cells_with_text_are_bounded(tmp_path: Path) -> None:
    table = f"<table:table>{row(p('x'), extra=REPEATED)}</table:table>"
    assert len(read_document(opendocument(tmp_path / "a.ods", "spreadsheet", table)).text) < 10_000_000


def test_slides_are_pages_with_titles_and_notes(tmp_path: Path) -> None:
    title = f'<draw:frame presentation:class="title"><draw:text-box>{p("東京")}</draw:text-box></draw:frame>'
    number = f'<draw:frame presentation:class="page-number"><draw:text-box>{p("number")}</draw:text-box></draw:frame>'
    notes = f"<presentation:notes>{number}{box('Speak.')}</presentation:notes>"
    slides = f"<draw:page>{title}{box('A guide')}{number}{notes}</draw:page><draw:page>{box('Next')}</draw:page>"
    found = read_document(opendocument(tmp_path / "a.odp", "presentation", slides))
    assert found.text == "東京\nA guide\n[Notes] Speak.\n\nNext\n\n"
    assert found.page_of(found.text.index("Next")) == 2
    assert found.headings == ((0, "東京"),)
