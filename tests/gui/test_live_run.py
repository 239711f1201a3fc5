"""A run in progress in the window: its states, what the panes hear of it, and how it ends."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.status import Notice, Progress
from engine.messages.training import SteerTraining
from engine.messages.tuning import Measured, Pair, StationAnswers, TuneOnPairs, TuningResult, TuningStarted
from gui.live_run import PROGRESS_MS, WEIGHTS_MS
from gui.state import AppState
from gui.tuner import Tuner, TuningRecord
from tests.gui.fakes import FakeEngine, points

STARTED = TuningStarted("/models/examples-1", "/models/base", "examples", 6, 2, 0)
REQUEST = TuneOnPairs((Pair("a", "b"),), "/models/examples-1")


@pytest.fixture
def tuner(qapp: object, engine: FakeEngine, tmp_path: Path) -> Iterator[Tuner]:
    made = Tuner(AppState(), engine)  # type: ignore[arg-type]
    made.models = tmp_path
    yield made
    made.close()


@pytest.fixture
def running(tuner: Tuner, engine: FakeEngine) -> Tuner:
    tuner.start(REQUEST)
    engine.send(TuneOnPairs, STARTED)
    engine.send(TuneOnPairs, points())
    return tuner


def test_a_run_is_prepared_before_its_first_step(tuner: Tuner, engine: FakeEngine) -> None:
    seen: list[Progress | None] = []
    tuner.preparing_changed.connect(lambda: seen.append(tuner.preparing))
    tuner.start(REQUEST)
    engine.send(TuneOnPairs, Progress("progress.opening", 0.5))
    assert tuner.running
    assert tuner.state.training
    assert tuner.record is None
    engine.send(TuneOnPairs, STARTED)
    assert [progress and progress.key for progress in seen] == ["progress.begin", "progress.opening", None]


def test_stop_cancels_a_preparation_and_ends_a_run_that_makes_steps(tuner: Tuner, engine: FakeEngine) -> None:
    tuner.start(REQUEST)
    tuner.stop()
    assert engine.asked(SteerTraining) == []
    assert engine.cancelled(TuneOnPairs)
    engine.end(TuneOnPairs, Ended(0, "cancelled"))
    assert not tuner.running
    assert not tuner.state.training
    tuner.start(REQUEST)
    engine.send(TuneOnPairs, STARTED)
    tuner.stop()
    assert engine.asked(SteerTraining) == [SteerTraining("stop")]


def test_pause_and_resume_follow_what_the_run_reports(running: Tuner, engine: FakeEngine) -> None:
    paused = [running.paused]
    for report in (points(10, 1, paused=True), points(11, 1)):
        running.pause_or_resume()
        engine.send(TuneOnPairs, report)
        paused.append(running.paused)
    assert paused == [False, True, False]
    assert [request.action for request in engine.asked(SteerTraining)] == ["pause", "resume"]


def test_no_run_starts_while_a_model_is_trained_elsewhere(tuner: Tuner, engine: FakeEngine) -> None:
    tuner.state.set_training(True)
    tuner.start(REQUEST)
    assert engine.asked(TuneOnPairs) == []
    assert not tuner.running


def test_the_panes_get_the_weights_of_new_steps_only(running: Tuner, engine: FakeEngine) -> None:
    versions = []
    running.state.weights_changed.connect(lambda: versions.append(running.state.weights_version))
    running.announce_weights()
    running.announce_weights()  # no step has been made since
    assert len(versions) == 1
    engine.send(TuneOnPairs, points(11, 3))
    running.announce_weights()
    assert len(versions) == 2
    assert running._weights.interval() == WEIGHTS_MS
    assert running._progress.interval() == PROGRESS_MS


def test_the_progress_of_the_window_is_the_last_report_until_the_end(running: Tuner, engine: FakeEngine) -> None:
    running._show_progress()
    last = running.record and running.record.last
    assert running.state.progress is last is not None
    engine.end(TuneOnPairs, Ended(0, "done"))
    assert running.state.progress is None
    assert not running._progress.isActive()
    assert not running._weights.isActive()


@pytest.mark.parametrize(
    ("end", "wanted", "interrupted"),
    [
        (Ended(0, "done"), [], False),
        (Ended(0, "failed", "error.logits_broken"), ["/models/examples-1"], False),
        (Ended(0, "cancelled"), ["/models/examples-1"], False),
        (Ended(0, "failed", "error.engine_gone"), ["/models/examples-1"], True),
    ],
    ids=["done", "failed", "cancelled", "engine gone"],
)
def test_a_run_that_fails_leaves_the_model_that_it_saved_last(
    running: Tuner, engine: FakeEngine, end: Ended, wanted: list[str], interrupted: bool
) -> None:
    folders: list[str] = []
    running.model_wanted.connect(folders.append)
    engine.end(TuneOnPairs, end)
    assert folders == wanted
    assert running.interrupted == interrupted
    assert not running.running


def test_a_preparation_that_fails_opens_no_model_of_an_earlier_run(running: Tuner, engine: FakeEngine) -> None:
    engine.end(TuneOnPairs, Ended(0, "done"))
    folders: list[str] = []
    ends: list[Ended] = []
    running.model_wanted.connect(folders.append)
    running.failed.connect(ends.append)
    running.start(REQUEST)
    engine.end(TuneOnPairs, Ended(0, "failed", "error.pairs_long"))
    assert folders == []
    assert [end.key for end in ends] == ["error.pairs_long"]
    assert not running.interrupted


def test_a_notice_is_passed_on_and_is_no_part_of_the_record(running: Tuner, engine: FakeEngine, qtbot: QtBot) -> None:
    notice = Notice("notice.recovered", {"step": 3})
    with qtbot.waitSignal(running.noticed) as seen:
        engine.send(TuneOnPairs, notice)
    assert seen.args == [notice]
    assert running.record is not None
    assert len(running.record.points) == 1


def test_a_new_run_has_a_record_of_its_own(running: Tuner, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.send(TuneOnPairs, Measured(10, 2.0, {"right": 1.0}))
    engine.send(TuneOnPairs, TuningResult("/models/examples-1", 10, 2.0))
    engine.end(TuneOnPairs, Ended(0, "done"))
    first = running.record
    assert first is not None
    assert first.result is not None
    with qtbot.waitSignal(running.record_changed):
        running.start(REQUEST)
        engine.send(TuneOnPairs, TuningStarted("/models/examples-2", "/models/base", "examples", 6, 2, 0))
    assert running.record is not first
    assert running.record == TuningRecord(TuningStarted("/models/examples-2", "/models/base", "examples", 6, 2, 0))
    assert running.record.step == 0


def test_what_was_measured_is_found_by_its_name(running: Tuner, engine: FakeEngine) -> None:
    for step, values in ((0, {"kl": 0.0}), (5, {"kl": 0.5, "old_loss": 2.0}), (9, {"old_loss": 2.5})):
        engine.send(TuneOnPairs, Measured(step, step / 2, values))
    engine.send(TuneOnPairs, StationAnswers(9, ("a",), ("b",)))
    record = running.record
    assert record is not None
    assert record.values("kl") == [(0.0, 0.0), (2.5, 0.5)]
    assert record.values("old_loss") == [(2.5, 2.0), (4.5, 2.5)]
    assert record.step == int(np.max(points().steps))  # of the weights, not of a measurement


def test_reports_before_a_run_has_begun_are_ignored(tuner: Tuner) -> None:
    tuner.add(Measured(1, 0.5, {"kl": 1.0}))
    tuner.add(points())
    assert tuner.record is None
    tuner.announce_weights()
    assert tuner.state.weights_version == 0


def test_new_models_get_folders_that_are_free(tuner: Tuner, tmp_path: Path) -> None:
    first = Path(tuner.folder_for("examples"))
    assert first.parent == tmp_path
    assert not first.exists()
    first.mkdir()
    second = Path(tuner.folder_for("examples"))
    assert second != first
    assert not second.exists()
