"""Extracted sentences and citations, in both languages."""

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import csr_matrix

from engine.messages.search import Answered, Passage, SearchHit
from engine.retrieval.analysis import terms
from engine.retrieval.asking import extracted
from engine.retrieval.extracting import ENOUGH, Extractor, lines, unsupported
from engine.retrieval.keyword import Keywords
from engine.retrieval.passages import Document, split
from tests.engine.texts import ANY, MARKS

TIMETABLE = "The express leaves at nine. The slow train leaves at ten.\nBicycles are carried in the last car."
CANTEEN = "食堂は11時に開く。定食は640円で、ラーメンは520円である。\n日曜日は休み。"
PRICES = "Price list\nNotebook: 640 yen\nPencil: 80 yen\nEraser: 120 yen\n"
RULES = "夏季休暇: 8月13日〜15日\n申請先: 総務部\n年末年始: 12月29日〜1月3日\n"


def over(*texts: str) -> Extractor:
    """Make an extractor whose collection is these passages."""
    vocabulary = {term: i for i, term in enumerate(sorted({t for text in texts for t in terms(text)}))}
    rows = [[terms(text).count(term) for term in vocabulary] for text in texts]
    return Extractor(Keywords(csr_matrix(rows, shape=(len(texts), len(vocabulary)), dtype="float32"), vocabulary))


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return over(TIMETABLE, CANTEEN, PRICES, RULES, "Nothing else.", "別の話。")


# --- The best sentence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("When does the express leave?", TIMETABLE, "The express leaves at nine."),
        ("At what time do slow trains leave?", TIMETABLE, "The slow train leaves at ten."),
        ("Where are bicycles carried?", TIMETABLE, "Bicycles are carried in the last car."),
        ("How much is the pencil?", PRICES, "Pencil: 80 yen"),
        ("What does an ERASER cost?", PRICES, "Eraser: 120 yen"),
        ("食堂は何時に開きますか?", CANTEEN, "食堂は11時に開く。"),
        ("ラーメンはいくらですか?", CANTEEN, "定食は640円で、ラーメンは520円である。"),
        ("日曜日は?", CANTEEN, "日曜日は休み。"),
        ("夏季休暇はいつですか?", RULES, "夏季休暇: 8月13日〜15日"),
        ("申請先を教えてください", RULES, "申請先: 総務部"),
    ],
)
def test_the_answering_sentence_is_found(extractor: Extractor, question: str, text: str, expected: str) -> None:
    (start, end), score = extractor.best_sentence(question, text)
    assert text[start:end] == expected
    assert score > 0


def test_a_rare_word_weighs_more_than_a_frequent_one() -> None:
    extractor = over(*["The train is late."] * 9, "The ferry is late.")
    text = "The train is late. The ferry is late."
    (start, end), _ = extractor.best_sentence("train or ferry", text)
    assert text[start:end] == "The ferry is late."


def test_the_shorter_of_two_answering_sentences_is_better(extractor: Extractor) -> None:
    text = "The express, which was painted red by the people of the town, leaves. The express leaves."
    (start, end), _ = extractor.best_sentence("express leaves", text)
    assert text[start:end] == "The express leaves."


@given(question=ANY | MARKS, text=ANY | MARKS)
def test_the_best_sentence_is_one_of_the_text_or_empty(extractor: Extractor, question: str, text: str) -> None:
    span, score = extractor.best_sentence(question, text)
    assert span in lines(text) if score > 0 else span == (0, 0)
    assert 0 <= extractor.coverage(question, text) <= 1 + 1e-9


@given(text=ANY | MARKS)
def test_a_line_covers_itself_completely(extractor: Extractor, text: str) -> None:
    for start, end in lines(text):
        asked = text[start:end]
        assert extractor.coverage(asked, text) >= extractor.coverage(asked, asked) - 1e-9


def test_words_in_one_line_cover_more_than_scattered_ones(extractor: Extractor) -> None:
    together, scattered = (
        "The express leaves at nine.",
        "The express is red. The slow train leaves. Shops open at nine.",
    )
    question = "express leaves nine"
    assert extractor.coverage(question, together) == pytest.approx(1)
    assert 0 < extractor.coverage(question, scattered) < 0.7
    assert extractor.coverage(question, "Nothing of it.") == 0
    assert extractor.coverage("", together) == 0


def test_a_collection_without_terms_has_no_best_sentence() -> None:
    extractor = over("★", "!")
    (start, end), score = extractor.best_sentence("cat", "A dog. A cat.")
    assert ("A dog. A cat."[start:end], score > 0) == ("A cat.", True)


# --- Citations --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "source", "sentence"),
    [
        ("It leaves at nine: the express leaves at nine.", 0, "The express leaves at nine."),
        ("ラーメンは520円です。", 1, "定食は640円で、ラーメンは520円である。"),
        ("8月13日〜15日", 3, "夏季休暇: 8月13日〜15日"),
        ("80 yen for a pencil", 2, "Pencil: 80 yen"),
    ],
)
def test_an_answer_is_traced_to_its_source_sentence(
    extractor: Extractor, answer: str, source: int, sentence: str
) -> None:
    passages = (TIMETABLE, CANTEEN, PRICES, RULES)
    (cited,) = extractor.cite(answer, passages)
    assert (cited.source, passages[cited.source][cited.source_start : cited.source_end]) == (source, sentence)
    assert answer[cited.start : cited.end] == answer


def test_a_sentence_without_a_source_is_not_cited(extractor: Extractor) -> None:
    assert extractor.cite("Elephants remember volcanoes.", (TIMETABLE, PRICES)) == []
    assert extractor.cite("The express leaves at nine.", ()) == []
    assert extractor.cite("", (TIMETABLE,)) == []


@pytest.mark.parametrize("answer", ["夏季休暇は8月13日から16日までです。", "The pencil is 90 yen."])
def test_a_sentence_with_a_number_that_no_source_has_is_not_cited(extractor: Extractor, answer: str) -> None:
    assert extractor.cite(answer, (PRICES, RULES)) == []


def test_a_sentence_with_a_name_that_no_source_has_is_not_cited(extractor: Extractor) -> None:
    room = "Office of Ms Sato: room 412"
    assert extractor.cite("The office of Mr Turner is room 412.", (room,)) == []
    assert [c.source for c in extractor.cite("The office of Mr Sato is room 412.", (room,))] == [0]


def test_each_sentence_of_an_answer_is_cited_separately(extractor: Extractor) -> None:
    answer = "The pencil is 80 yen. Elephants remember. The slow train leaves at ten."
    cited = extractor.cite(answer, (TIMETABLE, PRICES))
    assert [(answer[c.start : c.end], c.source) for c in cited] == [
        ("The pencil is 80 yen.", 1),
        ("The slow train leaves at ten.", 0),
    ]


def test_sentences_that_no_source_states_are_listed(extractor: Extractor) -> None:
    answer = "1. The pencil is 80 yen. Elephants remember. 2."
    unsaid = unsupported(answer, extractor.cite(answer, (TIMETABLE, PRICES)))
    assert [answer[start:end].strip() for start, end in unsaid] == ["Elephants remember."]
    assert unsupported("", []) == []


@settings(max_examples=50)
@given(answer=ANY | MARKS, passages=st.lists(ANY | MARKS, max_size=4))
def test_citations_are_spans_of_the_answer_and_of_a_source(
    extractor: Extractor, answer: str, passages: list[str]
) -> None:
    cited = extractor.cite(answer, passages)
    assert [c.start for c in cited] == sorted({c.start for c in cited})
    assert {*unsupported(answer, cited), *((c.start, c.end) for c in cited)} <= {*lines(answer)}
    assert not {c.start for c in cited} & {start for start, _ in unsupported(answer, cited)}
    for one in cited:
        assert (one.start, one.end) in lines(answer)
        assert (one.source_start, one.source_end) in lines(passages[one.source])
        wanted = set(terms(answer[one.start : one.end]))
        found = set(terms(passages[one.source][one.source_start : one.source_end]))
        weight = extractor.weight
        assert sum(weight(t) for t in wanted & found) >= ENOUGH * sum(weight(t) for t in wanted) - 1e-6


# --- An answer without a model ------------------------------------------------------------------------------


def hit(text: str) -> SearchHit:
    return SearchHit(Passage(0, 1, "a.txt", 0, 0, "", 0, len(text), text), 1.0, 1.0, 1.0)


def test_the_best_sentence_of_all_hits_is_the_answer_with_its_place(extractor: Extractor) -> None:
    hits = [hit(text) for text in (TIMETABLE, CANTEEN, PRICES)]
    answered = extracted("How much is the notebook?", hits, extractor, "notice.answer_no_model")
    assert (answered.text, answered.kind, answered.reason) == (
        "Notebook: 640 yen",
        "extracted",
        "notice.answer_no_model",
    )
    (cited,) = answered.citations
    assert answered.text[cited.start : cited.end] == PRICES[cited.source_start : cited.source_end]
    assert cited.source == 2


@pytest.mark.parametrize("texts", [(), ("A dog barks.",), ("猫が鳴く。", "A dog barks.")])
def test_without_a_near_sentence_the_answer_is_empty_with_a_reason(
    extractor: Extractor, texts: tuple[str, ...]
) -> None:
    """Vector search may find passages that share no word with the question."""
    answered = extracted("volcano", [hit(text) for text in texts], extractor, "notice.answer_no_model")
    assert answered == Answered(True, "extracted", "", (), "notice.answer_nothing")


# --- Lines --------------------------------------------------------------------------------------------


@given(ANY | MARKS)
def test_lines_are_the_text_without_the_blanks_between(text: str) -> None:
    spans = lines(text)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[start:end].strip() and "\n" not in text[start:end] for start, end in spans)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_offsets_count_characters_outside_the_bmp_once() -> None:
    """Offsets are neither UTF-16 units nor bytes."""
    text = "😀𠮟e\u0301" * 300 + "。The lighthouse stands alone.\n"
    last = split(Document(text), 200, 0)[-1]
    (start, end), _ = over(text).best_sentence("lighthouse", text[last.start : last.end])
    assert text[last.start + start : last.start + end] == "The lighthouse stands alone."
