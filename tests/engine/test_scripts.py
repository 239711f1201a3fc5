"""Texts are split where the script changes, and each piece has the kind of its script."""

import pytest
from hypothesis import given, settings
from tokenizers import Regex, pre_tokenizers

from engine.sentences import sentences
from engine.text.scripts import PIECE_PATTERN, kind_of
from tests.engine.texts import MIXED, SHORT

KINDS = {
    "kanji", "hiragana", "katakana", "latin", "digit", "space", "punctuation", "byte", "special", "other",
}  # fmt: skip
SPLIT = pre_tokenizers.Split(Regex(PIECE_PATTERN), "isolated")


def pieces_of(text: str) -> list[str]:
    return [piece for piece, _ in SPLIT.pre_tokenize_str(text)]


@settings(max_examples=300)
@given(text=SHORT | MIXED)
def test_joined_pieces_are_the_text(text: str) -> None:
    found = pieces_of(text)
    assert "".join(found) == text
    assert all(found)


@settings(max_examples=400)
@given(text=MIXED)
def test_no_piece_joins_two_scripts(text: str) -> None:
    for piece in pieces_of(text):
        kinds = {kind_of(c) for c in piece.replace("ー", "").strip()}
        for script in ("kanji", "hiragana", "katakana"):
            assert script not in kinds or kinds == {script}, piece
        assert len(piece) == 1 or not any(c.isdecimal() for c in piece), piece


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("朝ご飯を食べる", ["朝", "ご", "飯", "を", "食", "べる"]),
        ("ラーメン・餃子", ["ラーメン", "・", "餃子"]),
        ("人々の〆切", ["人々", "の", "〆切"]),
        ("らーめん", ["らーめん"]),
        ("don't  stop", ["don't", "  ", "stop"]),
        ("It’s 2025!", ["It’s", " ", "2", "0", "2", "5", "!"]),
        ("a\n\n b", ["a", "\n\n", " b"]),
        ("snake_case", ["snake", "_", "case"]),
        ("１０人", ["１", "０", "人"]),
        ("", []),
    ],
)
def test_texts_are_cut_where_the_script_changes(text: str, expected: list[str]) -> None:
    assert pieces_of(text) == expected


@pytest.mark.parametrize("word", ["ご飯", "お茶", "お金"])
def test_a_polite_word_has_the_same_pieces_after_every_particle(word: str) -> None:
    for particle in ("は", "が", "を", "には", "との"):
        assert pieces_of(particle + word) == [particle, *pieces_of(word)]


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        ("・", "punctuation"),  # in the block of katakana, but not katakana
        ("゠", "punctuation"),
        ("ー", "katakana"),
        ("ヷ", "katakana"),
        ("ｱ", "katakana"),
        ("ㇰ", "katakana"),
        ("ゝ", "hiragana"),
        ("〆", "kanji"),
        ("〇", "kanji"),
        ("𠮟る", "kanji"),
        ("Ａ", "latin"),
        ("я", "latin"),
        ("१", "digit"),
        ("½", "digit"),
        ("¥", "punctuation"),
        ("\u3000", "space"),
        ("", "space"),
        ("\u0301", "other"),
        ("\u200d", "other"),
        ("<0xE3><0x81>", "byte"),
        ("<0xe3>", "punctuation"),  # not written as the tokenizer writes bytes
    ],
)
def test_the_kind_of_unusual_characters(piece: str, kind: str) -> None:
    assert kind_of(piece) == kind


@settings(max_examples=300)
@given(text=SHORT)
def test_white_space_around_a_piece_does_not_change_its_kind(text: str) -> None:
    assert kind_of(text) in KINDS
    assert kind_of(f" \n{text}\t") == kind_of(text.strip()) or kind_of(text) == "byte"


def test_every_kind_has_a_name_on_screen() -> None:
    named = {key.removeprefix("widget.token.kind.") for key in sentences("en") if key.startswith("widget.token.kind.")}
    assert named >= KINDS
