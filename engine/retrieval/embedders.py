"""Embedders, which turn a text into a vector.

"lsa" is fitted to the collection itself; "model" takes the hidden states of a language model; "word2vec" the mean of
word vectors; "encoder" a network trained for this (BERT, E5), from a folder in the format of sentence-transformers;
"minilm" such an encoder, from a package (an extra).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from engine.errors import EngineError
from engine.retrieval import minilm
from engine.retrieval.lsa import Lsa, unit

Floats = NDArray[np.float32]
KINDS = ("lsa", "minilm", "model", "word2vec", "encoder")
E5 = re.compile(r"(?<![a-z0-9])e5(?![a-z0-9])")  # in the name of a folder, but not within a hexadecimal number
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")


class Embedder(Protocol):
    name: str  # one of KINDS
    likely: float  # cosine from which a passage is relevant to a question; 0 if no cosine shows that

    @property
    def width(self) -> int: ...

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        """Return vectors [texts, D], each of length 1, or 0 if a text has no known term."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The embedder of a collection.

    `folder`: of its model, if it has one. `step`: training step of that model when the vectors were made (0 =
    unknown), to detect stale vectors.
    """

    kind: str = "lsa"
    folder: str = ""
    step: int = 0

    @classmethod
    def from_json(cls, saved: Any) -> "Choice":
        return cls(str(saved[0]), str(saved[1]), *map(int, saved[2:3])) if isinstance(saved, list) else cls()

    def to_json(self) -> list[str | int]:
        return [self.kind, self.folder, self.step]


def embedder_file(folder: Path, fit: int) -> Path:
    return folder / f"lsa-{fit}.safetensors"


def load_embedder(folder: Path, fit: int, choice: Choice) -> Embedder:
    """Load the embedder that a collection's vectors were made with.

    Raises EngineError: error.collection_damaged, and what opening the model raises.
    """
    return Lsa.load(embedder_file(folder, fit)) if choice.kind == "lsa" else open_embedder(choice)


@lru_cache(maxsize=1)  # searching and indexing share it
def open_embedder(choice: Choice) -> Embedder:
    """Open an embedder that needs no fitting.

    Raises EngineError: error.config_choice, and what opening the model raises.
    """
    if choice.kind == "model":
        return HiddenStates(Path(choice.folder), choice.step)
    if choice.kind == "word2vec":
        return WordMeans(Path(choice.folder) if choice.folder else None)
    if choice.kind == "encoder":
        return Encoder(Path(choice.folder))
    if choice.kind == "minilm":
        return MiniLm()
    raise EngineError("error.config_choice", setting="embedder", value=choice.kind, known=", ".join(KINDS))


class HiddenStates:
    """The mean over all tokens of a language model's last hidden state, after the final norm."""

    name = "model"
    likely = 0.0

    def __init__(self, folder: Path, step: int = 0) -> None:
        """Load the model. Raises as load_model, and error.vectors_outdated if its weights are not those of `step`."""
        from engine.model.opening import describe, load_model

        if step and describe(folder).step != step:
            raise EngineError("error.vectors_outdated", folder=str(folder), step=step)
        self._model, self._tokenizer = load_model(folder)

    @property
    def width(self) -> int:
        return self._model.config.width

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        return unit(np.stack([self._mean(text) for text in texts]))

    def _mean(self, text: str) -> Floats:
        """Return the mean over all tokens; a text longer than the context is read in windows."""
        import torch

        from engine.model.tape import Tape

        ids, context = self._tokenizer.encode(text), self._model.config.context
        total_D = np.zeros(self.width, np.float32)
        for start in range(0, len(ids), context):
            tape = Tape(["ln_final"])
            self._model.record(torch.tensor([ids[start : start + context]]), tape)
            total_D += tape["ln_final"][0].float().sum(dim=0).numpy()
        return np.asarray(total_D / max(1, len(ids)), np.float32)


class WordMeans:
    """The mean of word vectors, with larger weights for rare words (Arora et al. 2017, ICLR)."""

    name = "word2vec"
    likely = 0.0
    SMOOTHING = 1e-3

    def __init__(self, folder: Path | None) -> None:
        """Load the word vectors saved in `folder`, or the built-in ones. Raises as Word2Vec.load."""
        from engine.history import word2vec

        self._words_of = word2vec.words_of
        self._words = word2vec.Word2Vec.load(folder or word2vec.BUILTIN)
        rank_V = np.arange(1, len(self._words.words) + 1)
        share_V = 1 / rank_V / np.sum(1 / rank_V)  # by Zipf's law: only the order of the words' frequencies is saved
        self._weights_V = (self.SMOOTHING / (self.SMOOTHING + share_V)).astype(np.float32)

    @property
    def width(self) -> int:
        return self._words.vectors_VD.shape[1]

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        return unit(np.stack([self._mean(text) for text in texts]))

    def _mean(self, text: str) -> Floats:
        known = [i for word in self._words_of(text) if (i := self._words.index(word)) is not None]
        return np.asarray(self._weights_V[known] @ self._words.vectors_VD[known], np.float32)


class Encoder:
    """An encoder's last hidden state: the mean over its tokens, or the first token where its configuration says so."""

    name = "encoder"
    likely = 0.4
    LONGEST = 512  # tokens; the rest of a text is ignored
    TOGETHER = 16  # texts of similar length in one forward pass: padding all to the longest takes longer

    def __init__(self, folder: Path) -> None:
        """Load an encoder.

        Raises EngineError: error.extra_missing, error.model_missing, error.no_tokenizer, error.tokenizer_program,
        error.model_mismatch, error.model_damaged, and as weight_files.
        """
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise EngineError("error.extra_missing", extra="encoder") from error
        from engine.model.huggingface import weight_files

        if not (folder / "config.json").is_file():
            raise EngineError("error.model_missing", folder=str(folder))
        (weights, *_) = weight_files(folder)
        if not any((folder / name).is_file() for name in TOKENIZERS):  # transformers would build an empty one
            raise EngineError("error.no_tokenizer", folder=str(folder))
        # Allow no pickle, no network, no code from the folder.
        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder), **safe)
            model, loaded = AutoModel.from_pretrained(
                str(folder), use_safetensors=True, output_loading_info=True, **safe
            )
        except ImportError as error:  # Japanese BERTs whose tokenizer needs MeCab
            raise EngineError("error.tokenizer_program", folder=str(folder)) from error
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            raise EngineError("error.model_damaged", file=str(folder)) from error
        for name in sorted(loaded["missing_keys"]):  # they would be random; the pooler is not used
            if not name.startswith("pooler."):
                raise EngineError("error.model_mismatch", file=str(weights), tensor=name)
        self._model, self._first_token = model.eval(), _pools_first_token(folder)
        longest = int(getattr(self._model.config, "max_position_embeddings", self.LONGEST))
        self._longest = min(self.LONGEST, longest, _trained_length(folder) or self.LONGEST)
        self._is_e5 = E5.search(folder.name.lower()) is not None

    @property
    def width(self) -> int:
        return int(self._model.config.hidden_size)

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        import torch

        if self._is_e5:  # trained with these prefixes (Wang et al. 2022, arXiv:2212.03533)
            texts = [("query: " if question else "passage: ") + text for text in texts]
        rows_ND = np.zeros((len(texts), self.width), np.float32)
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), self.TOGETHER):
            chosen = by_length[start : start + self.TOGETHER]
            some = [texts[index] for index in chosen.tolist()]
            batch = self._tokenizer(some, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
            with torch.inference_mode():
                states_BTD = self._model(**batch).last_hidden_state
            seen_BT1 = batch["attention_mask"].unsqueeze(-1)
            mean_BD = (states_BTD * seen_BT1).sum(dim=1) / seen_BT1.sum(dim=1)
            rows_ND[chosen] = (states_BTD[:, 0] if self._first_token else mean_BD).float().numpy()
        return unit(rows_ND)


class MiniLm(Encoder):
    """The encoder all-MiniLM-L6-v2, which was trained on a billion pairs of English texts."""

    name = "minilm"

    def __init__(self) -> None:
        """Load the encoder. Raises as minilm.unpacked and Encoder."""
        super().__init__(minilm.unpacked())


def _pools_first_token(folder: Path) -> bool:
    from engine.model.checkpoint import read_json

    path = folder / "1_Pooling" / "config.json"
    return path.is_file() and bool(read_json(path).get("pooling_mode_cls_token"))


def _trained_length(folder: Path) -> int:
    """Return the number of tokens up to which sentence-transformers reads a text with this model; 0 if unknown."""
    from engine.model.checkpoint import read_json

    path = folder / "sentence_bert_config.json"
    longest = read_json(path).get("max_seq_length") if path.is_file() else 0
    return longest if isinstance(longest, int) else 0
