"""What turns a text into a vector, behind one small interface.

"lsa" is fitted to the collection itself; "model" are the hidden states of a language model; "word2vec" is the mean
of its words' vectors; "encoder" is a network made for this (BERT, MiniLM, E5), from a folder in the form of
sentence-transformers.
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
from engine.retrieval.lsa import Lsa, unit

Floats = NDArray[np.float32]
KINDS = ("lsa", "model", "word2vec", "encoder")
E5 = re.compile(r"(?<![a-z0-9])e5(?![a-z0-9])")  # in the name of a folder; not in a hexadecimal one
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")


class Embedder(Protocol):
    name: str  # one of KINDS

    @property
    def width(self) -> int: ...

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        """[texts, D], each row of length 1 (or 0 where nothing is known of a text)."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """Which embedder a collection has, as it is noted there. `folder` holds the model behind it, `step` are the
    training steps behind its weights of then, 0 if not known: a model learns on, vectors do not."""

    kind: str = "lsa"
    folder: str = ""
    step: int = 0

    @classmethod
    def from_json(cls, noted: Any) -> "Choice":
        return cls(str(noted[0]), str(noted[1]), *map(int, noted[2:3])) if isinstance(noted, list) else cls()

    def to_json(self) -> list[str | int]:
        return [self.kind, self.folder, self.step]


def embedder_file(folder: Path, fit: int) -> Path:
    """Where an embedder that was fitted to a collection is kept."""
    return folder / f"lsa-{fit}.safetensors"


def load_embedder(folder: Path, fit: int, choice: Choice) -> Embedder:
    """The one that a collection's vectors are made with.

    Raises EngineError: error.collection_damaged, and what opening the model raises.
    """
    return Lsa.load(embedder_file(folder, fit)) if choice.kind == "lsa" else open_embedder(choice)


@lru_cache(maxsize=1)  # the collection that is searched and the one that grows share it
def open_embedder(choice: Choice) -> Embedder:
    """One that needs no fitting. Raises EngineError: error.config_choice, and what opening the model raises."""
    if choice.kind == "model":
        return HiddenStates(Path(choice.folder), choice.step)
    if choice.kind == "word2vec":
        return WordMeans(Path(choice.folder) if choice.folder else None)
    if choice.kind == "encoder":
        return Encoder(Path(choice.folder))
    raise EngineError("error.config_choice", setting="embedder", value=choice.kind, known=", ".join(KINDS))


class HiddenStates:
    """The mean over all tokens of a language model's last hidden state, behind the final norm."""

    name = "model"

    def __init__(self, folder: Path, step: int = 0) -> None:
        """Raises as load_model, and error.vectors_outdated if these are no longer the weights of that step."""
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
        """Of a text longer than the context, the mean over its windows, each by its tokens."""
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
    """The mean of the vectors of a text's words, those that are rare the more (Arora et al. 2017, ICLR)."""

    name = "word2vec"
    SMOOTHING = 1e-3

    def __init__(self, folder: Path | None) -> None:
        """`folder`: as engine/baselines/word2vec.py saves them; None: those that Nakami brings. Raises as it does."""
        from engine.history import word2vec

        self._words_of = word2vec.words_of
        self._words = word2vec.Word2Vec.load(folder or word2vec.BUILTIN)
        rank_V = np.arange(1, len(self._words.words) + 1)
        share_V = 1 / rank_V / np.sum(1 / rank_V)  # Zipf's law: how frequent they are is not kept, their order is
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
    """An encoder's last hidden state, its mean over the tokens (or its first one, where its folder says so)."""

    name = "encoder"
    LONGEST = 512  # tokens; what comes behind is not seen

    def __init__(self, folder: Path) -> None:
        """Raises EngineError: error.extra_missing, error.model_missing, error.no_tokenizer, error.tokenizer_program,
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
        if not any((folder / name).is_file() for name in TOKENIZERS):  # transformers would make one up
            raise EngineError("error.no_tokenizer", folder=str(folder))
        # No pickle, no network, no code from the folder.
        kept: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(str(folder), **kept)
            model, loaded = AutoModel.from_pretrained(
                str(folder), use_safetensors=True, output_loading_info=True, **kept
            )
        except ImportError as error:  # BERTs that want their Japanese cut by MeCab first
            raise EngineError("error.tokenizer_program", folder=str(folder)) from error
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            raise EngineError("error.model_damaged", file=str(folder)) from error
        for name in sorted(loaded["missing_keys"]):  # it would be random; of the pooler nothing is used
            if not name.startswith("pooler."):
                raise EngineError("error.model_mismatch", file=str(weights), tensor=name)
        self._model, self._first_token = model.eval(), _pools_first_token(folder)
        longest = int(getattr(self._model.config, "max_position_embeddings", self.LONGEST))
        self._longest = min(self.LONGEST, longest)
        self._is_e5 = E5.search(folder.name.lower()) is not None

    @property
    def width(self) -> int:
        return int(self._model.config.hidden_size)

    def embed(self, texts: Sequence[str], question: bool = False) -> Floats:
        import torch

        if self._is_e5:  # it was taught with these words in front (Wang et al. 2022, arXiv:2212.03533)
            texts = [("query: " if question else "passage: ") + text for text in texts]
        batch = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        with torch.inference_mode():
            states_BTD = self._model(**batch).last_hidden_state
        seen_BT1 = batch["attention_mask"].unsqueeze(-1)
        mean_BD = (states_BTD * seen_BT1).sum(dim=1) / seen_BT1.sum(dim=1)
        return unit((states_BTD[:, 0] if self._first_token else mean_BD).float().numpy())


def _pools_first_token(folder: Path) -> bool:
    from engine.model.checkpoint import read_json

    path = folder / "1_Pooling" / "config.json"
    return path.is_file() and bool(read_json(path).get("pooling_mode_cls_token"))
