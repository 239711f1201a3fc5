"""Thousands of the world's sentences, read as a teacher of either language would.

The built-in model has learned this text: whoever corrects a fault in it trains it again.
"""

import calendar
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings, strategies as st

from engine.text.world import documents, english, examples, japanese
from engine.text.world.consistency import contradictions
from engine.text.world.documents import DAYS, MONTHS, held_out_date
from engine.text.world.facts import (
    ANIMALS,
    BREAKFAST,
    COUNTRIES,
    DINNER,
    JOBS,
    PLACES,
    ROLES,
    THINGS,
    WEATHER,
    YOUNG,
    Animal,
    Language,
    held_out,
)
from engine.text.world.stream import SUBJECTS, stream, texts
from tests.engine.claims import text_of

ROOT = Path(__file__).parent.parent.parent
LANGUAGES: tuple[Language, Language] = examples.LANGUAGES
SEEDS = st.integers(0, 2**32)
KANA = re.compile("[ぁ-んァ-ヶ]")
SENTENCE_EN = re.compile(r'[^.!?]*[.!?]"?')


@pytest.fixture(scope="module")
def told() -> dict[Language, list[str]]:
    """Return texts of each language from three seeds, without documents and questions."""
    found: dict[Language, list[str]] = {"ja": [], "en": []}
    for language, module in (("ja", japanese), ("en", english)):
        for seed in (1, 2, 3):
            found[language] += list(islice(texts(seed, module.SUBJECTS), 4000))  # type: ignore[index]
    return found


@pytest.fixture(scope="module")
def asked() -> dict[Language, list[str]]:
    """Documents with questions and answers."""
    ways: dict[Language, Callable[[Random], str]] = {
        language: partial(documents.answered, language=language) for language in LANGUAGES
    }
    return {language: [way(Random(seed)) for seed in range(2500)] for language, way in ways.items()}


def sentences(texts: list[str]) -> Iterator[str]:
    for text in texts:
        for line in text.strip().splitlines():
            yield from (sentence.strip() for sentence in SENTENCE_EN.findall(line))


# --- The stream ---------------------------------------------------------------------------------------


def test_the_text_is_the_same_in_every_process() -> None:
    """Words that lie in sets would come in another order each time Python starts."""
    program = (
        "import hashlib; from engine.text.world.stream import stream\n"
        "print(hashlib.sha256(''.join(stream(0.05, 7)).encode()).hexdigest())"
    )
    found = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        found.add(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1


def test_each_subject_has_the_share_that_the_table_gives_it() -> None:
    def first(rng: Random) -> str:
        return "first"

    def second(rng: Random) -> str:
        return "second"

    counts = Counter(islice(texts(1, {first: 1, second: 3}), 8000))
    assert set(counts) == {"first\n\n", "second\n\n"}
    assert counts["second\n\n"] / 8000 == pytest.approx(0.75, abs=0.02)
    assert sum(japanese.SUBJECTS.values()) == sum(english.SUBJECTS.values())
    assert len(SUBJECTS) == len(japanese.SUBJECTS) + len(english.SUBJECTS) + 6


@pytest.mark.parametrize("megabytes", [0, -1, 1e-9])
def test_of_no_size_there_is_no_more_than_one_text(megabytes: float) -> None:
    assert len(list(stream(megabytes, 1))) == (megabytes > 0)


@settings(max_examples=100)
@given(seed=SEEDS)
def test_a_subject_is_a_function_of_its_dice_alone(seed: int) -> None:
    for way in SUBJECTS:
        text = way(Random(seed))
        assert text == way(Random(seed))
        assert text == text.strip()
        assert "\n\n" not in text  # an empty line ends a text
        assert not re.search(r"[{}<>_]|None|  |\bself\b", text), text


# --- English ------------------------------------------------------------------------------------------


def test_english_sentences_begin_large_and_end(told: dict[Language, list[str]]) -> None:
    for text in told["en"]:
        for line in text.strip().splitlines():
            assert re.match(r'["A-Z]', line), text
            assert re.search(r'[.!?]"?$', line), text
            assert line.count('"') % 2 == 0, text
            assert not re.search(r'[.!?] [a-z]|[a-z]\.[A-Z]| [.,!?]|,,|\.\.|[.!?] "[a-z]', line), text


def test_english_texts_are_english(told: dict[Language, list[str]]) -> None:
    for text in told["en"]:
        if "in Japanese." not in text:  # an instruction to translate
            assert text.isascii(), text


def test_articles_fit_the_sound_that_follows(told: dict[Language, list[str]]) -> None:
    found = {(article.lower(), noun) for text in told["en"] for article, noun in re.findall(r"\b([Aa]n?) (\w+)", text)}
    assert len(found) > 80
    for article, noun in found:
        sounds = "an" if noun[0] in "aeiou" and not noun.startswith(("uni", "eu", "one")) else "a"
        assert article == sounds, (article, noun)


def test_plurals_are_spelled_as_they_are(told: dict[Language, list[str]]) -> None:
    words = {word for text in told["en"] for word in re.findall(r"[a-z]+", text)}
    assert not {word for word in words if re.search("[^aeiou]ys$", word)}
    for animal in ANIMALS:
        hisses = animal.en.endswith(("x", "s", "sh", "ch"))
        alike = animal.en in ("deer", "sheep")
        assert animal.many == animal.en + ("" if alike else "es" if hisses else "s")


def test_one_does_and_many_do(told: dict[Language, list[str]]) -> None:
    """Every verb of an animal, behind the words that it stands behind."""
    many, one = {a.many.capitalize() for a in ANIMALS}, {a.en for a in ANIMALS}
    bare, third = {a.move.en for a in ANIMALS}, {a.moves for a in ANIMALS}
    seen = Counter[str]()
    for sentence in sentences(told["en"]):
        if (found := re.match(r"(They|It) (.+)\.$", sentence)) and (found[2] in bare | third):
            assert (found[1] == "They") == (found[2] in bare), sentence
            seen["pronoun"] += 1
        if (found := re.match(r"(\w+) live (?:in|on|by) ", sentence)) and found[1] != "They":
            assert found[1] in many, sentence
            seen["many"] += 1
        if (found := re.search(r"\b[Tt]he (\w+) (is|lives|has|was|had)\b", sentence)) and found[1] in one:
            seen["one"] += 1
        assert not re.search(
            r"\b(They|We) (is|has|was|lives|eats)\b|\b(It|He|She) (are|have|were|live|eat)\b", sentence
        )
        assert not re.search(r"\bI (is|has|are|eats)\b", sentence)
    assert min(seen.values()) > 100, seen


def test_a_pronoun_in_english_has_the_number_of_what_it_stands_for() -> None:
    for seed in range(4000):
        passage = english._passage(Random(seed))
        first, *rest = [sentence for sentence in sentences([passage]) if "We all know" not in sentence]
        many = re.match(r"\w+ live ", first) is not None
        pronouns = {word for sentence in rest for word in re.findall(r"^(It|They)\b", sentence)}
        assert pronouns == ({"They"} if many else {"It"}), passage


def test_what_cannot_be_counted_is_not_many(told: dict[Language, list[str]]) -> None:
    """Words that have no s: "there are medicine" is no English."""
    said = {noun for text in told["en"] for noun in re.findall(r"[Tt]here are (\w+)\.|Where are the (\w+)\?", text)}
    singular = {noun for pair in said for noun in pair if noun and not noun.endswith("s")}
    assert not singular


def test_questions_and_answers_are_marked_as_such(told: dict[Language, list[str]]) -> None:
    asking = re.compile(r'"((?:Where|What|Why|Who|How|When)\b[^"]*)"')
    questions = [question for text in told["en"] for question in asking.findall(text)]
    assert len(questions) > 300
    assert all(question.endswith("?") or question.startswith("What a fine thing") for question in questions)


# --- Japanese -----------------------------------------------------------------------------------------


def test_japanese_punctuation(told: dict[Language, list[str]]) -> None:
    for text in told["ja"]:
        for line in text.strip().splitlines():
            assert re.search("[。」]$", line), text
            assert line.count("「") == line.count("」"), text
            assert not re.search("[ ,.!;　]|。。|、、|、。|。、|^[、。]|「」|[？！]{2}|」[ぁ-ん]?「。", line), text
            assert "。」" not in line, text  # a closing bracket takes the place of the full stop


def test_japanese_texts_are_japanese(told: dict[Language, list[str]]) -> None:
    for text in told["ja"]:
        assert KANA.search(text), text
        if "英語にして" not in text:
            assert set(re.findall("[A-Za-z]+", text)) <= {"AI"}, text


@pytest.mark.parametrize("wrong", ["をを", "がが", "はは", "のの", "にに", "でで", "はを", "がを", "をが", "はが",
                                   "だです", "ますだ", "るだ。", "たです", "うです。でした", "しいだ"])  # fmt: skip
def test_no_two_particles_and_no_two_endings_meet(told: dict[Language, list[str]], wrong: str) -> None:
    assert [text for text in told["ja"] if wrong in text] == []


def test_clothes_go_with_their_verbs(told: dict[Language, list[str]]) -> None:
    """上着 and ドレス are 着る, what is worn below the waist is はく."""
    worn = {found for text in told["ja"] for found in re.findall("(?:紺の|花柄の|長い)?[一-鿿ァ-ー]+を着た", text)}
    below = {found for found in worn if re.search("スカート|ズボン|靴", found)}
    assert not below
    assert len(worn - below) >= 3


def test_animals_are_counted_with_their_own_counters(told: dict[Language, list[str]]) -> None:
    counters = {
        found for text in told["ja"] for found in re.findall("一(匹|頭|羽|本|人|つ)の([一-鿿ァ-ー]+)が住んで", text)
    }
    by_animal = {animal: counter for counter, animal in counters}
    assert set(by_animal) == {animal.ja for animal in ANIMALS}
    birds = {"フクロウ", "アヒル", "ペンギン", "カモメ", "ウサギ"}
    assert {animal for animal, counter in by_animal.items() if counter == "羽"} == birds
    large = {"クジラ", "象", "キリン", "ライオン", "熊", "馬", "牛", "ラクダ"}
    assert {by_animal[animal] for animal in large} == {"頭"}
    small = {"カエル", "ヘビ", "リス", "犬", "猫", "カメ"}
    assert {by_animal[animal] for animal in small} == {"匹"}


def test_a_pronoun_in_japanese_follows_what_it_stands_for() -> None:
    names = {a.ja for a in ANIMALS} | {t.name.ja for t in THINGS} | {"動物"}
    for seed in range(4000):
        passage = japanese._passage(Random(seed))
        first, *rest = passage.split("。")
        assert any(name in first for name in names), passage
        assert any(sentence.startswith(("それは", "それには")) for sentence in rest), passage


def test_a_polite_story_is_polite_to_its_end() -> None:
    for seed in range(1500):
        for sentence in re.sub("「[^」]*」", "", japanese.story(Random(seed))).strip("。").split("。"):
            assert re.search("(ました|でした)$", sentence), sentence


# --- Documents ----------------------------------------------------------------------------------------


def test_dates_are_in_the_calendar(asked: dict[Language, list[str]]) -> None:
    dates = {(int(m), int(d)) for text in asked["ja"] for m, d in re.findall(r"(\d+)月(\d+)日", text)}
    for text in asked["en"]:
        for month, first, last in re.findall(rf"({'|'.join(MONTHS)}) (\d+)(?: to (\d+))?", text):
            dates |= {(MONTHS.index(month) + 1, int(day)) for day in (first, last) if day}
    assert len(dates) > 300
    odd = {(m, d) for m, d in dates if not 1 <= m <= 12 or not 1 <= d <= calendar.monthrange(2025, m)[1]}
    assert not odd
    for text in asked["ja"]:
        for month, first, last in re.findall(r"(\d+)月(\d+)日[〜か]ら?(?:\d+月)?(\d+)日", text):
            assert int(first) < int(last), (month, first, last)


def test_hours_are_on_the_clock_and_doors_close_after_they_open(asked: dict[Language, list[str]]) -> None:
    whole = {language: "\n".join(found) for language, found in asked.items()}
    spans = re.findall(r"(\d+)時(?:から|〜)(\d+)時", whole["ja"]) + re.findall(
        r"from (\d+):00 to (\d+):00", whole["en"]
    )
    assert len(spans) > 500
    assert all(0 <= int(opens) < int(closes) <= 24 for opens, closes in spans)
    clock = re.findall(r"\b(\d+):(\d\d)\b", whole["en"])
    assert all(int(hour) < 24 and int(minute) < 60 for hour, minute in clock)
    mornings = {int(hour) for hour in re.findall(r"朝礼[は:] ?(\d+)時", whole["ja"])}
    assert mornings
    assert max(mornings) < 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_answer_repeats_what_its_document_says(asked: dict[Language, list[str]], language: Language) -> None:
    question_mark, answer_mark = documents.MARKS[language]
    count = 0
    for text in asked[language]:
        document, *turns = text.split("\n" + question_mark)
        for turn in turns:
            question, answer = turn.split("\n" + answer_mark.rstrip())
            numbers = re.findall(r"\d+", answer)
            assert all(number in re.findall(r"\d+", document) for number in numbers), text
            assert question.strip().endswith("?"), text
            assert answer.strip().endswith((".", "。")), text
            count += 1
    assert count > 4000


@settings(max_examples=100)
@given(seed=SEEDS)
def test_what_tests_ask_is_a_date_that_no_text_has(seed: int) -> None:
    for question in examples.questions(6, seed):
        for prompt in (question.prompt, question.changed):
            for month, day in re.findall(r"休暇[^\n]*?(\d+)月(\d+)日", prompt):
                assert held_out_date(int(month), int(day)), prompt
            for month, day in re.findall(rf"holiday[^\n]*?({'|'.join(MONTHS)}) (\d+)", prompt):
                assert held_out_date(MONTHS.index(month) + 1, int(day)), prompt
        assert question.answer in question.prompt or re.findall(r"\d+|\w+", question.answer)


def test_words_said_after_somebody_are_the_same_words() -> None:
    for language in LANGUAGES:
        for seed in range(500):
            text = documents.repeated(Random(seed), language)
            heard, said = (
                re.search(r"繰り返してください。(.+)。\n返事：(.+)。", text)
                or re.search(r"Repeat after me: (.+)\.\nReply: (.+)\.", text)
            ).groups()  # type: ignore[union-attr]
            assert heard == said
            words = said.split("、" if language == "ja" else ", ")
            assert 3 <= len(words) == len(set(words)) <= 7
    assert len(DAYS["ja"]) == len(DAYS["en"]) == 7


# --- What is held out, and what is so -----------------------------------------------------------------


def test_nobody_travels_where_no_text_puts_them() -> None:
    animals = {name: animal for animal in ANIMALS for name in (animal.ja, animal.en)}
    places = {word.en: place for place, word in PLACES.items()}
    journeys = set()
    for seed in range(3000):
        journeys |= set(re.findall(r"([ァ-ヶー一-鿿]+)は([一-鿿]+)(?:へ出かけ|まで行き)", japanese.story(Random(seed))))
        journeys |= set(re.findall(r"the (\w+) (?:went to|set out for) the (\w+)\.", english.story(Random(seed))))
    assert len(journeys) > 300
    for name, place in journeys:
        assert not held_out(animals[name], places.get(place, place)), (name, place)
        assert animals[name].home != places.get(place, place)


def test_every_animal_stays_at_places_enough() -> None:
    for animal in ANIMALS:
        kept = [place for place in PLACES if not held_out(animal, place)]
        assert animal.home in kept
        assert 5 <= len(kept) < len(PLACES)


@settings(max_examples=100)
@given(seed=SEEDS, other=st.sampled_from(ANIMALS), language=st.sampled_from(LANGUAGES))
def test_a_trait_of_another_animal_is_found_in_any_story(seed: int, other: Animal, language: Language) -> None:
    module = japanese if language == "ja" else english
    story = module.story(Random(seed))
    animal = next(a for a in ANIMALS if not contradictions(story, a, language))
    assume(other.feature != animal.feature and other.food != animal.food)
    assume(f"{animal.food[language]}{'.' if language == 'en' else 'が大好き'}" in story)
    changed = story.replace(animal.food[language], other.food[language])
    assert any(found.startswith("food: ") for found in contradictions(changed, animal, language))


def test_every_word_is_there_in_its_own_script() -> None:
    words = [w for a in ANIMALS for w in (a.feature, a.food, a.move)] + [
        *PLACES.values(),
        *WEATHER,
        *BREAKFAST,
        *DINNER,
    ]
    words += [w for role in ROLES for w in (role.man, role.woman, *role.acts)]
    words += [w for job in JOBS for w in (job.worker, job.place, *job.things)]
    words += [w for country in COUNTRIES for w in (country.name, country.capital, *country.known_for)]
    words += [w for thing in THINGS for w in (thing.name, thing.place, thing.feature)]
    for word in words:
        assert re.fullmatch("[ぁ-んァ-ヶー一-鿿々]+", word.ja), word
        assert re.fullmatch("[A-Za-z]+( [A-Za-z]+)*", word.en), word
    assert all(word.ja or word.en for word in YOUNG.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_means_two_kinds_of_things(language: Language) -> None:
    """The colours of the map of words, and what counts as a neighbour of its own kind."""
    for (first, some), (second, others) in combinations(examples.kinds(language).items(), 2):
        assert not some & others, (first, second)


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_are_sentences_of_the_world(language: Language) -> None:
    shares = examples.breakfast_shares(language)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all(food.startswith(" ") == (language == "en") for food in shares)
    question = {"ja": "今年の夏季休暇の日程は?", "en": "When is the summer holiday this year?"}[language]
    notice = {"ja": "2025年夏季休暇: 8月13日〜15日", "en": "Summer holiday 2025: August 13 to 15"}[language]
    assert text_of("document", language) == documents.ask(question, language, notice)
    assert text_of("hallucination", language) == documents.ask(question, language)
    opening = text_of("story", language)
    module = japanese if language == "ja" else english
    assert opening in {module.opening(ANIMALS[0], Random(seed)) for seed in range(20)}
