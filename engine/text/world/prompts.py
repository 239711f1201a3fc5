"""Prompts about the little world, for choices between their continuations; some animals are held out.

A prompt ends where a token of the built-in model's tokenizer ends: after a word that is cut in another place than in
its texts, the model would hardly write the rest.
"""

from random import Random

from engine.text.world.english import a, at
from engine.text.world.facts import ANIMALS, Animal, Language

HELD_OUT = 8  # animals


def animals() -> tuple[list[Animal], list[Animal]]:
    """Return the animals that choices are made about, and those held out."""
    order = list(ANIMALS)
    Random(7).shuffle(order)
    return order[HELD_OUT:], order[:HELD_OUT]


def text_about(animal: Animal, language: Language) -> str:
    """Return the beginning of a text, which goes on plainly or, in Japanese, politely."""
    return f"{animal.ja}は{animal.home}で" if language == "ja" else f"The {animal.en}"


def story_about(animal: Animal, language: Language) -> str:
    """Return the first sentence of a story, which ends happily or otherwise."""
    if language == "ja":
        return f"むかしむかし、{animal.home}に一{animal.counter}の{animal.ja}が住んでいました。"
    return f"Once upon a time there was {a(animal.en)} who lived {at(animal.home)}."


KINDS = {"animals": text_about, "stories": story_about}
