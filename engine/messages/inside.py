"""Inside: the next token that each layer would give, and what each part adds to one token's logit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class LensGrid:
    """What the residual stream would predict, before the first of L layers and after each: L + 1 rows, T tokens."""

    pieces: tuple[str, ...]  # the T tokens
    first: int  # index of the first of them in the whole text
    ids: NDArray[np.int32]  # [L + 1, T, K]: the likeliest tokens
    names: dict[int, str]  # the piece of each token in `ids` and `targets`
    probabilities: NDArray[np.float32]  # [L + 1, T, K]
    targets: NDArray[np.int32]  # [T]: the text's next token; at the end the wanted word's first, or the likeliest
    target_probabilities: NDArray[np.float32]  # [L + 1, T]
    target_ranks: NDArray[np.int32]  # [L + 1, T], 1 for the likeliest token
    tuned: tuple[tuple[float, float], ...] = ()  # of each layer, how far the plain and the tuned lens are, in bits


@dataclass(frozen=True, slots=True)
class ReadLens(Request[LensGrid]):
    """Read the last `most` tokens of a text through the logit lens; `word` is what may follow the text, or "".

    The tuned lens is trained first, in some seconds, on the text that the open model was trained on; a model in
    training is read through the plain one. Raises EngineError error.origin_unknown if that text is not there.
    `last`, a token ID, is followed after the text instead, if it is not None and in the vocabulary.
    """

    text: str
    word: str = ""
    most: int = 48
    candidates: int = 10
    last: int | None = None
    pinned: bool = False  # whether the model pinned as A reads, instead of the open one
    tuned: bool = False  # whether the tuned lens is used; not for A


@dataclass(frozen=True, slots=True)
class LogitParts:
    """What each part of the model adds to one logit; all together are `total`, the logit before the soft cap."""

    embedding: float
    heads: NDArray[np.float32]  # [layer, head]
    mlps: NDArray[np.float32]  # [layer]
    biases: float
    total: float


@dataclass(frozen=True, slots=True)
class SplitLogit(Request[LogitParts]):
    """Split the logit of `token` after the text's token number `place`."""

    text: str
    place: int
    token: int
