"""Editing a document in place keeps its encoding, byte order mark, line ends, permissions and name."""

import codecs
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.messages.documents import AddDocuments, EditDocument, ListDocuments, ReadDocument
from engine.messages.search import ListPassages, Search
from engine.retrieval import editing
from engine.retrieval.editing import rewrite
from engine.retrieval.passages import OVERLAP, SIZE, SMALLEST, split
from engine.retrieval.readers.formats import read_document
from engine.retrieval.store import FileState, Store
from engine.service.process import Answering
from engine.text.reading import read_chunks
from tests.engine.collecting import ask, failure

JAPANESE = "夏季休暇のお知らせです。\n休暇は8月13日から15日までです。\n申請は総務部に出してください。\n"
LATIN = "Le café de l'été ferme à midi.\nLes élèves déjeunent à la cantine où le thé est très chaud.\n" * 4
MIXED = "The lamp was as tall as the boy.\nランプは少年と同じ背丈でした。\n" * 4


def add(store: Store, path: Path, size: int = SIZE, overlap: int = OVERLAP) -> int:
    """Add a file to the store without the reader process and return its ID."""
    document, state = read_document(path), path.stat()
    spans = split(document, size, overlap)
    with store.writing():
        store.put(str(path), FileState(state.st_size, state.st_mtime_ns), document, spans, [])
    return next(entry.document for entry in store.entries() if entry.path == str(path))


def write(folder: Path, data: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(path: Path) -> str:
    return "".join(read_chunks(path))


def refused(store: Store, document: int, text: str = "mine") -> str:
    return failure(lambda: rewrite(store, document, text))


# --- Encodings, marks, line ends --------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize(
    ("mark", "encoding", "text"),
    [
        (b"", "utf-8", JAPANESE),
        (codecs.BOM_UTF8, "utf-8", JAPANESE),
        (codecs.BOM_UTF16_LE, "utf-16-le", JAPANESE),
        (codecs.BOM_UTF16_BE, "utf-16-be", JAPANESE),
        (codecs.BOM_UTF32_LE, "utf-32-le", JAPANESE),
        (codecs.BOM_UTF32_BE, "utf-32-be", JAPANESE),
        (b"", "utf-16-le", MIXED),
        (b"", "utf-16-be", MIXED),
        (b"", "cp932", JAPANESE),
        (b"", "euc_jp", JAPANESE),
        (b"", "iso2022_jp", JAPANESE),
        (b"", "cp1252", LATIN),
    ],
    ids=[
        *("utf8", "utf8 marked", "utf16le marked", "utf16be marked", "utf32le marked", "utf32be marked"),
        *("utf16le", "utf16be", "cp932", "euc_jp", "iso2022_jp", "cp1252"),
    ],
)
def test_an_edit_changes_only_the_text(
    store: Store, tmp_path: Path, mark: bytes, encoding: str, text: str, end: str
) -> None:
    path = write(tmp_path, mark + text.replace("\n", end).encode(encoding))
    document = add(store, path)
    assert store.document(document)[1].text == text
    changed = text.replace("13", "20").replace("boy", "girl").replace("midi", "minuit") + "1\n"
    assert rewrite(store, document, changed) == str(path)
    assert path.read_bytes() == mark + changed.replace("\n", end).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932"])
def test_saving_without_a_change_keeps_every_byte(store: Store, tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, JAPANESE.replace("\n", "\r\n").encode(encoding))
    before = path.read_bytes()
    document = add(store, path)
    rewrite(store, document, store.document(document)[1].text)
    assert path.read_bytes() == before


def test_a_letter_whose_bytes_equal_a_line_end_is_kept(store: Store, tmp_path: Path) -> None:
    """Check U+0D0A, a Malayalam letter, whose bytes in UTF-16 are 0D 0A."""
    path = write(tmp_path, codecs.BOM_UTF16_BE + "ഊ\nb\n".encode("utf-16-be"))
    rewrite(store, add(store, path), "ഊ\nc\n")
    assert path.read_bytes() == codecs.BOM_UTF16_BE + "ഊ\nc\n".encode("utf-16-be")


def test_the_most_frequent_line_end_is_kept(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"one\ntwo\nthree\r\nfour\n")
    rewrite(store, add(store, path), "one\ntwo\n")
    assert path.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(("encoding", "text"), [("cp932", JAPANESE), ("euc_jp", JAPANESE), ("cp1252", LATIN)])
def test_a_character_missing_from_the_encoding_makes_the_file_utf8(
    store: Store, tmp_path: Path, encoding: str, text: str
) -> None:
    path = write(tmp_path, text.replace("\n", "\r\n").encode(encoding))
    changed = text + "😀 𠮟る한국\n"
    rewrite(store, add(store, path), changed)
    assert path.read_bytes() == changed.replace("\n", "\r\n").encode()


ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n") | st.sampled_from(JAPANESE), min_size=1)


@pytest.mark.parametrize(
    ("encoding", "old"),
    [
        ("utf-8", JAPANESE),
        ("utf-8-sig", JAPANESE),
        ("utf-16", JAPANESE),
        ("utf-16-le", MIXED),
        ("cp932", JAPANESE),
        ("euc_jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("cp1252", LATIN),
    ],
    ids=["utf8", "utf8 marked", "utf16 marked", "utf16le", "cp932", "euc_jp", "iso2022_jp", "cp1252"],
)
@settings(max_examples=40)
@given(text=ANY)
def test_any_edit_is_read_back_as_it_was_written(
    store: Store, tmp_path: Path, encoding: str, old: str, text: str
) -> None:
    """Encodings are detected from the content, so an edit must not make the file look like another encoding."""
    path = write(tmp_path, old.encode(encoding))
    rewrite(store, add(store, path), text)
    try:
        assert read(path) == text
    except AssertionError:  # some Japanese encodings have one character for two kinds of wave, dash or sign
        assert read(path).encode(encoding) == text.encode(encoding)


@pytest.mark.parametrize("text", ["鼬", "ｶﾅ", "é", "№"])
@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "utf-16-le"])
def test_text_too_short_to_detect_its_encoding_makes_the_file_utf8(
    store: Store, tmp_path: Path, encoding: str, text: str
) -> None:
    path = write(tmp_path, (MIXED if encoding == "utf-16-le" else JAPANESE).encode(encoding))
    rewrite(store, add(store, path), text)
    assert read(path) == text


def test_a_lone_surrogate_does_not_prevent_an_edit(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"plain")
    rewrite(store, add(store, path), "one \ud83d two")
    assert path.read_bytes() == b"one ? two"


# --- The file -----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o755])
def test_an_edit_keeps_the_files_permissions(store: Store, tmp_path: Path, rights: int) -> None:
    path = write(tmp_path, b"a private note")
    path.chmod(rights)
    rewrite(store, add(store, path), "another")
    assert stat.S_IMODE(path.stat().st_mode) == rights


def test_editing_a_link_changes_its_target_and_keeps_the_link(store: Store, tmp_path: Path) -> None:
    target = write(tmp_path, b"old", "target.txt")
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    rewrite(store, add(store, link), "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_other_files_in_the_folder_are_not_changed(store: Store, tmp_path: Path) -> None:
    """One of them has the name that a browser gives to an unfinished download, a.txt.part."""
    folder = tmp_path / "documents"
    folder.mkdir()
    path, other = write(folder, b"old"), write(folder, b"half of it", "a.txt.part")
    rewrite(store, add(store, path), "new")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {path.name: b"new", other.name: b"half of it"}


def test_a_full_disk_leaves_the_file_as_it_was(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    path = write(folder, b"old")
    document = add(store, path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert refused(store, document) == "error.not_written"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a.txt": b"old"}


@pytest.mark.parametrize("name", ["a.csv", "a.html", "a.log"])
def test_only_plain_texts_are_edited(store: Store, tmp_path: Path, name: str) -> None:
    path = write(tmp_path, b"one,two\n1,<p>2</p>\n", name)
    assert refused(store, add(store, path)) == "error.not_editable"
    assert path.read_bytes() == b"one,two\n1,<p>2</p>\n"


def test_a_text_with_unreadable_bytes_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "日本語の文章".encode() + b"\xff" + "です。".encode())
    assert refused(store, add(store, path)) == "error.bytes_unread"
    assert b"\xff" in path.read_bytes()


def test_a_text_shown_only_in_part_cannot_be_edited(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"a " * (editing.LONGEST // 2) + b"a")
    assert refused(store, add(store, path)) == "error.not_editable"
    assert path.stat().st_size == editing.LONGEST + 1


def test_a_deleted_file_is_not_written_again(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    path = write(folder, b"old")
    document = add(store, path)
    path.unlink()
    assert refused(store, document) == "error.not_written"
    assert not path.exists()
    folder.rmdir()
    assert refused(store, document) == "error.not_written"
    assert refused(store, document + 1) == "error.document_gone"


def test_another_programs_change_of_the_same_size_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    document = add(store, path)
    path.write_bytes(b"new")
    os.utime(path, ns=(1, 1))
    assert refused(store, document) == "error.document_changed"
    assert path.read_bytes() == b"new"


def test_another_programs_change_after_a_cancelled_save_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    document = add(store, path)
    rewrite(store, document, "mine")
    write(tmp_path, b"its")
    os.utime(path, ns=(1, 1))
    assert refused(store, document) == "error.document_changed"
    assert path.read_bytes() == b"its"


def test_a_failed_save_after_a_cancelled_one_does_not_prevent_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, b"old")
    document = add(store, path)
    rewrite(store, document, "cancelled")

    def held(*_: object) -> None:
        raise PermissionError(13, "The file is open in another program")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", held)
        assert refused(store, document) == "error.not_written"
    rewrite(store, document, "at last")
    assert path.read_text() == "at last"


# --- By requests --------------------------------------------------------------------------


def test_a_document_keeps_its_id_over_many_edits(handlers: Answering, tmp_path: Path) -> None:
    paths = [write(tmp_path, f"note number {n} about tulips".encode(), f"{n}.txt") for n in range(3)]
    ask(handlers, AddDocuments(tuple(map(str, paths))))
    (hit, *_) = ask(handlers, Search("note number 1"))[0].hits
    number = hit.passage.document
    for text in ("roses", "lilies\n\nand daisies", "tulips again"):
        ask(handlers, EditDocument(number, text))
        (shown,) = ask(handlers, ReadDocument(number))
        assert (shown.text, shown.path, shown.editable) == (text, hit.passage.path, True)
        assert ask(handlers, Search(text))[0].hits[0].passage.document == number
    (entries,) = ask(handlers, ListDocuments())
    assert [entry.document for entry in entries] == [1, 2, 3]


@pytest.mark.parametrize("turns", [1, 4])
def test_a_cancelled_save_does_not_prevent_the_next(handlers: Answering, tmp_path: Path, turns: int) -> None:
    """Cancel after different steps: the file is already written, but the database may be older."""
    paths = [write(tmp_path, f"note {name} about tulips".encode(), f"{name}.txt") for name in "ab"]
    ask(handlers, AddDocuments(tuple(map(str, paths))))
    for document in (1, 2):
        for text in ("about roses", "about lilies"):
            saving = handlers(EditDocument(document, text))
            for _, _ in zip(range(turns), saving, strict=False):
                pass
            saving.close()  # as Cancel does
            assert paths[document - 1].read_text() == text
    for document, path in enumerate(paths, start=1):
        ask(handlers, EditDocument(document, f"now about daisies in {path.name}"))
        (shown,) = ask(handlers, ReadDocument(document))
        assert shown.text == path.read_text() == f"now about daisies in {path.name}"
    assert {hit.passage.document for hit in ask(handlers, Search("daisies"))[0].hits} == {1, 2}


def test_a_document_edited_to_nothing_is_reported_as_empty(handlers: Answering, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    ask(handlers, AddDocuments((str(path),)))
    info = ask(handlers, EditDocument(1, ""))[-1]
    assert path.read_bytes() == b""
    assert (info.documents, info.skipped) == (0, 1)
    (entries,) = ask(handlers, ListDocuments())
    assert entries[0].reason == "error.text_empty"


LONG = "".join(f"Sentence {n} is about the river. " for n in range(12_000))


@pytest.mark.parametrize("around", [-5, 0, 1, len(LONG) // 2, len(LONG) - 1, len(LONG), 10**9])
def test_a_long_document_is_shown_around_the_requested_place(handlers: Answering, tmp_path: Path, around: int) -> None:
    store = Store(tmp_path / "c")
    number = add(store, write(tmp_path, LONG.encode()))
    spans = store.spans(number)
    store.close()
    (shown,) = ask(handlers, ReadDocument(number, around))
    assert len(shown.text) == editing.LONGEST
    assert shown.text == LONG[shown.first : shown.first + editing.LONGEST]
    assert shown.first <= max(0, min(around, len(LONG))) <= shown.first + editing.LONGEST
    assert (shown.characters, shown.editable) == (len(LONG), False)
    seen = [(s, e) for _, s, e in spans.tolist() if s < shown.first + len(shown.text) and e > shown.first]
    assert shown.passages[:, 1:].tolist() == [list(span) for span in seen]
    (passages,) = ask(handlers, ListPassages((int(shown.passages[0, 0]),), most=10**6))
    assert passages.passages[0].text == LONG[slice(*seen[0])]


def test_a_long_document_is_shown_with_its_smallest_passages(handlers: Answering, tmp_path: Path) -> None:
    store = Store(tmp_path / "c")
    path = write(tmp_path, ("𠮟𠮷𩸽𠮟𠮷𩸽𠮟𠮷𩸽。" * 30_000).encode())
    number = add(store, path, SMALLEST, SMALLEST // 2)
    store.close()
    (shown,) = ask(handlers, ReadDocument(number, 100_000))
    assert len(shown.passages) > 5000
