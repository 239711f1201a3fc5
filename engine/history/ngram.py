"""The reference lines of every loss curve: what counting alone achieves on the same text."""

import numpy as np
from numpy.typing import NDArray

IDs = NDArray[np.unsignedinteger]
MOST = 4_000_000  # tokens counted at most; the lines do not move beyond that


def unigram_loss(train: IDs, validation: IDs, vocabulary: int) -> float:
    """Cross-entropy on `validation`, nats per token, of how often each token stands in `train`.

    One is added to every count (Laplace), so that no token is impossible.
    """
    return float(-np.log(_unigram(train[:MOST], vocabulary)[validation[:MOST]]).mean())


def bigram_loss(train: IDs, validation: IDs, vocabulary: int) -> float:
    """Cross-entropy on `validation`, nats per token, of what follows each token in `train`.

    Witten-Bell smoothing (Chen and Goodman 1998, section 2.5): the weight of the unigram is the share of
    different followers among all followers of the token before,
    p(b|a) = (count(a,b) + followers(a) · p(b)) / (count(a) + followers(a)).
    """
    train, validation = train[:MOST].astype(np.int64), validation[:MOST].astype(np.int64)
    unigram = _unigram(train, vocabulary)
    pairs, counts = np.unique(train[:-1] * vocabulary + train[1:], return_counts=True)
    followers = np.bincount(pairs // vocabulary, minlength=vocabulary)
    before = np.bincount(train[:-1], minlength=vocabulary)
    first, second = validation[:-1], validation[1:]
    wanted = first * vocabulary + second
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    seen = np.where(pairs[place] == wanted, counts[place], 0)
    weight = np.maximum(followers[first], 1)  # a token never seen before another leaves all to the unigram
    probability = (seen + weight * unigram[second]) / (before[first] + weight)
    return float(-np.log(probability).mean())


def _unigram(ids: IDs, vocabulary: int) -> NDArray[np.float64]:
    counts = np.bincount(ids, minlength=vocabulary) + 1.0
    return np.asarray(counts / counts.sum())
