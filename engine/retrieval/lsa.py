"""Vectors fitted to one's own documents, without anything downloaded: latent semantic analysis.

Deerwester et al. 1990 (JASIS 41): passages × terms, weighted, is brought to few dimensions by a truncated
singular value decomposition; passages whose words occur with the same other words come to lie near each
other. The decomposition is found by Halko et al. 2011 (arXiv:0909.4061), and its first directions count for a
little more (Caron 2001).

N passages, V terms, D dimensions.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.linalg import eigh
from scipy.sparse import csr_matrix
from threadpoolctl import ThreadpoolController

from engine.errors import EngineError
from engine.retrieval.analysis import terms

WIDTH = 256
MOST_EXACT = 1500  # passages: up to here the exact decomposition is the quicker one
OVERSAMPLE, POWERS = 16, 3
EMPHASIS = 0.25  # each direction is made as long as its singular value to this power
MOST_FITTED = 30_000  # passages; the directions found in so many hardly move with more
MOST_TERMS = 60_000
FEW = 200  # passages: below this also terms that stand in one passage alone say something
FAINT = 1e-4  # a text of whose length less lies in the space of the axes lies outside: what is left is rounding
NOTHING = 1e-3  # of the largest singular value: directions below it are rounding, too, as where documents are copies
BLOCK = 1000  # passages multiplied at a time, so that others get a turn

Floats = NDArray[np.float32]
Fitting = Generator[float, None, "Lsa"]


class Lsa:
    """An embedder: see embedders.py."""

    name = "lsa"

    def __init__(self, words: Sequence[str], weights_V: Floats, axes_VD: Floats) -> None:
        self.words, self.weights_V, self.axes_VD = words, weights_V, axes_VD
        self._columns = {word: column for column, word in enumerate(words)}

    @property
    def width(self) -> int:
        return self.axes_VD.shape[1]

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        """[texts, D], each of length 1, or 0 where no term is known. Questions are texts like others."""
        placed_ND = weighted(self._counts(texts), self.weights_V) @ self.axes_VD
        placed_ND[np.linalg.norm(placed_ND, axis=1) < FAINT] = 0.0
        return unit(placed_ND)

    def _counts(self, texts: Sequence[str]) -> csr_matrix:
        indptr, indices, data = [0], list[int](), list[int]()
        for text in texts:
            counted = Counter(self._columns[term] for term in terms(text) if term in self._columns)
            indices += counted.keys()
            data += counted.values()
            indptr.append(len(indices))
        shape = (len(texts), len(self.words))
        return csr_matrix((np.array(data, np.float32), np.array(indices, np.int32), indptr), shape)

    def save(self, path: Path) -> None:
        """Raises OSError."""
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        save_file({"words": words, "weights": self.weights_V, "axes": self.axes_VD.astype(np.float16)}, path)

    @classmethod
    def load(cls, path: Path) -> "Lsa":
        """Raises EngineError error.collection_damaged."""
        try:
            with safe_open(path, "np") as file:
                words = file.get_tensor("words").tobytes().decode().splitlines()
                return cls(words, file.get_tensor("weights"), file.get_tensor("axes").astype(np.float32))
        except (OSError, SafetensorError, ValueError) as error:
            raise EngineError("error.collection_damaged", file=str(path), reason=str(error)) from error


def fit(counts_NV: csr_matrix, vocabulary: Mapping[str, int], width: int = WIDTH) -> Fitting:
    """Yields the share that is done; returns the embedder. `vocabulary` gives each term its column."""
    counts_NV = _sample(counts_NV)
    frequency_V = np.bincount(counts_NV.indices, minlength=counts_NV.shape[1])
    kept = np.flatnonzero(frequency_V >= (1 if counts_NV.shape[0] < FEW else 2))
    names = {column: term for term, column in vocabulary.items()}
    kept = kept[[" " not in names[column] for column in kept.tolist()]]  # pairs of words are for keyword search
    kept = kept[np.argsort(-frequency_V[kept], kind="stable")[:MOST_TERMS]]
    counts = counts_NV[:, kept].tocsr()
    weights_V = global_weights(counts)
    axes_VD, singular_D = yield from _axes(weighted(counts, weights_V), width)
    axes_VD *= (singular_D / singular_D.max()) ** EMPHASIS
    axes_VD = axes_VD.astype(np.float16).astype(np.float32)  # as it is kept: the file is half as large
    return Lsa([names[column] for column in kept.tolist()], weights_V, axes_VD)


def _sample(counts_NV: csr_matrix) -> csr_matrix:
    N = counts_NV.shape[0]
    if N <= MOST_FITTED:
        return counts_NV
    return counts_NV[np.sort(np.random.default_rng(1).choice(N, MOST_FITTED, replace=False))]


def global_weights(counts_NV: csr_matrix) -> Floats:
    """(1 − entropy of a term's spread over the passages / ln N)²: 0 if spread evenly, 1 if in one place.

    Dumais 1991 without the square, which held better on questions of few words.
    """
    N = max(2, counts_NV.shape[0])
    total_V = np.maximum(np.asarray(counts_NV.sum(axis=0), np.float64).ravel(), 1.0)
    share = counts_NV.data / total_V[counts_NV.indices]
    entropy_V = -np.bincount(counts_NV.indices, share * np.log(share), minlength=counts_NV.shape[1])
    return (np.maximum(1.0 - entropy_V / np.log(N), 0.0) ** 2).astype(np.float32)


def weighted(counts_NV: csr_matrix, weights_V: Floats) -> csr_matrix:
    """ln(1 + count) · weight, each passage of length 1."""
    rows = counts_NV.astype(np.float32)
    rows.data = np.log1p(rows.data) * weights_V[rows.indices]
    squares_N = np.bincount(np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.data**2, rows.shape[0])
    rows.data /= np.repeat(np.sqrt(np.maximum(squares_N, 1e-12)), np.diff(rows.indptr)).astype(np.float32)
    return rows


def _axes(rows_NV: csr_matrix, width: int) -> Generator[float, None, tuple[Floats, Floats]]:
    """The first right singular vectors [V, D], from the left ones, because passages are fewer than terms; their
    singular values [D]."""
    blocks = [rows_NV[start : start + BLOCK] for start in range(0, rows_NV.shape[0], BLOCK)]
    left_ND = yield from (_exact(rows_NV, width) if rows_NV.shape[0] <= MOST_EXACT else _random(blocks, width))
    axes_VD = np.zeros((rows_NV.shape[1], left_ND.shape[1]), np.float32)
    for index, block in enumerate(blocks):
        axes_VD += block.T @ left_ND[index * BLOCK : (index + 1) * BLOCK]
        yield 0.9 + 0.1 * index / len(blocks)
    singular_D = np.linalg.norm(axes_VD, axis=0)
    there_D = singular_D > NOTHING * singular_D.max()
    there_D[:1] = True  # a collection without a single word has a direction all the same
    singular_D = np.maximum(singular_D[there_D], 1e-12)
    return np.ascontiguousarray(axes_VD[:, there_D] / singular_D), singular_D  # safetensors wants it so


def _exact(rows_NV: csr_matrix, width: int) -> Generator[float, None, Floats]:
    """Eigenvectors of the passages' products with each other."""
    products_NN = (rows_NV @ rows_NV.T).toarray()
    yield 0.3
    N = len(products_NN)
    with _blas().limit(limits=1):
        _, vectors_ND = eigh(products_NN, subset_by_index=(max(0, N - width), N - 1), driver="evr")
    return np.ascontiguousarray(vectors_ND[:, ::-1])


def _random(blocks: Sequence[csr_matrix], width: int) -> Generator[float, None, Floats]:
    """Subspace iteration on random beginnings."""
    columns = min(width + OVERSAMPLE, blocks[0].shape[1])
    basis_NC = np.random.default_rng(1).standard_normal((sum(b.shape[0] for b in blocks), columns)).astype(np.float32)
    for step in range(POWERS + 1):
        with _blas().limit(limits=1):
            basis_NC, _ = np.linalg.qr(basis_NC)
        across_VC = np.zeros((blocks[0].shape[1], columns), np.float32)
        for index, block in enumerate(blocks):
            across_VC += block.T @ basis_NC[index * BLOCK : (index + 1) * BLOCK]
            yield 0.9 * (step + 0.5 * index / len(blocks)) / (POWERS + 1)
        products = []
        for index, block in enumerate(blocks):
            products.append(block @ across_VC)
            yield 0.9 * (step + 0.5 + 0.5 * index / len(blocks)) / (POWERS + 1)
        last_NC, basis_NC = basis_NC, np.concatenate(products)
    with _blas().limit(limits=1):
        _, vectors = np.linalg.eigh(last_NC.T @ basis_NC)
    return np.ascontiguousarray(last_NC @ vectors[:, ::-1][:, :width], np.float32)


@cache
def _blas() -> ThreadpoolController:
    """Factorisations on one core: on busy cores the threads of BLAS wait for each other, fifty times longer."""
    return ThreadpoolController()


def unit(rows_ND: Floats) -> Floats:
    """Rows of length 1; rows of zeros stay."""
    lengths_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    return np.asarray(rows_ND / np.maximum(lengths_N1, 1e-12), np.float32)
