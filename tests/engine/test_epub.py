"""EPUB books: the order and names of chapters, damage and encryption."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval.passages import Document
from engine.retrieval.readers.formats import read_document

CONTAINER = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'
XHTML = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'
NAV = XHTML.format(
    '<nav epub:type="toc"><ol><li><a href="1.xhtml">First</a></li><li><a href="2.xhtml#a">Second</a></li></ol></nav>'
)
ONE, TWO = XHTML.format("<h1>Cats</h1><p>They sleep.</p>"), XHTML.format("<p>Dogs<a id='a'/> run.</p>")


def item(name: str, href: str, more: str = "") -> str:
    kind = "" if "media-type" in more else 'media-type="application/xhtml+xml"'
    return f'<item id="{name}" href="{href}" {kind} {more}/>'


def opf(items: str, spine: str, more: str = "") -> str:
    refs = "".join(f'<itemref idref="{name}"/>' for name in spine.split())
    return (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf">'
        "<metadata><dc:title>A &amp; B</dc:title></metadata>"
        f"<manifest>{items}</manifest><spine>{refs}</spine>{more}</package>"
    )


def book(folder: Path, parts: Mapping[str, str | bytes], root: str = "OPS/book.opf") -> Document:
    path = folder / "book.epub"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER.format(root),
            **parts,
        }.items():
            archive.writestr(name, data)
    return read_document(path)


PAGES = item("one", "1.xhtml") + item("two", "2.xhtml")
WHOLE = {"OPS/book.opf": opf(PAGES, "two one"), "OPS/1.xhtml": ONE, "OPS/2.xhtml": TWO}
TEXT = "A & B\n\nDogs run.\n\nCats\n\nThey sleep.\n\n"


def test_chapters_are_read_in_the_order_of_the_spine(tmp_path: Path) -> None:
    found = book(tmp_path, WHOLE)
    assert found.text == TEXT
    assert [(found.text[at:].split("\n")[0], name) for at, name in found.headings] == [
        ("A & B", "A & B"),
        ("Cats", "Cats"),
    ]


def test_a_chapter_without_a_heading_has_its_name_in_the_contents(tmp_path: Path) -> None:
    nav = item("nav", "nav.xhtml", 'properties="nav"')
    parts = {**WHOLE, "OPS/book.opf": opf(PAGES + nav, "nav one two"), "OPS/nav.xhtml": NAV}
    found = book(tmp_path, parts)
    assert found.text == "A & B\n\nCats\n\nThey sleep.\n\nDogs run.\n\n"
    assert found.heading_of(found.text.index("Dogs")) == "Second"


def test_the_contents_of_epub_2_name_chapters_and_are_not_read(tmp_path: Path) -> None:
    ncx = (
        '<?xml version="1.0"?><ncx><navMap><navPoint><navLabel><text>Second</text></navLabel><content src="2.xhtml"/>'
        "</navPoint></navMap></ncx>"
    )
    items = PAGES + item("ncx", "toc.ncx", 'media-type="application/x-dtbncx+xml"') + item("toc", "toc.html")
    guide = '<guide><reference type="toc" href="toc.html"/></guide>'
    table = XHTML.format('<h1>Contents</h1><p><a href="1.xhtml">The chapter of cats</a></p>')
    parts = {**WHOLE, "OPS/book.opf": opf(items, "toc two one", guide), "OPS/toc.ncx": ncx, "OPS/toc.html": table}
    found = book(tmp_path, parts)
    assert found.text == TEXT
    assert found.heading_of(found.text.index("Dogs")) == "Second"


def test_a_chapter_that_is_called_a_table_of_contents_is_read(tmp_path: Path) -> None:
    guide = '<guide><reference type="toc" href="2.xhtml"/></guide>'
    assert book(tmp_path, {**WHOLE, "OPS/book.opf": opf(PAGES, "two one", guide)}).text == TEXT


def test_words_with_furigana_are_whole(tmp_path: Path) -> None:
    ruby = XHTML.format(
        "<h2><ruby>吾輩<rt>わがはい</rt></ruby></h2><p><ruby><rb>東</rb><rt>とう</rt><rb>京</rb><rt>きょう</rt></ruby>都庁</p>"
    )
    found = book(tmp_path, {**WHOLE, "OPS/2.xhtml": ruby})
    assert found.text.startswith("A & B\n\n吾輩\n\n東京都庁\n")


@pytest.mark.parametrize(
    ("href", "part"),
    [
        ("a%20b%25.xhtml#x", "OPS/a b%.xhtml"),
        ("100%.xhtml", "OPS/100%.xhtml"),
        ("%E7%AB%A0.xhtml", "OPS/章.xhtml"),
        ("i%CC%82n.xhtml", "OPS/în.xhtml"),
        ("../Text/1.xhtml", "Text/1.xhtml"),
        ("./Text/1.XHTML", "OPS/text/1.xhtml"),
        ("a&amp;b.xhtml", "OPS/a&b.xhtml"),
        ("/abs.xhtml", "abs.xhtml"),
        ("mère.xhtml", "OPS/m├¿re.xhtml"),  # UTF-8 that is not marked as such
    ],
)
def test_the_names_of_chapters_are_found(tmp_path: Path, href: str, part: str) -> None:
    parts = {"OPS/book.opf": opf(item("one", href) + item("gone", "gone.xhtml"), "gone one"), part: ONE}
    assert book(tmp_path, parts).text == "A & B\n\nCats\n\nThey sleep.\n\n"


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "utf-8-sig"])
def test_chapters_are_decoded_as_they_declare(tmp_path: Path, encoding: str) -> None:
    page = XHTML.replace("utf-8", encoding.removesuffix("-sig")).format("<p>夏季休暇のお知らせ</p>")
    assert "夏季休暇のお知らせ" in book(tmp_path, {**WHOLE, "OPS/2.xhtml": page.encode(encoding)}).text


DAMAGE = {
    "no container": {"META-INF/container.xml": "", **WHOLE},
    "a container that names no part": {"META-INF/container.xml": CONTAINER.format("gone.opf"), **WHOLE},
    "entities": {
        **WHOLE,
        "OPS/book.opf": WHOLE["OPS/book.opf"].replace(
            "<package", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]><package', 1
        ),
    },
    "a prefix": {
        **WHOLE,
        "OPS/book.opf": WHOLE["OPS/book.opf"].replace("<item", "<opf:item").replace("<spine", "<opf:spine"),
    },
    "not well-formed": {
        **WHOLE,
        "OPS/book.opf": WHOLE["OPS/book.opf"].replace("&amp;", "&").replace("</manifest>", ""),
    },
}


@pytest.mark.parametrize("parts", DAMAGE.values(), ids=DAMAGE)
def test_a_book_with_a_damaged_list_is_read(tmp_path: Path, parts: dict[str, str | bytes]) -> None:
    assert book(tmp_path, parts).text == TEXT


def test_a_book_without_a_spine_is_read(tmp_path: Path) -> None:
    assert "They sleep.\n\nDogs run." in book(tmp_path, {"OPS/1.xhtml": ONE, "OPS/2.xhtml": TWO}).text


def test_items_that_are_not_text_are_replaced_by_their_fallback(tmp_path: Path) -> None:
    image = item("image", "1.png", 'media-type="image/png" fallback="two"')
    parts: dict[str, str | bytes] = {**WHOLE, "OPS/book.opf": opf(PAGES + image, "image one"), "OPS/1.png": b"\x89PNG"}
    assert book(tmp_path, parts).text == TEXT


def encryption(part: str, algorithm: str) -> str:
    return (
        '<?xml version="1.0"?><encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/>'
        f'<enc:CipherData><enc:CipherReference URI="{part}"/></enc:CipherData>'
        "</enc:EncryptedData></encryption>"
    )


def test_an_encrypted_book_is_refused_as_such(tmp_path: Path) -> None:
    lock = encryption("OPS/1.xhtml", "http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    with pytest.raises(EngineError) as raised:
        book(tmp_path, {**WHOLE, "META-INF/encryption.xml": lock})
    assert raised.value.key == "error.document_encrypted"


@pytest.mark.parametrize("algorithm", ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"])
def test_a_book_with_obfuscated_fonts_is_read(tmp_path: Path, algorithm: str) -> None:
    assert book(tmp_path, {**WHOLE, "META-INF/encryption.xml": encryption("OPS/font.otf", algorithm)}).text == TEXT


def test_a_book_without_chapters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        book(tmp_path, {"OPS/book.opf": opf(PAGES, "one")})
    assert raised.value.key == "error.document_broken"


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        book(tmp_path, {**WHOLE, "OPS/1.xhtml": bytes(210_000_000)})
