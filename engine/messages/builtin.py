"""What Nakami brings along: examples for its own model, the text that it learned, and what lies outside of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListExamples:
    """-> Examples."""


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
class WriteWorld:
    """-> Progress…: the text of Nakami's little world in a file, `megabytes` of it; whole, or not there."""

    path: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class Judge:
    """-> Judgement, if the text has at least two tokens: does the open model know such texts?"""

    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    text: str
    unknown: str  # the characters that are no tokens of the model's: it reads them as bytes
    loss: float  # nats a token, of the end of the text that fits the context
    guessing: float  # nats a token of a model that knows nothing: ln V
