"""Write small spreadsheets, presentations and OpenDocument files from their XML."""

from collections.abc import Mapping
from pathlib import Path

from tests.engine.documents import WORD_NAMES, relationships, zipped

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
