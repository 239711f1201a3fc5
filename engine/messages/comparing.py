"""Pinning a model as A, and comparing the open model with it on one text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.models import Intervention, ModelInfo
from engine.messages.scoring import ScoredTokens
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class Pinned:
    """The state that is pinned as A; None if there is none."""

    info: ModelInfo | None
    interventions: tuple[Intervention, ...] = ()
    memory: int = 0  # bytes of weights that only A uses now; 0 while the open model has the same ones


@dataclass(frozen=True, slots=True)
class Pin(Request[Progress | Pinned]):
    """Pin a model as A: the open one with its interventions, or if `folder` is not empty the model there.

    A stays as it is when another model is opened, interventions change, or the open model is trained further.
    """

    folder: str = ""


@dataclass(frozen=True, slots=True)
class Unpin(Request[Pinned]):
    """Unpin A, and free its memory."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One text as the open model and A predict it. The first token of each has no prediction.

    `divergences` and `symmetric` have one entry a token, NaN for the first, in nats. They are None if the
    vocabularies differ: the divergence of distributions over different tokens is not defined.
    """

    now: ScoredTokens
    pinned: ScoredTokens
    divergences: NDArray[np.float64] | None  # Kullback and Leibler 1951: sum of p ln(p / q), p of now and q of A
    symmetric: NDArray[np.float64] | None  # Jensen-Shannon divergence (Lin 1991): at most ln 2


@dataclass(frozen=True, slots=True)
class Compare(Request[Progress | Comparison]):
    """Let the open model and A read a text.

    With the same vocabulary both read it in windows of the shorter context, else each in windows of its own.
    """

    text: str
