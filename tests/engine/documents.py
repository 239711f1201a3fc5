"""Make small files of every format, so that the repository contains no binary."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from docx import Document as new_docx


def pdf(pages: list[str], encrypted: bool = False) -> bytes:
    """Make a PDF of Latin text, one string for each page, of several lines; an empty page has a drawn line."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in pages:
        shown = "".join(f"({line}) Tj T* " for line in page.split("\n"))
        stream = zlib.compress(
            (f"BT /F1 12 Tf 14 TL 72 720 Td {shown}ET" if page else "0 0 m 9 9 l S").encode("latin-1")
        )
        content = len(objects) + 1
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream))
        kids.append(len(objects) + 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % content
        )
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids))
    data, places = b"%PDF-1.4\n", []
    if encrypted:
        objects.append(b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>")
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b" /Encrypt %d 0 R /ID [<00> <00>]" % len(objects) if encrypted else b""
    size = len(objects) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (size, lock, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + trailer


def docx(path: Path) -> None:
    """Write a heading, a sentence, a table of two rows, and another heading and sentence in Japanese."""
    document = new_docx()
    document.add_heading("Travel rules", 1)
    document.add_paragraph("Trips are paid by the company.")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("City", "Limit"), ("Kyoto", "9000 yen")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_heading("休暇", 2)
    document.add_paragraph("夏季休暇は8月13日から15日までです。")
    document.save(str(path))


WORD_NAMES = " ".join(
    f'xmlns:{prefix}="http://schemas.{uri}"'
    for prefix, uri in {
        "w": "openxmlformats.org/wordprocessingml/2006/main",
        "r": "openxmlformats.org/officeDocument/2006/relationships",
        "mc": "openxmlformats.org/markup-compatibility/2006",
        "wps": "microsoft.com/office/word/2010/wordprocessingShape",
        "a": "openxmlformats.org/drawingml/2006/main",
        "c": "openxmlformats.org/drawingml/2006/chart",
        "dgm": "openxmlformats.org/drawingml/2006/diagram",
        "m": "openxmlformats.org/officeDocument/2006/math",
        "p": "openxmlformats.org/presentationml/2006/main",
        "v": "unused/vml",
    }.items()
)
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def zipped(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return path


def relationships(targets: Mapping[str, tuple[str, str]]) -> str:
    """Return the part that lists these relationships: identifier to kind and target."""
    rows = "".join(
        f'<Relationship Id="{name}" Type="{_KINDS}{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def word(path: Path, body: str, **parts: str) -> Path:
    """Write a Word file with this body, and parts such as styles='<w:style …>' or header='<w:p>…'."""
    roots = {"footnotes": "footnotes", "endnotes": "endnotes", "comments": "comments", "header": "hdr", "footer": "ftr"}
    whole = {
        "_rels/.rels": relationships({"r1": ("officeDocument", "word/document.xml")}),
        "word/document.xml": f"<w:document {WORD_NAMES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relationships({name: (name, f"{name}.xml") for name in parts}),
    }
    for name, content in parts.items():
        root = roots.get(name, name)
        tagged = content if name in ("chart", "diagramData") else f"<w:{root} {WORD_NAMES}>{content}</w:{root}>"
        whole[f"word/{name}.xml"] = tagged
    return zipped(path, whole)


HTML = """<!DOCTYPE html><html><head><title>Notice board</title><style>p { color: red }</style>
<script>document.write("never seen")</script></head><body><h1>Cafe<b>teria</b></h1>
<p>Lunch is served from <i>noon</i>.</p><ul><li>Soup<li>Bread</ul><table><tr><td>Tea</td><td>120 yen</td></tr></table>
<img src=x onerror="alert(1)"><iframe src="file:///etc/passwd"></iframe></body></html>"""

CSV = "name,room,phone\nMori,512,3301\n田中,408,3302\n"

MAIL = (
    'Subject: =?utf-8?b?5qOu?=\nContent-Type: multipart/alternative; boundary="x"\n\n--x\nContent-Type: text/plain; '
    "charset=iso-2022-jp\n\nplain\n--x\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+eA==\n--x--\n"
)
SAVED_PAGE = (
    'MIME-Version: 1.0\nContent-Type: multipart/related; boundary="x"\n\n--x\nContent-Type: text/html; charset=utf-8\n'
    "Content-Transfer-Encoding: quoted-printable\n\n<title>Caf=C3=A9</title><p>long =\nline\n--x\n"
    "Content-Type: text/html\n\n<p>a frame\n--x\nContent-Type: image/png\n\nno\n--x--\n"
)


def epub() -> bytes:
    """Make a book of two chapters, whose names are in a table of contents."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("META-INF/container.xml", '<?xml version="1.0"?><rootfile full-path="OPS/a.opf"/>')
        items = "".join(f'<item id="i{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in (1, 2))
        nav = '<item id="nav" href="nav.xhtml" properties="nav"/>'
        spine = '<spine><itemref idref="i2"/><itemref idref="i1"/></spine>'
        parts.writestr(
            "OPS/a.opf", f'<?xml version="1.0"?><package><dc:title>Book</dc:title>{items}{nav}{spine}</package>'
        )
        parts.writestr("OPS/nav.xhtml", '<?xml version="1.0"?><nav><a href="1.xhtml">One</a></nav>')
        for number in (1, 2):
            parts.writestr(
                f"OPS/{number}.xhtml", f'<?xml version="1.0"?><html><p>Page<ruby>{number}<rt>x</rt></ruby></p></html>'
            )
    return whole.getvalue()
