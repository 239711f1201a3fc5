"""Read texts in any encoding, with any line ends, and refuse files that are no texts."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.text.reading import detect_encoding, find_files, inspect, read_all, read_chunks

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
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "error.text_binary"),
    ],
)
def test_a_file_that_is_no_text_is_reported_by_name(tmp_path: Path, data: bytes, key: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(EngineError) as raised:
        detect_encoding(path)
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
