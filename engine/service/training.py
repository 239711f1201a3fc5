"""Estimate a training run, train, and read earlier runs."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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
    EstimateTraining,
    ListPresets,
    ListRuns,
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
from engine.pace import Pace
from engine.service.answer import IDLE, Answer, Handlers
from engine.service.session import Session
from engine.text.corpus import Corpus
from engine.text.tokenizer import Tokenizer
from engine.training.recipe import check, fraction_done, memory_bytes, model_config, presets_for
from engine.training.run import ABOUT, LOG, Run, last_lines, read_about, read_log
from engine.training.tasks.language_modelling import LanguageModelling
from engine.training.trainer import Trainer, TrainStep

REPORT_SECONDS = 0.1
SAMPLES_AT = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)  # fractions of the run
SAMPLE_TOKENS = 40
SAMPLING = SamplingSettings(temperature=0.8)
REFERENCES = "references.json"


def estimate_training(session: Session, request: EstimateTraining) -> Answer[TrainingEstimate]:
    """Estimate the cost of a run by timing a few steps of a model of this shape, on made-up tokens."""
    settings = request.settings
    check(settings)
    config = model_config(settings, settings.vocabulary)
    trial = _Trial(config.parameters())
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

    def __post_init__(self) -> None:
        self.tokens_per_second = self.FLOPS / (6 * self.parameters)

    @property
    def small_enough(self) -> bool:
        return self.parameters <= self.MOST_PARAMETERS

    def take_steps(self, settings: TrainingSettings) -> Iterator[None]:
        state = torch.get_rng_state()  # making a model must not change the random numbers of a run in progress
        config = model_config(settings, settings.vocabulary)
        model = Transformer(config).to(best_device())
        torch.set_rng_state(state)
        corpus = Corpus(np.zeros(20 * (settings.context + 2), np.uint16))
        trainer = Trainer(model, LanguageModelling(corpus, settings), settings)
        begun, done = time.perf_counter(), 0.0
        steps = trainer.run()
        for step in steps:
            if step is not None:
                done, first = trainer.tokens / max(trainer.seconds, 1e-9), step.step == 1
                self.tokens_per_second = done
                if not first and time.perf_counter() - begun > 0.5:
                    break
            if time.perf_counter() - begun > 2.0:
                break
            yield None
        steps.close()


def train(session: Session, request: Train) -> Answer[RunReport]:
    """Train as the request says. The run is saved every few seconds, and when this generator is closed."""
    if session.run is not None:
        raise EngineError("error.run_in_progress")
    folder = Path(request.folder)
    if request.resume:
        run = Run.resume(folder)
    else:
        run = Run.start(list(request.paths), folder, request.settings, request.encoding)
    try:
        yield from run.prepare()
        yield _started(folder, run.name, run.settings, run.tokenizer, run.corpus)
        if request.resume:
            yield from _logged(folder, run.settings)
        yield session.start_run(run)
        yield from _steps(session, run, request.sample_prompt)
        yield _result(run)
        if session.opened.model is run.model:  # not if another model was opened meanwhile
            yield describe(folder)
    finally:
        session.run = None


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


def _steps(session: Session, run: Run, prompt: str) -> Answer[TrainingPoints | TrainingSample | Notice]:
    """Run the steps and yield reports and samples; pause and stop as `session.steer` says."""
    reports, sampled_at = _Reports(), -1.0
    steps = run.steps()
    try:
        while session.steer != "stop":
            if session.steer == "pause":
                yield reports.paused()
                while session.steer == "pause":
                    yield IDLE
            step = next(steps, _END)
            if step is _END:
                break
            if not isinstance(step, TrainStep):
                yield None
                continue
            session.weights_changed()
            reports.add(step)
            if step.recovered:
                yield Notice("notice.recovered", {"step": step.step})
            due = max((share for share in SAMPLES_AT if share <= step.fraction), default=0.0)
            if due > sampled_at:
                sampled_at = due
                yield from _sample(run, prompt, step.step)
            yield reports.take()
    finally:
        steps.close()
        if reports.points:
            session.weights_changed()
    yield reports.take(now=True)


_END = object()


def _sample(run: Run, prompt: str, step: int) -> Answer[TrainingSample]:
    """Continue the prompt with the current weights, one token per turn; the text is added to the run's log."""
    ids = run.tokenizer.encode(prompt)
    text = ""
    for token in decode(Reader(run.model), run.tokenizer, ids, SAMPLE_TOKENS, SAMPLING, run.settings.seed):
        text += token.text
        yield None
    run.log(sample=text, prompt=prompt)
    yield TrainingSample(step, prompt, text)


@dataclass
class _Reports:
    """Collects steps and packs them into at most one message every REPORT_SECONDS."""

    points: list[TrainStep] = field(default_factory=list)
    last: TrainStep | None = None
    _pace: Pace = field(default_factory=lambda: Pace(REPORT_SECONDS))
    _speed: tuple[float, int] = (0.0, 0)  # training seconds and tokens at an earlier report

    def add(self, step: TrainStep) -> None:
        self.points.append(step)
        self.last = step

    def take(self, now: bool = False) -> TrainingPoints | None:
        if not self.points or not self._pace.due(now=now):
            return None
        points, self.points = self.points, []
        last = points[-1]
        seconds, tokens = self._speed
        if last.seconds - seconds > 1.0 or not tokens:
            self._speed = (last.seconds, last.tokens)
        speed = (last.tokens - tokens) / max(last.seconds - seconds, 1e-9)
        return _as_message(points, speed)

    def paused(self) -> TrainingPoints | None:
        if self.last is None:
            return None
        self.points = self.points or [self.last]
        message = self.take(now=True)
        return replace(message, paused=True) if message else None


def _as_message(points: list[TrainStep], speed: float) -> TrainingPoints:
    validated = [(p.step, p.validation_loss) for p in points if p.validation_loss is not None]
    return TrainingPoints(
        steps=np.array([p.step for p in points], np.int64),
        losses=np.array([p.loss for p in points], np.float32),
        learning_rates=np.array([p.learning_rate for p in points], np.float32),
        gradient_norms=np.array([p.gradient_norm for p in points], np.float32),
        seconds=np.array([p.seconds for p in points], np.float32),
        validation_steps=np.array([step for step, _ in validated], np.int64),
        validation_losses=np.array([loss for _, loss in validated], np.float32),
        tokens_per_second=speed,
        fraction=points[-1].fraction,
        seconds_left=points[-1].seconds_left,
    )


def _result(run: Run) -> TrainingResult:
    losses = [math.nan if loss is None else loss for loss in run.last_losses()]
    trainer = run.trainer
    return TrainingResult(str(run.folder), trainer.step, trainer.tokens, trainer.seconds, losses[0], losses[1])


# --- Earlier runs ----------------------------------------------------------------------------------


def read_run(session: Session, request: ReadRun) -> Answer[TrainingStarted | TrainingPoints | TrainingSample]:
    """Report an earlier run from its log. Raises as `read_about`."""
    folder = Path(request.folder)
    name, _, settings = read_about(folder)
    yield _started(folder, name, settings, Tokenizer.load(folder), Corpus.open(folder))
    yield from _logged(folder, settings)


def _logged(folder: Path, settings: TrainingSettings) -> Answer[TrainingPoints | TrainingSample]:
    """Turn a run's log back into the messages that the run sent."""
    lines = read_log(folder)
    steps = [_logged_step(line, settings) for line in lines if "loss" in line]
    if steps:
        yield _as_message(steps, 0.0)
    for line in lines:
        if "sample" in line:
            yield TrainingSample(line["step"], line.get("prompt", ""), line["sample"])


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
    for line in last_lines(folder):
        if not steps:
            steps, seconds = line["step"], line.get("seconds", 0.0)
        if "validation" in line:
            validation = line["validation"]
            break
    parameters = read_config(folder).parameters()
    finished = fraction_done(settings, steps, seconds) >= 1.0
    return RunSummary(str(folder), name, parameters, steps, seconds, validation, finished)


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
