"""N-gram models: how often tokens follow each other in a text. They are the reference lines of every loss curve.

Suffixes: V vocabulary, N pairs of tokens.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IDs = NDArray[np.integer]
MOST = 4_000_000  # most tokens counted; more hardly change the losses
Floats = NDArray[np.float64]


class Unigram:
    """Unigram model, a LanguageModel: each token's share of the text, independent of the tokens before.

    One is added to every count (Laplace), so that no token is impossible.
    """

    context, stop_ids = 0, ()

    def __init__(self, train: IDs, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        counts_V = np.bincount(train[:MOST], minlength=vocabulary) + 1.0
        self.p_V: Floats = counts_V / counts_V.sum()

    def logits(self, ids: Sequence[int]) -> Floats:
        return np.log(self.p_V)

    def loss(self, validation: IDs) -> float:
        """Return the cross-entropy on a text, in nats per token."""
        return float(-np.log(self.p_V[validation[:MOST]]).mean())


class Bigram:
    """Bigram model, a LanguageModel: the probability of each token given the one before.

    Witten-Bell smoothing (Chen and Goodman 1998, section 2.5): the weight of the unigram is the share of
    different followers among all followers of the token before,
    p(b|a) = (count(a,b) + followers(a) · p(b)) / (count(a) + followers(a)).
    """

    context, stop_ids = 1, ()

    def __init__(self, train: IDs, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        train = train[:MOST].astype(np.int64)
        self._unigram_V = Unigram(train, vocabulary).p_V
        self._pairs_N, self._counts_N = np.unique(train[:-1] * vocabulary + train[1:], return_counts=True)
        followers_V = np.bincount(self._pairs_N // vocabulary, minlength=vocabulary)
        self._weight_V = np.maximum(followers_V, 1)  # after a token without followers, p is the unigram's
        self._total_V = np.bincount(train[:-1], minlength=vocabulary) + self._weight_V

    def logits(self, ids: Sequence[int]) -> Floats:
        before = np.full(self.vocabulary, ids[-1])
        return np.log(self._probability(before, np.arange(self.vocabulary)))

    def loss(self, validation: IDs) -> float:
        """Return the cross-entropy on a text, in nats per token."""
        ids = validation[:MOST].astype(np.int64)
        return float(-np.log(self._probability(ids[:-1], ids[1:])).mean())

    def _probability(self, before_N: NDArray[np.int64], after_N: NDArray[np.int64]) -> Floats:
        wanted_N = before_N * self.vocabulary + after_N
        place_N = np.minimum(np.searchsorted(self._pairs_N, wanted_N), len(self._pairs_N) - 1)
        count_N = np.where(self._pairs_N[place_N] == wanted_N, self._counts_N[place_N], 0)
        smoothed_N = count_N + self._weight_V[before_N] * self._unigram_V[after_N]
        return np.asarray(smoothed_N / self._total_V[before_N])


def unigram_loss(train: IDs, validation: IDs, vocabulary: int) -> float:
    """Return the cross-entropy on `validation` of the unigram counted in `train`, in nats per token."""
    return Unigram(train, vocabulary).loss(validation)


def bigram_loss(train: IDs, validation: IDs, vocabulary: int) -> float:
    """Return the cross-entropy on `validation` of the bigram counted in `train`, in nats per token."""
    return Bigram(train, vocabulary).loss(validation)
