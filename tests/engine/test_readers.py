"""Reading files of every format, and refusing broken, hostile and slow ones."""

import io
import random
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.retrieval import reader_process
from engine.retrieval.passages import Document
from engine.retrieval.reader_process import FileReader
from engine.retrieval.readers.formats import READERS, read_document
from tests.engine.collecting import failure, returned
from tests.engine.documents import CSV, HTML, MAIL, SAVED_PAGE, docx, epub, pdf
from tests.engine.officeml import office_samples
from tests.engine.pdfs import uncompressed

MUTATIONS = 4  # of each format; tests/benchmarks/reader_fuzz.py does 500


@pytest.fixture(scope="module")
def reader() -> Iterator[FileReader]:
    with FileReader() as reader:
        yield reader


def read(reader: FileReader, path: Path) -> Document:
    return returned(reader.read(path))


def read_or_refused(reader: FileReader, path: Path) -> bool:
    """Return whether the file was read, or refused with its path in the error."""
    try:
        return bool(read(reader, path).text)
    except EngineError as error:
        return str(path) in map(str, error.args_by_name.values())


def write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_pdf_is_read_with_its_pages(reader: FileReader, tmp_path: Path) -> None:
    found = read(reader, write(tmp_path, "a.pdf", pdf(["First page.", "Second page."])))
    assert found.page_of(found.text.index("Second")) == 2
    assert "First page." in found.text


def test_a_word_file_is_read_with_headings_and_tables(tmp_path: Path) -> None:
    docx(tmp_path / "a.docx")
    found = read_document(tmp_path / "a.docx")
    assert [text for _, text in found.headings] == ["Travel rules", "休暇"]
    assert "Kyoto | 9000 yen" in found.text
    assert found.text.index("paid by") < found.text.index("Kyoto") < found.text.index("夏季")


def test_html_is_read_without_invisible_text(tmp_path: Path) -> None:
    found = read_document(write(tmp_path, "a.html", HTML))
    assert [text for _, text in found.headings] == ["Notice board", "Cafeteria"]
    assert "Lunch is served from noon." in found.text
    assert not any(hidden in found.text for hidden in ("never seen", "color", "alert", "passwd"))
    assert "Soup\n" in found.text


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "utf-8"])
def test_html_is_read_in_japanese_encodings(tmp_path: Path, encoding: str) -> None:
    page = f"<html><head><meta charset={encoding}></head><body><p>夏季休暇のお知らせです。</p></body></html>"
    assert "夏季休暇" in read_document(write(tmp_path, "a.html", page.encode(encoding))).text


def test_csv_rows_have_the_names_of_their_columns(tmp_path: Path) -> None:
    found = read_document(write(tmp_path, "a.csv", CSV.encode("cp932")))
    assert found.text.splitlines() == ["name: Mori, room: 512, phone: 3301", "name: 田中, room: 408, phone: 3302"]
    semicolons = read_document(write(tmp_path, "b.csv", "1;2\n3;4\n"))
    assert semicolons.text.splitlines() == ["1, 2", "3, 4"]


def test_headings_of_markdown_and_the_title_of_a_text_are_found(tmp_path: Path) -> None:
    found = read_document(write(tmp_path, "a.md", "# Rules #\ntext\n## 休暇\n本文"))
    assert [text for _, text in found.headings] == ["Rules", "休暇"]
    titled = read_document(write(tmp_path, "a.txt", "Cats and boxes\n\nCats like boxes."))
    assert titled.headings == ((0, "Cats and boxes"),)
    assert read_document(write(tmp_path, "b.txt", "A sentence.\nAnother.")).headings == ()


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("a.pdf", b"%PDF-1.4 nothing", "error.document_broken"),
        ("b.pdf", pdf(["x"], encrypted=True), "error.document_encrypted"),
        ("c.pdf", pdf(["", ""]), "error.document_images"),
        ("a.docx", b"PK\x03\x04 nothing", "error.document_broken"),
        ("b.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "error.document_encrypted"),
        ("a.txt", b"", "error.text_empty"),
        ("b.txt", b" \n ", "error.document_empty"),
        ("c.txt", bytes(range(256)) * 9, "error.text_binary"),
        ("a.html", b"<script>only()</script>", "error.document_empty"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_reason(tmp_path: Path, name: str, data: bytes, key: str) -> None:
    path = write(tmp_path, name, data)
    with pytest.raises(EngineError) as raised:
        read_document(path)
    assert raised.value.key == key
    assert raised.value.args_by_name["file"] == str(path)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    docx(tmp_path / "a.docx")
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    with zipfile.ZipFile(tmp_path / "a.docx") as parts:
        whole = {name: parts.read(name) for name in parts.namelist()}
    body = whole["word/document.xml"].decode().split("?>", 1)[1].replace("Trips", "&a11;")
    whole["word/document.xml"] = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]>{body}'.encode()
    with zipfile.ZipFile(tmp_path / "b.docx", "w") as parts:
        for name, data in whole.items():
            parts.writestr(name, data)
    try:
        text = read_document(tmp_path / "b.docx").text
    except EngineError:
        return  # refused by the parser itself
    assert len(text) < 10_000


def samples(folder: Path) -> dict[str, bytes]:
    """Return a small file of every format by a name for it."""
    return {
        "f.txt": "猫は森で暮らしている。\n".encode("cp932") * 20,
        "f.md": "# 見出し\n本文。\n".encode() * 20,
        "f.rst": b"Rules\n=====\n\ntext\n\nCosts\n-----\n\ntext\n" * 5,
        "f.tex": b"\\section{Rules}\n% no\n\\begin{verbatim}\n\\end{verbatim}\n" * 5,
        "f.html": HTML.encode(),
        "f.epub": epub(),
        "f.mht": SAVED_PAGE.encode(),
        "f.csv": CSV.encode(),
        "f.tsv": b'name\troom\nMori\t"5 ""12"""\nKen\t4\n' * 5,
        "f.json": b'{"text": "\\u6771", "list": [1, {"a": null}], "b": true}\n' * 5,
        "f.vtt": b"WEBVTT\n\n1\n00:01.000 --> 00:02.000\n<i>Hi</i>\n\n" * 5,
        "f.eml": MAIL.encode(),
        "f.pdf": pdf(["First page.", "Second page."]),
        "g.pdf": uncompressed(),
        **office_samples(folder),
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change, delete, double or insert bytes at random, and sometimes cut off the end; in a zip, mostly in a part."""
    if data.startswith(b"PK") and rng.random() < 0.8:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = {name: package.read(name) for name in package.namelist()}
        name = rng.choice([name for name, part in parts.items() if part])
        parts[name] = rng.choice((mutated, mutated_xml))(parts[name], rng)
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as package:
            for name, part in parts.items():
                package.writestr(name, part)
        return whole.getvalue()
    if data.startswith(b"%PDF") and rng.random() < 0.4:
        numbers = [b"0", b"-1", b"1e9", b"-32768", b"99999999999999", b"0.0001", b"x"]
        return re.sub(rb"\d+", lambda found: rng.choice(numbers) if rng.random() < 0.02 else found[0], data)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 10, 40))):
        place, size = rng.randrange(len(changed) + 1), rng.choice((1, 4, 64))
        what = rng.randrange(4)
        if what == 0:
            changed[place : place + size] = rng.randbytes(min(size, len(changed) - place))
        elif what == 1:
            del changed[place : place + size]
        elif what == 2:
            changed[place:place] = changed[max(0, place - size) : place] * rng.choice((1, 50))
        else:
            changed[place:place] = rng.randbytes(size)
    return (
        bytes(changed[: rng.randrange(1, len(changed))] if len(changed) > 1 and rng.random() < 0.2 else changed) or b"x"
    )


def mutated_xml(data: bytes, rng: random.Random) -> bytes:
    """Rename elements as others, and give attributes other values: the XML stays well-formed."""
    for _ in range(rng.choice((0, 1, 3))):
        names = sorted({b"x", *re.findall(rb"</?([\w:]+)", data)})
        old, new = rng.choice(names), rng.choice(names)
        data = re.sub(rb"(</?)" + re.escape(old) + rb"(?=[\s/>])", rb"\1" + new, data)
    values = [b'""', b'"-1"', b'"0"', b'"x"', b'"999999999999"', *re.findall(rb'"[\w%]*"', data)]
    return re.sub(rb'"[\w%]*"', lambda found: rng.choice(values) if rng.random() < 0.1 else found[0], data)


OFFICE = [f"f.{suffix}" for suffix in ("docx", "xlsx", "pptx", "odt", "ods", "odp", "rtf")]

PAGES = ["f.html", "f.epub", "f.mht"]
TEXTS = ["f.txt", "f.md", "f.rst", "f.tex", "f.csv", "f.tsv", "f.json", "f.vtt", "f.eml"]


@pytest.mark.parametrize("name", [*TEXTS, *PAGES, "f.pdf", "g.pdf", *OFFICE])
def test_mutated_files_are_read_or_refused(reader: FileReader, tmp_path: Path, name: str) -> None:
    rng, whole = random.Random(name), samples(tmp_path)[name]
    for _ in range(MUTATIONS):
        assert read_or_refused(reader, write(tmp_path, name, mutated(whole, rng)))


def test_an_error_in_our_own_code_is_logged_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def buggy(path: Path) -> Document:
        return path.no_such_attribute  # type: ignore[attr-defined]

    monkeypatch.setitem(READERS, ".md", buggy)
    assert failure(lambda: read_document(write(tmp_path, "a.md", "fine"))) == "error.document_broken"
    assert "no_such_attribute" in caplog.text


def test_a_damaged_file_is_refused_without_a_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.pdf", "a.docx"):
        path = write(tmp_path, name, b"PK damaged")
        assert failure(partial(read_document, path)) == "error.document_broken"
    assert caplog.text == ""


def test_a_slow_file_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "SECONDS", 0.0)
    slow = write(tmp_path, "slow.html", "<div>" * 2_000_000)
    with FileReader() as reader:
        with pytest.raises(EngineError) as raised:
            read(reader, slow)
        assert raised.value.key == "error.document_slow"
        monkeypatch.setattr(reader_process, "SECONDS", 30.0)
        assert read(reader, write(tmp_path, "a.txt", "fine")).text == "fine"


def test_a_reader_process_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "fine")
    with FileReader() as reader:
        read(reader, path)
        assert reader._process is not None
        reader._process.kill()
        with pytest.raises(EngineError) as raised:
            read(reader, path)
        assert raised.value.key == "error.document_broken"
        assert read(reader, path).text == "fine"
