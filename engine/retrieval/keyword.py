"""Keyword search: BM25 over the terms of all passages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

K1, B = 1.2, 0.75  # as in Lucene

Floats = NDArray[np.float32]


class Keywords:
    """`scores_N = score(query)`; N passages, V terms."""

    def __init__(self, counts_NV: csr_matrix, vocabulary: Mapping[str, int]) -> None:
        """`vocabulary` gives each term its column."""
        self.counts_NV, self.vocabulary = counts_NV, vocabulary
        self.weights_NV = csc_matrix(saturated(counts_NV))
        self.idf_V = inverse_frequency(counts_NV)

    def query(self, terms: Iterable[str]) -> dict[int, float]:
        """Known terms of a question by column, and how often each occurs there."""
        columns = Counter(self.vocabulary[term] for term in terms if term in self.vocabulary)
        return {column: float(count) for column, count in columns.items()}

    def score(self, query: Mapping[int, float]) -> Floats:
        """Σ weight · idf · saturated count, [N]."""
        scores_N = np.zeros(self.weights_NV.shape[0], np.float32)
        for column, weight in query.items():
            first, last = self.weights_NV.indptr[column : column + 2]
            rows = self.weights_NV.indices[first:last]
            scores_N[rows] += weight * self.idf_V[column] * self.weights_NV.data[first:last]
        return scores_N

    def expand(self, query: Mapping[int, float], best: Sequence[int], terms: int, share: float) -> dict[int, float]:
        """The question with the terms that mark the passages `best`, which take `share` of its weight.

        RM3 (Abdul-Jaleel et al. 2004, TREC): the passages' own distributions over terms, mixed by rank,
        joined to the question's.
        """
        rows = self.counts_NV[list(best)]
        lengths = np.maximum(np.asarray(rows.sum(axis=1)).ravel(), 1)
        likely_V = np.asarray((rows.multiply((1.0 / lengths)[:, None])).mean(axis=0)).ravel() * self.idf_V
        chosen = np.argsort(-likely_V)[:terms]
        total_query, total_found = sum(query.values()), float(likely_V[chosen].sum())
        if not total_found:
            return dict(query)
        mixed = {column: (1 - share) * weight / total_query for column, weight in query.items()}
        for column in chosen[likely_V[chosen] > 0].tolist():
            mixed[column] = mixed.get(column, 0.0) + share * float(likely_V[column]) / total_found
        return mixed


def saturated(counts_NV: csr_matrix) -> csr_matrix:
    """tf (k1 + 1) / (tf + k1 (1 − b + b · length / mean length)), Robertson and Zaragoza 2009."""
    lengths_N = np.asarray(counts_NV.sum(axis=1), np.float32).ravel()
    norms_N = K1 * (1 - B + B * lengths_N / max(float(lengths_N.mean()) if len(lengths_N) else 0.0, 1e-9))
    weights = counts_NV.astype(np.float32)
    norms = np.repeat(norms_N, np.diff(weights.indptr))
    weights.data = weights.data * (K1 + 1) / (weights.data + norms)
    return weights


def inverse_frequency(counts_NV: csr_matrix) -> Floats:
    """ln(1 + (N − n + 0.5) / (n + 0.5)) of terms that stand in n of N passages, [V]."""
    N = counts_NV.shape[0]
    n_V = np.bincount(counts_NV.indices, minlength=counts_NV.shape[1])
    return np.log1p((N - n_V + 0.5) / (n_V + 0.5)).astype(np.float32)
