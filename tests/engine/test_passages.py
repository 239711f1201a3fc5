"""Splitting documents into passages, sentences and terms, in both languages."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from engine.retrieval.analysis import importance, pairs, question_terms, terms
from engine.retrieval.passages import Document, sentences, split, width

TEXTS = st.text(st.sampled_from("ab CD.!?。、「」猫は森ー\n#日１ "), max_size=400)


@given(TEXTS, st.integers(80, 300), st.integers(0, 40))
def test_every_visible_character_is_in_a_passage_of_bounded_size(text: str, size: int, overlap: int) -> None:
    chunks = split(Document(text), size, overlap)
    covered = set[int]()
    for piece in chunks:
        assert 0 <= piece.start < piece.end <= len(text)
        assert width(text[piece.start : piece.end].replace("\n", "")) <= 1.3 * size + len(text)  # blanks between count
        covered |= set(range(piece.start, piece.end))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    assert [c.start for c in chunks] == sorted(c.start for c in chunks)


def test_passages_are_whole_sentences_that_overlap() -> None:
    text = "".join(f"これは{n}番目の文です。" for n in range(100))
    chunks = split(Document(text), 200, 50)
    assert all(text[c.start : c.end].startswith("これは") and text[c.start : c.end].endswith("。") for c in chunks)
    assert all(after.start < before.end for before, after in pairwise(chunks))


def test_a_short_document_stays_whole() -> None:
    text = "One sentence. " * 60
    assert len(split(Document(text), 800, 100)) == 1


def test_passages_have_their_heading_and_page() -> None:
    text = "Cats\n" + "Cats sleep. " * 40 + "\nDogs\n" + "Dogs run. " * 40
    document = Document(text, pages=(0, 300), headings=((0, "Cats"), (text.index("Dogs"), "Dogs")))
    chunks = split(document, 200, 0)
    assert {c.heading for c in chunks if "Dogs run" in text[c.start : c.end]} == {"Dogs"}
    assert chunks[0].page == 1
    assert chunks[-1].page == 2


def test_no_passage_crosses_a_heading() -> None:
    text = "A\n" + "Cats sleep. " * 30 + "\nB\n" + "Dogs run. " * 30
    chunks = split(Document(text, headings=((0, "A"), (text.index("\nB") + 1, "B"))), 3000, 0)
    assert [("Cats" in text[c.start : c.end], "Dogs" in text[c.start : c.end]) for c in chunks] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Smith met Dr. Who. They left.", ["Mr. Smith met Dr. Who.", "They left."]),
        ("It costs 3.5 yen. Really?", ["It costs 3.5 yen.", "Really?"]),
        ("See e.g. this. See Fig. 3 too.", ["See e.g. this.", "See Fig. 3 too."]),
        ("「行くのか。」と言った。彼は黙った。", ["「行くのか。」", "と言った。", "彼は黙った。"]),
        ("名前は？まだ無い！", ["名前は？", "まだ無い！"]),
        ("one\n\ntwo", ["one", "two"]),
        ("list:\n- a\n- b", ["list:", "- a", "- b"]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(TEXTS)
def test_sentences_are_in_order_and_do_not_touch(text: str) -> None:
    spans = list(sentences(text))
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


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


@given(st.text(max_size=200))
def test_any_text_has_terms_without_blanks(text: str) -> None:
    assert all(term and not any(c.isspace() for c in term) for term in terms(text))
