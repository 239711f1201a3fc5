"""What is kept between requests: the open model, the run that may be training it, and the open collection."""

import copy
from collections.abc import Callable, Generator, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.inspection.interventions import changes_of
from engine.messages.models import Intervention, ModelInfo, WeightsForm
from engine.model.damage import check_rows
from engine.model.devices import best_device, device_for, place
from engine.model.memory import free_memory
from engine.model.opening import describe, finish, loading, read_config
from engine.model.tape import Changes
from engine.model.transformer import Transformer
from engine.service.answer import Idle
from engine.text.tokenizer import Tokenizer
from engine.training.recording import SavedRun

if TYPE_CHECKING:  # imports scipy, which only a search needs
    from engine.retrieval.collection import Collection

T = TypeVar("T")


class Cache:
    """A cache of one value for each name, valid for one key: what the value depends on."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Hashable, Any]] = {}

    def cached(self, name: str, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of this name, made again if the key has changed."""
        if not self.has(name, key):
            self._values[name] = (key, make())
        value: T = self._values[name][1]
        return value

    def has(self, name: str, key: Hashable) -> bool:
        """Return whether the value of this name was made for this key."""
        return name in self._values and self._values[name][0] == key

    def replace(self, name: str, key: Hashable, value: object) -> None:
        """Replace the value of this name."""
        self._values[name] = (key, value)


class OpenedModel(Cache):
    """The open model: its weights, and the interventions in it.

    `reader` makes the interventions; inspection functions need `changes` besides `model`. The weights are not
    changed, because the model may be in training.
    """

    def __init__(self, model: Transformer, tokenizer: Tokenizer, info: ModelInfo) -> None:
        super().__init__()
        self.model, self.tokenizer, self.info = model, tokenizer, info
        self.reader = Reader(model)
        self.interventions: tuple[Intervention, ...] = ()
        self.version = 0  # counts changes of weights and interventions: a key of the cache
        self.weights_version = 0  # counts changes of the weights alone

    @property
    def changes(self) -> Changes:
        """The interventions as changes for a tape."""
        return self.reader.changes

    @property
    def original(self) -> Reader:
        """The model without its interventions, as a reader of its own."""
        if not self.changes:
            return self.reader
        return self.cached("original", self.weights_version, lambda: Reader(self.model))

    def ids_of(self, text: str) -> tuple[int, ...]:
        """Return the token IDs of a text; cached, because several requests use the same text. Raises as check_rows."""
        ids = self.cached("ids", text, lambda: tuple(self.tokenizer.encode(text)))
        check_rows(self.model, self.tokenizer, ids)
        return ids

    def change(self, interventions: tuple[Intervention, ...]) -> None:
        """Replace all interventions. Raises as `changes_of`; the old ones are kept then."""
        changes = changes_of(self.model, interventions, self.tokenizer.encode)
        self.interventions = interventions
        self.version += 1
        self.reader.forget(changes)

    def to_cpu(self) -> None:
        """Compute on the CPU from now on."""
        self.model.to("cpu")
        self.info, self.reader = replace(self.info, device="cpu"), Reader(self.model)
        self.weights_version += 1
        self.change(self.interventions)

    def weights_changed(self) -> None:
        """Drop everything that was computed with the previous weights."""
        self.weights_version += 1
        self.change(self.interventions)  # means over a text depend on the weights


class Session(Cache):
    def __init__(self) -> None:
        super().__init__()
        self._opened: OpenedModel | None = None
        self.pinned: OpenedModel | None = None  # the state to compare with, "A"
        self.run: SavedRun | None = None
        self._collection: Collection | None = None
        self.steer = ""  # "", "pause" or "stop": what the run in progress is asked to do

    @property
    def opened(self) -> OpenedModel:
        """The open model. Raises EngineError error.no_model."""
        if self._opened is None:
            raise EngineError("error.no_model")
        return self._opened

    def side(self, pinned: bool) -> OpenedModel:
        """Return the model pinned as A, or the open one. Raises EngineError error.no_pinned, error.no_model."""
        if not pinned:
            return self.opened
        if self.pinned is None:
            raise EngineError("error.no_pinned")
        return self.pinned

    @property
    def opened_or_none(self) -> OpenedModel | None:
        return self._opened

    def open(self, path: Path, weights: WeightsForm = "float32") -> ModelInfo:
        """Open a model, or the one that is being trained there. Raises as `loading`."""
        return finish(self.opening(path, weights))

    def opening(self, path: Path, weights: WeightsForm = "float32") -> Generator[float, None, ModelInfo]:
        """Do as `open`, yield the share that is done, 0..1, and return the description.

        A model from the disk is on the device that devices.py chooses by its size, one in training on the run's.
        """
        if self.run is not None and self.run.folder == path:
            return self._open_run(self.run)
        device = "cpu" if best_device() == "cpu" else device_for(read_config(path))
        if device != "cpu":
            weights = "float32"  # matrices in fewer bits stay on the CPU
        model, tokenizer = yield from loading(path, weights=weights)
        return self._set(model, tokenizer, replace(describe(path, weights=weights), device=place(model, device)))

    def to_cpu(self) -> bool:
        """Let the open model compute on the CPU; return False if it does already, or is in training."""
        opened = self._opened
        if opened is None or opened.info.device == "cpu" or opened.info.training:
            return False
        opened.to_cpu()
        if self.pinned is not None and self.pinned.model is opened.model:
            self.pinned.to_cpu()
        return True

    def pinning(self, path: Path | None) -> Generator[float, None, OpenedModel]:
        """Pin the open model with its interventions, or the one in `path`, as A; yield the share that is done.

        Weights in training are copied; others are shared with the open model. Raises as `loading`, and EngineError
        error.model_memory if there is no memory for a copy.
        """
        self.pinned = None  # its memory may be needed
        if path is None or (self._opened is not None and self.run is None and self._opened.info.folder == str(path)):
            opened = self.opened
            pinned = OpenedModel(_kept(opened, self.run), opened.tokenizer, opened.info)
            pinned.change(opened.interventions if path is None else ())
        else:
            model, tokenizer = yield from loading(path)
            pinned = OpenedModel(model, tokenizer, describe(path))
        self.pinned = pinned
        return pinned

    def own_weights(self) -> OpenedModel:
        """Return the open model, whose weights the caller is about to change; A gets a copy if it shares them.

        Raises EngineError error.run_in_progress, and error.model_memory if there is no memory for a copy.
        """
        self.check_at_rest()
        opened, pinned = self.opened, self.pinned
        if pinned is not None and pinned.model is opened.model:
            self.pinned = OpenedModel(_copy(opened), pinned.tokenizer, pinned.info)
            self.pinned.change(pinned.interventions)
        return opened

    def check_at_rest(self) -> None:
        """Raise EngineError error.run_in_progress if a run is in progress."""
        if self.run is not None:
            raise EngineError("error.run_in_progress")

    def start_run(self, run: SavedRun) -> ModelInfo:
        """Make this the run in progress, and open its model. Raises EngineError error.run_in_progress."""
        self.check_at_rest()
        self.run, self.steer = run, ""
        return self._open_run(run)

    def end_run(self, run: SavedRun) -> None:
        """End a run, if it is the one in progress. Its model stays open as it is now, no longer in training."""
        if self.run is not run:
            return
        self.run, opened = None, self._opened
        if opened is not None and opened.model is run.model:
            opened.info = replace(opened.info, training=False, step=run.trainer.step)

    def step_of(self, opened: OpenedModel) -> int:
        """Return the training step of a model's weights now; 0 if it is not known."""
        is_trained = self.run is not None and self.run.model is opened.model
        return self.run.trainer.step if self.run is not None and is_trained else opened.info.step

    @property
    def collection(self) -> "Collection":
        """The open collection; setting it closes the previous one. Raises EngineError error.no_collection."""
        if self._collection is None:
            raise EngineError("error.no_collection")
        return self._collection

    @collection.setter
    def collection(self, opened: "Collection") -> None:
        if self._collection is not None:
            self._collection.close()
        self._collection = opened

    def weights_changed(self) -> None:
        """Drop everything that was computed with the weights before a training step."""
        if self._opened is not None:
            self._opened.weights_changed()

    def _open_run(self, run: SavedRun) -> ModelInfo:
        if self._opened is not None and self._opened.model is run.model:
            return self._opened.info
        device = run.model.device.type
        return self._set(run.model, run.tokenizer, replace(describe(run.folder, training=True), device=device))

    def _set(self, model: Transformer, tokenizer: Tokenizer, info: ModelInfo) -> ModelInfo:
        self._opened = OpenedModel(model, tokenizer, info)
        return info


def undisturbed(session: Session, answers: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the answers of the open model until another one is opened.

    While it is trained, all are computed before the first is yielded: at a `yield` a training step would run.
    """
    opened = session.opened
    waits = (Idle, type(None))
    for answer in [one for one in answers if not isinstance(one, waits)] if opened.info.training else answers:
        yield answer
        if session.opened is not opened:
            return


def _kept(opened: OpenedModel, run: SavedRun | None) -> Transformer:
    """Return the model of `opened`, or a copy if a run is changing its weights."""
    if run is None or run.model is not opened.model:
        return opened.model
    return _copy(opened)


def _copy(opened: OpenedModel) -> Transformer:
    """Return a copy of a model. Raises EngineError error.model_memory if there is no memory for it."""
    have = free_memory()
    if have is not None and opened.info.bytes > have:
        need = f"{opened.info.bytes / 2**30:.1f}"
        raise EngineError("error.model_memory", need=need, have=f"{have / 2**30:.1f}")
    return copy.deepcopy(opened.model)
