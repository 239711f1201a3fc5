"""A document edited in place stays the file that it was: its encoding, mark, line ends, rights and name."""

import codecs
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.messages.documents import AddDocuments, EditDocument, ListDocuments, ReadDocument
from engine.messages.search import ListPassages, Search
from engine.retrieval import editing
from engine.retrieval.chunking import OVERLAP, SIZE, SMALLEST, chunk
from engine.retrieval.editing import rewrite
from engine.retrieval.readers import read_document
from engine.retrieval.store import FileState, Store
from engine.service.process import Answering
from engine.text.reading import read_chunks
from tests.engine.collecting import ask, failure

JAPANESE = "夏季休暇のお知らせです。\n休暇は8月13日から15日までです。\n申請は総務部に出してください。\n"
LATIN = "Le café de l'été ferme à midi.\nLes élèves déjeunent à la cantine où le thé est très chaud.\n" * 4
MIXED = "The lamp was as tall as the boy.\nランプは少年と同じ背丈でした。\n" * 4


def add(store: Store, path: Path, size: int = SIZE, overlap: int = OVERLAP) -> int:
    """Takes a file into the store, without the process that reads files from anywhere; returns its number."""
    document, state = read_document(path), path.stat()
    chunks = chunk(document, size, overlap)
    with store.writing():
        store.put(str(path), FileState(state.st_size, state.st_mtime_ns), document, chunks, [])
    return next(entry.id for entry in store.entries() if entry.path == str(path))


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
def test_only_the_words_change(store: Store, tmp_path: Path, mark: bytes, encoding: str, text: str, end: str) -> None:
    path = write(tmp_path, mark + text.replace("\n", end).encode(encoding))
    document = add(store, path)
    assert store.document(document)[1].text == text
    changed = text.replace("13", "20").replace("boy", "girl").replace("midi", "minuit") + "1\n"
    assert rewrite(store, document, changed) == str(path)
    assert path.read_bytes() == mark + changed.replace("\n", end).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932"])
def test_saved_without_a_change_a_file_is_the_same(store: Store, tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, JAPANESE.replace("\n", "\r\n").encode(encoding))
    before = path.read_bytes()
    document = add(store, path)
    rewrite(store, document, store.document(document)[1].text)
    assert path.read_bytes() == before


def test_a_letter_whose_bytes_look_like_a_line_end_is_none(store: Store, tmp_path: Path) -> None:
    """U+0D0A, a letter of Malayalam, is the bytes 0D 0A in UTF-16."""
    path = write(tmp_path, codecs.BOM_UTF16_BE + "ഊ\nb\n".encode("utf-16-be"))
    rewrite(store, add(store, path), "ഊ\nc\n")
    assert path.read_bytes() == codecs.BOM_UTF16_BE + "ഊ\nc\n".encode("utf-16-be")


def test_of_mixed_line_ends_the_more_frequent_stay(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"one\ntwo\nthree\r\nfour\n")
    rewrite(store, add(store, path), "one\ntwo\n")
    assert path.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(("encoding", "text"), [("cp932", JAPANESE), ("euc_jp", JAPANESE), ("cp1252", LATIN)])
def test_what_the_encoding_lacks_makes_the_file_utf8(store: Store, tmp_path: Path, encoding: str, text: str) -> None:
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
def test_whatever_is_written_is_what_is_read_next(
    store: Store, tmp_path: Path, encoding: str, old: str, text: str
) -> None:
    """An encoding shows itself by what is in the file: an edit must not make it look like another one."""
    path = write(tmp_path, old.encode(encoding))
    rewrite(store, add(store, path), text)
    try:
        assert read(path) == text
    except AssertionError:  # some Japanese encodings have one character for both waves, dashes or signs
        assert read(path).encode(encoding) == text.encode(encoding)


@pytest.mark.parametrize("text", ["鼬", "ｶﾅ", "é", "№"])
@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "utf-16-le"])
def test_too_little_left_to_tell_the_encoding_makes_the_file_utf8(
    store: Store, tmp_path: Path, encoding: str, text: str
) -> None:
    path = write(tmp_path, (MIXED if encoding == "utf-16-le" else JAPANESE).encode(encoding))
    rewrite(store, add(store, path), text)
    assert read(path) == text


def test_half_of_a_pair_of_surrogates_does_not_stop_an_edit(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"plain")
    rewrite(store, add(store, path), "one \ud83d two")
    assert path.read_bytes() == b"one ? two"


# --- The file -----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o755])
def test_who_may_read_a_file_stays_as_it_was(store: Store, tmp_path: Path, rights: int) -> None:
    path = write(tmp_path, b"a private note")
    path.chmod(rights)
    rewrite(store, add(store, path), "another")
    assert stat.S_IMODE(path.stat().st_mode) == rights


def test_behind_a_link_the_file_is_changed_and_the_link_stays(store: Store, tmp_path: Path) -> None:
    target = write(tmp_path, b"old", "target.txt")
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    rewrite(store, add(store, link), "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_nothing_else_in_the_folder_is_touched(store: Store, tmp_path: Path) -> None:
    """A browser calls a file that it still downloads a.txt.part."""
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

    monkeypatch.setattr(editing.os, "replace", full)
    assert refused(store, document) == "error.not_written"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"a.txt": b"old"}


@pytest.mark.parametrize("name", ["a.csv", "a.html", "a.log"])
def test_only_plain_texts_are_edited(store: Store, tmp_path: Path, name: str) -> None:
    path = write(tmp_path, b"one,two\n1,<p>2</p>\n", name)
    assert refused(store, add(store, path)) == "error.not_editable"
    assert path.read_bytes() == b"one,two\n1,<p>2</p>\n"


def test_a_text_that_is_shown_in_part_is_not_edited(store: Store, tmp_path: Path) -> None:
    """What is written would be all that is left of it."""
    path = write(tmp_path, b"a " * (editing.LONGEST // 2) + b"a")
    assert refused(store, add(store, path)) == "error.not_editable"
    assert path.stat().st_size == editing.LONGEST + 1


def test_what_is_gone_is_not_made_again(store: Store, tmp_path: Path) -> None:
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


def test_a_file_of_the_same_size_that_another_program_wrote_is_kept(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    document = add(store, path)
    path.write_bytes(b"new")
    os.utime(path, ns=(1, 1))
    assert refused(store, document) == "error.document_changed"
    assert path.read_bytes() == b"new"


def test_what_another_program_wrote_behind_a_cancelled_save_is_kept(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    document = add(store, path)
    rewrite(store, document, "mine")
    write(tmp_path, b"its")
    os.utime(path, ns=(1, 1))
    assert refused(store, document) == "error.document_changed"
    assert path.read_bytes() == b"its"


def test_a_save_that_failed_does_not_stop_the_next_one_either(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one that was cancelled."""
    path = write(tmp_path, b"old")
    document = add(store, path)
    rewrite(store, document, "cancelled")

    def held(*_: object) -> None:
        raise PermissionError(13, "The file is open in another program")

    with monkeypatch.context() as patched:
        patched.setattr(editing.os, "replace", held)
        assert refused(store, document) == "error.not_written"
    rewrite(store, document, "at last")
    assert path.read_text() == "at last"


# --- As the pane asks for it --------------------------------------------------------------------------


def test_a_document_keeps_its_number_over_many_edits(handlers: Answering, tmp_path: Path) -> None:
    paths = [write(tmp_path, f"note number {n} about tulips".encode(), f"{n}.txt") for n in range(3)]
    ask(handlers, AddDocuments(tuple(map(str, paths))))
    (hit, *_) = ask(handlers, Search("note number 1"))[0].hits
    number = hit.passage.document
    for text in ("roses", "lilies\n\nand daisies", "tulips again"):
        ask(handlers, EditDocument(number, text))
        (shown,) = ask(handlers, ReadDocument(number))
        assert (shown.text, shown.path, shown.editable) == (text, hit.passage.path, True)
        assert ask(handlers, Search(text.split()[0]))[0].hits[0].passage.document in range(1, 4)
    (page,) = ask(handlers, ListDocuments())
    assert [entry.document for entry in page.entries] == [1, 2, 3]


@pytest.mark.parametrize("turns", [1, 4])
def test_a_save_that_was_cancelled_does_not_stop_the_next_one(handlers: Answering, tmp_path: Path, turns: int) -> None:
    """However far it had come: the file was written, what the collection knows of it may be older."""
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


def test_a_document_emptied_is_said_to_be_empty(handlers: Answering, tmp_path: Path) -> None:
    path = write(tmp_path, b"old")
    ask(handlers, AddDocuments((str(path),)))
    info = ask(handlers, EditDocument(1, ""))[-1]
    assert path.read_bytes() == b""
    assert (info.documents, info.skipped) == (0, 1)
    (page,) = ask(handlers, ListDocuments())
    assert page.entries[0].reason == "error.text_empty"


LONG = "".join(f"Sentence {n} is about the river. " for n in range(12_000))


@pytest.mark.parametrize("around", [-5, 0, 1, len(LONG) // 2, len(LONG) - 1, len(LONG), 10**9])
def test_a_long_document_is_shown_around_the_place_that_was_asked_for(
    handlers: Answering, tmp_path: Path, around: int
) -> None:
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


def test_a_long_document_in_tiny_passages_of_large_characters_fits_into_a_message(
    handlers: Answering, tmp_path: Path
) -> None:
    """Four bytes a character, and as many passages as there can be."""
    store = Store(tmp_path / "c")
    path = write(tmp_path, ("𠮟𠮷𩸽𠮟𠮷𩸽𠮟𠮷𩸽。" * 30_000).encode())
    number = add(store, path, SMALLEST, SMALLEST // 2)
    store.close()
    (shown,) = ask(handlers, ReadDocument(number, 100_000))  # asserts its size
    assert len(shown.passages) > 5000
