"""The terms of texts and questions, in both languages."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from engine.retrieval.analysis import importance, pairs, question_terms, terms
from engine.retrieval.characters import MARKS

# A word within a run without spaces, and a word that must not be taken for it.
RUNS = (
    ("เขากำลังกินข้าวเช้า", "กิน", "วิทยุ"),
    ("เขากำลังกินข้าวเช้า", "ข้าว", "ข่าน"),
    ("สถานีวิทยุแห่งประเทศไทย", "วิทยุ", "วิทยวิธี"),
    ("ພາສາລາວເປັນພາສາທາງການ", "ພາສາ", "ນ້ຳ"),
    ("ខ្ញុំរៀនភាសាខ្មែរនៅភ្នំពេញ", "ភាសាខ្មែរ", "សៀវភៅ"),
    ("မြန်မာဘာသာစကားသည်", "ဘာသာစကား", "ရန်ကုန်"),
    ("我们在北京大学学习中文", "大学", "上海"),
    ("ꦱꦱꦏꦭꦲꦶꦁꦤꦶꦏꦶ", "ꦲꦶꦁꦤꦶ", "ꦏꦸꦭ"),
    ("서울에서 회의가 열립니다", "서울", "부산"),
    ("서울에서 회의가 열립니다", "회의", "의회"),
    ("집에서 물을 마신다", "물", "말"),
)
KEPT_APART = (  # pairs of words that differ in a mark alone
    ("ขาว", "ข้าว"), ("ข่าว", "ข้าว"), ("कि", "की"), ("हिन्दी", "हन्दा"), ("கல்", "கலை"), ("བོད", "བད"), ("か", "が"),
)  # fmt: skip


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
        ("ｶﾞﾝﾀﾞﾑ", "ガンダム"),
        ("カ゛ラス", "ガラス"),
        ("か\u3099っこう", "がっこう"),
        ("\u1109\u1165\u110b\u116e\u11af", "서울"),
        ("\uf9e4解", "理解"),  # a compatibility ideograph
        ("葛\U000e0100城", "葛城"),  # a variation selector
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("ΚΌΣΜΟΣ", "κοσμος"),
        ("Łódź", "lodz"),
        ("smørrebrød", "smorrebrod"),
        ("ﬁnance", "finance"),
        ("Gewächs\u00adhaus", "Gewächshaus"),
        ("مــحــمــد", "محمد"),
        ("كِتَابٌ", "كتاب"),
        ("ﻛﺘﺎﺏ", "كتاب"),  # presentation forms
        ("أحمد", "احمد"),
        ("کتاب", "كتاب"),  # a Persian keyboard
        ("می\u200cخواهم", "میخواهم"),
        ("שָׁלוֹם", "שלום"),
        ("क़लम", "कलम"),
        ("१२३", "123"),
        ("เมษายน ๒๕๖๘", "2568"),
        ("น้ำ", "นํ้า"),
        ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
        ("l’homme", "homme"),
        ("dell'arte", "arte"),
        ("don\u02bct", "don't"),
        ("1,000", "1000"),
        ("A‑12", "a-12"),
        ("👍🏽", "👍"),
        ("❤️", "❤"),
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


# --- Other scripts ----------------------------------------------------------------------------------


def clusters(text: str) -> list[str]:
    return re.findall(f".[{MARKS}]*", text)


@pytest.mark.parametrize(("run", "word", "other"), RUNS)
def test_a_word_is_found_within_a_run_without_spaces(run: str, word: str, other: str) -> None:
    assert set(question_terms(word)) <= set(terms(run))
    assert not set(question_terms(other)) <= set(terms(run))


@given(st.sampled_from([run for text, _, _ in RUNS for run in text.split()]), st.data())
def test_every_part_of_a_run_is_found_in_it(run: str, data: st.DataObject) -> None:
    characters = clusters(unicodedata.normalize("NFKC", run))
    first = data.draw(st.integers(0, len(characters) - 1))
    part = "".join(characters[first : data.draw(st.integers(first + 1, len(characters)))])
    assert terms(part)
    assert set(terms(part)) <= set(terms(run))


@pytest.mark.parametrize(("one", "other"), KEPT_APART)
def test_words_that_differ_in_a_vowel_or_tone_are_kept_apart(one: str, other: str) -> None:
    assert not set(question_terms(one)) <= set(terms(other))
    assert not set(question_terms(other)) <= set(terms(one))


@pytest.mark.parametrize("word", ["हिन्दी", "தமிழ்", "తెలుగు", "বাংলা", "മലയാളം", "සිංහල", "ਪੰਜਾਬੀ", "ދިވެހި"])
def test_a_word_with_vowel_signs_is_one_term(word: str) -> None:
    assert len(terms(word)) == 1


def test_tibetan_words_are_split_at_the_mark_between_syllables() -> None:
    assert terms("བོད་སྐད་") == ["བོད", "སྐད"]


@given(st.text(st.characters(categories=["L", "M", "N", "Zs"]), max_size=30))
def test_composed_and_decomposed_texts_have_the_same_terms(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert terms(composed) == terms(decomposed)
    assert question_terms(composed) == question_terms(decomposed)


# --- Signs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "question", "other"),
    [
        ("Written in C++ and Rust", "C++", "C#"),
        ("Written in C#", "C#", "C++"),
        ("the .NET framework", ".NET", "Java"),
        ("pump A-12/3", "A-12/3", "B-12/3"),
        ("mail info@example.com now", "info@example.com", "sales@example.com"),
        ("on 2025-11-28", "2025-11-28", "2025-11-29"),
        ("a discount of 50%", "50%", "50€"),
        ("it costs €5", "€", "$"),
        ("a trip by bike 🚲", "🚲", "🚗"),
        ("the flag 🇯🇵", "🇯🇵", "🇫🇷"),
        ("rated ★★★", "★", "☆"),
    ],
)
def test_names_with_signs_are_found_as_a_whole(text: str, question: str, other: str) -> None:
    assert set(question_terms(question)) <= set(terms(text))
    assert not set(question_terms(other)) <= set(terms(text))


def test_parts_of_a_joined_name_are_found_too() -> None:
    assert {"info", "exampl", "2025", "c"} <= set(terms("info@example.com 2025-11-28 C++"))
    assert terms("state-of-the-art") == ["state", "art"]


def test_signs_and_joined_names_make_no_pairs() -> None:
    assert pairs(terms("heat transfer C++ € 12-3")) == ["heat transfer", "transfer c", "12 3"]
