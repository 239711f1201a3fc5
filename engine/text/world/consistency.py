"""Check whether a story says only true things about its animal."""

import re

from engine.text.world.facts import ANIMALS, PLACES, Animal, Language

# Patterns of the claims in the stories of japanese.py and english.py.
CLAIMS: dict[Language, tuple[tuple[str, str], ...]] = {
    "ja": (
        ("home", r"([^、。]+)に一.の[^、。]+が住んで"),
        ("home", r"ある([^、。]+)に、一"),
        ("home", r"は([^、。]+)へ帰って"),
        ("feature", r"は([^、。]+)を持っていました"),
        ("feature", r"には([^、。]+)がありました"),
        ("feature", r"「([^」]+)がすてきだね」"),
        ("food", r"は([^、。]+)が大好きでした"),
        ("food", r"[は、]([^、。は]+)を食べました"),
        ("food", r"「([^」]+)だよ」"),
        ("move", r"は([^、。]+)のが得意でした"),
    ),
    "en": (
        ("home", r"lived (?:in|on|by) the ([a-z ]+)\."),
        ("home", r"home to the ([a-z ]+) and"),
        ("feature", r"\bhad ([a-z ]+)\."),
        ("feature", r"to have ([a-z ]+)!"),
        ("food", r"loved ([a-z ]+)\."),
        ("food", r"\bate ([a-z ]+)\."),
        ("food", r"I like ([a-z ]+),"),
        ("move", r"liked to ([a-z ]+)\."),
    ),
}


def claims(story: str, language: Language) -> list[tuple[str, str]]:
    """Return what a story claims, such as ("food", "蜂蜜"), in no particular order."""
    return [(kind, value) for kind, pattern in CLAIMS[language] for value in re.findall(pattern, story)]


def truths(animal: Animal, language: Language) -> dict[str, str]:
    return {
        "home": PLACES[animal.home][language],
        "feature": animal.feature[language],
        "food": animal.food[language],
        "move": animal.move[language],
    }


def contradictions(story: str, animal: Animal, language: Language) -> list[str]:
    """Return the claims that are not true of `animal`, and the other animals that the story names."""
    true = truths(animal, language)
    wrong = [f"{kind}: {value}" for kind, value in claims(story, language) if value != true[kind]]
    return wrong + [other[language] for other in ANIMALS if other != animal and _names(story, other, language)]


def _names(story: str, animal: Animal, language: Language) -> bool:
    if language == "ja":
        return animal.ja in story
    return re.search(rf"\b(?:{animal.en}|{animal.many})\b", story) is not None
