"""Texts with known answers, by which the tests measure the built-in model: pronouns, documents, words by kind."""

from dataclasses import dataclass
from random import Random

from engine.text.world import english, japanese
from engine.text.world.documents import DATES, KINDS, Fact, ask, document, facts
from engine.text.world.facts import (
    ANIMALS,
    BREAKFAST,
    COUNTRIES,
    DINNER,
    JOBS,
    MOODS,
    PLACES,
    ROLES,
    WEATHER,
    YOUNG,
    Animal,
    Language,
    Word,
    held_out,
)

LANGUAGES: tuple[Language, Language] = ("ja", "en")


def breakfast_shares(language: Language) -> dict[str, float]:
    """Return the probability of each word after "For breakfast I have" (私は朝ごはんに) in the world's texts."""
    space = " " if language == "en" else ""
    return {space + food[language]: share / 100 for food, share in BREAKFAST.items()}


# --- The pronoun and its antecedent -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """A text that ends with a pronoun, and the characters [start, end) of the pronoun's antecedent."""

    text: str
    start: int
    end: int


def references(count: int, seed: int) -> list[Reference]:
    """Return references, half of them Japanese, to animals at places where no text of the world puts them."""
    rng, found = Random(seed), []
    pairs = [(animal, place) for animal in ANIMALS for place in PLACES if held_out(animal, place)]
    for index in range(count):
        language = LANGUAGES[index % 2]
        animal, place = rng.choice(pairs)
        text = _met_ja(animal, place, rng) if language == "ja" else _met_en(animal, place, rng)
        start = text.rindex(animal[language])
        found.append(Reference(text, start, start + len(animal[language])))
    return found


def _met_ja(animal: Animal, place: str, rng: Random) -> str:
    when = f"{rng.choice(japanese.TIMES)}、"
    met = rng.choice(
        (
            f"{animal.ja}は{place}のそばで休んでいる。",
            f"{place}で{animal.ja}を見た。",
            f"私は{place}で{animal.ja}に会った。",
        )
    )
    pause = rng.choice(("", "とても静かな所だ。"))
    return f"{when}{met}{pause}{rng.choice(('それは', 'それは', 'それには'))}"


def _met_en(animal: Animal, place: str, rng: Random) -> str:
    when, where = rng.choice(english.TIMES), english.at(place)
    met = rng.choice((f"the {animal.en} is resting {where}.", f"we saw {english.a(animal.en)} {where}."))
    pause = rng.choice(("", " Everything is quiet there."))
    return f"{when} {met}{pause} It"


# --- Questions about documents -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a document; `changed` has another value for the fact that is asked for."""

    prompt: str
    answer: str
    alone: str  # the question without the document
    changed: str
    changed_answer: str


def questions(count: int, seed: int) -> list[Question]:
    """Return questions, half of them Japanese, with values that are unlikely to be in the training text."""
    rng = Random(seed)
    return [_question(rng, LANGUAGES[index % 2]) for index in range(count)]


def similar_questions(count: int, seed: int) -> list[Question]:
    """Return questions as `questions` does, each about one of two or three facts of one kind in the document."""
    rng, found = Random(seed), []
    for index in range(count):
        language = LANGUAGES[index % 2]
        similar = _of_one_kind(rng, language)
        about = {fact.about for fact in similar}
        others = [fact for fact in facts(rng, language, testing=True) if fact.about not in about]
        known = [*similar, *others[: rng.randint(0, 3)]]
        rng.shuffle(known)
        found.append(_asked(known, known.index(similar[0]), rng, language))
    return found


def date_questions(count: int, seed: int) -> list[Question]:
    """Return questions as `questions` does, each about a date, most of them in a document of several facts."""
    rng, found = Random(seed), []
    for index in range(count):
        language = LANGUAGES[index % 2]
        date = rng.choice(DATES[language])(rng, True)
        known = [date, *(fact for fact in facts(rng, language, testing=True) if fact.about != date.about)]
        rng.shuffle(known)
        found.append(_asked(known, known.index(date), rng, language))
    return found


def _of_one_kind(rng: Random, language: Language) -> list[Fact]:
    kind, wanted = rng.choice(KINDS[language]), rng.choice((2, 3))
    found: dict[str, Fact] = {}
    for _ in range(50):  # there are only two passwords
        if len(found) < wanted:
            fact = kind(rng, True)
            found.setdefault(fact.about, fact)
    return list(found.values())


def placed_questions(count: int, seed: int, third: int) -> list[Question]:
    """Return questions about facts in the first (0), middle (1) or last (2) third of documents of six to ten facts."""
    rng, found = Random(seed), list[Question]()
    while len(found) < count:
        language = LANGUAGES[len(found) % 2]
        known = facts(rng, language, testing=True)
        if len(known) >= 6:
            place = rng.choice([place for place in range(len(known)) if 3 * place // len(known) == third])
            found.append(_asked(known, place, rng, language))
    return found


def _question(rng: Random, language: Language) -> Question:
    known = facts(rng, language, testing=True)
    return _asked(known, rng.randrange(len(known)), rng, language)


def _asked(known: list[Fact], place: int, rng: Random, language: Language) -> Question:
    fact = known[place]
    other = _another(fact, rng, language)
    state = rng.getstate()
    text = document(known, rng)
    rng.setstate(state)  # so that the documents differ in this fact alone
    changed = document([*known[:place], other, *known[place + 1 :]], rng)
    return Question(
        ask(fact.question, language, text),
        fact.answer,
        ask(fact.question, language),
        ask(fact.question, language, changed),
        other.answer,
    )


def _another(fact: Fact, rng: Random, language: Language) -> Fact:
    """Return a fact with the same question and another answer."""
    while True:
        for other in facts(rng, language, testing=True):
            if other.about == fact.about and other.question == fact.question and other.answer != fact.answer:
                return other


# --- Words --------------------------------------------------------------------------------------------


def pairs(language: Language) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of words in each relation, such as ("king", "queen") in "woman"."""
    kinds = {
        "woman": [(role.man, role.woman) for role in ROLES],
        "capital": [(country.name, country.capital) for country in COUNTRIES],
        "young": [(Word(a.ja, a.en), YOUNG[a.ja]) for a in ANIMALS if a.ja in YOUNG],
        "place of work": [(job.worker, job.place) for job in JOBS],
    }
    return {
        kind: [(a[language].lower(), b[language].lower()) for a, b in found if b[language]]
        for kind, found in kinds.items()
    }


def analogies(language: Language) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return for each relation all (b, a, c, d) with b − a + c = d: each pair with each other one."""
    return {
        kind: [(b, a, c, d) for a, b in found for c, d in found if a != c] for kind, found in pairs(language).items()
    }


def kinds(language: Language) -> dict[str, set[str]]:
    """Return the words for things of each kind. Japanese moods are given by their kanji: 嬉 for 嬉しい."""
    foods = [*BREAKFAST, *DINNER]
    words = {
        "animal": [*(Word(a.ja, a.en) for a in ANIMALS), *YOUNG.values()],
        "person": [word for role in ROLES for word in (role.man, role.woman)],
        "country": [country.name for country in COUNTRIES],
        "city": [country.capital for country in COUNTRIES],
        "work": [job.worker for job in JOBS],
        "house": [job.place for job in JOBS],
        "place": list(PLACES.values()),
        "food": foods,
        "mood": [Word(mood.ja.rstrip("しいまずか"), mood.en) for mood in MOODS],
        "weather": list(WEATHER),
    }
    return {kind: {word[language].lower() for word in found if word[language]} for kind, found in words.items()}
