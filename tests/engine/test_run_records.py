"""What a run leaves in its folder and reports while it goes on: its log, its moments, and its points."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from torch import nn

from engine.errors import EngineError
from engine.messages.training import TrainingPoints
from engine.model.checkpoint import CONFIG, STATE
from engine.pace import Pace
from engine.service.answer import IDLE
from engine.service.run_reports import Reports, steered
from engine.service.session import Session
from engine.training.recording import LOG, SavedRun, check_free, last_lines, read_log, write_log
from engine.training.trainer import TrainStep
from engine.tuning import moments

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def step(number: int, validation: float | None = None) -> TrainStep:
    return TrainStep(
        step=number,
        tokens=100 * number,
        seconds=0.5 * number,
        loss=6.0 / number,
        learning_rate=0.02,
        gradient_norm=1.0,
        validation_loss=validation,
        recovered=False,
        fraction=number / 20,
        seconds_left=10.0 - 0.5 * number,
    )


# --- The log ------------------------------------------------------------------------------------------


class Noted(SavedRun):
    """A run that only makes steps; it counts how often its state is saved."""

    def __init__(self, folder: Path, count: int) -> None:
        super().__init__(folder)
        self.trainer: Any = self
        self.step, self.count, self.saved = 0, count, 0

    def run(self) -> Iterator[TrainStep | None]:
        for number in range(1, self.count + 1):
            self.step = number
            yield step(number, validation=1.5 if number == 2 else None)
            yield None

    def save_state(self) -> None:
        self.saved += 1


def test_every_step_is_in_the_log_once_the_run_has_ended(tmp_path: Path) -> None:
    run = Noted(tmp_path, 4)
    list(run.steps())
    lines = read_log(tmp_path)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert [line["loss"] for line in lines] == [6.0, 3.0, 2.0, 1.5]
    assert [line.get("validation") for line in lines] == [None, 1.5, None, None]
    assert run.saved == 1


def test_a_run_that_is_closed_keeps_the_steps_it_has_made(tmp_path: Path) -> None:
    run = Noted(tmp_path, 100)
    steps = run.steps()
    for _ in range(5):
        next(steps)
    steps.close()
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2, 3]
    assert run.saved == 1


def test_a_run_is_saved_between_its_steps_when_it_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.recording.SAVE_SECONDS", 0.0)
    run = Noted(tmp_path, 6)
    run._pause = 0.0
    for made in run.steps():
        if made is not None:
            assert read_log(tmp_path)[-1]["step"] == made.step  # a kill now would lose nothing
    assert run.saved >= 6


def test_what_is_noted_beside_the_steps_has_their_number(tmp_path: Path) -> None:
    run = Noted(tmp_path, 3)
    for made in run.steps():
        if made is not None and made.step == 2:
            run.log(answers=["ねこ"], prompts=["?"])
    [noted] = [line for line in read_log(tmp_path) if "answers" in line]
    assert noted == {"step": 2, "answers": ["ねこ"], "prompts": ["?"]}


def test_a_log_that_cannot_be_written_is_reported_and_its_steps_are_written_later(tmp_path: Path) -> None:
    run = Noted(tmp_path / "gone", 2)
    run.take(step(1))
    with pytest.raises(EngineError) as refused:
        run.save()
    assert refused.value.key == "error.not_written"
    run.folder.mkdir()
    run.save()
    assert [line["step"] for line in read_log(run.folder)] == [1]


@QUICK
@given(
    lines=st.lists(st.fixed_dictionaries({"step": st.integers(0, 99), "loss": st.floats(0, 9)}), max_size=6),
    cut=st.integers(0, 400),
)
def test_a_log_that_was_cut_off_has_its_whole_lines(tmp_path: Path, lines: list[dict[str, Any]], cut: int) -> None:
    write_log(tmp_path, lines)
    whole = (tmp_path / LOG).read_bytes()
    (tmp_path / LOG).write_bytes(whole[:cut])
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    complete = sum(end - 1 <= cut for end in ends)  # the newline itself may be missing
    assert read_log(tmp_path) == lines[:complete]


@pytest.mark.parametrize("line", ["", "null", "[1]", '{"loss": 1}', '{"step": "1"}', "{" * 9999, "[" * 99999, "\udcff"])
def test_a_damaged_line_of_a_log_is_skipped(tmp_path: Path, line: str) -> None:
    good = json.dumps({"step": 7, "loss": 1.0})
    (tmp_path / LOG).write_bytes(f"{line}\n{good}\n{line}".encode("utf-8", "surrogateescape"))
    assert read_log(tmp_path) == [{"step": 7, "loss": 1.0}]
    assert list(last_lines(tmp_path)) == [{"step": 7, "loss": 1.0}]


def test_the_last_lines_are_the_last_step_and_all_validations_and_samples(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"step": n, "loss": 1.0} for n in range(1, 6)]
    lines[1]["validation"] = 2.0
    lines.insert(3, {"step": 3, "sample": "The cat"})
    lines.append({"step": 5, "measured": {"right": 1.0}})
    write_log(tmp_path, lines)
    assert list(last_lines(tmp_path)) == [lines[5], lines[3], lines[1]]


def test_a_folder_with_a_model_or_a_run_is_not_free(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    check_free(tmp_path)
    for name in (CONFIG, STATE):
        (tmp_path / name).touch()
        with pytest.raises(EngineError) as refused:
            check_free(tmp_path)
        assert refused.value.key == "error.folder_taken"
        (tmp_path / name).unlink()


# --- Moments ------------------------------------------------------------------------------------------


def small() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def test_only_what_is_trained_is_kept_and_set_back(tmp_path: Path) -> None:
    model = small()
    model[0].requires_grad_(requires_grad=False)
    moments.keep(tmp_path, model, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    moments.restore(tmp_path, model, 3)
    now = model.state_dict()
    assert [torch.equal(now[name], before[name]) for name in now] == [False, False, True, True]
    assert torch.equal(now["0.weight"], before["0.weight"] + 1.0)  # it was not trained, and stays as it is


def test_moments_are_listed_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for number in (100, 9, 20):
        moments.keep(tmp_path, small(), number)
    (tmp_path / moments.FOLDER / "notes.txt").touch()
    (tmp_path / moments.FOLDER / "best.safetensors").touch()
    assert moments.kept_steps(tmp_path) == [9, 20, 100]
    assert moments.kept_steps(tmp_path / "elsewhere") == []


def test_a_moment_of_another_model_is_refused_before_anything_changes(tmp_path: Path) -> None:
    moments.keep(tmp_path, nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5)), 3)  # its second layer is wider
    model = small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(EngineError) as refused:
        moments.restore(tmp_path, model, 3)
    assert refused.value.key == "error.moment_gone"
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("there", ["nothing", "a file"])
def test_a_moment_that_cannot_be_kept_is_reported(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "run"
    if there == "a file":
        folder.mkdir()
        (folder / moments.FOLDER).touch()
    with pytest.raises(EngineError) as refused:
        moments.keep(folder, small(), 3)
    assert refused.value.key == "error.not_written"


# --- Reports ------------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_every_step_is_reported_once_and_in_order(due: list[bool]) -> None:
    reports, found = Reports(), []
    for number, now in enumerate(due, start=1):
        reports._pace = Pace(0.0 if now else 1e9)
        if not now:
            reports._pace.due()
        reports.add(step(number))
        found.append(reports.take())
    found.append(reports.take(now=True))
    messages = [message for message in found if message is not None]
    assert [int(n) for message in messages for n in message.steps] == list(range(1, len(due) + 1))
    for message in messages:
        assert len(message.smoothed) == len(message.losses) == len(message.steps) == len(message.seconds)
        assert message.fraction == step(int(message.steps[-1])).fraction


def test_the_speed_is_that_of_the_tokens_since_an_earlier_report() -> None:
    reports, speeds = Reports(), []
    for number in range(1, 9):
        reports.add(step(number))
        message = reports.take(now=True)
        assert message is not None
        speeds.append(message.tokens_per_second)
    assert speeds == [pytest.approx(200.0)] * 8  # 100 tokens in half a second


def test_only_measured_validations_are_reported() -> None:
    reports = Reports()
    for number in range(1, 5):
        reports.add(step(number, validation=2.5 if number % 2 else None))
    message = reports.take(now=True)
    assert message is not None
    assert message.validation_steps.tolist() == [1, 3]
    assert message.validation_losses.tolist() == [2.5, 2.5]


def test_a_pause_repeats_the_last_step_and_is_marked() -> None:
    reports = Reports()
    assert reports.paused() is None  # nothing has been made yet
    reports.add(step(1))
    reports.add(step(2))
    reports.take(now=True)
    message = reports.paused()
    assert message is not None
    assert message.paused
    assert message.steps.tolist() == [2]
    assert math.isclose(float(message.smoothed[0]), reports.smoothing.value, rel_tol=1e-6)


def test_a_run_pauses_goes_on_and_stops_as_it_is_steered(model_folder: Path, tmp_path: Path) -> None:
    session, run = Session(), Noted(tmp_path, 100)
    session.open(model_folder)
    events = steered(session, run, Reports())
    assert next(events) == step(1)
    version = session.opened.version
    session.steer = "pause"
    paused = next(events)
    assert isinstance(paused, TrainingPoints)
    assert paused.steps.tolist() == [1]
    assert [next(events) for _ in range(3)] == [IDLE] * 3
    assert run.step == 1  # nothing is computed meanwhile
    session.steer = ""
    assert [event for event in (next(events), next(events)) if event is not None] == [step(2, validation=1.5)]
    assert session.opened.version > version  # the panes see other weights
    session.steer = "stop"
    assert list(events) == []
    assert [line["step"] for line in read_log(tmp_path)] == [1, 2]
