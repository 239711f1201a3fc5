"""A whole run, from files to a saved model. The command line and the window both use it.

run = Run.start(paths, folder, settings)   or   Run.resume(folder)
for progress in run.prepare(): ...
for step in run.steps(): ...               closing it saves
"""

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.messages.status import Progress
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import (
    CONFIG,
    STATE,
    read_json,
    read_tensors,
    save_model,
    save_weights,
    write_json,
    write_tensors,
)
from engine.model.devices import best_device
from engine.model.memory import free_memory, keep_freed_memory
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus, build_corpus
from engine.text.reading import TextFile, find_texts, inspect, read_texts
from engine.text.tokenizer import Tokenizer, train_bpe, train_byte_level, train_characters
from engine.training.best import BestWeights
from engine.training.recipe import LONGEST, check, lengthened, memory_bytes, model_config
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep

ABOUT, LOG = "run.json", "log.jsonl"
SAVE_SECONDS = 5.0
SAVE_SHARE = 0.05  # largest share of the time for saving: on a slow disk, saves are rarer
LAST_STEPS = 20  # the training loss in the result is their mean


class Run:
    """A run and its folder. `trainer`, `model`, `tokenizer` and `corpus` are set when `prepare` has ended."""

    trainer: Trainer
    model: Transformer
    tokenizer: Tokenizer
    corpus: Corpus

    def __init__(
        self, folder: Path, paths: list[str], settings: TrainingSettings, name: str, encoding: str, resumed: bool
    ) -> None:
        self.folder, self.paths, self.settings, self.name = folder, paths, settings, name
        self._encoding, self._resumed, self._more = encoding, resumed, 0.0
        self.best = BestWeights(folder)
        self.texts: list[TextFile] = []  # those that `prepare` has read: none if the run is resumed
        self._unsaved: list[dict[str, Any]] = []  # lines of the log
        self._saved_at, self._pause = time.monotonic(), SAVE_SECONDS

    @classmethod
    def start(cls, paths: list[str], folder: Path, settings: TrainingSettings, encoding: str = "") -> "Run":
        """Return a new run on the texts in `paths`, in an empty folder; `encoding` "": each text as detected.

        Raises EngineError: settings out of range, texts that cannot be read, a folder that contains a model.
        """
        check(settings)
        needed = memory_bytes(model_config(settings, settings.vocabulary), settings.batch)
        have = free_memory()
        if have is not None and needed > have:
            raise EngineError("error.memory", need=f"{needed / 2**30:.1f}", have=f"{have / 2**30:.1f}")
        check_free(folder)
        name = inspect(tuple(paths), encoding).name
        absolute = [str(Path(path).resolve()) for path in paths]
        return cls(folder, absolute, settings, name, encoding, resumed=False)

    @classmethod
    def resume(cls, folder: Path, more: float = 0.0) -> "Run":
        """Return the run in `folder` as it was saved last; if `more` is not 0, it ends so many seconds later.

        Raises EngineError: error.nothing_to_resume, error.config_range, and as `read_about`.
        """
        if not 0 <= more <= LONGEST:
            raise EngineError("error.config_range", setting="more", value=str(more), least=0, most=LONGEST)
        if not (folder / ABOUT).is_file() or not (folder / STATE).is_file():
            raise EngineError("error.nothing_to_resume", folder=str(folder))
        name, paths, settings = read_about(folder)
        run = cls(folder, paths, settings, name, "", resumed=True)  # its text is stored as tokens
        run._more = more
        return run

    def prepare(self) -> Iterator[Progress]:
        """Make tokenizer, corpus and model, or load them if the run is resumed."""
        keep_freed_memory()
        if self._resumed:
            self.tokenizer, self.corpus = Tokenizer.load(self.folder), Corpus.open(self.folder)
        else:
            yield from self._read_texts()
        torch.manual_seed(self.settings.seed)
        self.model = Transformer(model_config(self.settings, self.tokenizer.vocabulary)).to(best_device())
        self.trainer = Trainer(self.model, LanguageModelling(self.corpus, self.settings), self.settings)
        if self._resumed:
            self._load()
        # Also when resuming: config, tokenizer and weights may be missing or damaged.
        save_model(self.folder, self.model, self.tokenizer, self.trainer.step)
        if not self._resumed:
            self.save()

    def _read_texts(self) -> Iterator[Progress]:
        settings, self.texts = self.settings, find_texts(self.paths, self._encoding)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            about = {"name": self.name, "paths": self.paths, "settings": asdict(settings), "encoding": self._encoding}
            yield Progress("progress.tokenizer", None)
            if settings.tokenizer == "char":
                self.tokenizer = train_characters(read_texts(self.texts))
            else:
                train = train_bpe if settings.layout == "nakami" else train_byte_level
                self.tokenizer = train(read_texts(self.texts), settings.vocabulary)
            for share in build_corpus(self.texts, self.tokenizer, self.folder):
                yield Progress("progress.corpus", share)
            self.corpus = Corpus.open(self.folder)
            self.corpus.check(settings.context)
            write_json(self.folder / ABOUT, about)
        except OSError as error:
            raise not_written(self.folder, error) from error

    def _load(self) -> None:
        tensors, notes = read_tensors(self.folder / STATE)
        try:
            self.trainer.load_state(tensors, notes)
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise EngineError("error.model_damaged", file=str(self.folder / STATE)) from error
        self.best.load()
        if self._more:
            self._lengthen()
        kept = [line for line in read_log(self.folder) if line["step"] <= self.trainer.step]
        try:
            _write_lines(self.folder / LOG, kept)
        except OSError as error:
            raise not_written(self.folder / LOG, error) from error

    def _lengthen(self) -> None:
        self.settings = lengthened(self.settings, self.trainer.step, self.trainer.seconds, self._more)
        self.trainer.lengthen(self.settings)
        try:
            write_json(self.folder / ABOUT, read_json(self.folder / ABOUT) | {"settings": asdict(self.settings)})
        except OSError as error:
            raise not_written(self.folder / ABOUT, error) from error

    def steps(self) -> Generator[TrainStep | None, None, None]:
        """Train: yield each step as `Trainer.run` does. Save every few seconds, at the end and on close."""
        steps = self.trainer.run()
        try:
            for step in steps:
                if step is not None:
                    self._log_step(step)
                    if step.validation_loss is not None and step.fraction < 1.0:  # the last is over more of the text
                        self.best.add(step.step, step.validation_loss, self.model)
                    if time.monotonic() - self._saved_at > self._pause:
                        self.save()
                yield step
        finally:
            steps.close()
            self.save()

    def last_losses(self) -> tuple[float | None, float | None]:
        """Return the mean loss of the last steps and the last loss on held-out text."""
        log = read_log(self.folder)
        training = [line["loss"] for line in log if "loss" in line][-LAST_STEPS:]
        validation = [line["validation"] for line in log if "validation" in line]
        mean = round(sum(training) / len(training), 4) if training else None
        return mean, (validation[-1] if validation else None)

    def log(self, **values: Any) -> None:
        """Add a line to the log at this step, with a sample for example."""
        self._unsaved.append({"step": self.trainer.step, **values})

    def _log_step(self, step: TrainStep) -> None:
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
        tensors, notes = self.trainer.state()
        write_tensors(self.folder / STATE, tensors, notes)
        save_weights(self.folder, self.model, self.trainer.step)
        self.best.save(self.model, self.tokenizer)
        self._saved_at = time.monotonic()
        self._pause = max(SAVE_SECONDS, (self._saved_at - begun) / SAVE_SHARE)


def check_free(folder: Path) -> None:
    """Raise EngineError error.folder_taken if the folder contains a model or a run."""
    if (folder / CONFIG).exists() or (folder / STATE).exists():
        raise EngineError("error.folder_taken", folder=str(folder))


def read_about(folder: Path) -> tuple[str, list[str], TrainingSettings]:
    """Return a run's name, its paths and its settings, which are checked: the file may have been edited.

    Raises EngineError: error.model_damaged, and as `check` and `model_config`.
    """
    about = read_json(folder / ABOUT)
    try:
        settings = TrainingSettings(**about["settings"])
        check(settings)
        model_config(settings, settings.vocabulary)
        return str(about["name"]), [str(path) for path in about["paths"]], settings
    except (KeyError, TypeError) as error:
        raise EngineError("error.model_damaged", file=str(folder / ABOUT)) from error


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


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("".join(map(_as_json, lines)), "utf-8")


def _as_json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
