"""Handlers of fine-tuning: a run on pairs of prompt and answer, and what every run of fine-tuning reports."""

import copy
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from engine.errors import EngineError
from engine.messages.status import Notice, Progress
from engine.messages.training import TrainingPoints
from engine.messages.tuning import (
    Adaptation,
    ListPairSets,
    Measured,
    Pairs,
    PairSet,
    ReadPairs,
    ScaleAdaptation,
    StationAnswers,
    TuneOnPairs,
    TuningReport,
    TuningResult,
    TuningStarted,
)
from engine.model.lora import adapted, merge_lora, set_scale
from engine.model.opening import describe, loading
from engine.model.transformer import Transformer
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.run_reports import Reports, steered
from engine.service.session import OpenedModel, Session
from engine.service.training_text import training_text
from engine.text.pairs import columns_of, divide, read_pairs
from engine.text.ready_pairs import ready_sets
from engine.text.tokenizer import Tokenizer
from engine.training.trainer import TrainStep
from engine.tuning.forms import form_of
from engine.tuning.moments import keep
from engine.tuning.run import TunedRun
from engine.tuning.supervised import Tuning, encoding

LARGEST_SCALE = 10.0
MEASURED_AT = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # fractions of a run; and at its end


def tune_on_pairs(session: Session, request: TuneOnPairs) -> Answer[TuningReport]:
    """Raise EngineError error.run_in_progress, and as Tuning."""
    opened = session.opened
    base = opened.info.folder
    old = yield from old_text(session, request.old)
    model, tokenizer = yield from reported("progress.opening", trainable(session, opened))
    divided = divide(request.pairs, request.settings.held_out, request.settings.seed)
    form = form_of(Path(base), tokenizer, model.config)
    encoded = yield from reported("progress.corpus", encoding(divided, form, tokenizer, model.config.context))
    tuning = Tuning(model, tokenizer, divided, request.settings, old, form, encoded)
    counts = len(divided.train), len(divided.held_out), divided.duplicates + tuning.too_long
    started = TuningStarted(request.folder, base, "examples", *counts)
    run = TunedRun(Path(request.folder), tuning, {"base": base, "method": "examples", **asdict(request.settings)})
    yield from tuned(session, run, started, request.questions)


def trainable(session: Session, opened: OpenedModel) -> Generator[float, None, tuple[Transformer, Tokenizer]]:
    """Return a copy of a model with 32 bits a weight, and its tokenizer; yield the share that is done.

    It is that which was open when the run was asked for: another one may have been opened since.

    Raises EngineError error.run_in_progress, and as `loading`.
    """
    session.check_at_rest()
    if opened.info.weights == "float32":
        model = copy.deepcopy(opened.model)
        merge_lora(model)
        return model, opened.tokenizer
    return (yield from loading(Path(opened.info.folder)))


def tuned(session: Session, run: TunedRun, started: TuningStarted, prompts: tuple[str, ...]) -> Answer[TuningReport]:
    """Tune the model of a run to its end. The run is saved every few seconds, and when this generator is closed."""
    session.check_at_rest()  # another run may have begun while this one was prepared
    run.begin()
    yield started
    try:
        yield session.start_run(run)
        yield from _answered(run, prompts)
        for report in _measured(run, final=True):
            if session.steer == "stop":  # there may be hundreds of answers to measure before the first step
                break
            yield report
        yield from _steps(session, run, prompts)
        if run.trainer.step:
            yield from _answered(run, prompts)
            yield from _measured(run, final=True)
        run.save()
        yield TuningResult(str(run.folder), run.trainer.step, run.trainer.seconds, run.learner.enough())
        if session.opened.model is run.model:  # not if another model was opened meanwhile
            yield describe(run.folder)
    finally:
        session.end_run(run)


def _steps(
    session: Session, run: TunedRun, prompts: tuple[str, ...]
) -> Answer[TrainingPoints | Measured | StationAnswers | Notice]:
    reports, measured_at = Reports(), 0.0
    with closing(steered(session, run, reports)) as steps:
        for step in steps:
            if not isinstance(step, TrainStep):
                yield step
                continue
            if step.recovered:
                yield Notice("notice.recovered", {"step": step.step})
            yield reports.take()
            due = max(share for share in MEASURED_AT if share <= step.fraction)
            if measured_at < due and step.fraction < 1.0:
                measured_at = due
                yield from _answered(run, prompts)
                yield from _measured(run, final=False)
            if run.learner.enough():
                session.weights_changed()  # it may have gone back to earlier ones
                break
    yield reports.take(now=True)


def _measured(run: TunedRun, final: bool) -> Answer[Measured]:
    for values in run.learner.measure(final):
        if values is None:
            yield None
            continue
        run.log(measured=values, final=final)
        keep(run.folder, run.model, run.trainer.step)
        yield Measured(run.trainer.step, run.trainer.seconds, values, final)


def _answered(run: TunedRun, prompts: tuple[str, ...]) -> Answer[StationAnswers]:
    if not prompts:
        return
    texts = []
    for text in run.learner.write(prompts):
        if text is not None:
            texts.append(text)
        yield None
    run.log(answers=texts, prompts=list(prompts))
    yield StationAnswers(run.trainer.step, prompts, tuple(texts))


def old_text(session: Session, paths: tuple[str, ...]) -> Generator[Progress, None, str]:
    """Return the old text, or "" if it is not known."""
    try:
        return (yield from training_text(session, paths, "")).text
    except EngineError as error:
        if paths or error.key != "error.origin_unknown":
            raise
        return ""


def list_pair_sets(session: Session, request: ListPairSets) -> Answer[PairSet]:
    yield from sorted(ready_sets(), key=lambda found: found.language != request.language)


def read_pairs_file(session: Session, request: ReadPairs) -> Answer[Pairs]:
    path = Path(request.path)
    pairs, found = read_pairs(path, request.columns), columns_of(path)
    yield Pairs(path.stem, tuple(pairs), found.names, request.columns or (found.prompt, found.answer))


def scale_adaptation(session: Session, request: ScaleAdaptation) -> Answer[Adaptation]:
    """Raise EngineError error.run_in_progress, and error.config_range for a scale outside 0..LARGEST_SCALE."""
    scale = request.scale
    if scale is not None:
        if not 0 <= scale <= LARGEST_SCALE:
            raise EngineError("error.config_range", setting="scale", value=str(scale), least=0, most=LARGEST_SCALE)
        set_scale(session.own_weights().model, scale)
        session.weights_changed()
    layers = [layer for _, layer in adapted(session.opened.model)]
    numbers = sum(layer.A.numel() + layer.B.numel() for layer in layers)
    yield Adaptation(len(layers[0].A), numbers, layers[0].scale) if layers else Adaptation(0, 0, 1.0)


HANDLERS: Handlers = {
    ScaleAdaptation: scale_adaptation,
    TuneOnPairs: tune_on_pairs,
    ListPairSets: list_pair_sets,
    ReadPairs: read_pairs_file,
}
