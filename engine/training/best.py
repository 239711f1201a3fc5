"""The best moment of a run: the weights with the lowest loss on unseen text, if training has made it worse since."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from engine.errors import not_written
from engine.model.checkpoint import CONFIG, WEIGHTS, weights_of, write_json, write_tensors
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "best"  # in the run's folder: a model that can be opened
RISE = 0.05  # nats above the lowest loss from which the loss has risen: less is noise


class BestWeights:
    """Keeps a copy of the best weights in memory, and writes it once the loss on unseen text has risen."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / FOLDER
        self.step, self.loss = 0, math.inf
        self._weights: dict[str, Tensor] = {}  # empty if they are on disk
        self._has_risen = False

    def add(self, step: int, loss: float, model: Transformer) -> None:
        """Compare the loss on unseen text at this step with the lowest so far."""
        if loss < self.loss:
            self.step, self.loss, self._has_risen = step, loss, False
            self._weights = {name: tensor.detach().clone() for name, tensor in weights_of(model).items()}
        elif loss > self.loss + RISE:
            self._has_risen = True

    def save(self, model: Transformer, tokenizer: Tokenizer) -> None:
        """Write the best weights if the loss has risen since. Raises EngineError error.not_written."""
        if not (self._has_risen and self._weights):
            return
        try:
            self.folder.mkdir(exist_ok=True)
            tokenizer.save(self.folder)
            write_json(self.folder / CONFIG, {"format": 1, **model.config.to_json()})
        except OSError as error:
            raise not_written(self.folder, error) from error
        about = {"step": str(self.step), "validation": repr(self.loss)}
        write_tensors(self.folder / WEIGHTS, self._weights, about)
        self._weights = {}

    def load(self) -> None:
        """Continue with the moment on disk, if there is one."""
        kept = read_best(self.folder.parent)
        if kept is not None:
            self.step, self.loss = kept


def read_best(run_folder: Path) -> tuple[int, float] | None:
    """Return step and loss on unseen text, in nats per token, of a run's best moment; None if none was kept."""
    try:
        with safe_open(run_folder / FOLDER / WEIGHTS, "pt") as file:
            about = file.metadata() or {}
        return int(about["step"]), float(about["validation"])
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
