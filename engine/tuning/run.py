"""A run of fine-tuning: a model that learns from examples or choices, as a folder like that of any other model.

run = TunedRun(folder, learner, about)
run.begin()
for step in run.steps(): ...               closing it saves
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.errors import not_written
from engine.model.checkpoint import save_model, save_weights, write_json
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.training.recording import SavedRun, check_free
from engine.training.trainer import Trainer
from engine.tuning.forms import copy_form

ABOUT = "tuning.json"


class Learner(Protocol):
    """A model in tuning, and how what it has learned is measured."""

    model: Transformer
    tokenizer: Tokenizer
    trainer: Trainer

    def measure(self, final: bool) -> Iterator[dict[str, float] | None]:
        """Yield None where other requests may be served, and last what was measured, by name (see Measured).

        `final`: on everything that is held out; otherwise on a part of it, so that it takes a fraction of a second.
        """

    def write(self, prompts: Sequence[str]) -> Iterator[str | None]:
        """Yield the model's answer to each prompt, and None where other requests may be served."""

    def enough(self) -> str:
        """Return why the run should end before its time, as the key of a sentence, or "" if it should not."""


class TunedRun(SavedRun):
    """A run of fine-tuning and its folder. It is not continued: a model is tuned further in a run of its own."""

    def __init__(self, folder: Path, learner: Learner, about: Mapping[str, Any]) -> None:
        """`about` is written to tuning.json; its "base" is the model before. Raise EngineError error.folder_taken."""
        check_free(folder)
        super().__init__(folder)
        self.learner, self.about = learner, dict(about)
        self.model, self.tokenizer, self.trainer = learner.model, learner.tokenizer, learner.trainer

    def begin(self) -> None:
        """Save the model as it is before the first step. Raises EngineError error.not_written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / ABOUT, self.about)
        except OSError as error:
            raise not_written(self.folder, error) from error
        save_model(self.folder, self.model, self.tokenizer, self.trainer.step)
        copy_form(Path(self.about["base"]), self.folder, self.tokenizer, self.model.config.context)
        self.save()

    def save_state(self) -> None:
        save_weights(self.folder, self.model, self.trainer.step)
