"""A run of fine-tuning as a request: its reports, its folder, and what happens when it is stopped or refused."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.errors import EngineError
from engine.messages.comparing import Pin
from engine.messages.models import ModelInfo, OpenModel
from engine.messages.status import Progress
from engine.messages.training import SteerTraining
from engine.messages.tuning import (
    Adaptation,
    Measured,
    Pair,
    ScaleAdaptation,
    StationAnswers,
    TuneOnPairs,
    TuningResult,
    TuningSettings,
    TuningStarted,
)
from engine.model.checkpoint import read_json, save_model
from engine.model.opening import load_model
from engine.service.session import Session
from engine.training.recording import read_log
from tests.engine.sessions import ask, start

PAIRS = tuple(Pair(f"cat {n}", "sat") for n in range(8))


@pytest.fixture
def session(model_folder: Path) -> Session:
    made = Session()
    ask(made, OpenModel(str(model_folder)))
    return made


def tune(folder: Path, steps: int = 4) -> TuneOnPairs:
    return TuneOnPairs(PAIRS, str(folder), TuningSettings(steps=steps, batch=2), ("cat",))


def test_a_run_reports_its_measurements_and_leaves_a_model(session: Session, tmp_path: Path) -> None:
    before = session.opened.model
    events = ask(session, tune(tmp_path / "tuned"))
    [begun] = [event for event in events if isinstance(event, TuningStarted)]
    assert (begun.method, begun.train + begun.held_out) == ("examples", len(PAIRS))
    measured = [event for event in events if isinstance(event, Measured)]
    assert (measured[0].step, measured[-1].step) == (0, 4)
    assert measured[0].final
    assert measured[-1].final
    assert all(math.isfinite(value) for one in measured for value in one.values.values())
    answers = [event for event in events if isinstance(event, StationAnswers)]
    assert [len(one.texts) for one in answers] == [1] * len(measured)
    assert isinstance(events[-2], TuningResult)
    assert isinstance(events[-1], ModelInfo)
    assert not events[-1].training
    assert session.opened.model is not before  # the model before is as it was
    saved, _ = load_model(tmp_path / "tuned")
    assert all(p.equal(q) for p, q in zip(saved.parameters(), session.opened.model.parameters(), strict=True))
    log = read_log(tmp_path / "tuned")
    assert sum("measured" in line for line in log) == len(measured)
    assert sum("loss" in line for line in log) == 4


def test_during_a_run_its_model_is_the_open_one_and_another_run_is_refused(session: Session, tmp_path: Path) -> None:
    run = start(session, tune(tmp_path / "tuned"))
    assert any(isinstance(event, ModelInfo) and event.training for event in run)
    with pytest.raises(EngineError, match=r"error\.run_in_progress"):
        ask(session, tune(tmp_path / "other"))
    run.close()
    assert session.run is None
    load_model(tmp_path / "tuned")


def test_a_stopped_run_is_measured_and_saved(session: Session, tmp_path: Path) -> None:
    events = []
    for event in start(session, tune(tmp_path / "tuned", steps=10_000)):
        events.append(event)
        if isinstance(event, ModelInfo):
            ask(session, SteerTraining("stop"))
    [result] = [event for event in events if isinstance(event, TuningResult)]
    assert result.steps < 10_000
    assert session.run is None


def test_a_run_is_stopped_before_its_first_measurement_has_ended(session: Session, tmp_path: Path) -> None:
    events, many = [], tuple(Pair(f"cat {n}", "sat") for n in range(200))
    for event in start(session, replace(tune(tmp_path / "tuned"), pairs=many)):
        events.append(event)
        if isinstance(event, StationAnswers):
            ask(session, SteerTraining("stop"))
    assert isinstance(events[-2], TuningResult)
    assert not any(isinstance(event, Measured) for event in events)


def test_a_folder_that_contains_a_model_is_refused(session: Session, model_folder: Path) -> None:
    with pytest.raises(EngineError, match=r"error\.folder_taken"):
        ask(session, tune(model_folder))


def test_an_adaptation_is_turned_off_and_on_after_the_run(session: Session, tmp_path: Path) -> None:
    def logits() -> list[float]:
        return session.opened.reader.logits((1, 2, 3)).tolist()

    assert ask(session, ScaleAdaptation()) == [Adaptation(0, 0, 1.0)]
    before = logits()
    ask(session, TuneOnPairs(PAIRS, str(tmp_path / "tuned"), TuningSettings(steps=4, batch=2, lora=2)))
    tuned = logits()
    assert tuned != before
    [off] = ask(session, ScaleAdaptation(0.0))
    assert (off.rank, off.scale) == (2, 0.0)
    assert off.parameters < sum(p.numel() for p in session.opened.model.parameters()) / 2
    assert logits() == pytest.approx(before, abs=1e-5)
    ask(session, ScaleAdaptation(1.0))
    assert logits() == tuned
    with pytest.raises(EngineError, match="config_range"):
        ask(session, ScaleAdaptation(math.nan))
    ask(session, TuneOnPairs(PAIRS, str(tmp_path / "further"), TuningSettings(steps=1, batch=2, lora=1)))
    assert ask(session, ScaleAdaptation())[0].rank == 1
    ask(session, ScaleAdaptation(0.0))
    assert logits() == pytest.approx(tuned, abs=1e-5)  # what was tuned before is merged


def test_a_model_opened_while_the_run_is_prepared_is_not_the_one_tuned(
    session: Session, model_folder: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.txt"
    old.write_text("The cat sat on the mat. " * 2000)
    other = shutil.copytree(model_folder, tmp_path / "other")
    model, tokenizer = load_model(other)
    torch.nn.init.zeros_(next(model.blocks.parameters()))
    save_model(other, model, tokenizer, 1)
    run = start(session, replace(tune(tmp_path / "tuned"), old=(str(old),)))
    assert isinstance(next(run), Progress)
    ask(session, OpenModel(str(other)))
    assert any(isinstance(event, TuningStarted) for event in run)
    assert read_json(tmp_path / "tuned" / "tuning.json")["base"] == str(model_folder)
    [begun, expected] = (load_model(folder)[0].state_dict() for folder in (tmp_path / "tuned", model_folder))
    assert all(tensor.equal(expected[name]) for name, tensor in begun.items())


def test_a_run_prepared_while_another_one_began_is_refused_and_writes_nothing(session: Session, tmp_path: Path) -> None:
    many = tuple(Pair(f"cat {n}", "sat") for n in range(600))  # they are encoded in two parts
    second = start(session, replace(tune(tmp_path / "second"), pairs=many))
    while not (isinstance(event := next(second), Progress) and event.key == "progress.corpus"):
        pass
    first = start(session, tune(tmp_path / "first"))
    while session.run is None:
        next(first)
    with pytest.raises(EngineError, match=r"error\.run_in_progress"):
        list(second)
    assert session.run is not None
    assert not (tmp_path / "second").exists()
    first.close()


def test_after_its_run_a_model_is_no_longer_in_training_and_knows_its_step(session: Session, tmp_path: Path) -> None:
    ask(session, tune(tmp_path / "tuned", steps=3))
    assert not session.opened.info.training
    assert session.step_of(session.opened) == 3


def test_scaling_the_adaptation_leaves_the_pinned_model_as_it_is(session: Session, tmp_path: Path) -> None:
    ask(session, TuneOnPairs(PAIRS, str(tmp_path / "tuned"), TuningSettings(steps=4, batch=2, lora=2)))
    ask(session, Pin())
    before = session.side(pinned=True).reader.logits([1, 2])
    ask(session, ScaleAdaptation(0.0))
    assert (session.side(pinned=True).reader.logits([1, 2]) == before).all()
    assert (session.opened.reader.logits([1, 2]) != before).any()
