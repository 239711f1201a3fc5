"""Texts: what a file holds, the text of the little world, and whether the open model knows such texts."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class TextInfo:
    paths: tuple[str, ...]
    name: str
    files: int
    bytes: int
    characters: int  # exact for small texts, estimated from the first megabytes for large ones
    encoding: str  # of the first file
    excerpt: str  # the first few hundred characters


@dataclass(frozen=True, slots=True)
class InspectText(Request[TextInfo]):
    """-> TextInfo. `paths` are files or folders."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteWorld(Request[Progress]):
    """-> Progress…: the text of Nakami's little world in a file, `megabytes` of it; whole, or not there."""

    path: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class TextAssessment:
    text: str
    unknown: str  # the characters that are no tokens of the model's: it reads them as bytes
    loss: float  # nats a token, of the end of the text that fits the context
    guessing: float  # nats a token of a model that knows nothing: ln V


@dataclass(frozen=True, slots=True)
class AssessText(Request[TextAssessment]):
    """-> TextAssessment, if the text has at least two tokens: does the open model know such texts?"""

    text: str
