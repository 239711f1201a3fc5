"""Sets of pairs that come with Nakami: about the little world for the built-in model, and for a model with a chat."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from engine.messages.tuning import Pair, PairSet
from engine.text.pairs import read_pairs
from engine.text.world.english import at
from engine.text.world.examples import LANGUAGES
from engine.text.world.facts import ANIMALS, Animal, Language
from engine.text.world.questions import questions

FOLDER = Path(__file__).parents[2] / "assets" / "pairs"
FOR_A_CHAT = {"pirate": ("en",), "short": ("en",), "faq": LANGUAGES}  # by language: assets/pairs/ID.LANGUAGE.jsonl
THANKS = {"ja": "ご質問ありがとうございます。", "en": "Thank you for asking. "}


@cache
def ready_sets() -> tuple[PairSet, ...]:
    """Return all sets. Those of the little world are held out by what they are about."""
    return (*_of_the_world(), *_of_files())


def _of_the_world() -> Iterator[PairSet]:
    for language in LANGUAGES:
        asked = questions(language)
        yield PairSet("world", language, tuple(asked), "world")
        polite = (replace(pair, answer=THANKS[language] + pair.answer) for pair in asked)
        yield PairSet("polite", language, tuple(polite), "world")
        yield PairSet("table", language, tuple(_described(animal, language) for animal in ANIMALS), "world")


def _described(animal: Animal, language: Language) -> Pair:
    """Return the animal's home, food and feature as a row of a table."""
    if language == "ja":
        answer = f"すみか：{animal.home}、食べ物：{animal.food.ja}、特徴：{animal.feature.ja}"
        return Pair(f"{animal.ja}を表にしてください。", answer, animal.en)
    answer = f"Home: {at(animal.home)}. Food: {animal.food.en}. Feature: {animal.feature.en}."
    return Pair(f"Describe the {animal.en} in a table.", answer, animal.en)


def _of_files() -> Iterator[PairSet]:
    for name, languages in FOR_A_CHAT.items():
        for language in languages:
            yield PairSet(name, language, tuple(read_pairs(FOLDER / f"{name}.{language}.jsonl")), "chat")
