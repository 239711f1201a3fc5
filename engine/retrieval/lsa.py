"""Latent semantic analysis: vectors fitted to one's own documents, without a downloaded model.

Deerwester et al. 1990 (JASIS 41): the weighted matrix of passages × terms is reduced to few dimensions by a
truncated singular value decomposition; passages whose words occur with the same other words get similar vectors.
The decomposition is computed by Halko et al. 2011 (arXiv:0909.4061), and the first directions get slightly more
weight (Caron 2001). Own code instead of scikit-learn's TruncatedSVD, because a fit reports its progress, can be
cancelled at every step, and saves a second of import.

Suffixes: N passages, V terms, D dimensions, C columns of the random basis.
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
MOST_EXACT = 1500  # passages up to which the exact decomposition is faster
OVERSAMPLE, POWERS = 16, 3
EMPHASIS = 0.25  # each direction is scaled by its singular value to this power
MOST_FITTED = 30_000  # passages; more hardly change the directions
MOST_TERMS = 60_000
FEW = 200  # passages below which terms of a single passage are used, too
FAINT = 1e-4  # projections shorter than this are rounding noise: the text is treated as having no known terms
NEGLIGIBLE = 1e-3  # share of the largest singular value below which one is rounding noise, as from copied documents
BLOCK = 1000  # passages multiplied between two yields

Floats = NDArray[np.float32]
Fitting = Generator[float, None, "Lsa"]


class Lsa:
    """The embedder of latent semantic analysis (embedders.Embedder)."""

    name = "lsa"
    likely = 0.0

    def __init__(self, words: Sequence[str], weights_V: Floats, axes_VD: Floats) -> None:
        self.words, self.weights_V, self.axes_VD = words, weights_V, axes_VD
        self._columns = {word: column for column, word in enumerate(words)}

    @property
    def width(self) -> int:
        return self.axes_VD.shape[1]

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        """Return vectors [texts, D] of length 1, or 0 where no term is known. Questions are embedded like passages."""
        rows_ND = weighted(self._counts(texts), self.weights_V) @ self.axes_VD
        rows_ND[np.linalg.norm(rows_ND, axis=1) < FAINT] = 0.0
        return unit(rows_ND)

    def _counts(self, texts: Sequence[str]) -> csr_matrix:
        indptr, indices, data = [0], list[int](), list[int]()
        for text in texts:
            counts = Counter(self._columns[term] for term in terms(text) if term in self._columns)
            indices += counts.keys()
            data += counts.values()
            indptr.append(len(indices))
        shape = (len(texts), len(self.words))
        return csr_matrix((np.array(data, np.float32), np.array(indices, np.int32), indptr), shape)

    def save(self, path: Path) -> None:
        """Write the embedder to a file. Raises OSError."""
        words = np.frombuffer("\n".join(self.words).encode(), np.uint8)
        save_file({"words": words, "weights": self.weights_V, "axes": self.axes_VD.astype(np.float16)}, path)

    @classmethod
    def load(cls, path: Path) -> "Lsa":
        """Read an embedder from a file. Raises EngineError error.collection_damaged."""
        try:
            with safe_open(path, "np") as file:
                words = file.get_tensor("words").tobytes().decode().splitlines()
                return cls(words, file.get_tensor("weights"), file.get_tensor("axes").astype(np.float32))
        except (OSError, SafetensorError, ValueError) as error:
            raise EngineError("error.collection_damaged", file=str(path), reason=str(error)) from error


def fit(counts_NV: csr_matrix, vocabulary: Mapping[str, int], width: int = WIDTH) -> Fitting:
    """Fit the embedder: yield the share that is done, return the embedder. `vocabulary`: each term's column."""
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
    axes_VD = axes_VD.astype(np.float16).astype(np.float32)  # the precision of the file
    return Lsa([names[column] for column in kept.tolist()], weights_V, axes_VD)


def _sample(counts_NV: csr_matrix) -> csr_matrix:
    N = counts_NV.shape[0]
    if N <= MOST_FITTED:
        return counts_NV
    return counts_NV[np.sort(np.random.default_rng(1).choice(N, MOST_FITTED, replace=False))]


def global_weights(counts_NV: csr_matrix) -> Floats:
    """Return (1 − entropy of a term's distribution over the passages / ln N)²: 0 if even, 1 if in one passage.

    Dumais 1991, but squared, which ranks better for questions of few words.
    """
    N = max(2, counts_NV.shape[0])
    total_V = np.maximum(np.asarray(counts_NV.sum(axis=0), np.float64).ravel(), 1.0)
    share = counts_NV.data / total_V[counts_NV.indices]
    entropy_V = -np.bincount(counts_NV.indices, share * np.log(share), minlength=counts_NV.shape[1])
    return (np.maximum(1.0 - entropy_V / np.log(N), 0.0) ** 2).astype(np.float32)


def weighted(counts_NV: csr_matrix, weights_V: Floats) -> csr_matrix:
    """Return ln(1 + count) · weight, each row scaled to length 1."""
    rows = counts_NV.astype(np.float32)
    rows.data = np.log1p(rows.data) * weights_V[rows.indices]
    squares_N = np.bincount(np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.data**2, rows.shape[0])
    rows.data /= np.repeat(np.sqrt(np.maximum(squares_N, 1e-12)), np.diff(rows.indptr)).astype(np.float32)
    return rows


def _axes(rows_NV: csr_matrix, width: int) -> Generator[float, None, tuple[Floats, Floats]]:
    """Return the first right singular vectors [V, D] and their singular values [D].

    They are computed from the left ones, because there are fewer passages than terms.
    """
    blocks = [rows_NV[start : start + BLOCK] for start in range(0, rows_NV.shape[0], BLOCK)]
    left_ND = yield from (_exact(rows_NV, width) if rows_NV.shape[0] <= MOST_EXACT else _random(blocks, width))
    axes_VD = np.zeros((rows_NV.shape[1], left_ND.shape[1]), np.float32)
    for index, block in enumerate(blocks):
        axes_VD += block.T @ left_ND[index * BLOCK : (index + 1) * BLOCK]
        yield 0.9 + 0.1 * index / len(blocks)
    singular_D = np.linalg.norm(axes_VD, axis=0)
    kept_D = singular_D > NEGLIGIBLE * singular_D.max()
    kept_D[:1] = True  # even a collection without words needs one direction
    singular_D = np.maximum(singular_D[kept_D], 1e-12)
    return np.ascontiguousarray(axes_VD[:, kept_D] / singular_D), singular_D  # contiguous for safetensors


def _exact(rows_NV: csr_matrix, width: int) -> Generator[float, None, Floats]:
    """Return the left singular vectors, which are the eigenvectors of the products of all passages with each other."""
    products_NN = (rows_NV @ rows_NV.T).toarray()
    yield 0.3
    N = len(products_NN)
    with _blas().limit(limits=1):
        _, vectors_ND = eigh(products_NN, subset_by_index=(max(0, N - width), N - 1), driver="evr")
    return np.ascontiguousarray(vectors_ND[:, ::-1])


def _random(blocks: Sequence[csr_matrix], width: int) -> Generator[float, None, Floats]:
    """Approximate the left singular vectors by subspace iteration from a random start."""
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
    """Return the controller that limits factorisations to one core.

    On busy cores the threads of BLAS wait for each other, which takes up to fifty times longer.
    """
    return ThreadpoolController()


def unit(rows_ND: Floats) -> Floats:
    """Scale rows to length 1; rows of zeros stay zero."""
    lengths_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    return np.asarray(rows_ND / np.maximum(lengths_N1, 1e-12), np.float32)
