"""Scenes: examples for the model that Nakami brings."""

from dataclasses import dataclass

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class Example:
    """Something that an introductory text claims of language models, to be seen on the model that Nakami brings.

    The words are by language, "ja" and "en"; what an example does not need is empty.
    """

    key: str  # "example.KEY" in assets/i18n has its title and what to look at
    pane: str  # where it is seen
    texts: dict[str, str]  # the text of all panes
    select: dict[str, str]  # the token to select: the last one that has this
    target: dict[str, str]  # what a head is to look at from there
    words: dict[str, tuple[str, ...]]  # for the map of words: one to find, or A, B and C of A − B + C
    tokens: int  # to write behind the text, or fewer
    stop: str  # where to end before that: behind a token that has this in it
    temperature: float
    compare: bool  # write with several temperatures side by side


@dataclass(frozen=True, slots=True)
class Examples:
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class ListExamples(Request[Examples]):
    """-> Examples."""
