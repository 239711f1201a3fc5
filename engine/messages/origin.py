"""Origin: which passages of the training text a span of words may come from."""

import math
from dataclasses import dataclass
from typing import Literal

from engine.messages.envelope import Request
from engine.messages.status import Progress

Verdict = Literal["heart", "together", "nowhere", "short"]


@dataclass(frozen=True, slots=True)
class Source:
    """The text that is searched."""

    name: str  # of the file; "" for the text of the little world
    own: bool  # the model was trained on it; False: a stand-in
    characters: int  # that are searched
    whole: int  # characters of the whole text, estimated for the little world


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the text: the words found, and what is around them."""

    before: str
    found: str
    after: str
    offset: int  # character of the searched text


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run of words of the span that occurs in the text, and is not a part of a longer one."""

    start: int  # characters [start, end) of the span
    end: int
    words: int
    count: int  # how often it occurs
    places: tuple[Place, ...]  # the first of them


@dataclass(frozen=True, slots=True)
class Origin:
    """What was found for a span. In Japanese and Chinese, a word is one character."""

    span: str
    source: Source
    words: int
    longest: int  # words of the longest run
    chance: int  # words of the longest run of the same words in a random order, in 95 % of the orders
    covered: int  # words that are in runs longer than that
    verdict: Verdict
    runs: tuple[FoundRun, ...]  # in the order of the span


@dataclass(frozen=True, slots=True)
class FindOrigin(Request[Progress | Origin]):
    """Find the longest runs of words of `span` in the open model's training text.

    If `paths` are given, they are searched instead, in `encoding`, or each in the one detected if it is "".
    Raises EngineError error.origin_unknown if the model's text is not on this computer, and as read_all.
    """

    span: str
    paths: tuple[str, ...] = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class NearPassage:
    """A passage of the text whose mean hidden state has a similar direction as the span's."""

    text: str
    offset: int  # character of the searched text
    cosine: float  # -1..1, of the states without the mean over all passages
    shared: float  # share of the passage's words that the span has, too


@dataclass(frozen=True, slots=True)
class NearPassages:
    """The nearest passages by hidden state."""

    span: str
    passages: tuple[NearPassage, ...]  # the nearest first
    compared: int  # passages of the text
    layer: int  # the state is the residual stream after so many layers
    usual: float  # cosine that one passage in a hundred exceeds
    agreement: float  # correlation with the cosines of the mean embeddings: near 1, the layers add nothing
    loss: float = math.nan  # of some of the passages, in nats per token
    guessing: float = math.inf  # the loss of a model that gives every token the same probability


@dataclass(frozen=True, slots=True)
class FindNear(Request[Progress | NearPassages]):
    """Find the passages whose hidden states are nearest to those of `span`. Texts and errors as FindOrigin."""

    span: str
    paths: tuple[str, ...] = ()
    encoding: str = ""
    most: int = 8


@dataclass(frozen=True, slots=True)
class WrittenWithout:
    """The text was written without the sentences in which the span's longest runs occur."""

    path: str
    removed: int  # characters


@dataclass(frozen=True, slots=True)
class WriteWithout(Request[Progress | WrittenWithout]):
    """Write the text to the file `into`, without the sentences that have a run of the span longer than chance.

    Texts and errors as FindOrigin; error.nothing_to_remove if there is no such run, and error.not_written.
    """

    span: str
    into: str
    paths: tuple[str, ...] = ()
    encoding: str = ""
