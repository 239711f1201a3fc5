"""The map: one forward pass through the whole model, with values of every part."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.generation import Candidates, SamplingSettings

UNCHANGED = SamplingSettings(temperature=1.0)  # the model's own probabilities


@dataclass(frozen=True, slots=True)
class ForwardTrace:
    """One pass through the whole model: T tokens, L layers.

    n is the length of a vector, at most 64: a longer one is averaged over 64 parts.
    """

    pieces: tuple[str, ...]
    ids: NDArray[np.int32]
    first: int  # index of the first token shown, in text + chosen
    seen: int  # tokens in the pass: at most the model's context
    embedding: NDArray[np.float32]  # [T, n]: residual stream that enters the first layer
    attention: NDArray[np.float16]  # [L, query, key]: mean over the heads; the rest of a row is on earlier tokens
    norms: NDArray[np.float32]  # [L + 1, T]: length of the residual stream, before the first layer and after each
    mlp: NDArray[np.float32]  # [L, n]: activations of the last token
    strongest: NDArray[np.int32]  # [L]: index of its feature with the largest magnitude
    strongest_values: NDArray[np.float32]  # [L]: that feature's activation
    features: int  # MLP features in each layer
    width: int  # length of the model's vectors
    final: NDArray[np.float32]  # [n]: the last token after the final norm
    lowest: float  # smallest logit
    highest: float  # largest logit
    histogram: NDArray[np.int32]  # number of logits in each of 32 equal bins from the lowest to the highest
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class TraceForward(Request[ForwardTrace]):
    """Trace a pass over the text followed by the tokens `chosen`; no answer if there is no token.

    The window of tokens is the one of `Generate`; the last `most` of them (up to 32) are reported. The draw is
    the one of `Generate` with the same sampling and seed.
    """

    text: str
    chosen: tuple[int, ...] = ()
    most: int = 12
    sampling: SamplingSettings = UNCHANGED
    seed: int = 1
    candidates: int = 8
