"""A run as a folder: its log, its weights and its state, saved every few seconds, at the end and when it is closed."""

import json
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.model.checkpoint import CONFIG, STATE, save_weights, write_tensors
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.training.trainer import Trainer, TrainStep

LOG = "log.jsonl"
SAVE_SECONDS = 5.0
SAVE_SHARE = 0.05  # largest share of the time for saving: on a slow disk, saves are rarer


class SavedRun:
    """A run and its folder. A subclass sets `trainer`, `model` and `tokenizer` before the first step."""

    trainer: Trainer
    model: Transformer
    tokenizer: Tokenizer

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unsaved: list[dict[str, Any]] = []  # lines of the log
        self._saved_at, self._pause = time.monotonic(), SAVE_SECONDS

    def steps(self) -> Generator[TrainStep | None, None, None]:
        """Train: yield each step as `Trainer.run` does. Save every few seconds, at the end and on close."""
        steps = self.trainer.run()
        try:
            for step in steps:
                if step is not None:
                    self.take(step)
                    if time.monotonic() - self._saved_at > self._pause:
                        self.save()
                yield step
        finally:
            steps.close()
            self.save()

    def take(self, step: TrainStep) -> None:
        """Note a step that has been made."""
        line = {
            "step": step.step,
            "seconds": round(step.seconds, 3),
            "loss": round(step.loss, 4),
            "rate": float(f"{step.learning_rate:.4g}"),
            "norm": float(f"{step.gradient_norm:.4g}"),
        }
        if step.validation_loss is not None:
            line["validation"] = round(step.validation_loss, 4)
        self._unsaved.append(line)

    def log(self, **values: Any) -> None:
        """Add a line to the log at this step, with a sample for example."""
        self._unsaved.append({"step": self.trainer.step, **values})

    def save(self) -> None:
        """Save the log, then the state. A log that is ahead of its state is cut back when the run is resumed.

        Raises EngineError error.not_written; what was saved before is kept.
        """
        try:
            with (self.folder / LOG).open("a", encoding="utf-8") as file:
                file.writelines(map(_as_json, self._unsaved))
        except OSError as error:
            raise not_written(self.folder / LOG, error) from error
        self._unsaved.clear()
        begun = time.monotonic()
        self.save_state()
        self._saved_at = time.monotonic()
        self._pause = max(SAVE_SECONDS, (self._saved_at - begun) / SAVE_SHARE)

    def save_state(self) -> None:
        """Write the state from which the run is continued, and the weights of the model."""
        write_tensors(self.folder / STATE, *self.trainer.state())
        save_weights(self.folder, self.model, self.trainer.step)


def check_free(folder: Path) -> None:
    """Raise EngineError error.folder_taken if the folder contains a model or a run."""
    if (folder / CONFIG).exists() or (folder / STATE).exists():
        raise EngineError("error.folder_taken", folder=str(folder))


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log; a line that a kill has cut short is skipped."""
    return [values for line in _log_text(folder).split("\n") if (values := _parsed(line)) is not None]


def last_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield lines of a run's log from its end: the last step, and those with "validation" or "sample"."""
    seen_step = False
    for line in reversed(_log_text(folder).split("\n")):
        if not seen_step or '"validation"' in line or '"sample"' in line:
            values = _parsed(line)
            if values is not None and ("loss" in values or "sample" in values):
                seen_step = seen_step or "loss" in values
                yield values


def _log_text(folder: Path) -> str:
    try:
        return (folder / LOG).read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and isinstance(values.get("step"), int) else None


def write_log(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Replace a run's log. Raises EngineError error.not_written."""
    try:
        with replacing(folder / LOG) as temporary:
            temporary.write_text("".join(map(_as_json, lines)), "utf-8")
    except OSError as error:
        raise not_written(folder / LOG, error) from error


def _as_json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
