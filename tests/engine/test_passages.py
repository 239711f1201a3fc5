"""Splitting documents into passages and sentences, in any script."""

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from engine.retrieval.passages import LARGEST, SMALLEST, Document, sentences, split, width
from tests.engine.texts import ANY, MARKS

TEXTS = st.text(st.sampled_from("ab CD.!?。、「」猫は森ー\n#日１ "), max_size=400)


@given(TEXTS, st.integers(80, 300), st.integers(0, 40))
def test_every_visible_character_is_in_a_passage_of_bounded_size(text: str, size: int, overlap: int) -> None:
    passages = split(Document(text), size, overlap)
    covered = set[int]()
    for piece in passages:
        assert 0 <= piece.start < piece.end <= len(text)
        assert width(text[piece.start : piece.end].replace("\n", "")) <= 1.3 * size + len(text)  # blanks between count
        covered |= set(range(piece.start, piece.end))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    assert [c.start for c in passages] == sorted(c.start for c in passages)


def test_passages_are_whole_sentences_that_overlap() -> None:
    text = "".join(f"これは{n}番目の文です。" for n in range(100))
    passages = split(Document(text), 200, 50)
    assert all(text[c.start : c.end].startswith("これは") and text[c.start : c.end].endswith("。") for c in passages)
    assert all(after.start < before.end for before, after in pairwise(passages))


def test_a_short_document_stays_whole() -> None:
    text = "One sentence. " * 60
    assert len(split(Document(text), 800, 100)) == 1


def test_passages_have_their_heading_and_page() -> None:
    text = "Cats\n" + "Cats sleep. " * 40 + "\nDogs\n" + "Dogs run. " * 40
    document = Document(text, pages=(0, 300), headings=((0, "Cats"), (text.index("Dogs"), "Dogs")))
    passages = split(document, 200, 0)
    assert {c.heading for c in passages if "Dogs run" in text[c.start : c.end]} == {"Dogs"}
    assert passages[0].page == 1
    assert passages[-1].page == 2


def test_no_passage_crosses_a_heading() -> None:
    text = "A\n" + "Cats sleep. " * 30 + "\nB\n" + "Dogs run. " * 30
    passages = split(Document(text, headings=((0, "A"), (text.index("\nB") + 1, "B"))), 3000, 0)
    assert [("Cats" in text[c.start : c.end], "Dogs" in text[c.start : c.end]) for c in passages] == [
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


@given(ANY | MARKS)
def test_sentences_lose_nothing_but_blanks(text: str) -> None:
    found = [text[start:end] for start, end in sentences(text)]
    assert all(sentence == sentence.strip() != "" for sentence in found)
    assert "".join("".join(sentence.split()) for sentence in found) == "".join(text.split())


@settings(max_examples=150)
@given(
    text=(ANY | MARKS).flatmap(lambda t: st.integers(1, 12).map(lambda n: t * n)),
    size=st.integers(SMALLEST, 400),
    share=st.floats(0, 0.5),
    headings=st.lists(st.integers(0, 3000), max_size=4, unique=True),
    pages=st.lists(st.integers(0, 3000), max_size=4, unique=True),
)
def test_passages_cover_the_document_in_any_script(
    text: str, size: int, share: float, headings: list[int], pages: list[int]
) -> None:
    within = sorted(offset for offset in headings if offset < len(text))
    document = Document(
        text, tuple(sorted(o for o in pages if o < len(text))), tuple((o, f"heading {o}") for o in within)
    )
    passages = split(document, size, int(size * share))
    covered = set[int]()
    for piece in passages:
        assert 0 <= piece.start < piece.end <= len(text)
        assert text[piece.start : piece.end].strip()
        assert width("".join(text[piece.start : piece.end].split())) <= 1.3 * size
        assert width(text[piece.start : piece.end]) <= 3 * 1.3 * size  # up to an empty line between two sentences
        assert piece.page == sum(page <= piece.start for page in document.pages)
        before = [offset for offset in within if offset <= piece.start]
        assert piece.heading == (f"heading {before[-1]}" if before else "")
        covered |= set(range(piece.start, piece.end))
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    assert [c.start for c in passages] == sorted({c.start for c in passages})
    assert [c.end for c in passages] == sorted({c.end for c in passages})


@pytest.mark.parametrize("unit", ["a", "猫", "😀", "𠮟", " word", "、猫", "\u200b", "e\u0301", "ש"])
def test_text_without_sentence_ends_is_split_too(unit: str) -> None:
    text = unit * (40_000 // len(unit))
    passages = split(Document(text), 500, 100)
    assert all(width(text[c.start : c.end]) <= 650 for c in passages)
    assert sum(c.end - c.start for c in passages) >= len(text.strip()) - len(passages)


@pytest.mark.parametrize("unit", [".", "。", "?!", "」", "。」", "-", "\n", "\n- ", " .", "... ", "Mr. "])
@pytest.mark.parametrize("end", ["", "、", "x"])
def test_a_hundred_thousand_marks_are_split_in_linear_time(unit: str, end: str) -> None:
    """Long runs of marks occur as leaders in tables of contents and in character drawings."""
    text = unit * (100_000 // len(unit)) + end
    found = "".join("".join(text[start:stop].split()) for start, stop in sentences(text))
    assert found == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("「えっ！？」、と言った。", ["「えっ！？」、と言った。"]),
        ("そう。。、まだある。", ["そう。。、まだある。"]),
        ("“Who?” asked he. “I.”", ["“Who?” asked he.", "“I.”"]),
        ("「行く！」「待て！」", ["「行く！」", "「待て！」"]),
        ("Wait... What?! Yes.", ["Wait...", "What?!", "Yes."]),
        ("値は3．5です。次。", ["値は3．5です。", "次。"]),
    ],
)
def test_marks_in_a_row_end_a_sentence_once(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_the_largest_size_and_overlap_are_kept() -> None:
    text = "猫は森で暮らしている。" * 3000
    passages = split(Document(text), LARGEST, LARGEST // 2)
    assert max(width(text[c.start : c.end]) for c in passages) <= LARGEST
    assert all(b.start < a.end for a, b in pairwise(passages))
    assert (passages[0].start, passages[-1].end) == (0, len(text))
