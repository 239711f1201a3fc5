"""Texts: the content of files, the text of the little world, and the open model's loss on a text."""

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
    encoding: str  # encoding of the first file
    excerpt: str  # the first few hundred characters


@dataclass(frozen=True, slots=True)
class InspectText(Request[TextInfo]):
    """Inspect files or folders."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteWorld(Request[Progress]):
    """Write `megabytes` of the little world's text to a file."""

    path: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class TextAssessment:
    text: str
    unknown: str  # characters without a token of their own, encoded as bytes
    loss: float  # nats per token, over the last `context` tokens of the text
    guessing: float  # nats per token of the uniform distribution: ln V


@dataclass(frozen=True, slots=True)
class AssessText(Request[TextAssessment]):
    """Measure how well the open model predicts a text; no answer for fewer than two tokens."""

    text: str
