"""Keyword search: BM25 over the terms of all passages.

Own code instead of bm25s, because the postings are already in the collection's database: only what BM25 adds to
them is computed here, and a question's terms have weights.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from engine.retrieval.analysis import importance, pairs, question_terms

K1, B = 1.2, 0.75  # as in Lucene
PAIR = 0.2  # weight of a pair of neighbouring words, against 1 for a word (Metzler and Croft 2005, SIGIR)

Floats = NDArray[np.float32]


class Keywords:
    """The BM25 weights of V terms in N passages."""

    def __init__(self, counts_NV: csr_matrix, vocabulary: Mapping[str, int]) -> None:
        """Compute the weights from counts; `vocabulary` maps each term to its column."""
        self.counts_NV, self.vocabulary = counts_NV, vocabulary
        self.weights_NV = csc_matrix(saturated(counts_NV))
        self.idf_V = inverse_frequency(counts_NV)

    def query(self, question: str) -> dict[int, float]:
        """Return the weights of a question's known terms, by column."""
        words = question_terms(question)
        weights = {term: importance(term) * count for term, count in Counter(words).items()}
        weights |= {pair: PAIR * count for pair, count in Counter(pairs(words)).items()}
        return {self.vocabulary[term]: weight for term, weight in weights.items() if term in self.vocabulary}

    def score(self, query: Mapping[int, float]) -> Floats:
        """Return Σ weight · idf · saturated count, [N]."""
        scores_N = np.zeros(self.weights_NV.shape[0], np.float32)
        for column, weight in query.items():
            first, last = self.weights_NV.indptr[column : column + 2]
            rows = self.weights_NV.indices[first:last]
            scores_N[rows] += weight * self.idf_V[column] * self.weights_NV.data[first:last]
        return scores_N

    def contained(self, question: str) -> tuple[Floats, float]:
        """Return the share of a question, 0..1 by the weights of its terms, in each passage, and in all together.

        A term that no passage contains weighs as much as the rarest.
        """
        asked = {term: importance(term) for term in question_terms(question)}
        shares_N, rarest = np.zeros(self.weights_NV.shape[0], np.float32), float(self.idf_V.max(initial=1.0))
        whole = known = 0.0
        for term, weight in asked.items():
            column = self.vocabulary.get(term)
            weight *= rarest if column is None else float(self.idf_V[column])
            whole += weight
            if column is not None:
                known += weight
                first, last = self.weights_NV.indptr[column : column + 2]
                shares_N[self.weights_NV.indices[first:last]] += weight
        return np.asarray(shares_N / max(whole, 1e-9), np.float32), known / max(whole, 1e-9)


def saturated(counts_NV: csr_matrix) -> csr_matrix:
    """Return tf (k1 + 1) / (tf + k1 (1 − b + b · length / mean length)), Robertson and Zaragoza 2009."""
    lengths_N = np.asarray(counts_NV.sum(axis=1), np.float32).ravel()
    norms_N = K1 * (1 - B + B * lengths_N / max(float(lengths_N.mean()) if len(lengths_N) else 0.0, 1e-9))
    weights = counts_NV.astype(np.float32)
    norms = np.repeat(norms_N, np.diff(weights.indptr))
    weights.data = weights.data * (K1 + 1) / (weights.data + norms)
    return weights


def inverse_frequency(counts_NV: csr_matrix) -> Floats:
    """Return ln(1 + (N − n + 0.5) / (n + 0.5)) of terms that occur in n of N passages, [V]."""
    N = counts_NV.shape[0]
    n_V = np.bincount(counts_NV.indices, minlength=counts_NV.shape[1])
    return np.log1p((N - n_V + 0.5) / (n_V + 0.5)).astype(np.float32)
