"""Estimate a training run, train, and read earlier runs."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import EngineError
from engine.generation.decoding import Reader, decode
from engine.history.ngram import bigram_loss, unigram_loss
from engine.messages.generation import SamplingSettings
from engine.messages.status import Notice
from engine.messages.training import (
    BestMoment,
    EstimateTraining,
    ListPresets,
    ListRuns,
    LoggedReport,
    Presets,
    ReadRun,
    RunReport,
    RunSummary,
    SteerTraining,
    Train,
    TrainingEstimate,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from engine.model.checkpoint import read_json, write_json
from engine.model.devices import best_device
from engine.model.opening import describe, read_config
from engine.model.transformer import Transformer
from engine.service.answer import AFTER_OTHERS, Answer, Handlers
from engine.service.run_reports import Reports, as_message, steered
from engine.service.session import Session
from engine.text.corpus import Corpus
from engine.text.tokenizer import Tokenizer
from engine.training.best import FOLDER, read_best
from engine.training.optimizers import Optimizer
from engine.training.recipe import check, fraction_done, memory_bytes, model_config, presets_for, rates
from engine.training.recording import LOG, last_lines, read_log
from engine.training.run import ABOUT, Run, read_about
from engine.training.smoothing import Crossings, Smoothing
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import TrainStep

SAMPLES_AT = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)  # fractions of the run
SAMPLE_TOKENS = 40
PROMPT_TOKENS, PROMPT_LENGTH = 64, 24  # the prompt of samples: at most so many tokens and characters of the text
LEAST_LINE = 4  # characters of a line that can be the prompt
SAMPLING = SamplingSettings(temperature=0.8)
REFERENCES = "references.json"


def estimate_training(session: Session, request: EstimateTraining) -> Answer[TrainingEstimate]:
    """Estimate the cost of a run by timing a few steps of a model of this shape, on made-up tokens."""
    settings = request.settings
    check(settings)
    config = model_config(settings, settings.vocabulary)
    trial = _Trial(config.parameters())
    yield AFTER_OTHERS
    if trial.small_enough:
        yield from trial.take_steps(settings)
    speed = trial.tokens_per_second
    tokens = settings.batch * settings.context
    seconds = settings.seconds if settings.steps is None else settings.steps * tokens / speed
    assert seconds is not None
    steps = settings.steps or max(1, round(seconds * speed / tokens))
    memory = memory_bytes(config, settings.batch)
    yield TrainingEstimate(settings, config.parameters(), memory, seconds, steps, speed)


@dataclass
class _Trial:
    parameters: int
    tokens_per_second: float = 0.0

    MOST_PARAMETERS = 30_000_000  # a step of a larger model takes too long: its speed is computed from FLOPS
    FLOPS = 5e10  # per second on two ordinary cores
    SECONDS = 0.5

    def __post_init__(self) -> None:
        self.tokens_per_second = self.FLOPS / (6 * self.parameters)

    @property
    def small_enough(self) -> bool:
        return self.parameters <= self.MOST_PARAMETERS

    def take_steps(self, settings: TrainingSettings) -> Iterator[None]:
        """Measure the speed for SECONDS, and yield after each micro-batch and each update."""
        state = torch.get_rng_state()  # making a model must not change the random numbers of a run in progress
        model = Transformer(model_config(settings, settings.vocabulary)).to(best_device())
        torch.set_rng_state(state)
        parts = _parts_of_steps(model, settings)
        next(parts)  # it does not count, because it also allocates memory
        yield None
        tokens, seconds = 0, 0.0
        while seconds < self.SECONDS:
            begun = time.perf_counter()
            tokens += next(parts)
            seconds += time.perf_counter() - begun
            self.tokens_per_second = tokens / seconds if tokens else self.tokens_per_second
            yield None


def _parts_of_steps(model: Transformer, settings: TrainingSettings) -> Iterator[int]:
    """Take training steps on made-up tokens; yield the tokens of each micro-batch, and 0 after an update."""
    task = LanguageModelling(Corpus(np.zeros(20 * (settings.context + 2), np.uint16)), settings)
    optimizer, size = Optimizer(model, *rates(settings)), task.sequences_at_once(model)
    for step in count():
        for start, loss in zip(range(0, settings.batch, size), task.losses(model, step), strict=True):
            loss.backward()
            yield min(size, settings.batch - start) * settings.context
        optimizer.step(0.0)
        yield 0


def train(session: Session, request: Train) -> Answer[RunReport]:
    """Train as the request says. The run is saved every few seconds, and when this generator is closed."""
    session.check_at_rest()
    folder = Path(request.folder)
    if request.resume:
        run = Run.resume(folder, request.more)
    else:
        run = Run.start(list(request.paths), folder, request.settings, request.encoding)
    try:
        yield from run.prepare()
        started = _started(folder, run.name, run.settings, run.tokenizer, run.corpus)
        yield started
        if request.resume:
            yield from _logged(folder, run.settings)
        yield session.start_run(run)
        yield from _steps(session, run, started.references)
        yield from _kept(folder)
        yield _result(run)
        if session.opened.model is run.model:  # not if another model was opened meanwhile
            yield describe(folder)
    finally:
        session.end_run(run)


def _started(
    folder: Path, name: str, settings: TrainingSettings, tokenizer: Tokenizer, corpus: Corpus
) -> TrainingStarted:
    """Describe a run, with the reference losses for comparison, in nats per token."""
    vocabulary = tokenizer.vocabulary
    return TrainingStarted(
        folder=str(folder),
        name=name,
        settings=settings,
        parameters=model_config(settings, vocabulary).parameters(),
        vocabulary=vocabulary,
        references=_references(folder, corpus, vocabulary),
    )


def _references(folder: Path, corpus: Corpus, vocabulary: int) -> dict[str, float]:
    """Return the reference losses. They are saved in the folder: counting the pairs of a long text takes time."""
    path = folder / REFERENCES
    try:
        kept = read_json(path)
        return {name: float(kept[name]) for name in ("uniform", "unigram", "bigram")}
    except (EngineError, KeyError, TypeError, ValueError):
        pass  # not saved yet
    references = {
        "uniform": math.log(vocabulary),
        "unigram": unigram_loss(corpus.train, corpus.validation, vocabulary),
        "bigram": bigram_loss(corpus.train, corpus.validation, vocabulary),
    }
    try:
        write_json(path, references)
    except OSError:
        pass  # a read-only folder: they are computed each time
    return references


def _steps(
    session: Session, run: Run, references: dict[str, float]
) -> Answer[TrainingPoints | TrainingSample | BestMoment | Notice]:
    """Run the steps and yield reports and samples; pause and stop as `session.steer` says."""
    reports, samples = Reports(), _Samples(run, references)
    for line in read_log(run.folder):
        if "loss" in line:
            samples.is_passing(reports.smoothing.add(line["loss"]))
    with closing(steered(session, run, reports)) as steps:
        for step in steps:
            if not isinstance(step, TrainStep):
                yield step
                continue
            if step.recovered:
                yield Notice("notice.recovered", {"step": step.step})
            if samples.are_due(step, reports.smoothing.value):
                yield from samples.write(step.step)
            yield reports.take()
    yield reports.take(now=True)


class _Samples:
    """Writes how the model continues the beginning of its text: at SAMPLES_AT, and when the loss passes a reference."""

    def __init__(self, run: Run, references: dict[str, float]) -> None:
        self._run, self._crossings, self._written_at = run, Crossings(references.values()), -1.0
        self.prompt = beginning(run.tokenizer.decode(run.corpus.train[:PROMPT_TOKENS].tolist()))

    def is_passing(self, smoothed: float) -> bool:
        """Return whether the smoothed loss is below a reference for the first time."""
        return self._crossings.crosses(smoothed)

    def are_due(self, step: TrainStep, smoothed: float) -> bool:
        due = max((share for share in SAMPLES_AT if share <= step.fraction), default=0.0)
        before, self._written_at = self._written_at, max(due, self._written_at)
        return self.is_passing(smoothed) or due > before

    def write(self, step: int) -> Answer[TrainingSample]:
        """Continue the prompt with the current weights, one token per turn; the text is added to the run's log."""
        run = self._run
        ids = run.tokenizer.encode(self.prompt)
        text = ""
        for token in decode(Reader(run.model), run.tokenizer, ids, SAMPLE_TOKENS, SAMPLING, run.settings.seed):
            text += token.text
            yield None
        run.log(sample=text, prompt=self.prompt)
        yield TrainingSample(step, self.prompt, text)


def beginning(text: str) -> str:
    """Return how a text begins, as the prompt of samples: its first line or sentence, or the first words of a long one.

    A line of a few characters, such as the number of a chapter, is skipped.
    """
    lines = [line.strip() for line in text.split("\n")]
    line = next((line for line in lines if len(line) >= LEAST_LINE), text.strip())
    sentence, end, _ = line.partition("。")
    line = sentence + end
    if len(line) <= PROMPT_LENGTH:
        return line
    return line[:PROMPT_LENGTH].rpartition(" ")[0].strip() or line[:PROMPT_LENGTH]


def _result(run: Run) -> TrainingResult:
    losses = [math.nan if loss is None else loss for loss in run.last_losses()]
    trainer = run.trainer
    return TrainingResult(str(run.folder), trainer.step, trainer.tokens, trainer.seconds, losses[0], losses[1])


# --- Earlier runs ----------------------------------------------------------------------------------


def read_run(session: Session, request: ReadRun) -> Answer[LoggedReport]:
    """Report an earlier run from its log. Raises as `read_about`."""
    folder = Path(request.folder)
    name, _, settings = read_about(folder)
    yield _started(folder, name, settings, Tokenizer.load(folder), Corpus.open(folder))
    yield from _logged(folder, settings)


def _logged(folder: Path, settings: TrainingSettings) -> Answer[TrainingPoints | TrainingSample | BestMoment]:
    """Turn a run's log back into the messages that the run sent."""
    lines = read_log(folder)
    steps = [_logged_step(line, settings) for line in lines if "loss" in line]
    if steps:
        smoothing = Smoothing()
        yield as_message(steps, [smoothing.add(step.loss) for step in steps], 0.0)
    for line in lines:
        if "sample" in line:
            yield _logged_sample(line)
    yield from _kept(folder)


def _kept(folder: Path) -> Iterator[BestMoment]:
    """Yield the run's best moment, if one is kept."""
    kept = read_best(folder)
    if kept is not None:
        yield BestMoment(str(folder / FOLDER), *kept)


def _logged_sample(line: dict[str, Any]) -> TrainingSample:
    return TrainingSample(line["step"], str(line.get("prompt", "")), str(line["sample"]))


def _logged_step(line: dict[str, Any], settings: TrainingSettings) -> TrainStep:
    step, seconds = line["step"], line.get("seconds", 0.0)
    return TrainStep(
        step=step,
        tokens=step * settings.batch * settings.context,
        seconds=seconds,
        loss=line["loss"],
        learning_rate=line.get("rate", 0.0),
        gradient_norm=line.get("norm", 0.0),
        validation_loss=line.get("validation"),
        recovered=False,
        fraction=fraction_done(settings, step, seconds),
        seconds_left=0.0,
    )


def list_runs(session: Session, request: ListRuns) -> Answer[RunSummary]:
    """Summarise the runs in a folder, the newest first; folders that cannot be read are skipped."""
    try:
        folders = [path for path in Path(request.folder).iterdir() if (path / ABOUT).is_file()]
        folders.sort(key=lambda path: (path / LOG).stat().st_mtime if (path / LOG).exists() else 0.0, reverse=True)
    except OSError:
        return  # no run was started yet
    for folder in folders:
        try:
            yield _summary(folder)
        except (EngineError, TypeError):  # its log may be damaged too
            yield None


def _summary(folder: Path) -> RunSummary:
    name, _, settings = read_about(folder)
    steps, seconds, validation = 0, 0.0, math.nan
    sample: TrainingSample | None = None
    for line in last_lines(folder):
        if "sample" in line:
            sample = sample or _logged_sample(line)
        elif not steps:
            steps, seconds = line["step"], line.get("seconds", 0.0)
        if "validation" in line and math.isnan(validation):
            validation = line["validation"]
        if steps and sample and not math.isnan(validation):
            break
    parameters = read_config(folder).parameters()
    finished = fraction_done(settings, steps, seconds) >= 1.0
    return RunSummary(str(folder), name, parameters, steps, seconds, validation, finished, settings, sample)


def list_presets(session: Session, request: ListPresets) -> Answer[Presets]:
    yield Presets(presets_for(request.characters))


def steer_training(session: Session, request: SteerTraining) -> Answer[None]:
    session.steer = "" if request.action == "resume" else request.action
    yield from ()


HANDLERS: Handlers = {
    ListPresets: list_presets,
    EstimateTraining: estimate_training,
    Train: train,
    SteerTraining: steer_training,
    ReadRun: read_run,
    ListRuns: list_runs,
}
