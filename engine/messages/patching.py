"""Activation patching: activations of one text put into another one with as many tokens."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.models import Patched, PatchPart

MOST_TOKENS = 64  # of a text that is patched: the time grows with their square
Obstacle = Literal["", "lengths", "answers", "equal"]


@dataclass(frozen=True, slots=True)
class PatchPair:
    """Two texts, and the two words that may follow them; the first is the source of the activations."""

    pieces: tuple[tuple[str, ...], tuple[str, ...]]  # the tokens of each
    answers: tuple[str, str]  # the first token of each answer
    probabilities: NDArray[np.float32]  # [2, 2]: of each answer, after each text
    layers: int
    heads: int
    obstacle: Obstacle  # why nothing can be patched: unequal lengths, equal answers, an equal difference of logits


@dataclass(frozen=True, slots=True)
class PatchEffects:
    """How much of the answer comes over, 0 none and 1 all, for some tokens of a layer, or for all heads at a token."""

    layer: int
    first: int  # index of the first of these tokens, or of the first head
    effects: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PatchTexts(Request[PatchPair | PatchEffects]):
    """Patch each activation of a part by itself, from the last layer to the first; of heads ("z") at one token."""

    source: str
    text: str
    answers: tuple[str, str] = ("", "")  # "": the token that the model finds likeliest after the text
    part: PatchPart = "resid_post"
    place: int = -1  # of the heads; negative numbers count from the end


@dataclass(frozen=True, slots=True)
class PatchedNext:
    """The likeliest next tokens without and with patches, [K] each."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    before: NDArray[np.float32]
    after: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TryPatches(Request[PatchedNext]):
    """Compare the next token after a text without patches, and with these. The open model is not changed."""

    text: str
    patches: tuple[Patched, ...]
    candidates: int = 4  # of each
