"""The run controller: starting, pausing, ending and reading runs, and the state of the window."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.status import Progress
from engine.messages.texts import TextInfo
from engine.messages.training import ReadRun, SteerTraining, Train, TrainingSample, TrainingSettings
from gui.run_controller import RunController
from gui.state import AppState
from tests.gui.fakes import FakeEngine, model, points, started
from tests.gui.hands import recorded

STORY = TextInfo(("/texts/story.txt",), "story.txt", 1, 4000, 4000, "utf-8", "the cat")


@pytest.fixture
def runs(qapp: object, engine: FakeEngine, tmp_path: Path) -> RunController:
    """Return a controller with a text open and no run."""
    made = RunController(AppState(), engine)  # type: ignore[arg-type]
    made.models = tmp_path
    made.state.set_text("the")
    made.state.set_corpus(STORY)
    return made


@pytest.fixture
def training(runs: RunController, engine: FakeEngine) -> RunController:
    """Return a controller whose run has made ten steps."""
    runs.start(TrainingSettings())
    engine.send(Train, started())
    engine.send(Train, model(training=True))
    engine.send(Train, points())
    return runs


def test_a_run_starts_on_the_open_text_in_a_new_folder(runs: RunController, engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "story-1").mkdir()
    runs.start(TrainingSettings(seed=5))
    [request] = engine.asked(Train)
    assert (request.paths, request.folder) == (STORY.paths, str(tmp_path / "story-2"))
    assert (request.settings.seed, request.resume, request.more) == (5, False, 0.0)
    assert runs.running
    assert runs.state.training


def test_without_a_text_no_run_starts(runs: RunController, engine: FakeEngine) -> None:
    runs.state.set_corpus(None)
    runs.start(TrainingSettings())
    assert engine.asked(Train) == []
    assert not runs.running


def test_there_is_one_run_at_a_time(training: RunController, engine: FakeEngine) -> None:
    training.start(TrainingSettings())
    training.resume("/models/other-1")
    assert len(engine.asked(Train)) == 1


def test_the_record_grows_with_the_reports(training: RunController, engine: FakeEngine) -> None:
    sampled = recorded(training.sampled)
    engine.send(Train, TrainingSample(10, "the", " cat"))
    engine.send(Train, points(11, 5))
    assert training.record is not None
    assert training.record.step == 15
    assert [sample.text for sample in training.record.samples] == [" cat"]
    assert len(sampled) == 1
    assert training.state.model == model(training=True)


def test_the_state_shows_the_progress_while_a_run_is_in_progress(
    qtbot: QtBot, training: RunController, engine: FakeEngine
) -> None:
    progressed = recorded(training.progressed)
    qtbot.waitUntil(lambda: training.state.progress is not None and bool(progressed))
    weights = recorded(training.state.weights_changed)
    ended = recorded(training.ended)
    engine.end(Train, Ended(0, "done"))
    assert training.state.progress is None
    assert not training.state.training
    assert not training.running
    assert training.record is not None
    assert len(weights) == len(ended) == 1


def test_a_paused_run_is_resumed_and_a_running_one_paused(training: RunController, engine: FakeEngine) -> None:
    training.pause_or_resume()
    engine.send(Train, points(11, 1, paused=True))
    assert training.paused
    training.pause_or_resume()
    training.stop()
    assert [request.action for request in engine.asked(SteerTraining)] == ["pause", "resume", "stop"]


def test_a_run_that_is_being_prepared_is_cancelled_by_stop(runs: RunController, engine: FakeEngine) -> None:
    runs.start(TrainingSettings())
    engine.send(Train, Progress("progress.corpus", 0.4))
    assert [runs.preparing] == [Progress("progress.corpus", 0.4)]
    runs.stop()
    assert engine.jobs[-1].cancelled
    assert engine.asked(SteerTraining) == []
    wanted = recorded(runs.model_wanted)
    engine.end(Train, Ended(0, "cancelled"))
    assert runs.preparing is None
    assert not runs.running
    assert wanted == []  # nothing was saved


def test_closing_cancels_the_run_so_that_the_engine_saves_it(training: RunController, engine: FakeEngine) -> None:
    training.close()
    [job] = [job for job, request in zip(engine.jobs, engine.requests, strict=True) if isinstance(request, Train)]
    assert job.cancelled


def test_a_run_that_fails_reports_it_and_asks_for_what_was_saved(training: RunController, engine: FakeEngine) -> None:
    failed, wanted = recorded(training.failed), recorded(training.model_wanted)
    end = Ended(0, "failed", "error.diverged", {"step": 10})
    engine.end(Train, end)
    assert failed == [end]
    assert wanted == ["/models/story-1"]
    assert not training.interrupted


def test_a_run_whose_engine_died_can_be_continued(training: RunController, engine: FakeEngine) -> None:
    wanted = recorded(training.model_wanted)
    engine.alive = False
    engine.end(Train, Ended(0, "failed", "error.engine_gone"))
    assert training.interrupted
    assert not training.state.training
    assert wanted == []  # there is no engine that could open it
    engine.start()
    training.resume("/models/story-1")
    assert engine.asked(Train)[-1].resume
    assert not training.interrupted


def test_an_earlier_run_is_read_unless_one_is_in_progress(
    qtbot: QtBot, runs: RunController, engine: FakeEngine, tmp_path: Path
) -> None:
    runs.read(str(tmp_path))
    assert engine.asked(ReadRun) == []  # the folder contains no run
    (tmp_path / "run.json").write_text("{}")
    engine.answers[ReadRun] = lambda r: [started(r.folder), points()]
    changed, progressed = recorded(runs.record_changed), recorded(runs.progressed)
    runs.read(str(tmp_path))
    qtbot.waitUntil(lambda: bool(progressed))
    assert runs.record is not None
    assert runs.record.folder == str(tmp_path)
    assert changed == [None]  # it replaced none
    assert not runs.state.training
    runs.start(TrainingSettings())
    runs.read(str(tmp_path))
    assert len(engine.asked(ReadRun)) == 1
