"""Read texts in any encoding, with any line ends, and refuse files that are no texts."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.text import reading
from engine.text.reading import TextFile, find_files, inspect, read_all, read_chunks

JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で"
    "ニャーニャー泣いていた事だけは記憶している。「そうですか」と主人は言った。コーヒーを飲みながら、"
    "東京の大学で二年間、哲学を勉強したという話をした。"
)


def write(folder: Path, data: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp", "iso2022_jp"])
@settings(max_examples=40)
@given(start=st.integers(0, len(JAPANESE) - 20))
def test_twenty_japanese_characters_are_enough_to_find_the_encoding(tmp_path: Path, encoding: str, start: int) -> None:
    snippet = JAPANESE[start : start + 20]
    assert "".join(read_chunks(write(tmp_path, snippet.encode(encoding)))) == snippet


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_byte_order_mark_is_detected_by_its_zero_bytes(tmp_path: Path, encoding: str) -> None:
    text = "The lamp was as tall as the boy.\n" * 10
    assert "".join(read_chunks(write(tmp_path, text.encode(encoding)))) == text


def test_western_encodings_are_detected_by_statistics(tmp_path: Path) -> None:
    text = "Le garçon mangeait déjà des crêpes à l'école, où l'été était très chaud. " * 8
    assert "".join(read_chunks(write(tmp_path, text.encode("cp1252")))) == text


def test_an_encoding_is_detected_by_the_first_bytes_beyond_ascii(tmp_path: Path) -> None:
    text = "plain ascii\n" * 60_000 + JAPANESE
    assert "".join(read_chunks(write(tmp_path, text.encode("euc_jp")))).endswith(JAPANESE)


def test_all_line_ends_become_newlines(tmp_path: Path) -> None:
    assert "".join(read_chunks(write(tmp_path, b"a\r\nb\rc\n"))) == "a\nb\nc\n"


@settings(max_examples=60)
@given(text=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=300))
def test_utf8_is_read_as_it_is(tmp_path: Path, text: str) -> None:
    assert "".join(read_chunks(write(tmp_path, text.encode()))) == text


def test_characters_are_not_cut_between_chunks(tmp_path: Path) -> None:
    text = "猫" * 1_500_000
    assert sum(chunk.count("猫") for chunk in read_chunks(write(tmp_path, text.encode()))) == len(text)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "error.text_empty"),
        (bytes(range(256)) * 40, "error.text_binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "error.text_picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 40, "error.text_picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(range(256)) * 40, "error.text_picture"),
        (b"RIFF\x10\0\0\0WAVEfmt " + bytes(range(256)) * 40, "error.text_binary"),
    ],
)
def test_a_file_that_is_no_text_is_reported_by_name(tmp_path: Path, data: bytes, key: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(EngineError) as raised:
        TextFile(path)
    assert raised.value.key == key
    assert raised.value.args_by_name["file"] == str(path)


def test_a_missing_path_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        find_files([tmp_path / "nothing.txt"])
    assert raised.value.key == "error.text_missing"


def test_a_folder_gives_its_texts_in_order_and_skips_other_files(tmp_path: Path) -> None:
    write(tmp_path, b"second", "b.txt")
    write(tmp_path, b"first", "a.md")
    write(tmp_path, b"\0\1\2" * 50, "picture.bin")
    write(tmp_path, b"hidden", ".secret")
    write(tmp_path, b"", "empty.txt")
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper", b"third", "c.txt")
    assert [p.name for p in find_files([tmp_path])] == ["a.md", "b.txt", "c.txt"]
    assert "".join(read_all([tmp_path])) == "first\nsecond\nthird\n"


def test_a_folder_without_texts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        find_files([tmp_path])
    assert raised.value.key == "error.text_none"


def test_inspecting_counts_and_shows_the_beginning(tmp_path: Path) -> None:
    path = write(tmp_path, JAPANESE.encode("cp932"))
    info = inspect((str(path),))
    assert (info.name, info.files, info.characters, info.encoding) == ("text.txt", 1, len(JAPANESE), "cp932")
    assert info.bytes == path.stat().st_size
    assert JAPANESE.startswith(info.excerpt)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("École primaire de la ville, avec ses livres et ses tables.", "cp1252"),
        ("Übung macht den Meister, und das gilt in jedem Land.", "cp1252"),
        ("猫 means cat, and so on.", "cp932"),
        ("«Bonjour», he said, and went on to the next room.", "cp1252"),
    ],
)
def test_a_single_non_ascii_character_decides_the_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    """Everything after it is ASCII, which every encoding reads."""
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode(encoding))
    assert "".join(read_chunks(path)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "euc_jp", "cp932"])
def test_a_sample_may_end_inside_a_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(reading, "SAMPLE", 64)
    text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 3
    for before in range(60, 68):
        path = tmp_path / f"{before}.txt"
        path.write_bytes(("a" * before + text).encode(encoding))
        assert "".join(read_chunks(path)) == "a" * before + text, before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_no_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text("猫と犬😀\n", encoding)
    assert "".join(read_chunks(path)) == "猫と犬😀\n"


def test_a_file_of_only_a_byte_order_mark_has_no_text(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf")
    assert "".join(read_all([path])) == ""
    assert (inspect((str(path),)).characters, inspect((str(path),)).excerpt) == (0, "")


@settings(max_examples=80)
@given(
    parts=st.lists(st.sampled_from(["a", "猫", "\r\n", "\r", "\n", "é"]), min_size=1, max_size=20),
    size=st.integers(1, 5),
)
def test_line_ends_become_newlines_also_across_chunks(tmp_path: Path, parts: list[str], size: int) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("".join(parts).encode())
    expected = "".join(parts).replace("\r\n", "\n").replace("\r", "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK", size)
        assert "".join(read_chunks(path)) == expected
        assert "".join(read_all([path])) == expected + ("" if expected.endswith("\n") else "\n")


def test_hidden_folders_are_skipped_unless_they_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "open" / ".git", tmp_path / "open" / "sub", tmp_path / ".own"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("text")
    assert find_files([tmp_path / "open"]) == [tmp_path / "open" / "sub" / "a.txt"]
    assert find_files([tmp_path / ".own"]) == [tmp_path / ".own" / "a.txt"]


def test_a_broken_link_is_skipped_in_a_folder_and_missing_when_named(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone.txt")
    (tmp_path / "text.txt").write_text("text")
    assert find_files([tmp_path]) == [tmp_path / "text.txt"]
    with pytest.raises(EngineError, match="text_missing"):
        find_files([tmp_path / "link.txt"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16"])
def test_the_length_of_a_large_text_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 1000)
    text = "吾輩は猫である。名前はまだ無い。\n" * 700
    (tmp_path / "large.txt").write_bytes(text.encode(encoding))
    assert inspect((str(tmp_path / "large.txt"),)).characters == pytest.approx(len(text), rel=0.02)


def test_several_texts_are_named_after_the_first(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt"))
    for index, path in enumerate(paths):
        Path(path).write_text("é" * (index + 1), "utf-8")
    info = inspect(paths)
    assert (info.name, info.files, info.characters, info.bytes) == ("a.txt +2", 3, 6, 12)
    assert info.excerpt == "é"


@settings(max_examples=150)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_raise_an_engine_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    refused = ""
    try:
        "".join(read_chunks(path)).encode(TextFile(path).encoding, "replace")
    except EngineError as error:
        refused = error.key
    assert refused in ("", "error.text_empty", "error.text_binary", "error.text_nul", "error.text_picture")
