"""Questions about the little world with their answers: pairs for fine-tuning, each in the group of what it is about."""

from engine.messages.tuning import Pair
from engine.text.world.english import at
from engine.text.world.facts import ANIMALS, COUNTRIES, JOBS, Animal, Language


def questions(language: Language) -> list[Pair]:
    """Return the questions of a language, in the order of the facts."""
    about_animals = [pair for animal in ANIMALS for pair in _about(animal, language)]
    return [*about_animals, *_capitals(language), *_workplaces(language)]


def _about(animal: Animal, language: Language) -> list[Pair]:
    name, group = animal[language], animal.en
    if language == "ja":
        asked = {
            f"{name}はどこに住んでいますか?": f"{name}は{animal.home}に住んでいます。",
            f"{name}は何を食べますか?": f"{name}は{animal.food.ja}を食べます。",
            f"{name}の特徴は何ですか?": f"{name}の特徴は{animal.feature.ja}です。",
            f"{name}は何をしますか?": f"{name}は{animal.move.ja}。",
        }
    else:
        asked = {
            f"Where does the {name} live?": f"The {name} lives {at(animal.home)}.",
            f"What does the {name} eat?": f"The {name} eats {animal.food.en}.",
            f"What does the {name} have?": f"The {name} has {animal.feature.en}.",
            f"What does the {name} do?": f"The {name} {animal.moves}.",
        }
    return [Pair(prompt, answer, group) for prompt, answer in asked.items()]


def _capitals(language: Language) -> list[Pair]:
    found = []
    for country in COUNTRIES:
        name, capital = country.name[language], country.capital[language]
        if language == "ja":
            pair = (f"{name}の首都はどこですか?", f"{name}の首都は{capital}です。")
        else:
            pair = (f"What is the capital of {name}?", f"The capital of {name} is {capital}.")
        found.append(Pair(*pair, country.name.en))
    return found


def _workplaces(language: Language) -> list[Pair]:
    found = []
    for job in JOBS:
        worker, place = job.worker[language], job.place[language]
        if language == "ja":
            pair = (f"{worker}はどこで働いていますか?", f"{worker}は{place}で働いています。")
        else:
            pair = (f"Where does the {worker} work?", f"The {worker} works in the {place}.")
        found.append(Pair(*pair, job.worker.en))
    return found
