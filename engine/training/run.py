"""A whole run, from files to a saved model. The command line and the window both use it.

run = Run.start(paths, folder, settings)   or   Run.resume(folder)
for progress in run.prepare(): ...
for step in run.steps(): ...               closing it saves
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from engine.errors import EngineError, not_written
from engine.messages.status import Progress
from engine.messages.training import TrainingSettings
from engine.model.checkpoint import (
    STATE,
    read_json,
    read_tensors,
    save_model,
    write_json,
)
from engine.model.devices import best_device
from engine.model.memory import free_memory, keep_freed_memory
from engine.model.transformer import Transformer
from engine.text.corpus import Corpus, build_corpus
from engine.text.reading import TextFile, find_texts, inspect, read_texts
from engine.text.tokenizer import Tokenizer, train_bpe, train_byte_level, train_characters
from engine.training.best import BestWeights
from engine.training.recipe import LONGEST, check, lengthened, memory_bytes, model_config
from engine.training.recording import SavedRun, check_free, read_log, write_log
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep

ABOUT = "run.json"
LAST_STEPS = 20  # the training loss in the result is their mean


class Run(SavedRun):
    """A run and its folder. `trainer`, `model`, `tokenizer` and `corpus` are set when `prepare` has ended."""

    corpus: Corpus

    def __init__(
        self, folder: Path, paths: list[str], settings: TrainingSettings, name: str, encoding: str, resumed: bool
    ) -> None:
        super().__init__(folder)
        self.paths, self.settings, self.name = paths, settings, name
        self._encoding, self._resumed, self._more = encoding, resumed, 0.0
        self.best = BestWeights(folder)
        self.texts: list[TextFile] = []  # those that `prepare` has read: none if the run is resumed

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
        write_log(self.folder, kept)

    def _lengthen(self) -> None:
        self.settings = lengthened(self.settings, self.trainer.step, self.trainer.seconds, self._more)
        self.trainer.lengthen(self.settings)
        try:
            write_json(self.folder / ABOUT, read_json(self.folder / ABOUT) | {"settings": asdict(self.settings)})
        except OSError as error:
            raise not_written(self.folder / ABOUT, error) from error

    def take(self, step: TrainStep) -> None:
        super().take(step)
        if step.validation_loss is not None and step.fraction < 1.0:  # the last is over more of the text
            self.best.add(step.step, step.validation_loss, self.model)

    def last_losses(self) -> tuple[float | None, float | None]:
        """Return the mean loss of the last steps and the last loss on held-out text."""
        log = read_log(self.folder)
        training = [line["loss"] for line in log if "loss" in line][-LAST_STEPS:]
        validation = [line["validation"] for line in log if "validation" in line]
        mean = round(sum(training) / len(training), 4) if training else None
        return mean, (validation[-1] if validation else None)

    def save_state(self) -> None:
        super().save_state()
        self.best.save(self.model, self.tokenizer)


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
