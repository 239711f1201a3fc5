"""Attribution: how much each token of a text has contributed to the next one."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.status import Progress

Method = Literal["occlusion", "gradient", "integrated"]
MOST_TOKENS = 64  # of which the contributions are computed: the last ones of the text


@dataclass(frozen=True, slots=True)
class Explained:
    """What is explained: the score of a token after a text, and the text's last tokens, which may have made it."""

    pieces: tuple[str, ...]
    first: int  # index of the first of them in the whole text
    target: str  # the token
    against: str  # the other one, or ""
    probability: float  # of the token
    against_probability: float  # of the other, or 0
    score: float  # log-probability in nats, or the difference of two logits
    baseline: float  # the score of a text whose tokens all have the mean embedding
    whole: bool  # whether `pieces` are all that the model sees
    loss: float = math.nan  # of `pieces` as a text of their own, in nats per token; NaN if they are fewer than four
    guessing: float = math.inf  # the loss of a model that gives every token the same probability


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each token contributes to the score by one method, [T]."""

    method: Method
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AttributeText(Request[Explained | Contributions | Progress]):
    """Explain the text's token number `place`, or what follows the text: by occlusion first, then by gradients.

    Integrated gradients are computed for texts of at most MOST_TOKENS tokens.
    """

    text: str
    place: int | None = None  # at least 1
    word: str = ""  # what follows, if no place is given; "": the likeliest token
    against: str = ""  # explain why not this word
