"""The mixing desk: what changes in the open model do to its candidates, its writing and what it can do.

"Before" is the model without any changes, "after" the model as it is now.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request

# The loss on the text, and on the text opened for training; random tokens repeated; and in the little world: other
# texts, questions about documents, those about dates, words repeated on request, and what a pronoun refers to.
MeterName = Literal["text", "corpus", "copying", "writing", "documents", "dates", "repeating", "pronoun"]
METERS: tuple[MeterName, ...] = get_args(MeterName)
OF_THE_WORLD: tuple[MeterName, ...] = ("writing", "documents", "dates", "repeating", "pronoun")  # for its models alone
# Those of many tokens, whose common probability is almost 0:
BY_LOSS: tuple[MeterName, ...] = ("text", "corpus", "copying", "writing")


@dataclass(frozen=True, slots=True)
class Mixed:
    """The likeliest next tokens of either model, in the order of the model before."""

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    before: NDArray[np.float32]  # probabilities
    after: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mix(Request[Mixed]):
    """Predict the token after a text before and after the changes; no answer for a text without tokens.

    Each model's `candidates` likeliest tokens are in the answer.
    """

    text: str
    candidates: int = 8


@dataclass(frozen=True, slots=True)
class Rewritten:
    """How the two models have continued the text so far, a string for each token."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rewrite(Request[Rewritten]):
    """Continue a text greedily before and after the changes; answers as the tokens are written."""

    text: str
    tokens: int = 30


@dataclass(frozen=True, slots=True)
class Level:
    """What a meter shows. The loss is in nats per token that counts."""

    loss: float
    probability: float  # mean over all probes of the probability of all tokens that count in it


@dataclass(frozen=True, slots=True)
class Measured:
    meter: MeterName
    before: Level
    after: Level


@dataclass(frozen=True, slots=True)
class Measure(Request[Measured]):
    """Measure each of `meters` before and after the changes; one answer a meter.

    The meter "corpus" reads the files `paths` in `encoding`, or each in the one detected if it is "".
    """

    text: str
    meters: tuple[MeterName, ...]
    paths: tuple[str, ...] = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class PartsTried:
    """What a meter shows while one part of a layer is turned off: each head in turn, then the MLP."""

    layer: int
    target: str  # the piece whose probability is measured; "" if a meter is
    whole: Level  # with every part
    losses: NDArray[np.float64]  # [H + 1]
    probabilities: NDArray[np.float64]  # [H + 1]
    done: float  # the share of the work that is done, 0..1


@dataclass(frozen=True, slots=True)
class RankParts(Request[PartsTried]):
    """Turn each head and MLP off by itself, in the model without changes, and measure; answers layer by layer.

    The changes in the open model, its kept patches among them, do not count.

    Without a meter, the log-probability of the token after the text is measured: of the first token of `word`, or of
    the likeliest token. With `mean`, an output is replaced by its mean over the tokens measured, instead of 0.
    The last layer comes first, because the least is to be computed for it.
    """

    text: str
    meter: MeterName | None = None
    word: str = ""
    mean: bool = False
    paths: tuple[str, ...] = ()  # of the corpus, as in Measure
    encoding: str = ""
