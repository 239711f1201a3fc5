"""What stays loaded between requests: the open model, and the run that may be teaching it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.history.word2vec import BUILTIN as WORD2VEC, Word2Vec
from engine.messages.models import ModelInfo
from engine.model.opening import describe, load_model
from engine.model.transformer import Transformer
from engine.text.merges import MergeReplay
from engine.text.tokenizer import Tokenizer
from engine.training.run import Run

if TYPE_CHECKING:  # scipy with it: only who searches pays for that
    from engine.retrieval.collection import Collection


@dataclass
class OpenedModel:
    model: Transformer
    tokenizer: Tokenizer
    info: ModelInfo
    reader: Reader
    points: NDArray[np.float32] | None = None  # of the last projection, to turn the next one onto
    merges: MergeReplay | None = None
    answers: dict[str, bool] = field(default_factory=dict)  # by language: whether it can answer from a text


class Session:
    def __init__(self) -> None:
        self._opened: OpenedModel | None = None
        self.run: Run | None = None
        self.sample: tuple[tuple[str, ...], str] | None = None  # paths and the beginning of their text
        self.rivals: tuple[tuple[str, ...], dict[str, Tokenizer]] | None = None  # learned from such a sample
        self._word2vec: Word2Vec | None = None
        self._collection: Collection | None = None
        self.steer = ""  # "", "pause" or "stop": what the run in progress is asked to do

    @property
    def opened(self) -> OpenedModel:
        """Raises EngineError: error.no_model."""
        if self._opened is None:
            raise EngineError("error.no_model")
        return self._opened

    @property
    def word2vec(self) -> Word2Vec:
        """The word vectors that Nakami brings, read when they are first wanted. Raises as Word2Vec.load."""
        if self._word2vec is None:
            self._word2vec = Word2Vec.load(WORD2VEC)
        return self._word2vec

    @property
    def opened_or_none(self) -> OpenedModel | None:
        return self._opened

    def open(self, folder: Path) -> ModelInfo:
        """Opens a folder, or takes the model that is being trained there. Raises as load_model."""
        if self.run is not None and self.run.folder == folder and self._opened is not None:
            return self._opened.info
        model, tokenizer = load_model(folder)
        return self._set(model, tokenizer, describe(folder))

    def take(self, run: Run) -> ModelInfo:
        """The model of a run is at once the one that is looked at and that writes."""
        self.run, self.steer = run, ""
        return self._set(run.model, run.tokenizer, describe(run.folder, training=True))

    @property
    def collection(self) -> "Collection":
        """Raises EngineError: error.no_collection."""
        if self._collection is None:
            raise EngineError("error.no_collection")
        return self._collection

    @collection.setter
    def collection(self, opened: "Collection") -> None:
        """In place of the one that was open, which is closed."""
        if self._collection is not None:
            self._collection.close()
        self._collection = opened

    def weights_changed(self) -> None:
        if self._opened is not None:
            self._opened.reader.forget()

    def _set(self, model: Transformer, tokenizer: Tokenizer, info: ModelInfo) -> ModelInfo:
        self._opened = OpenedModel(model, tokenizer, info, Reader(model))
        return info
