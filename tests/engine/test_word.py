"""Word files: everything that is in the document once, in order, as its last version reads."""

from pathlib import Path

import pytest

from tests.engine.documents import WORD_NAMES
from tests.engine.wordml import AFTER, BEFORE, inline, lines, p, r, read, tbl, tc, tr

# --- Elements around paragraphs ------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        "<w:sdt><w:sdtPr><w:alias w:val='no'/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>",
        "<w:customXml w:element='x'><w:customXmlPr/>{}</w:customXml>",
        "<w:ins w:id='1' w:author='A'>{}</w:ins>",
        "<w:moveTo w:id='1' w:author='A'>{}</w:moveTo>",
        "<w:sdt><w:sdtContent><w:customXml><w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt></w:customXml></w:sdtContent></w:sdt>",
    ],
)
def test_a_control_around_paragraphs_rows_cells_and_runs_is_read_through(tmp_path: Path, wrapped: str) -> None:
    rows = wrapped.format(tr("a", "b")) + f"<w:tr>{wrapped.format(tc('c'))}{tc('d')}</w:tr>"
    body = BEFORE + wrapped.format(p("Inside.")) + tbl(rows) + f"<w:p>{r('x')}{wrapped.format(r('y'))}{r('z')}</w:p>"
    assert lines(tmp_path, body + AFTER) == ["Before.", "Inside.", "a | b", "c | d", "xyz", "After."]


def test_smart_tags_links_and_simple_fields_are_read_through(tmp_path: Path) -> None:
    tag = f"<w:smartTag><w:smartTagPr/>{r('Ky')}<w:smartTag>{r('oto')}</w:smartTag></w:smartTag>"
    link = f"<w:hyperlink r:id='x'>{r(' link')}</w:hyperlink><w:fldSimple w:instr='DATE'>{r(' 2026')}</w:fldSimple>"
    assert inline(tmp_path, tag + link + f"<w:dir w:val='rtl'>{r(' end')}</w:dir>") == "Kyoto link 2026 end"


def test_a_file_embedded_in_the_document_is_named_as_not_read(tmp_path: Path) -> None:
    body = BEFORE + '<w:altChunk r:id="altChunk"/>' + AFTER
    assert lines(tmp_path, body, altChunk="<w:p/>") == ["Before.", "[Not read: altChunk.xml]", "After."]


# --- Alternatives and text boxes ----------------------------------------------------------------------


def box(*paragraphs: str) -> str:
    return f"<w:txbxContent>{''.join(map(p, paragraphs))}</w:txbxContent>"


def alternatives(choice: str, fallback: str, requires: str = "wps") -> str:
    inner = f'<mc:Choice Requires="{requires}">{choice}</mc:Choice><mc:Fallback>{fallback}</mc:Fallback>'
    return f"<mc:AlternateContent>{inner}</mc:AlternateContent>"


DRAWN = "<w:drawing><a:graphic><wps:wsp><wps:txbx>{}</wps:txbx></wps:wsp></a:graphic></w:drawing>"
PICT = "<w:pict><v:shape><v:textbox>{}</v:textbox></v:shape></w:pict>"


def test_a_text_box_is_read_once_after_the_paragraph_of_its_anchor(tmp_path: Path) -> None:
    both = alternatives(DRAWN.format(box("Box 1.", "Box 2.")), PICT.format(box("Box 1.", "Box 2.")))
    body = f"{BEFORE}<w:p>{r('With ')}<w:r>{both}</w:r>{r('anchor.')}</w:p>{AFTER}"
    assert lines(tmp_path, body) == ["Before.", "With anchor.", "Box 1.", "Box 2.", "After."]


@pytest.mark.parametrize("alone", [DRAWN, PICT, "<w:pict><v:group>" + PICT + "</v:group></w:pict>"])
def test_a_text_box_without_alternatives_is_read(tmp_path: Path, alone: str) -> None:
    body = f"{BEFORE}<w:p><w:r>{alone.format(box('Box.'))}</w:r></w:p>{AFTER}"
    assert lines(tmp_path, body) == ["Before.", "Box.", "After."]


def test_the_fallback_is_read_only_if_no_choice_is_understood(tmp_path: Path) -> None:
    new = 'xmlns:new="http://example.com/2099" '
    choices = f'<mc:Choice {new}Requires="new">{r("new")}</mc:Choice><mc:Choice Requires="wps">{r("known")}</mc:Choice>'
    both = f"<mc:AlternateContent>{choices}<mc:Fallback>{r('old')}</mc:Fallback></mc:AlternateContent>"
    assert inline(tmp_path, both) == "known"
    assert inline(tmp_path, both.replace("wps", "new")) == "old"
    assert inline(tmp_path, alternatives(r("undeclared"), r("old"), requires="nowhere")) == "old"
    assert lines(tmp_path, alternatives(p("Block."), p("Old."))) == ["Block."]


def test_a_text_box_within_a_text_box_and_within_a_cell_is_read_once(tmp_path: Path) -> None:
    inner = alternatives(DRAWN.format(box("Inner.")), PICT.format(box("Inner.")))
    outer = f"<w:txbxContent><w:p>{r('Outer.')}<w:r>{inner}</w:r></w:p></w:txbxContent>"
    both = alternatives(DRAWN.format(outer), PICT.format(outer))
    assert lines(tmp_path, f"<w:p><w:r>{both}</w:r></w:p>") == ["Outer.", "Inner."]
    cell = tc(f"<w:p>{r('Cell.')}<w:r>{inner}</w:r></w:p>")
    assert lines(tmp_path, tbl(tr(cell, "b"))) == ["Cell. Inner. | b"]


def test_charts_diagrams_and_word_art_are_read(tmp_path: Path) -> None:
    drawing = (
        '<w:r><w:drawing><a:graphic><c:chart r:id="chart"/><dgm:relIds r:dm="diagramData"/></a:graphic></w:drawing>'
    )
    art = '<w:pict><v:shape><v:textpath string="Draft"/></v:shape></w:pict></w:r>'
    names = "<c:cat><c:strRef><c:f>A1</c:f><c:strCache><c:pt><c:v>Kyoto</c:v></c:pt></c:strCache></c:strRef></c:cat>"
    numbers = "<c:val><c:numCache><c:pt><c:v>12</c:v></c:pt></c:numCache></c:val>"
    title = "<c:title><c:tx><a:p><a:r><a:t>Vis</a:t></a:r><a:r><a:t>itors</a:t></a:r></a:p></c:tx></c:title>"
    chart = f"<c:chart {WORD_NAMES}>{title}{names}{numbers}</c:chart>"
    points = "".join(f"<dgm:pt><dgm:t><a:p><a:r><a:t>{t}</a:t></a:r></a:p></dgm:t></dgm:pt>" for t in ("Plan", "Do"))
    found = lines(tmp_path, f"<w:p>{drawing}{art}</w:p>", chart=chart, diagramData=f"<x {WORD_NAMES}>{points}</x>")
    assert found == ["Visitors", "Kyoto", "Plan", "Do", "Draft"]


# --- Changes --------------------------------------------------------------------------------------------


def test_changes_are_read_as_accepted(tmp_path: Path) -> None:
    gone = f"<w:del><w:r><w:delText>five</w:delText></w:r>{r('V')}</w:del><w:moveFrom>{r('moved')}</w:moveFrom>"
    new = f"<w:ins>{r('seven')}<w:del>{r('!')}</w:del></w:ins><w:moveTo>{r(' here')}</w:moveTo>"
    assert inline(tmp_path, r("It costs ") + gone + new + r(".")) == "It costs seven here."


@pytest.mark.parametrize("mark", ["del", "moveFrom"])
def test_a_paragraph_whose_mark_is_deleted_is_continued_by_the_next(tmp_path: Path, mark: str) -> None:
    first = p("One ", f"<w:rPr><w:{mark}/></w:rPr>")
    assert lines(tmp_path, BEFORE + first * 2 + p("two.") + AFTER) == ["Before.", "One One two.", "After."]
    assert lines(tmp_path, first + tbl(tr("a", "b")) + first) == ["One ", "a | b", "One "]


def test_a_large_first_letter_belongs_to_its_word(tmp_path: Path) -> None:
    letter = p("D", '<w:framePr w:dropCap="drop"/>')
    assert lines(tmp_path, letter + p("rop cap.") + p("A frame", '<w:framePr w:dropCap="none"/>') + AFTER) == [
        *("Drop cap.", "A frame", "After."),
    ]


def test_deleted_rows_and_cells_are_left_out(tmp_path: Path) -> None:
    rows = tr("a", "b"), tr("c", "d", properties="<w:del/>"), tr("e", tc("f", "<w:cellDel/>"), "g")
    assert lines(tmp_path, tbl(*rows)) == ["a | b", "e | g"]
    assert lines(tmp_path, tbl(tr("a", "b", properties="<w:ins/>"))) == ["a | b"]


# --- Tables -----------------------------------------------------------------------------------------------


def test_a_nested_table_is_read_once_in_its_place(tmp_path: Path) -> None:
    nested = tc(p("inner before") + tbl(tr("left", "right"), tr(tc(tbl(tr("deep", "er"))), "z")) + p("inner after"))
    merged = tr(tc("two columns", '<w:gridSpan w:val="2"/>'))
    body = tbl(merged, tr("x", nested), tr("last", "cell"))
    assert lines(tmp_path, BEFORE + body + AFTER) == [
        "Before.",
        "two columns",
        "x | inner before left | right deep | er | z inner after",
        "last | cell",
        "After.",
    ]


def test_merged_cells_are_read_once(tmp_path: Path) -> None:
    start, go_on = tc("tall", '<w:vMerge w:val="restart"/>'), tc("hidden", "<w:vMerge/>")
    wide, covered = tc("wide", '<w:hMerge w:val="restart"/>'), tc("hidden", '<w:hMerge w:val="continue"/>')
    body = tbl(tr(start, "a", "b"), tr(go_on, "c", "d"), tr(wide, covered, "e"))
    assert lines(tmp_path, body) == ["tall | a | b", " | c | d", "wide |  | e"]


def test_a_table_of_one_cell_is_read_as_paragraphs_with_headings(tmp_path: Path) -> None:
    found = read(tmp_path, tbl(tr(tc(p("Rules", '<w:outlineLvl w:val="0"/>') + p("First.") + p("Second.")))))
    assert found.text == "Rules\nFirst.\nSecond.\n"
    assert found.headings == ((0, "Rules"),)


# --- Notes, comments, headers and footers --------------------------------------------------------------------


def note(kind: str, number: int, *paragraphs: str, extra: str = "") -> str:
    return f'<w:{kind} w:id="{number}" {extra}>{"".join(map(p, paragraphs))}</w:{kind}>'


def ref(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def test_notes_and_comments_follow_their_paragraph_once_and_marked(tmp_path: Path) -> None:
    line = r("Word") + ref("footnote", 2) + r(" and") + ref("endnote", 2) + ref("comment", 0) + r(" more.")
    separators = note("footnote", -1, "separator", extra='w:type="separator"')
    found = lines(
        tmp_path,
        f"<w:p>{line}</w:p>" + tbl(tr(tc(f"<w:p>{r('cell')}{ref('footnote', 3)}</w:p>"), "b")) + AFTER,
        footnotes=separators + note("footnote", 2, " First.", "It goes on.") + note("footnote", 3, "Second."),
        endnotes=note("endnote", 2, "At the end."),
        comments=note("comment", 0, "Is it so?", extra='w:author="Mori"'),
    )
    assert found == [
        "Word[1] and[2] more.",
        "[1] First.",
        "It goes on.",
        "[2] At the end.",
        "[Comment, Mori] Is it so?",
        "cell[3] | b",
        "[3] Second.",
        "After.",
    ]


def test_notes_of_deleted_references_and_notes_within_themselves_end(tmp_path: Path) -> None:
    deleted = f"<w:p>{r('Text.')}<w:del>{ref('footnote', 1)}</w:del></w:p>"
    assert lines(tmp_path, deleted, footnotes=note("footnote", 1, "Gone.")) == ["Text."]
    loop = f'<w:footnote w:id="1"><w:p>{r("Loop")}{ref("footnote", 1)}</w:p></w:footnote>'
    assert lines(tmp_path, f"<w:p>{r('Text')}{ref('footnote', 1)}</w:p>", footnotes=loop) == ["Text[1]", "[1] Loop"]


def test_headers_and_footers_are_read_once_at_the_end(tmp_path: Path) -> None:
    section = '<w:sectPr><w:headerReference r:id="header"/><w:footerReference r:id="footer"/></w:sectPr>'
    body = f"<w:p><w:pPr>{section}</w:pPr>{r('One.')}</w:p>" + p("Two.") + section
    assert lines(tmp_path, body, header=p("Travel") + p("rules"), footer=p("- 1 -")) == [
        "One.",
        "Two.",
        "[Header] Travel rules",
    ]


# --- Characters -------------------------------------------------------------------------------------------


def test_furigana_are_left_out_and_the_word_stays_whole(tmp_path: Path) -> None:
    ruby = "<w:r><w:ruby><w:rubyPr/><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>"
    content = ruby.format(r("とう"), r("東")) + ruby.format(r("きょう"), r("京")) + r("都庁")
    assert inline(tmp_path, content) == "東京都庁"


def test_furigana_of_old_programs_are_left_out(tmp_path: Path) -> None:
    """Word before 2000 wrote them as fields, which remain in converted files."""
    code = r'EQ \* jc2 \* "Font:MS Mincho" \* hps10 \o\ad(\s\up 9(とう),東)'
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    runs = "".join(f"<w:r><w:instrText>{part}</w:instrText></w:r>" for part in (code[:20], code[20:]))
    assert inline(tmp_path, begin + runs + end + r("京都庁")) == "東京都庁"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<w:noBreakHyphen/>", "a-b"),
        ("<w:softHyphen/>", "ab"),
        ("<w:t>\u00ad</w:t>", "ab"),
        ("<w:t>\u2011</w:t>", "a-b"),
        ("<w:tab/>", "a\tb"),
        ("<w:t>one\ntwo</w:t>", "aone twob"),
        ('<w:sym w:font="Wingdings" w:char="F0FC"/>', "a✓b"),
        ('<w:sym w:font="Symbol" w:char="F061"/>', "aαb"),
        ('<w:sym w:font="Symbol" w:char="B7"/>', "a•b"),
        ('<w:sym w:font="Wingdings" w:char="F031"/>', "ab"),
        ('<w:sym w:font="MS Gothic" w:char="2611"/>', "a☑b"),
        ('<w:sym w:font="MS Gothic" w:char="D800"/>', "ab"),
        ('<w:sym w:font="Symbol" w:char="no"/>', "ab"),
        ('<w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t>\uf062</w:t>', "aβb"),
        ('<w:rPr><w:vanish w:val="1"/></w:rPr><w:t>hidden</w:t>', "ab"),
        ('<w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t>', "ashownb"),
        ('<w:rPr><w:rStyle w:val="Secret"/></w:rPr><w:t>hidden</w:t>', "ab"),
        ('<w:rPr><w:webHidden/></w:rPr><w:t>7</w:t>', "a7b"),
    ],
)  # fmt: skip
def test_special_characters_and_hidden_text(tmp_path: Path, content: str, text: str) -> None:
    styles = '<w:style w:styleId="Secret"><w:rPr><w:vanish/></w:rPr></w:style>'
    assert inline(tmp_path, f"{r('a')}<w:r>{content}</w:r>{r('b')}", styles=styles) == text


def test_line_breaks_and_page_breaks_end_a_line(tmp_path: Path) -> None:
    body = f'<w:p>{r("a")}<w:r><w:br/></w:r>{r("b")}<w:r><w:br w:type="page"/></w:r>{r("c")}</w:p>'
    assert read(tmp_path, body).text == "a\nb\nc\n"


def field(code: str, result: str) -> str:
    marks = [f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end")]
    return marks[0] + code + marks[1] + result + marks[2]


def test_fields_are_read_as_their_results(tmp_path: Path) -> None:
    code = "<w:r><w:instrText>HYPERLINK x</w:instrText></w:r>"
    assert inline(tmp_path, r("See ") + field(code, r("the page")) + r(".")) == "See the page."
    nested = field(code + field(code, r("inner result in a code")), r("outer") + field(code, r(" inner")))
    assert inline(tmp_path, nested) == "outer inner"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="no"/><w:listEntry w:val="yes"/></w:ddList>', "yes"),
        ('<w:ddList><w:listEntry w:val="no"/><w:listEntry w:val="yes"/></w:ddList>', "no"),
        ('<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>', "☑"),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', "☐"),
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', "☑"),
    ],
)
def test_the_fields_of_forms_are_read_as_chosen(tmp_path: Path, data: str, text: str) -> None:
    field_data = f"<w:ffData>{data}</w:ffData>"
    assert inline(tmp_path, f'<w:r><w:fldChar w:fldCharType="begin">{field_data}</w:fldChar></w:r>') == text


def test_a_field_over_several_paragraphs_and_one_without_an_end(tmp_path: Path) -> None:
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{k}"/></w:r>' for k in ("begin", "separate", "end"))
    contents = f"<w:p>{begin}{separate}{r('One')}</w:p>{p('Two')}<w:p>{r('Three')}{end}</w:p>"
    assert lines(tmp_path, contents + AFTER) == ["One", "Two", "Three", "After."]
    assert lines(tmp_path, f"<w:p>{r('Text')}{begin}{r('code')}</w:p>" + AFTER) == ["Text", "After."]


def test_equations_are_read_in_order(tmp_path: Path) -> None:
    def m(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    fraction = f"<m:f><m:num>{m('a')}</m:num><m:den>{m('b')}</m:den></m:f>"
    brackets = f"<m:d><m:e>{m('x')}</m:e></m:d>"
    square = f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{m('y')}</m:e></m:d>"
    total = f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:e>{m("n")}</m:e></m:nary>'
    content = f"{r('So ')}<m:oMath>{m('f')}{brackets}{m('=')}{fraction}{square}{total}</m:oMath>"
    assert inline(tmp_path, content) == "So f(x)=a/b[y]∑n"
    assert lines(tmp_path, BEFORE + f"<m:oMathPara><m:oMath>{m('E=1')}</m:oMath></m:oMathPara>") == ["Before.", "E=1"]
