"""Word vectors by word2vec: skip-gram with negative sampling (Mikolov et al. 2013, arXiv:1310.4546, §2).

The vectors are trained to distinguish a word's neighbours from random words: for a word w, a neighbour c and K
random words n the loss is
    −log σ(u_c · v_w) − Σ log σ(−u_n · v_w).
The vectors v are the result, the u are discarded.

Suffixes: V words, D width, B pairs in a batch, K random words for each.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.text.scripts import PIECE_PATTERN, kind_of

BUILTIN = Path(__file__).parent.parent.parent / "assets" / "word2vec"  # comes with Nakami, made by engine/builtin.py
WEIGHTS, WORDS = "word2vec.safetensors", "word2vec.json"
WIDTH = 64
WINDOW = 5  # most neighbours on each side; their number is drawn for each word, so that near ones count more
NEGATIVES = 8
FREQUENT = 3e-4  # words with a larger share of the text are subsampled (§2.3)
RAREST = 20  # occurrences below which a word has no vector
SMOOTHING = 0.75  # random words are drawn by their frequency to this power (§2.2)
PAIRS = 4096
RATE = 0.01  # learning rate of Adam, decaying to zero
_PIECES = Split(Regex(PIECE_PATTERN), "isolated")

IDs = NDArray[np.int32]
Floats = NDArray[np.float32]


class Word2Vec:
    """Word vectors: `vectors_VD[i]` is that of `words[i]`, in lower case, the most frequent word first."""

    def __init__(self, words: list[str], vectors_VD: Floats) -> None:
        self.words, self.vectors_VD = words, vectors_VD
        self._index = {word: i for i, word in enumerate(words)}

    def index(self, word: str) -> int | None:
        return self._index.get(word.strip().lower())

    def save(self, folder: Path) -> None:
        """Save words and vectors, as float16. Raises EngineError error.not_written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / WORDS) as words, replacing(folder / WEIGHTS) as weights:
                words.write_text(json.dumps(self.words, ensure_ascii=False), "utf-8")
                save_file({"vectors": self.vectors_VD.astype(np.float16)}, weights)
        except (OSError, SafetensorError) as error:
            raise not_written(folder, error) from error

    @classmethod
    def load(cls, folder: Path) -> "Word2Vec":
        """Load what `save` wrote. Raises EngineError: error.model_missing, error.model_damaged."""
        if not (folder / WEIGHTS).is_file():
            raise EngineError("error.model_missing", folder=str(folder))
        try:
            words = json.loads((folder / WORDS).read_text("utf-8"))
            vectors_VD = load_file(folder / WEIGHTS)["vectors"].astype(np.float32)
            if vectors_VD.ndim != 2 or len(words) != len(vectors_VD) or not all(isinstance(w, str) for w in words):
                raise ValueError("words and vectors differ in number")
            return cls(words, vectors_VD)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise EngineError("error.model_damaged", file=str(folder / WEIGHTS)) from error


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without digits and punctuation."""
    pieces = (piece.strip().lower() for piece, _ in _PIECES.pre_tokenize_str(text))
    return [piece for piece in pieces if piece and kind_of(piece) in ("latin", "kanji", "hiragana", "katakana")]


def train(texts: Iterable[str], epochs: int = 3, seed: int = 1) -> Iterator[tuple[float, Word2Vec]]:
    """Yield the share done, 0..1, and the vectors so far, every few steps. No pair crosses two texts.

    Raises EngineError error.text_too_short if no two words are frequent enough.
    """
    words, sentences = _vocabulary([words_of(text) for text in texts])
    if len(words) < 2:
        raise EngineError("error.text_too_short", need=2 * RAREST, have=sum(map(len, sentences)), context=1)
    rng = np.random.default_rng(seed)
    counts_V = np.bincount(np.concatenate(sentences), minlength=len(words))
    model = _SkipGram(len(words), counts_V, seed)
    for epoch in range(epochs):
        centres, neighbours = _pairs(sentences, _kept(counts_V), rng)
        order = rng.permutation(len(centres))
        for start in range(0, len(order), PAIRS):
            batch = order[start : start + PAIRS]
            done = (epoch + start / len(order)) / epochs
            model.step(centres[batch], neighbours[batch], 1 - done)
            if start // PAIRS % 100 == 0:
                yield done, Word2Vec(words, model.vectors())
    yield 1.0, Word2Vec(words, model.vectors())


class _SkipGram:
    """The two matrices and their optimizer."""

    def __init__(self, words: int, counts_V: NDArray[np.int64], seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._v_VD = ((torch.rand(words, WIDTH, generator=self._generator) - 0.5) / WIDTH).requires_grad_()
        self._u_VD = torch.zeros(words, WIDTH, requires_grad=True)
        self._noise_V = torch.from_numpy(counts_V).double() ** SMOOTHING
        self._optimizer = torch.optim.Adam([self._v_VD, self._u_VD], lr=RATE)

    def step(self, centres: IDs, neighbours: IDs, factor: float) -> float:
        """Take one step on B pairs at `factor` times the learning rate; return the loss before it, in nats per pair."""
        w_B, c_B = torch.from_numpy(centres), torch.from_numpy(neighbours)
        n_BK = torch.multinomial(self._noise_V, len(w_B) * NEGATIVES, True, generator=self._generator)
        v_BD, u_BD = self._v_VD[w_B], self._u_VD[c_B]
        n_BKD = self._u_VD[n_BK.view(len(w_B), NEGATIVES)]
        near_B = F.logsigmoid((u_BD * v_BD).sum(dim=1))
        far_BK = F.logsigmoid(-(n_BKD @ v_BD.unsqueeze(2)).squeeze(2))
        loss = -(near_B + far_BK.sum(dim=1)).mean()
        self._optimizer.param_groups[0]["lr"] = RATE * factor
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.item()

    def vectors(self) -> Floats:
        vectors: Floats = self._v_VD.detach().numpy().copy()
        return vectors


def _vocabulary(texts: list[list[str]]) -> tuple[list[str], list[IDs]]:
    """Return the words that are frequent enough, the most frequent first, and each text as their indices."""
    counts = Counter(word for text in texts for word in text)
    words = [word for word, count in counts.most_common() if count >= RAREST]
    index = {word: i for i, word in enumerate(words)}
    return words, [np.array([index[word] for word in text if word in index], np.int32) for text in texts]


def _kept(counts_V: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability of using an occurrence of each word: sqrt(t / f), at most 1 (§2.3)."""
    return np.minimum(1.0, np.sqrt(FREQUENT * counts_V.sum() / np.maximum(counts_V, 1)))


def _pairs(sentences: list[IDs], kept_V: NDArray[np.float64], rng: np.random.Generator) -> tuple[IDs, IDs]:
    """Return every word with each of its neighbours, after subsampling."""
    lengths = np.array([len(sentence) for sentence in sentences])
    ids, text = np.concatenate(sentences), np.repeat(np.arange(len(sentences)), lengths)
    used = rng.random(len(ids)) < kept_V[ids]
    ids, text = ids[used], text[used]
    reach = rng.integers(1, WINDOW + 1, len(ids))
    centres, neighbours = [], []
    for distance in range(1, WINDOW + 1):
        same = text[distance:] == text[:-distance]
        left, right = slice(None, -distance), slice(distance, None)
        for here, there in ((left, right), (right, left)):
            seen = same & (reach[here] >= distance)
            centres.append(ids[here][seen])
            neighbours.append(ids[there][seen])
    return np.concatenate(centres), np.concatenate(neighbours)
