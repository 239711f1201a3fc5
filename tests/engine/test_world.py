"""The little world: reproducible, consistent with its facts, and without what is held out."""

import hashlib
import re
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from engine.cli.main import main
from engine.text.world import documents, english, examples, japanese
from engine.text.world.consistency import claims, contradictions, truths
from engine.text.world.documents import MOST_FACTS, held_out_date
from engine.text.world.facts import ANIMALS, BREAKFAST, PLACES, Language, held_out
from engine.text.world.stream import stream, texts

SEEDS = st.integers(0, 2**32)
LANGUAGES = st.sampled_from(examples.LANGUAGES)


@pytest.fixture(scope="module")
def some() -> list[str]:
    return list(islice(texts(1), 20_000))


# --- The stream -------------------------------------------------------------------------------------


def test_a_seed_repeats_and_another_differs() -> None:
    first, again, other = ("".join(stream(0.05, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_stream_has_the_requested_size_in_whole_texts() -> None:
    text = "".join(stream(0.2, 3))
    assert 200_000 <= len(text.encode()) < 202_000
    assert text.endswith("\n\n")


def test_longer_streams_begin_with_shorter_ones() -> None:
    assert "".join(stream(0.1, 5)).startswith("".join(stream(0.02, 5)))


def test_the_command_prints_the_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["world", "--megabytes", "0.01", "--seed", "4"]) == 0
    assert capsys.readouterr().out == "".join(stream(0.01, 4))
    assert main(["world", "--megabytes", "0"]) == 1
    assert "megabytes" in capsys.readouterr().err


def test_both_languages_have_their_share(some: list[str]) -> None:
    japanese_texts = sum(bool(re.search(r"[ぁ-ん]", text)) for text in some) / len(some)
    assert 0.45 < japanese_texts < 0.55


def test_the_text_of_the_world_is_unchanged() -> None:
    """The built-in model was trained on this text: after a change it must be trained again."""
    text = "".join(stream(0.1, 1))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "1ccebf181fbbf196"


# --- Stories and facts ------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_stories_are_true_to_their_animal(seed: int) -> None:
    for language, module in (("ja", japanese), ("en", english)):
        story = module.story(Random(seed))
        named = [a for a in ANIMALS if not contradictions(story, a, language)]  # type: ignore[arg-type]
        assert len(named) == 1, story
        assert len(claims(story, language)) >= 3  # type: ignore[arg-type]


def test_contradictions_in_a_story_are_found() -> None:
    rabbit = ANIMALS[0]
    assert contradictions("ウサギは長い鼻を持っていました。", rabbit, "ja") == ["feature: 長い鼻"]
    assert contradictions("The rabbit loved honey. The fox came.", rabbit, "en") == ["food: honey", "fox"]
    assert contradictions("The rabbit had long ears. It was happy.", rabbit, "en") == []
    assert truths(rabbit, "en")["home"] == "forest"


def test_no_two_animals_are_alike() -> None:
    everything = [(a.home, a.feature, a.food, a.move) for a in ANIMALS]
    assert len(set(everything)) == len(ANIMALS)
    assert len({a.move.ja for a in ANIMALS}) == len({a.move.en for a in ANIMALS}) == len(ANIMALS)
    assert all(sum(a.home == place for a in ANIMALS) >= 2 for place in PLACES)


def test_breakfasts_are_as_frequent_as_the_table_says() -> None:
    assert sum(BREAKFAST.values()) == 100
    rng = Random(2)
    for language, write in (("ja", japanese.breakfast), ("en", english.breakfast)):
        written = [write(rng) for _ in range(6000)]
        for food, share in BREAKFAST.items():
            found = sum(food[language] in text for text in written) / 60  # type: ignore[index]
            assert abs(found - share) < 2.5, food


# --- What is held out --------------------------------------------------------------------------------


def test_no_text_puts_held_out_animals_at_their_places(some: list[str]) -> None:
    pairs = [(a, p) for a in ANIMALS for p in PLACES if held_out(a, p)]
    assert len(pairs) > 40
    whole = "".join(some)
    for animal, place in pairs:
        ja, en = animal.ja, english.at(place)
        assert f"{ja}は{place}のそば" not in whole
        assert f"{place}で{ja}" not in whole
        assert f"the {animal.en} is resting {en}" not in whole
        assert f"saw {english.a(animal.en)} {en}" not in whole


def test_no_holiday_begins_on_a_held_out_date(some: list[str]) -> None:
    whole = "".join(some)
    starts = re.findall(r"休暇[:は] ?(\d+)月(\d+)日[〜か]", whole)
    assert len(starts) > 500
    assert not any(held_out_date(int(month), int(day)) for month, day in starts)
    assert held_out_date(8, 13)  # the one that the examples ask about


def test_no_text_contains_two_pairs_of_an_analogy(some: list[str]) -> None:
    """Two pairs of one relation never occur in one text, so that only the use of the words relates them."""
    for text in some:
        words = set(re.findall(r"[a-z]+|[一-鿿]+|[ァ-ヺー]+", text.lower()))
        for language in examples.LANGUAGES:
            for found in examples.pairs(language).values():
                assert sum(a in words and b in words for a, b in found) < 2, text


@pytest.mark.parametrize("language", examples.LANGUAGES)
def test_there_are_analogies_of_four_kinds(language: Language) -> None:
    assert len(examples.analogies(language)) >= 4
    found = [words for kind in examples.analogies(language).values() for words in kind]
    assert len(found) == len(set(found)) >= 60
    assert (("女王", "王", "男", "女") if language == "ja" else ("queen", "king", "man", "woman")) in found


# --- Documents and questions ---------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(SEEDS, LANGUAGES)
def test_the_values_of_an_answer_are_in_the_document(seed: int, language: Language) -> None:
    rng = Random(seed)
    known = documents.facts(rng, language)
    text = documents.document(known, rng)
    assert 1 <= len(known) <= MOST_FACTS
    assert len({fact.about for fact in known}) == len(known)
    for fact in known:
        values = re.findall(r"\d+", fact.value)
        assert values == re.findall(r"\d+", fact.answer)
        assert all(value in text for value in values)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_a_changed_document_has_another_answer(seed: int) -> None:
    for question in examples.questions(2, seed):
        assert question.answer != question.changed_answer
        assert question.prompt != question.changed
        assert question.prompt.endswith(question.alone)
        lines, others = question.prompt.splitlines(), question.changed.splitlines()
        assert sum(a != b for a, b in zip(lines, others, strict=True)) == 1


@pytest.mark.parametrize("language", examples.LANGUAGES)
def test_documents_have_one_to_ten_facts_and_often_several_of_one_kind(language: Language) -> None:
    written = [documents.facts(Random(seed), language) for seed in range(2000)]
    assert {len(known) for known in written} == set(documents.FACT_COUNTS)
    holiday = re.compile("休暇の日程|休暇はいつ|holiday this year")
    holidays = [sum(bool(holiday.search(fact.question)) for fact in known) for known in written]
    assert sum(count >= 2 for count in holidays) > 200
    assert sum(count >= 3 for count in holidays) > 60


def test_similar_questions_ask_for_one_of_two_or_three_facts_of_one_kind() -> None:
    rng = Random(1)
    kinds = [
        {kind(rng, True).about.lower() for _ in range(400)} for found in documents.KINDS.values() for kind in found
    ]
    for question in examples.similar_questions(300, 5):
        document = question.prompt.removesuffix(question.alone).lower()
        asked = [abouts for abouts in kinds if any(about in question.alone.lower() for about in abouts)]
        assert any(sum(about in document for about in abouts) >= 2 for abouts in asked), question
        assert 2 <= len(document.splitlines()) <= 6


@pytest.mark.parametrize("third", [0, 1, 2])
def test_placed_questions_ask_for_a_fact_in_their_third_of_a_long_document(third: int) -> None:
    for question in examples.placed_questions(100, 5, third):
        before, after = question.prompt.splitlines()[:-2], question.changed.splitlines()[:-2]
        assert 6 <= len(before) <= MOST_FACTS
        [changed] = [place for place, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        assert 3 * changed // len(before) == third


def test_documents_have_different_values() -> None:
    rng = Random(1)
    written = {documents.answered(rng, "ja") for _ in range(500)}
    assert len(written) > 490


# --- Texts with known answers ---------------------------------------------------------------------------------------


def test_references_end_with_a_pronoun_and_mark_its_antecedent() -> None:
    for reference in examples.references(200, 1):
        name = reference.text[reference.start : reference.end]
        animal = next(a for a in ANIMALS if name in (a.ja, a.en))
        assert reference.text.endswith(("それは", "それには", " It"))
        assert any(held_out(animal, place) for place in PLACES)


def test_words_of_every_kind_occur_in_the_texts(some: list[str]) -> None:
    whole = "".join(some).lower()
    for language in examples.LANGUAGES:
        kinds = examples.kinds(language)
        words = [word for found in kinds.values() for word in found]
        assert len(kinds) >= 8
        assert all(word in whole for word in words)
