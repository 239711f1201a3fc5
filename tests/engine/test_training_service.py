"""Runs as the window controls them: reported, paused, stopped, cancelled, resumed, with requests in between."""

import dataclasses
import math
import shutil
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import EngineError
from engine.messages.attention import Attend
from engine.messages.embeddings import Project
from engine.messages.envelope import Cancel, Ended, Event, Submit
from engine.messages.generation import Generate, PredictNext, SamplingSettings
from engine.messages.models import ModelInfo, OpenModel
from engine.messages.status import Notice, Progress
from engine.messages.tokens import Tokenize
from engine.messages.training import (
    EstimateTraining,
    ListRuns,
    ReadRun,
    SteerTraining,
    Train,
    TrainingPoints,
    TrainingResult,
    TrainingSample,
    TrainingSettings,
    TrainingStarted,
)
from engine.model.opening import load_model
from engine.model.transformer import Transformer
from engine.service import run_reports, training
from engine.service.answer import AFTER_OTHERS, IDLE
from engine.service.handlers import answering
from engine.service.session import Session
from engine.training.recipe import model_config
from engine.training.recording import read_log
from tests.engine.conftest import SMALL
from tests.engine.sessions import ask, loop, start, until_ended

TEXT = "the cat sat on the mat."
pytestmark = pytest.mark.usefixtures("one_thread")


def running(text_file: Path, folder: Path, **changes: Any) -> Train:
    return Train((str(text_file),), str(folder), dataclasses.replace(SMALL, **changes))


def losses_of(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_log(folder) if "loss" in line}


@pytest.fixture(scope="module")
def whole(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Path]:
    """Return the events and the folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole") / "m"
    session = Session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SAMPLE_TOKENS", 4)
        events = ask(session, running(text_file, folder))
    assert session.run is None
    return events, folder


def test_a_run_reports_in_order(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    order = [
        Progress,
        TrainingStarted,
        ModelInfo,
        TrainingSample,
        TrainingPoints,
        TrainingResult,
        ModelInfo,
    ]
    kinds = [type(event) for event in events]
    assert list(dict.fromkeys(kinds)) == [kind for kind in dict.fromkeys(order) if kind in kinds]
    first, last = (event for event in events if isinstance(event, ModelInfo))
    assert (first.training, last.training) == (True, False)
    assert (first.step, last.step, last.resumable) == (0, 30, True)
    assert kinds[-2:] == [TrainingResult, ModelInfo]
    assert last.folder == str(folder)


def test_every_step_is_reported_once_with_its_loss(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    points = [event for event in events if isinstance(event, TrainingPoints)]
    steps = np.concatenate([p.steps for p in points]).tolist()
    losses = np.concatenate([p.losses for p in points])
    assert steps == list(range(1, 31))
    assert np.allclose(losses, list(losses_of(folder).values()), atol=1e-4)
    assert all(len(p.steps) == len(p.losses) == len(p.learning_rates) == len(p.seconds) for p in points)
    seconds = np.concatenate([p.seconds for p in points])
    assert (np.diff(seconds) >= 0).all()
    assert [p.fraction for p in points] == sorted(p.fraction for p in points)
    assert points[-1].fraction == 1.0
    assert points[-1].seconds_left == 0.0
    assert points[-1].validation_steps[-1] == 30
    result = next(event for event in events if isinstance(event, TrainingResult))
    assert (result.steps, result.tokens) == (30, 30 * SMALL.batch * SMALL.context)
    assert result.train_loss == pytest.approx(losses[-20:].mean(), abs=1e-3)
    assert result.validation_loss == pytest.approx(float(points[-1].validation_losses[-1]), abs=1e-4)


def test_samples_are_written_from_the_first_step_to_the_last(whole: tuple[list[Any], Path]) -> None:
    events, folder = whole
    samples = [event for event in events if isinstance(event, TrainingSample)]
    assert [s.step for s in samples] == sorted({s.step for s in samples})
    assert (samples[0].step, samples[-1].step) == (1, 30)
    assert all(s.prompt == "the cat sat on the mat." and s.text for s in samples)
    noted = [(line["step"], line["sample"]) for line in read_log(folder) if "sample" in line]
    assert noted == [(s.step, s.text) for s in samples]


def advance(run: Iterator[Any], until: int) -> int:
    """Advance the run to at least this step; return the step that was reported."""
    step = 0
    for event in run:
        if isinstance(event, TrainingPoints):
            step = int(event.steps[-1])
            if step >= until:
                return step
    raise AssertionError("the run ended before")


@pytest.fixture(autouse=True)
def report_every_step_with_short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reports, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(training, "SAMPLE_TOKENS", 4)


def test_a_paused_run_keeps_its_weights_answers_requests_and_resumes(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 8)
    ask(session, SteerTraining("pause"))
    answers = [event for event in (next(run) for _ in range(20)) if event is not None]
    assert isinstance(answers[0], TrainingPoints)
    assert answers[0].paused
    assert answers[0].steps[-1] == step
    assert answers[1:] == [IDLE] * (len(answers) - 1)
    before = {name: tensor.clone() for name, tensor in session.opened.model.state_dict().items()}
    [found] = ask(session, Tokenize(TEXT))
    assert found.ids.tolist() == session.opened.tokenizer.encode(TEXT)
    assert next(run) is IDLE
    assert all(torch.equal(before[name], tensor) for name, tensor in session.opened.model.state_dict().items())
    ask(session, SteerTraining("resume"))
    rest = [event for event in run if isinstance(event, TrainingPoints)]
    assert not any(points.paused for points in rest)
    assert losses_of(folder) == losses_of(whole[1])


def test_a_stopped_run_is_saved_and_resumes_with_the_same_losses(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 10)
    ask(session, SteerTraining("stop"))
    events = [event for event in run if event is not None]
    result = next(event for event in events if isinstance(event, TrainingResult))
    assert result.steps == step < 30
    assert session.run is None
    assert isinstance(events[-1], ModelInfo)
    assert (events[-1].step, events[-1].resumable) == (step, True)
    again = ask(session, Train((), str(folder), SMALL, resume=True))
    reported = [event for event in again if isinstance(event, TrainingPoints)]
    assert np.concatenate([p.steps for p in reported]).tolist() == list(range(1, 31))  # with those before the stop
    assert losses_of(folder) == losses_of(whole[1])


def test_stopping_a_paused_run_takes_no_further_step(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    step = advance(run, 5)
    ask(session, SteerTraining("pause"))
    while next(run) is not IDLE:
        pass
    ask(session, SteerTraining("stop"))
    result = next(event for event in run if isinstance(event, TrainingResult))
    run.close()
    assert result.steps == step


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancelled_run_is_saved(text_file: Path, tmp_path: Path, paused: bool) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    step = advance(run, 6)
    if paused:
        ask(session, SteerTraining("pause"))
        while next(run) is not IDLE:
            pass
    run.close()
    assert session.run is None
    assert max(losses_of(folder)) == step
    model, _ = load_model(folder)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, session.opened.model.state_dict()[name])
    events = ask(session, Train((), str(folder), SMALL, resume=True))  # the pause is not remembered
    assert any(isinstance(event, TrainingResult) and event.steps == 30 for event in events)


def test_a_second_run_is_refused_and_the_first_continues(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "a"))
    advance(run, 2)
    with pytest.raises(EngineError, match="run_in_progress"):
        ask(session, running(text_file, tmp_path / "b"))
    assert not (tmp_path / "b").exists()
    assert session.run is not None
    run.close()


def test_after_a_run_that_could_not_start_another_can_start(
    text_file: Path, tmp_path: Path, model_folder: Path
) -> None:
    session = Session()
    (tmp_path / "short.txt").write_text("abc")
    for request, key in (
        (running(tmp_path / "short.txt", tmp_path / "a"), "text_too_short"),
        (running(text_file, model_folder), "folder_taken"),
        (Train((), str(tmp_path / "none"), SMALL, resume=True), "nothing_to_resume"),
    ):
        with pytest.raises(EngineError, match=key):
            ask(session, request)
        assert session.run is None


def test_during_a_run_predictions_come_from_the_current_weights(text_file: Path, tmp_path: Path) -> None:
    session, seen = Session(), []
    run = training.train(session, running(text_file, tmp_path / "m"))
    for step in (3, 9, 15):
        advance(run, step)
        opened = session.opened
        [_, shown] = ask(session, PredictNext(TEXT, sampling=SamplingSettings(temperature=1.0)))
        with torch.no_grad():
            logits = opened.model(torch.tensor([opened.tokenizer.encode(TEXT)]))[0, -1]
        assert np.allclose(shown.probabilities[0], logits.double().softmax(-1).numpy()[shown.ids], atol=1e-4)
        seen.append(shown.probabilities[0])
    run.close()
    assert not np.allclose(seen[0], seen[2])


def test_a_text_written_during_a_run_names_the_step_of_its_weights(text_file: Path, tmp_path: Path) -> None:
    session, request = Session(), Generate(TEXT, tokens=3)
    run = training.train(session, running(text_file, tmp_path / "m"))
    for step in (3, 9):
        reached = advance(run, step)
        reports = ask(session, request)
        assert {report.step for report in reports} == {reached}
        written = tuple(token.id for report in reports for token in report.tokens)
        [_, next_ones] = ask(session, PredictNext(TEXT, written))
        assert np.array_equal(reports[-1].following.ids, next_ones.ids)
        assert np.array_equal(reports[-1].following.probabilities, next_ones.probabilities)
        assert reports[-1].following.draw == next_ones.draw
    run.close()


def test_an_estimate_during_a_run_changes_none_of_its_losses(
    whole: tuple[list[Any], Path], text_file: Path, tmp_path: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    advance(run, 4)
    random = torch.get_rng_state()
    [estimate] = ask(session, EstimateTraining(dataclasses.replace(SMALL, steps=500)))
    assert torch.equal(torch.get_rng_state(), random)
    list(run)
    assert losses_of(folder) == losses_of(whole[1])
    assert estimate.steps == 500
    assert estimate.seconds == pytest.approx(500 * SMALL.batch * SMALL.context / estimate.tokens_per_second)
    model = Transformer(model_config(SMALL, SMALL.vocabulary))
    assert estimate.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_an_estimate_gives_way_to_other_requests_before_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "Transformer", lambda *_: pytest.fail("made"))
    assert next(start(Session(), EstimateTraining(SMALL))) is AFTER_OTHERS


def test_an_estimate_takes_a_few_micro_batches_of_a_long_step_but_not_the_slow_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, parts = [0.0], list[float]()

    def steps(*_: object) -> Iterator[int]:
        for seconds in (5.0, *[0.1] * 100):
            clock[0] += seconds
            parts.append(seconds)
            yield 256

    monkeypatch.setattr(training, "_parts_of_steps", steps)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    [estimate] = ask(Session(), EstimateTraining(SMALL))
    assert estimate.tokens_per_second == pytest.approx(2560)
    assert len(parts) <= 7


def test_the_parts_of_a_step_are_the_tokens_of_its_batch() -> None:
    settings = dataclasses.replace(SMALL, batch=7, context=32)
    model = Transformer(model_config(settings, settings.vocabulary))
    weights = [parameter.clone() for parameter in model.parameters()]
    parts = training._parts_of_steps(model, settings)
    step = list(iter(lambda: next(parts), 0))
    assert sum(step) == 7 * 32
    assert all(map(torch.equal, weights, model.parameters()))


def test_a_large_model_is_estimated_without_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "Transformer", lambda *_: pytest.fail("made"))
    settings = TrainingSettings(width=2048, heads=16, layers=24, seconds=3600.0)
    [estimate] = ask(Session(), EstimateTraining(settings))
    assert estimate.parameters > 10**9
    assert estimate.memory_bytes > 4 * 4 * estimate.parameters
    assert estimate.seconds == 3600.0
    assert estimate.steps >= 1
    with pytest.raises(EngineError, match="heads_divide"):
        ask(Session(), EstimateTraining(dataclasses.replace(settings, width=30)))


def test_opening_the_folder_of_a_run_opens_the_model_in_training(
    text_file: Path, tmp_path: Path, model_folder: Path
) -> None:
    session, folder = Session(), tmp_path / "m"
    run = training.train(session, running(text_file, folder))
    advance(run, 2)
    assert session.run is not None
    model = session.run.model
    *_, info = ask(session, OpenModel(str(folder)))
    assert info.training
    assert session.opened.model is model  # not an older one from the disk
    *_, other = ask(session, OpenModel(str(model_folder)))
    assert session.opened.model is not model
    session.steer = "pause"
    *_, back = ask(session, OpenModel(str(folder)))
    assert back == info
    assert session.opened.model is model
    assert session.steer == "pause"  # going back to it does not resume it
    session.steer = ""
    ask(session, OpenModel(str(model_folder)))
    rest = [event for event in run if isinstance(event, ModelInfo | TrainingResult)]
    assert [type(event) for event in rest] == [TrainingResult]  # the other model stays open
    assert session.opened.info == other


def test_a_recovery_is_reported_with_its_step(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    step = advance(run, 8)
    with torch.no_grad():
        session.opened.model.embedding.weight.fill_(math.nan)
    events = list(run)
    assert [event.arguments for event in events if isinstance(event, Notice)] == [{"step": step + 1}]
    assert session.opened.model.embedding.weight.isfinite().all()
    assert next(event.steps for event in events if isinstance(event, TrainingResult)) == 30


def test_a_run_in_a_read_only_folder_is_read(
    whole: tuple[list[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    folder = Path(shutil.copytree(whole[1], tmp_path / "copy"))
    (folder / training.REFERENCES).unlink()
    monkeypatch.setattr(training, "write_json", refused)
    started = next(event for event in whole[0] if isinstance(event, TrainingStarted))
    assert ask(Session(), ReadRun(str(folder)))[0].references == pytest.approx(started.references)
    assert not (folder / training.REFERENCES).exists()


def test_a_run_without_steps_can_be_read(text_file: Path, tmp_path: Path) -> None:
    session = Session()
    run = training.train(session, running(text_file, tmp_path / "m"))
    while not isinstance(next(run), TrainingStarted):
        pass
    run.close()
    started, *rest = ask(session, ReadRun(str(tmp_path / "m")))
    assert rest == []
    assert started.references["uniform"] == pytest.approx(math.log(started.vocabulary))
    [listed] = ask(session, ListRuns(str(tmp_path)))
    assert (listed.steps, listed.finished) == (0, False)
    assert math.isnan(listed.validation_loss)


# --- Through the pipe -----------------------------------------------------------------------------------


@pytest.fixture
def engine() -> Iterator[Connection]:
    """Serve requests with all handlers; yield the other end of the pipe."""
    with loop(answering()) as ours:
        yield ours


def first_reported_step(engine: Connection) -> int:
    while True:
        assert engine.poll(30)
        message = engine.recv()
        if isinstance(message, Event) and isinstance(message.body, TrainingPoints):
            return int(message.body.steps[-1])


def test_requests_are_answered_during_a_run_until_it_is_cancelled(
    engine: Connection, text_file: Path, tmp_path: Path
) -> None:
    engine.send(Submit(1, running(text_file, tmp_path / "m", steps=10**6)))
    first_reported_step(engine)
    for job, request in enumerate((Tokenize(TEXT), Attend(TEXT), Project(), Generate(TEXT, tokens=3)), start=2):
        engine.send(Submit(job, request))
        mine = [message for message in until_ended(engine, job) if message.job == job]
        assert len(mine) >= 2
        assert mine[-1] == Ended(job, "done")
    engine.send(Submit(9, Attend(TEXT)))
    engine.send(Cancel(9))
    ended = [message for message in until_ended(engine, 9) if isinstance(message, Ended)]
    assert [end.job for end in ended] == [9]
    engine.send(Cancel(1))
    assert until_ended(engine, 1)[-1] == Ended(1, "cancelled")
    assert len(losses_of(tmp_path / "m")) >= 1
    engine.send(Submit(10, ReadRun(str(tmp_path / "m"))))
    assert until_ended(engine, 10)[-1].outcome == "done"


def test_a_run_is_saved_when_the_pipe_closes(text_file: Path, tmp_path: Path) -> None:
    with loop(answering()) as engine:
        engine.send(Submit(1, running(text_file, tmp_path / "m", steps=10**6)))
        reported = first_reported_step(engine)
        engine.close()
    assert max(losses_of(tmp_path / "m")) >= reported
    load_model(tmp_path / "m")
