"""The map: one forward pass through the whole model, with the values at every station."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.generation import Candidates, SamplingSettings

UNCHANGED = SamplingSettings(temperature=1.0)  # the model's own probabilities


@dataclass(frozen=True, slots=True)
class ForwardTrace:
    """One pass through the whole model: T tokens, L layers.

    Vectors of more than 64 numbers are shown as 64 means over equal parts, in order: that is n.
    """

    pieces: tuple[str, ...]
    ids: NDArray[np.int32]
    first: int  # index of the first token shown, in text + chosen
    seen: int  # tokens that the model sees: at most its context
    embedding: NDArray[np.float32]  # [T, n]: what enters the first layer
    attention: NDArray[np.float16]  # [L, query, key]: mean over the heads; earlier tokens hold the rest of a row
    norms: NDArray[np.float32]  # [L + 1, T]: length of the residual, behind the embedding and behind each layer
    mlp: NDArray[np.float32]  # [L, n]: activations of the last token
    strongest: NDArray[np.int32]  # [L]: its feature with the largest magnitude …
    strongest_values: NDArray[np.float32]  # [L]: … and that feature's activation
    features: int  # how many there are in each layer
    width: int  # numbers a vector really has
    final: NDArray[np.float32]  # [n]: the last token's vector behind the final norm
    lowest: float  # logit
    highest: float
    histogram: NDArray[np.int32]  # how many logits lie in each of 32 equal steps from the lowest to the highest
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class TraceForward(Request[ForwardTrace]):
    """-> ForwardTrace of the text with the tokens `chosen` behind it; nothing if there is no token.

    The model sees what it sees when it writes on; the last `most` tokens (up to 32) are reported. The draw is
    the one that `Generate` makes with the same sampling and seed.
    """

    text: str
    chosen: tuple[int, ...] = ()
    most: int = 12
    sampling: SamplingSettings = UNCHANGED
    seed: int = 1
    candidates: int = 8
