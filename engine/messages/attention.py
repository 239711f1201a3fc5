"""Attention: weights of all heads, of one head, the steps behind one row, and what heads do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """The weights of all heads of one layer.

    Beyond POOLED tokens only pictures are sent: of each small square of weights the strongest. The exact
    ones of a head come by AttendHead.
    """

    pieces: tuple[str, ...]
    first: int  # index of the first token shown, in the whole text
    layer: int
    layers: int
    weights: NDArray[np.float16]  # [head, query, key]


@dataclass(frozen=True, slots=True)
class Attend(Request[AttentionLayer]):
    """-> AttentionLayer, one a layer, of the text; of long texts the last `most` tokens."""

    text: str
    most: int = 1024


POOLED = 128


@dataclass(frozen=True, slots=True)
class AttentionRows:
    start: int  # the first of these queries
    weights: NDArray[np.float16]  # [query, key]


@dataclass(frozen=True, slots=True)
class AttendHead(Request[AttentionRows]):
    """-> AttentionRows, one after another, of the same tokens as Attend."""

    text: str
    layer: int
    head: int
    most: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionSteps:
    """H heads, G groups that share keys and values, S keys up to the query, K numbers a head, D width.

    Of the S keys the `first_key`-th is the first that is sent: a message holds 1 MB.
    """

    layer: int
    query: int
    first_key: int
    input: NDArray[np.float32]  # [D]
    q: NDArray[np.float32]  # [H, K]
    k: NDArray[np.float32]  # [G, S, K]
    v: NDArray[np.float32]  # [G, S, K]
    scaled: NDArray[np.float32]  # [H, S]: q·k / sqrt(K)
    weights: NDArray[np.float32]  # [H, S]
    heads: NDArray[np.float32]  # [H, K]


@dataclass(frozen=True, slots=True)
class ExplainAttention(Request[AttentionSteps]):
    """-> AttentionSteps for one query, all heads of a layer; tokens as in Attend, `query` counts from `first`."""

    text: str
    layer: int
    query: int
    most: int = 1024


HEAD_KINDS = ("previous", "first", "same", "induction")


@dataclass(frozen=True, slots=True)
class HeadScores:
    scores: NDArray[np.float32]  # [len(HEAD_KINDS), layer, head], shares 0..1 of the attention


@dataclass(frozen=True, slots=True)
class ScoreHeads(Request[HeadScores]):
    """-> HeadScores of the open model, measured on repeated random tokens."""
