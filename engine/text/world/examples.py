"""What an introductory text claims of language models, as texts that Nakami's own model shows it on.

The examples of the window and the tests of the built-in model both come from here.
"""

from dataclasses import dataclass
from random import Random

from engine.text.world import english, japanese
from engine.text.world.documents import Fact, ask, document, facts
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


@dataclass(frozen=True, slots=True)
class Example:
    """`key` names its title in assets/i18n; `pane` shows it.

    `select`, if any, is what to select in the text, and `target` what some head looks at from there.
    """

    key: str
    pane: str
    text: Word
    select: Word | None = None
    target: Word | None = None
    tokens: int = 0  # to write behind the text
    temperature: float = 0.0
    stop: str = ""  # or fewer, where this comes
    compare: bool = False  # several temperatures side by side


HOLIDAY = Word("今年の夏季休暇の日程は?", "When is the summer holiday this year?")
NOTICE = Word("2025年夏季休暇: 8月13日〜15日", "Summer holiday 2025: August 13 to 15")


def _both(document: Word | None) -> Word:
    return Word(*(ask(HOLIDAY[language], language, document[language] if document else "") for language in LANGUAGES))


LANGUAGES: tuple[Language, Language] = ("ja", "en")
EXAMPLES = (
    # English needs a sentence before it: this model hardly ever met "For" as the first word of all it sees.
    Example("breakfast", "generation", Word("私は朝ごはんに", "I am busy. For breakfast I have"), temperature=1.0),
    Example("happy", "tokens", Word("私は嬉しい", "I am happy")),
    Example(
        "pronoun",
        "attention",
        Word(
            "その動物は森で暮らしている。それは大きな耳を持っている", "The animal lives in the forest. It has big ears."
        ),
        select=Word("それは", " It"),
        target=Word("動物", " animal"),
    ),
    Example("analogy", "embeddings", Word("王 − 男 + 女", "king − man + woman")),
    Example("neighbours", "embeddings", Word("犬", "dog")),
    Example("document", "generation", _both(NOTICE), tokens=40, stop="\n"),
    Example("ai", "generation", Word("AIとは", "AI means"), tokens=60, stop="\n"),
    Example("hallucination", "generation", _both(None), tokens=40, stop="\n"),
    Example("temperature", "generation", Word("ある日、", "One day"), tokens=60, temperature=1.0, compare=True),
    Example(
        "story",
        "generation",
        Word(
            "むかしむかし、森に一羽のウサギが住んでいました。",
            "Once upon a time there was a rabbit who lived in the forest.",
        ),
        tokens=160,
        stop="\n\n",
        temperature=0.7,
    ),
)


def breakfast_shares(language: Language) -> dict[str, float]:
    """How often each is eaten, of 1, behind the text of the example "breakfast"."""
    space = " " if language == "en" else ""
    return {space + food[language]: share / 100 for food, share in BREAKFAST.items()}


# --- The pronoun and its antecedent -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """A text that ends with a pronoun, and where in it that which the pronoun stands for begins and ends."""

    text: str
    start: int
    end: int


def references(count: int, seed: int) -> list[Reference]:
    """Half of them Japanese: animals at places where no text of the world ever put them."""
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
    """`changed`: the same document with another value for the fact asked for, and the answer to that."""

    prompt: str
    answer: str
    alone: str  # the question with no document
    changed: str
    changed_answer: str


def questions(count: int, seed: int) -> list[Question]:
    """Half of them Japanese, with values that no text of the training seed is likely to share."""
    rng = Random(seed)
    return [_question(rng, LANGUAGES[index % 2]) for index in range(count)]


def _question(rng: Random, language: Language) -> Question:
    known = facts(rng, language, testing=True)
    place = rng.randrange(len(known))
    fact = known[place]
    other = _another(fact, rng, language)
    state = rng.getstate()
    text = document(known, rng)
    rng.setstate(state)  # so that only what the fact says differs
    changed = document([*known[:place], other, *known[place + 1 :]], rng)
    return Question(
        ask(fact.question, language, text),
        fact.answer,
        ask(fact.question, language),
        ask(fact.question, language, changed),
        other.answer,
    )


def _another(fact: Fact, rng: Random, language: Language) -> Fact:
    """Another value for what was asked."""
    while True:
        for other in facts(rng, language, testing=True):
            if other.about == fact.about and other.question == fact.question and other.answer != fact.answer:
                return other


# --- Words --------------------------------------------------------------------------------------------


def pairs(language: Language) -> dict[str, list[tuple[str, str]]]:
    """Kinds of analogies, each with the pairs of words that stand in one relation."""
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
    """Of each kind all (b, a, c, d) with b − a + c = d: each pair with each other one."""
    return {
        kind: [(b, a, c, d) for a, b in found for c, d in found if a != c] for kind, found in pairs(language).items()
    }


def kinds(language: Language) -> dict[str, set[str]]:
    """Words that mean things of one kind. Moods in Japanese are the kanji that carry them: 嬉 of 嬉しい."""
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
