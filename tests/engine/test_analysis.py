"""The terms of texts and questions, in both languages."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from engine.retrieval.analysis import importance, pairs, question_terms, terms


def test_terms_are_stems_without_stop_words_accents_or_case() -> None:
    assert terms("The Running CAFÉS of the runner's") == ["run", "cafe", "runner"]
    assert terms("don't") == terms("DONT")


def test_japanese_terms_are_character_pairs_and_kanji() -> None:
    assert terms("東京都") == ["東京", "京都", "東", "京", "都"]
    assert set(terms("ﾃｽﾄ")) == set(terms("テスト"))
    assert "学習" in terms("機械学習とは")


def test_a_single_kanji_is_a_term_of_a_question_only_where_it_has_no_neighbour() -> None:
    assert question_terms("猫と学習") == ["猫と", "と学", "学習", "猫"]


def test_interrogatives_are_not_searched_for() -> None:
    assert question_terms("食堂は何時から何時までですか?") == ["食堂", "堂は", "時", "時"]
    assert question_terms("会議はいつ?") == ["会議", "議は"]
    assert question_terms("なぜ?") == ["なぜ"]  # unless nothing else is left


def test_particles_weigh_less_than_words() -> None:
    assert importance("から") < importance("食べ") < importance("部屋") == importance("train")


def test_pairs_are_made_of_words_in_letters_only() -> None:
    assert pairs(["heat", "transfer", "東京", "京都"]) == ["heat transfer"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＫＹＯＴＯ", "kyoto"),
        ("ｷｮｳﾄ", "キョウト"),
        ("cafe\u0301", "café"),
        ("naïve", "NAIVE"),
        ("Ⅳ", "iv"),
        ("㈱", "株"),
        ("trains'", "train"),
        ("the company’s", "company"),
        ("８月", "8月"),
    ],
)
def test_spelling_variants_have_the_same_terms(one: str, other: str) -> None:
    assert set(terms(other)) & set(terms(one))
    assert set(question_terms(other)) & set(terms(one))


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=80))
def test_a_question_in_letters_has_the_terms_of_the_same_text(text: str) -> None:
    assert question_terms(text) == terms(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_terms_contain_no_white_space(text: str) -> None:
    """Files store one term per line, and pairs with a space between."""
    for term in (*terms(text), *question_terms(text)):
        assert term.split() == term.splitlines() == [term]


@given(st.lists(st.sampled_from(["heat", "transfer", "東京", "京", "x"]), max_size=8))
def test_pairs_join_neighbours_of_letters_only(words: list[str]) -> None:
    found = pairs(words)
    assert len(found) == sum(a.isascii() and b.isascii() for a, b in pairwise(words))
    assert all(pair in " ".join(words) for pair in found)
