"""The interface of a language model, as generation and evaluation use it."""

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32] | NDArray[np.float64]


class LanguageModel(Protocol):
    """A model that predicts the next token: the transformer's Reader, and the n-grams of engine/history."""

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""

    @property
    def context(self) -> int:
        """Largest number of preceding tokens that `logits` depends on."""

    @property
    def stop_ids(self) -> Collection[int]:
        """The tokens that end a text."""

    def logits(self, ids: Sequence[int], /) -> Logits:
        """Return the unnormalised log-probabilities [V] of the token after `ids`, at least one."""


def token_losses(model: LanguageModel, ids: Sequence[int]) -> NDArray[np.float64]:
    """Return -ln p of each token after the first, given all before it, in nats [len(ids) - 1]."""
    losses_T = np.empty(len(ids) - 1)
    for t in range(1, len(ids)):
        logits_V = model.logits(ids[:t]).astype(np.float64)
        top = logits_V.max()
        losses_T[t - 1] = top + np.log(np.exp(logits_V - top).sum()) - logits_V[ids[t]]
    return losses_T
