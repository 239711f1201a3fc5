"""Make small PDF files from content streams, fonts and further objects, so that the repository contains no binary."""

from collections.abc import Sequence

LATIN = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"


def assembled(objects: Sequence[bytes]) -> bytes:
    """Return a file of numbered objects, of which the first is the catalogue."""
    data, places = b"%PDF-1.5\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count, start = len(objects) + 1, len(data)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, start)
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + trailer


def stream(content: bytes, keys: bytes = b"") -> bytes:
    return b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(content), keys, content)


def pages(
    *contents: bytes,
    fonts: Sequence[bytes] = (LATIN,),
    extra: Sequence[bytes] = (),
    page: bytes = b"",
    root: bytes = b"",
) -> bytes:
    """Return a file with a page for each content stream; fonts are /F1, /F2 and so on.

    The objects `extra` are numbered from 3 + the number of fonts; `page` and `root` are further keys.
    """
    names = b" ".join(b"/F%d %d 0 R" % (number, number + 2) for number in range(1, len(fonts) + 1))
    first = 3 + len(fonts) + len(extra)
    objects = [b"<< /Type /Catalog /Pages 2 0 R %s>>" % root, b"", *fonts, *extra]
    for number, content in enumerate(contents):
        objects.append(stream(content))
        keys = b"/Contents %d 0 R /Resources << /Font << %s >> >> %s" % (first + 2 * number, names, page)
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s>>" % keys)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number + 1) for number in range(len(contents)))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(contents), kids)
    return assembled(objects)


def shown(
    text: str, x: float, y: float, size: float = 10, font: int = 1, leading: float = 0, encoding: str = "cp1252"
) -> bytes:
    """Return the operators that show the lines of a text, the first at x, y."""
    lines = b" ".join(b"<%s> Tj T*" % line.encode(encoding).hex().encode() for line in text.split("\n"))
    return b"BT /F%d %g Tf %g TL 1 0 0 1 %g %g Tm %s ET\n" % (font, size, leading or 1.2 * size, x, y, lines)


def japanese(encoding: str) -> bytes:
    """Return a font of Japanese whose codes have one of the predefined encodings, which ends with -H or -V."""
    descriptor = b"/FontName /A /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 880 /Descent -120 /StemV 80"
    return (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /%s /DescendantFonts [<< /Type /Font /Subtype"
        b" /CIDFontType0 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >>"
        b" /FontDescriptor << /Type /FontDescriptor %s >> /DW 1000 >>] >>" % (encoding.encode(), descriptor)
    )


def mapped(letters: Sequence[str], number: int) -> tuple[bytes, bytes]:
    """Return a font whose bytes from 33 on mean `letters`, which may be several each, and its ToUnicode object.

    `number` is that of the ToUnicode object.
    """
    meant = (b"<%02X> <%s>\n" % (33 + n, text.encode("utf-16-be").hex().encode()) for n, text in enumerate(letters))
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n%d beginbfchar\n%sendbfchar\nendcmap end end"
        % (len(letters), b"".join(meant))
    )
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /ToUnicode %d 0 R >>" % number, stream(cmap)


def uncompressed() -> bytes:
    """Return a file of columns, vertical and right-to-left writing, a form and an outline, as plain bytes."""
    hebrew, cmap = mapped([*"שלוםע 12("], 6)
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /V (Mori) /DA (/F1 9 Tf 0 g) /Rect [60 60 200 80] /F 4 >>"
    outline, entry = (
        b"<< /First 9 0 R /Last 9 0 R /Count 1 >>",
        b"<< /Title (Report) /Parent 8 0 R /Dest [11 0 R /Fit] >>",
    )
    left, right = (
        "\n".join(["The committee of the town reviewed"] * 5),
        "\n".join(["the annual report and soft hy\xad"] * 5),
    )
    first = shown("Report", 60, 780, 16) + shown(left, 60, 740) + shown(right, 320, 740) + shown("1 Note", 60, 100, 6)
    second = b"".join(shown("吾輩は猫である。", 500 - 20 * n, 780, 12, 2, encoding="utf-16-be") for n in range(5))
    second += shown("!\"#$&%'(", 60, 400, font=3) + b"BT /F1 9 Tf 0 1 -1 0 30 200 Tm (turned) Tj ET"
    return pages(
        first,
        second,
        fonts=(LATIN, japanese("UniJIS-UTF16-V"), hebrew),
        extra=(cmap, field, outline, entry),
        page=b"/Annots [7 0 R] ",
        root=b"/Outlines 8 0 R /AcroForm << /Fields [7 0 R] /NeedAppearances true /DR << /Font << /F1 3 0 R >> >> >> ",
    )
