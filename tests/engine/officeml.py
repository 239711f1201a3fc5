"""Write small spreadsheets, presentations and OpenDocument files from their XML."""

from collections.abc import Mapping
from pathlib import Path

from tests.engine.documents import WORD_NAMES, relationships, word, zipped

SHEET_NAMES = WORD_NAMES.replace("wordprocessingml/2006", "spreadsheetml/2006").replace("xmlns:w=", "xmlns=")
MAIN = {"_rels/.rels": relationships({"r1": ("officeDocument", "main.xml")})}


def workbook(
    path: Path, sheets: Mapping[str, str], strings: str = "", formats: tuple[str, ...] = (), **parts: str
) -> Path:
    """Write a workbook: the content of each worksheet by its name, shared strings, and formats that s="0" … name.

    A sheet whose name begins with "~" is hidden. Other parts belong to the first sheet.
    """
    listed, targets, whole = "", {}, dict(MAIN)
    for index, (name, content) in enumerate(sheets.items()):
        state = ' state="hidden"' if name.startswith("~") else ""
        listed += f'<sheet name="{name}" sheetId="{index + 1}" r:id="s{index}"{state}/>'
        targets[f"s{index}"] = ("worksheet", f"s{index}.xml")
        whole[f"s{index}.xml"] = f"<worksheet {SHEET_NAMES}>{content}</worksheet>"
    codes = [code.replace("&", "&amp;").replace('"', "&quot;") for code in formats]
    own = "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{code}"/>' for i, code in enumerate(codes))
    cells = "".join(f'<xf numFmtId="{code if code.isdecimal() else 164 + i}"/>' for i, code in enumerate(codes))
    whole |= {
        "main.xml": f"<workbook {SHEET_NAMES}><sheets>{listed}</sheets></workbook>",
        "styles.xml": f"<styleSheet {SHEET_NAMES}><numFmts>{own}</numFmts><cellXfs>{cells}</cellXfs></styleSheet>",
        "strings.xml": f"<sst {SHEET_NAMES}>{strings}</sst>",
        "_rels/main.xml.rels": relationships(
            {**targets, "a": ("styles", "styles.xml"), "b": ("sharedStrings", "strings.xml")}
        ),
        "_rels/s0.xml.rels": relationships({name: (name, f"{name}.xml") for name in parts}),
    }
    return zipped(path, whole | {f"{name}.xml": part for name, part in parts.items()})


def rows(*lines: tuple[object, ...]) -> str:
    """Return the rows of a worksheet: strings inline, numbers as they are, None for an empty cell."""
    written = ""
    for number, cells in enumerate(lines, start=1):
        written += f'<row r="{number}">'
        for column, cell in zip("ABCDEFGH", cells, strict=False):
            if isinstance(cell, str):
                written += f'<c r="{column}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
            elif cell is not None:
                written += f'<c r="{column}{number}"><v>{cell}</v></c>'
        written += "</row>"
    return f"<sheetData>{written}</sheetData>"


def presentation(path: Path, slides: tuple[str, ...], **parts: str) -> Path:
    """Write a presentation: the shapes of each slide. Other parts belong to the first slide."""
    numbers = range(len(slides))
    listed = "".join(f'<p:sldId id="{256 + i}" r:id="s{i}"/>' for i in numbers)
    whole = MAIN | {
        "main.xml": f"<p:presentation {WORD_NAMES}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "_rels/main.xml.rels": relationships({f"s{i}": ("slide", f"slides/s{i}.xml") for i in numbers}),
        "slides/_rels/s0.xml.rels": relationships({name: (name, f"../{name}.xml") for name in parts}),
    }
    for i, shapes in enumerate(slides):
        whole[f"slides/s{i}.xml"] = f"<p:sld {WORD_NAMES}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    return zipped(path, whole | {f"{name}.xml": part for name, part in parts.items()})


ODF_NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        **{name: name for name in ("office", "text", "table", "style", "presentation")},
        "draw": "drawing",
        "svg": "svg-compatible",
        "dc": "unused-dc",
        "xlink": "unused-xlink",
        "math": "unused-math",
    }.items()
)


def opendocument(path: Path, kind: str, body: str, styles: str = "", automatic: str = "", **parts: str) -> Path:
    """Write an OpenDocument file: kind "text", "spreadsheet" or "presentation", and the content of its body."""
    content = f"<office:automatic-styles>{automatic}</office:automatic-styles>"
    content += f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    whole = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {ODF_NAMES}>{content}</office:document-content>",
        "styles.xml": f"<office:document-styles {ODF_NAMES}>{styles}</office:document-styles>",
    }
    return zipped(path, whole | {name.replace("_", "/") + ".xml": part for name, part in parts.items()})


def office_samples(folder: Path) -> dict[str, bytes]:
    """Return a small file of every format with most kinds of content."""
    run = "<w:r><w:t>text</w:t></w:r>"
    ruby = f"<w:r><w:ruby><w:rt>{run}</w:rt><w:rubyBase>{run}</w:rubyBase></w:ruby></w:r>"
    box = f"<w:r><w:pict><w:txbxContent><w:p>{run}</w:p></w:txbxContent></w:pict></w:r>"
    choice = f"<mc:Choice Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    both = f"<mc:AlternateContent>{choice}</mc:AlternateContent>"
    field = "".join(f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>{run}' for kind in ("begin", "separate", "end"))
    noted = '<w:r><w:footnoteReference w:id="1"/><w:commentReference w:id="2"/></w:r>'
    noted += '<w:r><w:sym w:char="F061" w:font="Symbol"/></w:r>'
    listed = '<w:p><w:pPr><w:pStyle w:val="S"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    cell = f"<w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p>{run}</w:p></w:tc><w:tc><w:p>{run}</w:p></w:tc>"
    word(
        folder / "a.docx",
        f"<w:p>{ruby}{both}{field}{noted}</w:p>{listed}{run}</w:p><w:tbl><w:tr>{cell}</w:tr></w:tbl>"
        '<w:sectPr><w:headerReference r:id="header"/></w:sectPr>',
        footnotes=f'<w:footnote w:id="1"><w:p>{run}</w:p></w:footnote>',
        comments=f'<w:comment w:id="2" w:author="A"><w:p>{run}</w:p></w:comment>',
        header=f"<w:p>{run}</w:p>",
        styles='<w:style w:styleId="S"><w:basedOn w:val="T"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>',
        numbering='<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/>'
        '<w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>',
    )
    table = rows(("Item", "Price"), ("Pencil", 80), (None, 90)).replace("<c ", '<c s="0" ', 3)
    merged = '<mergeCells><mergeCell ref="A3:B3"/></mergeCells>'
    workbook(folder / "a.xlsx", {"S": table + merged}, "<si><t>x</t></si>", ("yyyy-mm-dd", '#,##0.00;"-"0%'))
    title = "<p:nvPr><p:ph type='title'/></p:nvPr>"
    shape = f"<p:sp>{title}<p:txBody><a:p><a:r><a:t>Text</a:t></a:r></a:p></p:txBody></p:sp>"
    notes = f"<p:notes {WORD_NAMES}>{shape}</p:notes>"
    presentation(folder / "a.pptx", (shape, f"<p:grpSp>{shape}</p:grpSp>"), notesSlide=notes)
    note = "<text:note><text:note-body><text:p>n</text:p></text:note-body></text:note>"
    paragraph = f'<text:p>a<text:s text:c="2"/>{note}</text:p>'
    grid = f'<table:table table:name="T"><table:table-row table:number-rows-repeated="2"><table:table-cell>{paragraph}'
    grid += "</table:table-cell></table:table-row></table:table>"
    opendocument(folder / "a.odt", "text", paragraph + grid)
    opendocument(folder / "a.ods", "spreadsheet", grid)
    opendocument(folder / "a.odp", "presentation", f"<draw:page><draw:text-box>{paragraph}</draw:text-box></draw:page>")
    (folder / "a.rtf").write_bytes(
        rb"{\rtf1\ansi\ansicpg932{\fonttbl{\f0\fcharset128 A;}}{\stylesheet{\s1 heading 1;}}\s1 \f0\'93\'8c\par"
        rb"\uc1\u26481?{\*\footnote n}{\field{\*\fldinst X}{\fldrslt y}}\trowd\intbl a\cell b\cell\row{\v x}"
        rb"\bin2 xx}"
    )
    suffixes = ("docx", "xlsx", "pptx", "odt", "ods", "odp", "rtf")
    return {f"f.{suffix}": (folder / f"a.{suffix}").read_bytes() for suffix in suffixes}
