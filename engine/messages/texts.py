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
    encoding: str  # encoding of the first file, a name of a Python codec
    excerpt: str  # the first few hundred characters
    chosen: str = ""  # the encoding in the request
    differing: int = 0  # files whose encoding is not that of the first
    certain: bool = True  # False if the bytes of some file fit several encodings about equally well
    replaced: int = 0  # places with invalid bytes in the part that was read; each reads as U+FFFD


@dataclass(frozen=True, slots=True)
class InspectText(Request[TextInfo]):
    """Inspect files or folders, in an encoding or each in the one detected.

    Raises EngineError: as `engine.text.reading.find_files`.
    """

    paths: tuple[str, ...]
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class EncodingPreview:
    """How a file reads in an encoding."""

    path: str
    excerpt: str  # a few lines around the first non-ASCII character
    encoding: str
    certain: bool  # always True for a chosen encoding
    replaced: int  # places with invalid bytes in the first million characters
    others: tuple[str, ...]  # other plausible encodings, the most probable first; none for a chosen encoding


@dataclass(frozen=True, slots=True)
class PreviewEncoding(Request[EncodingPreview]):
    """Show a part of a file, or of the most doubtful one in a folder, as it reads in `encoding`.

    "" is the encoding detected.
    Raises EngineError: error.text_missing, error.text_unreadable, error.text_empty, error.text_binary,
    error.text_nul, error.encoding_unknown.
    """

    path: str
    encoding: str = ""


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
