"""Attention: patterns of all heads, of one head, the steps to one row, and scores of heads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """The patterns of all heads of one layer.

    Patterns of more than POOLED tokens are max-pooled to at most POOLED rows and columns; AttendHead gives the
    exact pattern of one head.
    """

    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    layer: int
    layers: int
    weights: NDArray[np.float16]  # [head, query, key]


@dataclass(frozen=True, slots=True)
class Attend(Request[AttentionLayer]):
    """Compute the patterns of each layer for the text, or for its last `most` tokens if it is longer."""

    text: str
    most: int = 1024
    pinned: bool = False  # whether the model pinned as A attends, instead of the open one


POOLED = 128


@dataclass(frozen=True, slots=True)
class AttentionRows:
    weights: NDArray[np.float16]  # [query, key]


@dataclass(frozen=True, slots=True)
class AttendHead(Request[AttentionRows]):
    """Compute the exact pattern of one head, for the same tokens as Attend."""

    text: str
    layer: int
    head: int
    most: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionSteps:
    """The computation of one query: H heads, G key/value heads, S keys up to the query, K head width, D width."""

    layer: int
    query: int
    input: NDArray[np.float32]  # [D]
    q: NDArray[np.float32]  # [H, K]
    k: NDArray[np.float32]  # [G, S, K]
    v: NDArray[np.float32]  # [G, S, K]
    scaled: NDArray[np.float32]  # [H, S]: q·k / sqrt(K), or with the model's own scale and soft cap
    weights: NDArray[np.float32]  # [H, S]
    heads: NDArray[np.float32]  # [H, K]
    scale: float = 0.0  # factor of q·k; 0: 1 / sqrt(K)
    cap: float = 0.0  # soft cap, which `scaled` does not reach; 0: none


@dataclass(frozen=True, slots=True)
class ExplainAttention(Request[AttentionSteps]):
    """Explain one query in all heads of a layer; the tokens are those of Attend, `query` counts from `first`."""

    text: str
    layer: int
    query: int
    most: int = 1024


HEAD_KINDS = ("previous", "first", "same", "induction")


@dataclass(frozen=True, slots=True)
class HeadScores:
    scores: NDArray[np.float32]  # [len(HEAD_KINDS), layer, head], shares 0..1 of the attention
    even: NDArray[np.float32]  # [len(HEAD_KINDS)]: the scores of attention spread evenly over all tokens


@dataclass(frozen=True, slots=True)
class ScoreHeads(Request[HeadScores]):
    """Score the heads of the open model for known functions, on repeated random tokens."""
