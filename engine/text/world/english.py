"""The little world in English: each function writes one short text about one subject."""

from collections.abc import Callable
from random import Random

from engine.text.world.facts import (
    ANIMALS,
    BREAKFAST,
    COUNTRIES,
    DINNER,
    JOBS,
    MOODS,
    NAMES,
    PLACES,
    PREPOSITIONS,
    REASONS,
    ROLES,
    THINGS,
    UNNAMED,
    UNNAMED_MOVES,
    WEATHER,
    YOUNG,
    Animal,
    Word,
    held_out,
)

NUMBERS = ("one", "two", "three", "four", "five")
TIMES = ("In the morning", "At noon", "In the evening", "At night", "Today", "One day")
EATERS = ("I", "my father", "my mother", "my brother", "my sister", *(n.en for names in NAMES.values() for n in names))


def at(place: str) -> str:
    """Return a place with its preposition: "森" gives "in the forest"."""
    name = PLACES[place].en
    return f"{PREPOSITIONS.get(name, 'in')} the {name}"


def a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


# --- Animals, and the antecedents of "it" -------------------------------------------------------------


def pronoun(rng: Random) -> str:
    """Write one or two passages; in each the pronoun refers to what the passage began with."""
    weather = f"There is {rng.choice(WEATHER).en} today."
    opening = rng.choice(("", "", "", "I wrote this down.", weather, "I read this in a book."))
    return " ".join(filter(None, (opening, *(_passage(rng) for _ in range(rng.choice((1, 1, 1, 2)))))))


def _passage(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.2:
        first, claims = _of_a_thing(rng)
    elif kind < 0.35:
        first = f"The animal lives {at(rng.choice(list(PLACES)))}."
        claims = [rng.choice((f"It has {rng.choice(UNNAMED).en}.", f"It {rng.choice(UNNAMED_MOVES).en}."))]
    elif kind < 0.55:
        animal = rng.choice(ANIMALS)
        first, claims = f"{animal.many.capitalize()} live {at(animal.home)}.", _claims_of_many(animal, rng)
    else:
        animal = rng.choice(ANIMALS)
        first, claims = _introduction(animal, rng), _claims(animal, rng)
    pause = rng.choice(("", "", "", "Everything is quiet there.", "We all know that.", "This has always been so."))
    return " ".join(filter(None, (first, pause, *rng.sample(claims, min(len(claims), rng.choice((1, 1, 2)))))))


def _introduction(animal: Animal, rng: Random) -> str:
    place, name = at(_place(animal, rng)), animal.en
    when = f"{rng.choice(TIMES)} "
    eater = rng.choice(EATERS)
    return rng.choice(
        (
            f"The {name} lives {at(animal.home)}.",
            f"The {name} lives {at(animal.home)}.",
            f"There is {a(name)} {at(animal.home)}.",
            f"The {name} lives quietly with its family {at(animal.home)}.",
            f"{when}the {name} is resting {place}.",
            f"{when}we saw {a(name)} {place}.",
            f"{eater[0].upper()}{eater[1:]} met {a(name)} {place}.",
        )
    )


def _claims(animal: Animal, rng: Random) -> list[str]:
    """Write sentences about "it". Every other verb is the animal's own, so that a model must know which it is."""
    food, feature = animal.food.en, animal.feature.en
    return [f"It {animal.moves}.", rng.choice((f"It has {feature}.", f"It has {feature}.", f"It eats {food}."))]


def _claims_of_many(animal: Animal, rng: Random) -> list[str]:
    food, feature = animal.food.en, animal.many_feature
    return [
        f"They {animal.move.en}.",
        rng.choice((f"They have {feature}.", f"They have {feature}.", f"They eat {food}.")),
    ]


def _of_a_thing(rng: Random) -> tuple[str, list[str]]:
    thing = rng.choice(THINGS)
    place = thing.place.en if rng.random() < 0.5 else PLACES[rng.choice(list(PLACES))].en
    name = thing.name.en
    first = rng.choice(
        (
            f"The {name} is near the {place}.",
            f"There is {a(name)} near the {place}.",
            f"We saw {a(name)} near the {place}.",
        )
    )
    return first, [f"It has {thing.feature.en}."]


def _place(animal: Animal, rng: Random, away: bool = False) -> str:
    """Return a place for an animal, never a held-out one."""
    return rng.choice([p for p in PLACES if not held_out(animal, p) and not (away and p == animal.home)])


def animal_facts(rng: Random) -> str:
    animal = rng.choice(ANIMALS)
    name, many = animal.en, animal.many
    facts = [
        f"{a(name).capitalize()} is an animal that lives {at(animal.home)}.",
        f"{a(name).capitalize()} is known for {animal.feature.en}.",
        f"The favourite food of {many} is {animal.food.en}.",
        f"{many.capitalize()} {animal.move.en}.",
        f'"Where do {many} live?" "They live {at(animal.home)}."',
        f'"What do {many} eat?" "They eat {animal.food.en}."',
        f"The {name} is eating {animal.food.en}.",
    ]
    return " ".join(rng.sample(facts, rng.choice((2, 3))))


def young(rng: Random) -> str:
    animal = rng.choice([animal for animal in ANIMALS if animal.ja in YOUNG and YOUNG[animal.ja].en])
    about = rng.choice((animal.food.en, f"the {PLACES[animal.home].en}", animal.feature.en, f"how to {animal.move.en}"))
    if rng.random() < 0.5:
        name = YOUNG[animal.ja].en
        return rng.choice(
            (
                f"The newborn {name} knows nothing of {about}.",
                f"The tiny {name} wonders about {about}.",
                f"The little {name} dreams of {about}.",
                f"The {name} is still a baby and longs for {about}.",
            )
        )
    name = animal.en
    return rng.choice(
        (
            f"The grown {name} knows all about {about}.",
            f"The old {name} remembers {about}.",
            f"The strong {name} thinks of {about}.",
            f"The {name} is full-grown and thinks little of {about}.",
        )
    )


# --- Stories ------------------------------------------------------------------------------------------


def story(rng: Random) -> str:
    """Write about one animal, with the same traits from the first sentence to the last."""
    animal = rng.choice(ANIMALS)
    name = animal.en
    traits = [
        f"The {name} had {animal.feature.en}.",
        rng.choice((f"The {name} loved {animal.food.en}.", f"Every morning the {name} ate {animal.food.en}.")),
        f"The {name} liked to {animal.move.en}.",
    ]
    rng.shuffle(traits)
    parts = [opening(animal, rng), *traits[: rng.choice((2, 3))], *_adventure(animal, rng), _homecoming(animal, rng)]
    return " ".join(parts)


def opening(animal: Animal, rng: Random) -> str:
    """Return the first sentence of a story about this animal."""
    return rng.choice(
        (
            f"Once upon a time there was {a(animal.en)} who lived {at(animal.home)}.",
            f"Long ago {a(animal.en)} lived {at(animal.home)}.",
        )
    )


def _adventure(animal: Animal, rng: Random) -> list[str]:
    who, name = rng.choice(NAMES[rng.choice(("man", "woman"))]).en, animal.en
    place, weather = PLACES[_place(animal, rng, away=True)].en, rng.choice(WEATHER).en
    journey = rng.choice((f"One day the {name} went to", f"One morning the {name} set out for")) + f" the {place}."
    events = [
        f'{who} was there. "What do you like?" asked {who}. "I like {animal.food.en}," said the {name}.',
        f'{who} came and said, "What a fine thing to have {animal.feature.en}!" The {name} was glad.',
        f"There was {weather} outside. The {name} looked up at the sky.",
        f"The {name} made friends with {who}. They played together until it was dark.",
    ]
    return [journey, *rng.sample(events, 2)]


def _homecoming(animal: Animal, rng: Random) -> str:
    name, home = animal.en, PLACES[animal.home].en
    return rng.choice(
        (
            f"At night the {name} went home to the {home} and slept well.",
            f"Then the {name} went home to the {home} and lived happily.",
            f"At last the {name} went home to the {home} and ate {animal.food.en}.",
        )
    )


# --- People, countries, work --------------------------------------------------------------------------


def person(rng: Random) -> str:
    """Write about a person: a role's traits and a pronoun's traits, never both in one sentence."""
    role, sex = rng.choice(ROLES), rng.choice(("man", "woman"))
    who, name = (role.man if sex == "man" else role.woman).en, rng.choice(NAMES[sex]).en
    he, his = ("he", "his") if sex == "man" else ("she", "her")
    dress = rng.choice(("a navy jacket", "a grey suit") if sex == "man" else ("a flowered dress", "a long skirt"))
    act, other = (act.en for act in rng.sample(role.acts, 2))
    return rng.choice(
        (
            f"The {who} {act}. {he.capitalize()} {other}.",
            f"The {who} is called {name}. {he.capitalize()} {act}.",
            f"The {who} in {dress} {act}. {his.capitalize()} name is {name}.",
            f"{name} is {a(who)} who {act}.",
            f'"What does {he} do?" "The {who}? {he.capitalize()} {act}."',
            f"{he.capitalize()} is {a(who)} and {act}. It is the {who} who {other}.",
        )
    )


def country(rng: Random) -> str:
    country = rng.choice(COUNTRIES)
    famous = rng.choice(country.known_for).en
    land, city = country.name.en, country.capital.en
    return rng.choice(
        (
            f"The people of {land} are proud of {famous}.",
            f"The nation of {land} is famous for {famous}.",
            f"Across the border, {land} has {famous}.",
            f"The flag of {land} makes me think of {famous}.",
            f"The mayor of {city} recommends {famous}.",
            f"The city of {city} is busy with {famous}.",
            f"Take the subway to {city} for {famous}.",
            f"In the streets of {city} you find {famous}.",
            f"The capital of {land} is {city}.",
        )
    )


def work(rng: Random) -> str:
    job = rng.choice(JOBS)
    thing, other = (thing.en for thing in rng.sample(job.things, 2))
    who, place = job.worker.en, job.place.en
    be = "are" if thing.endswith("s") else "is"  # wheat
    return rng.choice(
        (
            f"The {who} gets up early and reaches for the {thing}.",
            f"The diligent {who} takes good care of the {thing}.",
            f"The weary {who} puts the {thing} away.",
            f'"Where {be} the {thing}?" said the {who}.',
            f"The building of the {place} has {thing}.",
            f"The large {place} is full of {thing}.",
            f"At the entrance of the {place} there {be} {thing}.",
            f"When the {place} opens, you see {thing}.",
            f"Using {thing} and {other} is the work of the {who}.",
        )
    )


# --- Meals, moods, weather, school, words -------------------------------------------------------------


def breakfast(rng: Random) -> str:
    who = rng.choice(("I", "I", "I", *EATERS))
    have = rng.choice(("have", "have", "had", "ate"))
    have = "has" if have == "have" and who != "I" else have
    return f"For breakfast {who} {have} {_served(BREAKFAST, rng)}."


def dinner(rng: Random) -> str:
    return f"For dinner {rng.choice(EATERS)} {rng.choice(('had', 'ate'))} {_served(DINNER, rng)}."


def _served(menu: dict[Word, int], rng: Random) -> str:
    return rng.choices(list(menu), list(menu.values()))[0].en


def mood(rng: Random) -> str:
    index = rng.randrange(len(MOODS))
    mood, reason = MOODS[index].en, REASONS[index].en
    return rng.choice(
        (
            f"I am {mood} because {reason}.",
            f"I feel {mood} today.",
            f'"Why are you {mood}?" "Because {reason}."',
            f"I was very {mood}.",
            f"I am {mood}.",
        )
    )


def weather(rng: Random) -> str:
    weather, other = (weather.en for weather in rng.sample(WEATHER, 2))
    return rng.choice(
        (
            f"Today there is {weather}. Tomorrow there will be {other}.",
            f"They say that there will be {weather} {at(rng.choice(list(PLACES)))}.",
            f"There was {weather} all day yesterday.",
            f"When there is {weather}, I stay at home and read.",
        )
    )


def school(rng: Random) -> str:
    day = rng.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))
    subject = rng.choice(("Japanese", "mathematics", "science", "history", "music", "sports", "drawing", "English"))
    number = rng.choice(("first", "second", "third", "fourth", "fifth"))
    return rng.choice(
        (
            f"On {day} the {number} lesson is {subject}.",
            f'I did my homework in {subject}. "Well done," said the teacher.',
            f"In the {subject} lesson we heard about {rng.choice(ANIMALS).many}.",
        )
    )


def idea(rng: Random) -> str:
    """Explain what AI, words and the like are."""
    return rng.choice(
        (
            "AI stands for artificial intelligence. It lets a computer do what takes thinking when people do it.",
            "AI means artificial intelligence. It reads words, tells pictures apart and answers questions.",
            "AI means artificial intelligence. It learns rules from many examples.",
            "AI stands for artificial intelligence. It reads many texts and predicts the next word.",
            "A language model computes how likely each next word is.",
            "A token is one of the small pieces that a text is cut into.",
            "A word is a piece of language that has a meaning. A sentence is made of words.",
            "To learn is to look at examples and to correct what was predicted, little by little.",
            "A probability is a number that says how often something happens.",
            "A dictionary is a book that explains what words mean.",
        )
    )


def together(rng: Random) -> str:
    """List things of one kind."""
    animals, places = [f"the {a.en}" for a in ANIMALS], [f"the {place.en}" for place in PLACES.values()]
    foods = [food.en for food in (*BREAKFAST, *DINNER)]
    workers, houses = [f"the {job.worker.en}" for job in JOBS], [f"the {job.place.en}" for job in JOBS]
    before, kind = rng.choice(
        (
            ("In the zoo we saw", animals),
            ("The picture book is about", animals),
            ("On the map you find", places),
            ("On our way we passed", places),
            ("At the market we bought", foods),
            ("On the table I see", foods),
            ("Those who met were", workers),
            ("The sights of the town are", houses),
            ("Words for feelings are", [mood.en for mood in MOODS]),
            ("Words for the weather are", [weather.en for weather in WEATHER]),
        )
    )
    *most, last = rng.sample(kind, rng.choice((2, 3)))
    return f"{before} {', '.join(most)} and {last}."


# --- Instructions -------------------------------------------------------------------------------------


def instruction(rng: Random) -> str:
    animal = rng.choice(ANIMALS)
    kin = [other.many for other in ANIMALS if other.home == animal.home]
    times = rng.randint(2, 4)
    asked, answer = rng.choice(
        (
            (f'Write "{animal.en}" {NUMBERS[times - 1]} times.', ", ".join([animal.en] * times) + "."),
            (f'Say "{animal.en}" in Japanese.', f"{animal.ja}."),
            (f"Name two animals that live {at(animal.home)}.", " and ".join(rng.sample(kin, 2)).capitalize() + "."),
            (f"Describe {a(animal.en)} in one sentence.", f"{a(animal.en).capitalize()} has {animal.feature.en}."),
            ("Say good morning.", "Good morning to you."),
            ("Say thank you.", "Thank you very much."),
        )
    )
    return f"Instruction: {asked}\nReply: {answer}"


SUBJECTS: dict[Callable[[Random], str], int] = {
    pronoun: 36,
    animal_facts: 6,
    young: 5,
    story: 9,
    person: 9,
    country: 9,
    work: 9,
    breakfast: 8,
    dinner: 2,
    mood: 4,
    weather: 2,
    school: 1,
    idea: 2,
    together: 8,
    instruction: 3,
}
