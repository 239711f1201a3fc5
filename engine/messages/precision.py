"""Precision: the same text continued with weights rounded to fewer and fewer bits."""

from dataclasses import dataclass

from engine.messages.envelope import Request
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class RoundedText:
    """What the model writes with weights of this many bits."""

    bits: int
    text: str
    perplexity: float  # of the prompt, at this width; NaN if it has fewer than two tokens
    size: int  # bytes of the weights at this width
    tokens: int  # that were written


@dataclass(frozen=True, slots=True)
class TryPrecisions(Request[Progress | RoundedText]):
    """Continue a text greedily with the weights rounded to each of these numbers of bits.

    The open model is not changed: a copy in float32 is rounded, with the interventions in the open model. Its weights
    are those in memory, or for a model that is kept in fewer bits than its file has, those of the file.
    """

    prompt: str
    bits: tuple[int, ...] = (32, 16, 8, 4, 3, 2)
    tokens: int = 30
